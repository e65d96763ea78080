"""CORE. Why a deviation opened, and how one closed, as far as the releases at hand can tell.

drift      the node moved: the same was expected of it when it was judged before
intended   the baseline moved, and the node has not followed: another expectation, other tags or facts, a waiver's end
first      the node, or this item on it, is judged for the first time: nobody knows since when it is so
unknown    one of the two releases is not at hand

A node that has not adopted its release yet (lag) is `stale`: not judged, and so it opens nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from config_center.difference import WORDS_ONLY, item_change
from config_center.release import Release
from config_center.resolve import Item, Resolver
from config_center.traits import traits_of
from inspector_coord.history.model import Seen, StandingNode, Wrong

__all__ = ["DRIFT", "FIRST", "INTENDED", "UNKNOWN", "Origins"]

DRIFT: Final = "drift"
INTENDED: Final = "intended"
FIRST: Final = "first"
UNKNOWN: Final = "unknown"

_NO_DEMAND: Final = WORDS_ONLY | {"severity", "timeout_s"}

_Place = tuple[int, str, str, tuple[tuple[str, str], ...]]  # release, node, tags, facts: what a baseline follows from


class Origins:
    """Compares what was expected of a node with what is. Each baseline is resolved once."""

    def __init__(self, releases: Mapping[int, Release]) -> None:
        """`releases` at hand, by number."""
        self._releases = releases
        self._resolvers: dict[int, Resolver] = {}
        self._baselines: dict[_Place, Mapping[str, Item]] = {}
        self._shared: dict[int, tuple[tuple[Item, ...], Mapping[str, Item]]] = {}

    def origin(self, seen: Seen, before: StandingNode, item: str, wrong: Wrong) -> str:
        """Why `item` of a judged node opens; `before`: what stood of the node until now."""
        if not before.release or not before.judged:
            return FIRST
        if wrong.ended:
            return INTENDED
        then, now = _place_before(seen, before), _place_now(seen, before)
        if then == now:
            return DRIFT
        old, new = self._items(then), self._items(now)
        if old is None or new is None:
            return UNKNOWN
        if item not in old:
            return FIRST
        if item not in new:
            return UNKNOWN  # the node knows itself better than we do
        return DRIFT if _demands_the_same(old[item], new[item]) else INTENDED

    def how(self, seen: Seen, before: StandingNode, item: str) -> str:
        """How an interval of a judged node closes that is neither failing nor erring any more."""
        if item in seen.waived:
            return "waived"
        if not seen.covered:
            return "na"
        now = _place_now(seen, before)
        if _place_before(seen, before) != now:
            new = self._items(now)
            if new is None:
                return "unknown"
            if item not in new:
                return "item-removed"
        return "pass" if seen.waived_all else "unknown"

    def _items(self, place: _Place) -> Mapping[str, Item] | None:
        """What a release wants of a node, by id; None where the release is not at hand."""
        number, name, tags, facts = place
        if number not in self._releases:
            return None
        if place not in self._baselines:
            if number not in self._resolvers:
                self._resolvers[number] = Resolver(self._releases[number])
            items = self._resolvers[number].baseline(name, traits_of(json.loads(tags), dict(facts))).items
            if id(items) not in self._shared:  # nodes with the same layers share them
                self._shared[id(items)] = (items, {item.id: item for item in items})
            self._baselines[place] = self._shared[id(items)][1]
        return self._baselines[place]


def _demands_the_same(old: Item, new: Item) -> bool:
    """Nothing differs but what is said of it for people, how bad it is, and how long it may take."""
    change = item_change(new.id, old, new)
    return change is None or all(delta.what in _NO_DEMAND for delta in change.deltas)


def _place_before(seen: Seen, before: StandingNode) -> _Place:
    facts = {key: text for key, (_, text) in before.facts.items()}
    return before.release, seen.key[1], before.tags, tuple(sorted(facts.items()))


def _place_now(seen: Seen, before: StandingNode) -> _Place:
    facts = {key: text for key, (_, text) in before.facts.items()} | dict(seen.facts)
    return seen.release, seen.key[1], seen.tags, tuple(sorted(facts.items()))
