"""CORE. What is wrong at two times, put together node by node and item by item: what differs, is the same, is unknown.

A deviation that ended and came again in the same way is the same on both sides, whatever happened in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from inspector_coord.drift.comparing import Said, Wrong

__all__ = ["Cover", "Interval", "Pairs", "paired"]

_Couple = list["Interval | None"]


class Cover(NamedTuple):
    """Of whom a sweep knows what, by ids of nodes.

    unjudged    nothing is known of them; `partly`: what is told as wrong is, of the rest nobody knows
    no_members  not there yet, or left, removed or renamed: nothing is known, and nothing is missing
    """

    sweep: int
    unjudged: frozenset[int]
    partly: frozenset[int]
    no_members: frozenset[int]


class Interval(NamedTuple):
    """A finding that is open on a side. said: what it says in A and in B, None where it is not open."""

    node: int
    item: int
    opened: int
    how: str | None
    said: tuple[Said | None, Said | None]


class Pairs(NamedTuple):
    """wrong: what differs, of A and of B; same, unknown: how many (node, item) are the same, or not comparable."""

    wrong: tuple[list[Wrong], list[Wrong]]
    same: int
    unknown: int


def paired(found: Iterable[Interval], standing: Mapping[int, int], covers: tuple[Cover, Cover]) -> Pairs:
    """found: what is not the same on both sides; standing: by node how many intervals are open on both, those of
    `found` among them."""
    a, b = covers
    outside = a.no_members & b.no_members
    hidden = (a.unjudged | b.unjudged | a.no_members | b.no_members) - outside
    same = sum(count for node, count in standing.items() if node not in hidden | outside)
    unknown = sum(count for node, count in standing.items() if node in hidden)
    wrong: tuple[list[Wrong], list[Wrong]] = ([], [])
    for (node, _), couple in _couples(found).items():
        if node in outside:
            continue
        one_of_both = couple[0] is couple[1]
        if node in hidden:
            unknown += not one_of_both
            continue
        same -= one_of_both
        said = [one and one.said[side] for side, one in enumerate(couple)]
        if any(_nobody_knows(couple[1 - side], cover) for side, cover in enumerate(covers) if said[side] is None):
            unknown += 1
        elif said[0] == said[1]:
            same += 1
        else:
            for side, each in enumerate(said):
                if each is not None:
                    wrong[side].append(Wrong(node, each))
    return Pairs(wrong, same, unknown)


def _couples(found: Iterable[Interval]) -> dict[tuple[int, int], _Couple]:
    """By node and item the interval of A and that of B."""
    couples: dict[tuple[int, int], _Couple] = {}
    for one in found:
        couple = couples.setdefault((one.node, one.item), [None, None])
        for side in (0, 1):
            if one.said[side] is not None:
                couple[side] = one
    return couples


def _nobody_knows(other: Interval | None, cover: Cover) -> bool:
    """Whether nobody knows what was on this side, where nothing is open; other: what is on the other side."""
    if other is None:
        return False
    return other.node in cover.partly if other.opened > cover.sweep else other.how == "unknown"
