"""CORE. What one node should be: the layers that match it, later over earlier, item by item, with provenance.

Matching is done for all layers at once: for every tag that any layer asks for, a value has a bit mask of the layers it
suits (cached), and so has a name; the node's layers are their conjunction. Nodes with the same layers share one tuple
of items, so that ten thousand nodes cost little more than their few dozen different baselines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from config_center.match import Match
from config_center.model import Expect, FromFile, Layer, LayerItem, Parameters, Release
from config_center.selection import Selection


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
    secret: bool = False
    from_file: FromFile = {}
    problem: str = ""
    waiver: str = ""
    waived_until: str = ""

    def is_waived(self, today: str) -> bool:
        """A failure of it is waived on this day, YYYY-MM-DD in UTC."""
        return today <= self.waived_until

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
        self._selection = Selection([Match(layer.match) for layer in release.layers])
        numbers = {item: number for number, item in enumerate(release.items)}
        self._layers = [_numbered(layer, numbers) for layer in release.layers]
        self._items: dict[int, tuple[Item, ...]] = {}
        self._interned: dict[tuple[int, tuple[int, ...]], Item] = {}

    def baseline(self, name: str, traits: Mapping[str, str]) -> Baseline:
        """What the node of this name and these traits should be."""
        mask = self._selection.mask(name, traits)
        items = self._items.get(mask)
        if items is None:
            items = self._items[mask] = self._merge(mask)
        return Baseline(self._release.number, self._release.digest, name, items)

    def history(self, name: str, traits: Mapping[str, str], item: str) -> tuple[Step, ...]:
        """Every layer's word on one item of the node, in order: the last one holds. Empty when none has any."""
        mask = self._selection.mask(name, traits)
        return tuple(
            Step(f"{layer.file}:{layer.items[item].line}", layer.items[item])
            for index, layer in enumerate(self._release.layers)
            if mask >> index & 1 and item in layer.items
        )

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


def resolve(release: Release, name: str, traits: Mapping[str, str]) -> Baseline:
    """What one node should be. For many nodes of one release, keep a Resolver."""
    return Resolver(release).baseline(name, traits)


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
