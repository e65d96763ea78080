"""CORE. What one node should be: the layers that match it, later over earlier, item by item, with provenance.

Matching is done for all layers at once: for every tag that any layer asks for, a value has a bit mask of the layers it
suits (cached), and so has a name; the node's layers are their conjunction. Nodes with the same layers share one tuple
of items, so that ten thousand nodes cost little more than their few dozen different baselines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from config_center.match import Match, Pattern
from config_center.release import Expect, Layer, LayerItem, Parameters, Release


class Item(msgspec.Struct, frozen=True, omit_defaults=True, rename={"with_": "with"}):
    """One expectation on one node.

    number     index in the release's item table
    source     `file:line` it comes from
    overrides  sources of what it overrode, nearest first
    """

    number: int
    id: str
    check: str
    key: str
    expect: Expect
    with_: Parameters
    severity: str
    timeout_s: float
    source: str
    overrides: tuple[str, ...] = ()
    title: str = ""
    rationale: str = ""
    remediation: str = ""
    remedy: str = ""
    references: tuple[str, ...] = ()
    owner: str = ""

    @property
    def request(self) -> dict[str, Any]:
        """What a check is told of it, by the contract of docs/checks.md: nothing but what it needs to look."""
        return {
            "id": self.id,
            "check": self.check,
            "key": self.key,
            "expect": self.expect,
            "with": self.with_,
            "timeout_s": self.timeout_s,
        }


class Baseline(msgspec.Struct, frozen=True):
    """What one node should be. items: by number; empty when no layer is for the node."""

    release_number: int
    digest: str
    node: str
    items: tuple[Item, ...]


class Step(msgspec.Struct, frozen=True):
    """One layer's word on one item of one node. source: `file:line`."""

    source: str
    item: LayerItem


class Resolver:
    """Resolves many nodes of one release."""

    def __init__(self, release: Release) -> None:
        self._release = release
        matches = [Match.of(layer.match) for layer in release.layers]
        self._all = (1 << len(matches)) - 1
        self._tags = {
            tag: _Choice([match.tags.get(tag) for match in matches])
            for tag in sorted({tag for match in matches for tag in match.tags})
        }
        self._names = _Choice([match.node or None for match in matches])
        numbers = {item: number for number, item in enumerate(release.items)}
        self._layers = [_numbered(layer, numbers) for layer in release.layers]
        self._items: dict[int, tuple[Item, ...]] = {}
        self._interned: dict[tuple[int, tuple[int, ...]], Item] = {}

    def baseline(self, name: str, tags: Mapping[str, str]) -> Baseline:
        """What the node of this name and these tags should be."""
        mask = self._mask(name, tags)
        items = self._items.get(mask)
        if items is None:
            items = self._items[mask] = self._merge(mask)
        return Baseline(self._release.number, self._release.digest, name, items)

    def history(self, name: str, tags: Mapping[str, str], item: str) -> tuple[Step, ...]:
        """Every layer's word on one item of the node, in order: the last one holds. Empty when none has any."""
        mask = self._mask(name, tags)
        return tuple(
            Step(f"{layer.file}:{layer.items[item].line}", layer.items[item])
            for index, layer in enumerate(self._release.layers)
            if mask >> index & 1 and item in layer.items
        )

    def _mask(self, name: str, tags: Mapping[str, str]) -> int:
        """The layers for a node, one bit each."""
        mask = self._all & self._names.mask(name)
        for tag, choice in self._tags.items():
            mask &= choice.mask(tags.get(tag))
        return mask

    def _merge(self, mask: int) -> tuple[Item, ...]:
        chains: dict[int, tuple[int, ...]] = {}  # item number -> layers that set it, nearest last
        for index, layer in enumerate(self._layers):
            if mask >> index & 1:
                for number in layer:
                    chains[number] = (*chains.get(number, ()), index)
        return tuple(self._item(number, chains[number]) for number in sorted(chains))

    def _item(self, number: int, chain: tuple[int, ...]) -> Item:
        known = self._interned.get((number, chain))
        if known is None:
            *under, top = chain
            sources = tuple(self._source(index, number) for index in (top, *reversed(under)))
            known = _item(number, self._release.items[number], self._layers[top][number], sources)
            self._interned[number, chain] = known
        return known

    def _source(self, index: int, number: int) -> str:
        return f"{self._release.layers[index].file}:{self._layers[index][number].line}"


def resolve(release: Release, name: str, tags: Mapping[str, str]) -> Baseline:
    """What one node should be. For many nodes of one release, keep a Resolver."""
    return Resolver(release).baseline(name, tags)


class _Choice:
    """For one tag, or for the name: which layers suit a value. patterns: of each layer; None does not ask."""

    def __init__(self, patterns: list[tuple[Pattern, ...] | None]) -> None:
        self._indifferent = 0
        self._literal: dict[str, int] = {}
        self._patterns: list[tuple[Pattern, int]] = []
        for index, wanted in enumerate(patterns):
            bit = 1 << index
            if wanted is None:
                self._indifferent |= bit
                continue
            for pattern in wanted:
                if pattern.is_literal:
                    self._literal[pattern.text] = self._literal.get(pattern.text, 0) | bit
                else:
                    self._patterns.append((pattern, bit))
        self._known: dict[str, int] = {}

    def mask(self, value: str | None) -> int:
        """The layers that a value suits; None: the node has no such tag."""
        if value is None:
            return self._indifferent
        mask = self._known.get(value)
        if mask is None:
            mask = self._indifferent | self._literal.get(value, 0)
            for pattern, bit in self._patterns:
                if not mask & bit and pattern.covers(value):
                    mask |= bit
            self._known[value] = mask
        return mask


def _numbered(layer: Layer, numbers: Mapping[str, int]) -> dict[int, LayerItem]:
    return {numbers[item]: body for item, body in layer.items.items()}


def _item(number: int, name: str, body: LayerItem, sources: tuple[str, ...]) -> Item:
    """sources: nearest first, its own at the head."""
    check, _, key = name.partition(":")
    return Item(
        number=number,
        id=name,
        check=check,
        key=key,
        expect=body.expect,
        with_=body.with_,
        severity=body.severity,
        timeout_s=body.timeout_s,
        source=sources[0],
        overrides=sources[1:],
        title=body.title,
        rationale=body.rationale,
        remediation=body.remediation,
        remedy=body.remedy,
        references=body.references,
        owner=body.owner,
    )
