"""CORE. Deviations folded by fingerprint, and ranked: the newest and widest first.

A fingerprint is an item, what was observed, and what was expected, of one class and origin. A flapping item has another
value each time, and some items (a temperature, a message with a number in it) have another on each node: where values
tell nothing, they are one group.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from inspector_coord.drift import limits
from inspector_coord.drift.codes import decoded
from inspector_coord.drift.document import CLASSES, Class
from inspector_coord.verdict import SEVERITY_RANK

__all__ = ["Cell", "Fingerprint", "Folded", "Member", "Row", "bucket", "fold", "ranked", "within_bounds"]


class Fingerprint(NamedTuple):
    """What deviations have in common: a code (codes.py), and ids; 0 is no text."""

    code: int
    item: int
    expected: int
    source: int
    observed: int


class Row(msgspec.Struct, frozen=True, gc=False):
    """A fingerprint with its sums; opened, newest, confirmed, closed: sweeps, the first and the last of several.

    fresh: how many of them opened in the period.
    """

    code: int
    item: int
    expected: int
    source: int
    observed: int
    count: int
    unknown: int
    opened: int
    newest: int
    confirmed: int
    closed: int
    openings: int
    fresh: int
    release: int


class Member(NamedTuple):
    """One deviation of a group; sweeps by id, closed 0: it is not; how: its last interval did, None: it did not."""

    node: int
    opened: int
    confirmed: int
    closed: int
    unknown: int
    how: str | None


class Cell(NamedTuple):
    """One deviation of the map."""

    node: int
    item: int
    unknown: bool
    opened: int
    same: Fingerprint


class Folded(msgspec.Struct, frozen=True):
    """One group before it is told. values: fingerprints that were made one; observed is then that of the most nodes.

    fresh: how many of them opened in the period.
    """

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


def fold(rows: Iterable[Row]) -> list[Folded]:
    """All groups, in no order."""
    alike: dict[tuple[int, int, int, int], list[Row]] = defaultdict(list)
    for row in rows:
        alike[row.code, row.item, row.expected, row.source].append(row)
    folded: list[Folded] = []
    for several in alike.values():
        flaps = decoded(several[0].code).class_ == "flapping"
        if len(several) > (1 if flaps else limits.values_told_max):
            folded.append(_one(several))
        else:
            folded.extend(_one([row]) for row in several)
    return folded


def _one(rows: Sequence[Row]) -> Folded:
    widest = max(rows, key=lambda row: (row.count, -row.observed))
    return Folded(
        code=widest.code, item=widest.item, expected=widest.expected, source=widest.source, observed=widest.observed,
        values=len(rows), count=sum(row.count for row in rows), unknown=sum(row.unknown for row in rows),
        opened=min(row.opened for row in rows), newest=max(row.newest for row in rows),
        confirmed=max(row.confirmed for row in rows), closed=max(row.closed for row in rows),
        openings=sum(row.openings for row in rows), fresh=sum(row.fresh for row in rows),
        release=max(row.release for row in rows),
    )  # fmt: skip


def bucket(seconds: float) -> int:
    """How old something is, as people tell ages apart: within an hour, 6 hours, a day, 3 days, a week, before."""
    return sum(seconds > hours * 3_600 for hours in (1, 6, 24, 72, 168))


def ranked(folded: Iterable[Folded], ages: Sequence[tuple[int, int]]) -> list[Folded]:
    """Class by class; in each the newest first, and among those about as new the widest, then the most severe.

    ages: (sweep, bucket of its age), the newest sweeps first: what opened at or after a sweep is in its bucket.
    """

    def key(one: Folded) -> tuple[int, int, int, int, int, int]:
        code = decoded(one.code)
        moved = one.closed if code.class_ == "back" else one.newest
        age = next((age for sweep, age in ages if moved >= sweep), len(ages))
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
    chosen = [one for class_ in CLASSES for one in of_class[class_][: told[class_]]]
    kept: list[Folded] = []
    members = 0
    for one in chosen:
        if not kept or members + one.count <= limits.members_max:
            kept.append(one)
            members += one.count
    return kept
