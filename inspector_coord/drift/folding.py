"""CORE. Deviations folded by fingerprint, and ranked: the newest and widest first.

A fingerprint is an item, what was observed, and what was expected, of one class and origin. A flapping item has another
value each time, and some items (a temperature, a message with a number in it) have another on each node: where values
tell nothing, they are one group.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from inspector_coord.drift import limits
from inspector_coord.drift.codes import CLASS, CLASS_STEP, HOW, decoded
from inspector_coord.drift.columns import Column, Places, firsts, lengths, ordered, rows, taken
from inspector_coord.drift.document import CLASSES, Class
from inspector_coord.drift.intervals import Deviations
from inspector_coord.verdict import SEVERITY_RANK

__all__ = ["Folded", "Folding", "Member", "Members", "bucket", "fold", "ranked", "shares", "within_bounds"]


class Member(NamedTuple):
    """One deviation of a group; sweeps by id, closed 0: it is not."""

    node: int
    opened: int
    confirmed: int
    closed: int
    unknown: int


class Members(NamedTuple):
    """Of a group all its nodes, how many ended in which way, and the deviations that are told, the first ones."""

    nodes: Sequence[int]
    ended: Mapping[str, int]
    told: Sequence[Member]


class Folded(msgspec.Struct, frozen=True, gc=False):
    """One group before it is told. Ids, 0: no text; sweeps: the first and the last of several.

    number   of all groups;  values: fingerprints that were made one; observed is then that of the most nodes
    fresh    how many of them opened in the period
    closed   0 while one of them is not
    """

    number: int
    code: int
    item: int
    expected: int
    source: int
    observed: int
    values: int
    count: int
    unknown: int
    opened: int
    newest: int
    confirmed: int
    closed: int
    openings: int
    fresh: int
    release: int

    @property
    def class_(self) -> Class:
        """Its class."""
        return decoded(self.code).class_


class Folding(msgspec.Struct, frozen=True):
    """All groups by number. of: the group of each deviation."""

    groups: Sequence[Folded]
    of: Column

    def members(self, found: Deviations, groups: Sequence[Folded]) -> list[Members]:
        """Those of each of these groups: see `shares`."""
        chosen = np.flatnonzero(np.isin(self.of, [one.number for one in groups]))
        order = chosen[ordered(*taken((self.of, found.opened, found.node), chosen))]
        begins = np.searchsorted(self.of[order], [one.number for one in groups])
        return [
            _members(found, order[begin : begin + one.count], share)
            for one, begin, share in zip(groups, begins.tolist(), shares(groups), strict=True)
        ]


def _members(found: Deviations, which: Places, share: int) -> Members:
    how, counts = np.unique(found.how[which[found.closed[which] > 0]], return_counts=True)
    columns = (found.node, found.opened, found.confirmed, found.closed, found.unknown)
    return Members(
        found.node[which].tolist(),
        {HOW[way]: count for way, count in zip(how.tolist(), counts.tolist(), strict=True) if way},
        [Member(*row) for row in rows(taken(columns, which[:share]))],
    )


def fold(found: Deviations) -> Folding:
    """All groups, those of one item together."""
    order = ordered(found.code, found.item, found.expected, found.source, found.observed)
    d = Deviations(*taken(found, order))
    alike = firsts(d.code, d.item, d.expected, d.source)
    exact = firsts(d.code, d.item, d.expected, d.source, d.observed)
    if not len(order):
        return Folding([], found.node)
    several = lengths(np.searchsorted(exact, alike), len(exact))  # fingerprints that are so alike
    told_max = np.where(d.code[alike] // CLASS_STEP == CLASS["flapping"] // CLASS_STEP, 1, limits.values_told_max)
    one = several > told_max
    begins = np.union1d(alike, exact[~np.repeat(one, several)])
    values = lengths(np.searchsorted(exact, begins), len(exact))
    counts = lengths(begins, len(order))
    numbers = np.repeat(np.arange(len(begins)), counts)
    of = np.empty_like(numbers)
    of[order] = numbers
    sums = (
        *taken((d.code, d.item, d.expected, d.source), begins), _widest(d.observed, exact, begins),
        values, counts, np.add.reduceat(d.unknown, begins),
        np.minimum.reduceat(d.opened, begins), np.maximum.reduceat(d.opened, begins),
        np.maximum.reduceat(d.confirmed, begins), _last_closed(d.closed, begins),
        np.add.reduceat(d.openings, begins), np.add.reduceat((d.openings > 0).astype(np.int64), begins),
        np.maximum.reduceat(d.release, begins),
    )  # fmt: skip
    return Folding([Folded(number, *row) for number, row in enumerate(rows(sums))], of)


def _last_closed(closed: Column, begins: Places) -> Column:
    """Of each group the last, 0 where one is open."""
    over = np.minimum.reduceat(closed, begins) > 0
    return np.where(over, np.maximum.reduceat(closed, begins), 0)


def _widest(observed: Column, exact: Places, begins: Places) -> Column:
    """Of each group the value that was observed on the most nodes."""
    sizes = lengths(exact, len(observed))
    group = np.searchsorted(begins, exact, side="right") - 1
    ranked_ = ordered(group, -sizes, observed[exact])
    return observed[exact[ranked_[firsts(group[ranked_])]]]


def bucket(seconds: float) -> int:
    """How old something is, as people tell ages apart: within an hour, 6 hours, a day, 3 days, a week, before."""
    return sum(seconds > hours * 3_600 for hours in (1, 6, 24, 72, 168))


def ranked(folded: Iterable[Folded], ages: Sequence[tuple[int, int]]) -> list[Folded]:
    """Class by class; in each the newest first, and among those about as new the widest, then the most severe.

    ages: (sweep, bucket of its age), the newest sweeps first: what opened at or after a sweep is in its bucket, what
    opened before all of them in the oldest.
    """

    def key(one: Folded) -> tuple[int, int, int, int, int, int]:
        code = decoded(one.code)
        moved = one.closed if code.class_ == "back" else one.newest
        age = next((age for sweep, age in ages if moved >= sweep), bucket(math.inf))
        rank = SEVERITY_RANK[code.severity]
        return CLASSES.index(code.class_), age, -one.count, rank, -one.newest, one.item

    return sorted(folded, key=key)


def within_bounds(groups: Sequence[Folded]) -> list[Folded]:
    """Those that are told: of each class its share of the places, what others leave free goes to the first."""
    of_class: dict[Class, list[Folded]] = {class_: [] for class_ in CLASSES}
    for one in groups:
        of_class[one.class_].append(one)
    free = limits.groups_max
    told: dict[Class, int] = {}
    fewest_first = sorted(CLASSES, key=lambda each: len(of_class[each]))
    for index, class_ in enumerate(fewest_first):
        told[class_] = min(len(of_class[class_]), free // (len(CLASSES) - index))
        free -= told[class_]
    return [one for class_ in CLASSES for one in of_class[class_][: told[class_]]]


def shares(groups: Sequence[Folded]) -> list[int]:
    """How many members of each are told: all of narrow groups; wide ones share what these leave, and are cut."""
    free = limits.members_max
    told = [0] * len(groups)
    narrow_first = sorted(range(len(groups)), key=lambda index: groups[index].count)
    for place, index in enumerate(narrow_first):
        told[index] = min(groups[index].count, free // (len(groups) - place))
        free -= told[index]
    return told
