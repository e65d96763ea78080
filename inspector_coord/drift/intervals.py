"""CORE. The intervals of a period, and what is made of them: deviations, as columns of numbers.

A deviation is a (node, item) with at least one interval in the period. Few have several: of these the last stays, and
says what the others were. Hundreds of thousands are marked in one go, a column at a time: that is what keeps a report
of a big fleet within seconds.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

import numpy as np

from inspector_coord.drift import limits
from inspector_coord.drift.codes import CLASS, HOW
from inspector_coord.drift.columns import Column, Mask, firsts, ordered, taken

__all__ = ["Deviations", "Intervals", "Sweeps", "deviations"]

_UNKNOWN: Final = HOW.index("unknown")
"""Nobody knows whether it returned to normal."""


class Sweeps(NamedTuple):
    """Ids: the first and the last of the period, and the last whole one up to then, 0 where there is none."""

    first: int
    last: int
    whole: int


class Intervals(NamedTuple):
    """A row each of the history's findings. Ids; 0: none, so `closed` of one that is open.

    code: as in codes.py, without a class; how: index into codes.HOW, of one that is closed.
    """

    node: Column
    item: Column
    code: Column
    expected: Column
    source: Column
    observed: Column
    release: Column
    opened: Column
    seen: Column
    closed: Column
    how: Column


class Deviations(NamedTuple):
    """One a (node, item), in their order. code: with its class; openings: within the period.

    opened: of the last interval, of a flapping one the first of the period; closed: 0 while it is not, or by a later
    sweep, or nobody knows.
    """

    node: Column
    item: Column
    code: Column
    expected: Column
    source: Column
    observed: Column
    release: Column
    openings: Column
    opened: Column
    confirmed: Column
    closed: Column
    unknown: Column
    how: Column


def deviations(found: Intervals, sweeps: Sweeps, away: Collection[int], missed: Collection[int]) -> Deviations:
    """away: nodes without any verdict at the end of the period; missed: by the last whole sweep."""
    order = ordered(found.node, found.item, found.opened)
    node, item, opened = taken((found.node, found.item, found.opened), order)
    begins = firsts(node, item)
    if not len(begins):
        return Deviations(*(found.node for _ in Deviations._fields))
    last = np.append(begins[1:], len(order)) - 1
    within = opened >= sweeps.first
    openings = np.add.reduceat(within.astype(np.int64), begins)
    # One that began before the period is no flap of it.
    earliest = np.minimum.reduceat(np.where(within, opened, sweeps.last), begins)
    kept = Intervals(*taken(found, order[last]))
    ended = (kept.closed > 0) & (kept.closed <= sweeps.last)
    gone = ended & (kept.how == _UNKNOWN)
    confirmed, unknown = _confirmed(kept, sweeps, away, missed)
    begun = np.where(kept.opened >= sweeps.first, CLASS["new"], CLASS["open"])
    flapping = openings >= limits.flap_openings_min
    class_ = np.where(flapping, CLASS["flapping"], np.where(ended & ~gone, CLASS["back"], begun))
    return Deviations(
        node=kept.node, item=kept.item, code=class_ + kept.code, expected=kept.expected, source=kept.source,
        observed=kept.observed, release=kept.release, openings=openings,
        opened=np.where(flapping, earliest, kept.opened), confirmed=np.where(ended, kept.seen, confirmed),
        closed=np.where(ended & ~gone, kept.closed, 0), unknown=np.where(ended, gone, unknown).astype(np.int64),
        how=kept.how,
    )  # fmt: skip


def _confirmed(
    lasting: Intervals, sweeps: Sweeps, away: Collection[int], missed: Collection[int]
) -> tuple[Column, Mask]:
    """Of those that are open at the end: the sweep that confirmed each last, and whether nobody can judge it now.

    Every whole sweep confirms it, unless it missed the node, as history/tables.py tells. What was looked at again since
    is written as seen, as is what an answer named that does not name all.
    """
    seen = np.minimum(lasting.seen, sweeps.last)
    missing = np.isin(lasting.node, list(missed))
    unknown = np.isin(lasting.node, list(away)) | (missing & (seen < sweeps.whole))
    return np.where(missing, seen, np.maximum(seen, sweeps.whole)), unknown
