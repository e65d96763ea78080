"""CORE. What an act means for the nodes of a roster: which items of which nodes really differ.

Two states of the center are compared, each the release for everybody and, while one is tried, the canary's: so that
publishing, a canary, its promotion and a rollback are all told by the same words. Nodes with the same two baselines are
compared once, and an item that many baselines share is compared once, too: ten thousand nodes cost little more than
their few dozen different baselines.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from config_center.difference import Delta, ItemChange, item_change, words_of
from config_center.match import Match, Terms
from config_center.release import Release
from config_center.resolve import Item, Resolver

Roster = Mapping[str, Mapping[str, str]]  # name -> traits


class NodeChange(msgspec.Struct, frozen=True):
    """One change of an item, and the nodes it is the same for, sorted by name."""

    change: ItemChange
    nodes: tuple[str, ...]


class NodeDifference(msgspec.Struct, frozen=True):
    """What differs on nodes.

    changes   what changes how nodes are checked or judged first, many nodes before few
    touched   nodes that are checked or judged differently; reworded: nodes for which only words differ; both sorted
    nodes     how many there are in the roster
    """

    changes: tuple[NodeChange, ...]
    touched: tuple[str, ...]
    reworded: tuple[str, ...]
    nodes: int


@dataclass(frozen=True, slots=True)
class Said:
    """One release as nodes see it. checks: kind -> digest of the site's executable."""

    resolver: Resolver
    checks: dict[str, str]


class Picture:
    """What the center says to nodes at one time: the release for everybody, and the canary's with whom it is for."""

    def __init__(self, main: Release | None, canary: Release | None = None, match: Terms | None = None) -> None:
        self._main = _said(main)
        self._canary = _said(canary)
        self._match = Match(match or {})

    def of(self, name: str, traits: Mapping[str, str]) -> tuple[tuple[Item, ...], dict[str, str]]:
        """(items, checks) of one node; equal nodes share them as one object each."""
        said = self._canary if self._canary and self._match.covers(name, traits) else self._main
        if said is None:
            return (), _NO_CHECKS
        return said.resolver.baseline(name, traits).items, said.checks


_NO_CHECKS: dict[str, str] = {}


def _said(release: Release | None) -> Said | None:
    if release is None:
        return None
    return Said(Resolver(release), {check.name: check.sha256 for check in release.checks})


_Key = tuple[int, int, int, int]  # the ids of the objects of two views
_View = tuple[tuple[Item, ...], dict[str, str]]


def compare_nodes(before: Picture, after: Picture, roster: Roster) -> NodeDifference:
    """What really differs on the nodes of a roster, by name and traits."""
    groups: dict[_Key, list[str]] = defaultdict(list)
    views: dict[_Key, tuple[_View, _View]] = {}  # holds them, so that no id is given twice
    for name in sorted(roster):
        old, new = before.of(name, roster[name]), after.of(name, roster[name])
        key = (id(old[0]), id(old[1]), id(new[0]), id(new[1]))
        groups[key].append(name)
        views.setdefault(key, (old, new))
    compare = _Comparison()
    having: dict[ItemChange, list[_Key]] = defaultdict(list)
    for key, (old, new) in views.items():
        for change in compare.baselines(old, new):
            having[change].append(key)
    changes = _with_names(having, groups)
    touched = {key for change, keys in having.items() if not change.is_words_only for key in keys}
    reworded = {key for keys in having.values() for key in keys} - touched
    return NodeDifference(
        changes=tuple(sorted(changes, key=_rank)),
        touched=tuple(sorted(name for key in touched for name in groups[key])),
        reworded=tuple(sorted(name for key in reworded for name in groups[key])),
        nodes=len(roster),
    )


def _with_names(having: Mapping[ItemChange, list[_Key]], groups: Mapping[_Key, list[str]]) -> list[NodeChange]:
    """Each change with its nodes; changes of the same groups of nodes share one tuple of names."""
    known: dict[tuple[_Key, ...], tuple[str, ...]] = {}
    changes = []
    for change, keys in having.items():
        together = tuple(keys)
        if together not in known:
            known[together] = tuple(sorted(name for key in together for name in groups[key]))
        changes.append(NodeChange(change, known[together]))
    return changes


def _rank(one: NodeChange) -> tuple[bool, int, str]:
    return one.change.is_words_only, -len(one.nodes), one.change.item


class _Comparison:
    """Compares baselines. What an item says is read once and gets a number: equal numbers, equal words.

    So a baseline becomes a set of numbers, and what differs between two is found without looking at what does not: even
    where every node has a baseline of its own, because some item names the node.
    """

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}  # by the id of the item's object, which the baselines hold
        self._by_words: dict[bytes, int] = {}
        self._items: list[Item] = []  # the first item of each number
        self._known: dict[tuple[int | None, int | None], ItemChange | None] = {}

    def baselines(self, before: _View, after: _View) -> list[ItemChange]:
        """All changes from one baseline to another, by item."""
        (old, old_checks), (new, new_checks) = before, after
        had, has = self._said(old), self._said(new)
        gone = {self._items[number].id: number for number in had - has}
        come = {self._items[number].id: number for number in has - had}
        pairs = ((gone.get(item), come.get(item)) for item in sorted({*gone, *come}))
        changes = [change for pair in pairs if (change := self._change(*pair)) is not None]
        if old_checks is not new_checks and old_checks != new_checks:
            both = {item.check for item in old} & {item.check for item in new}
            changes += [
                ItemChange(f"{check}:*", "changed", (Delta("check", was[:12], now[:12]),))
                for check in sorted(both)
                if (was := old_checks.get(check, "")) != (now := new_checks.get(check, ""))
            ]
        return changes

    def _said(self, items: tuple[Item, ...]) -> set[int]:
        """What a baseline says, as numbers."""
        try:
            return set(map(self._numbers.__getitem__, map(id, items)))
        except KeyError:
            for item in items:
                if id(item) not in self._numbers:
                    self._numbers[id(item)] = self._number(item)
            return set(map(self._numbers.__getitem__, map(id, items)))

    def _number(self, item: Item) -> int:
        words = words_of(item.id, item)
        number = self._by_words.setdefault(words, len(self._items))
        if number == len(self._items):
            self._items.append(item)
        return number

    def _change(self, before: int | None, after: int | None) -> ItemChange | None:
        key = before, after
        if key not in self._known:
            old, new = (None if number is None else self._items[number] for number in key)
            item = new or old
            self._known[key] = item_change(item.id, old, new) if item else None
        return self._known[key]
