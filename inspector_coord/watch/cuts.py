"""CORE. Where a cut runs, and which way it is: from who reaches whom, and from whose questions are heard where.

TCP needs both ways and so cannot tell a direction; gossip can. Each vantage asks the same sample. A node behind the cut
that answers the vantage on its own side tells whose other questions it has heard: those that came in. The nodes outside
tell the same of the questions from behind the cut: those that came out. Where a third place passes gossip on, every
question is heard everywhere, and only answers tell: those travel straight from a node to the vantage that asked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

import msgspec

from inspector_coord.watch import limits
from inspector_coord.watch.asks import Open

__all__ = [
    "BOTH_WAYS", "CANNOT_HEAR", "CANNOT_SEND", "UNKNOWN", "Hearing", "Said", "direction_around", "direction_between",
    "line",
]  # fmt: skip

BOTH_WAYS, CANNOT_SEND, CANNOT_HEAR, UNKNOWN = "both ways", "cannot send", "cannot hear", "unknown"

Inside = Callable[[str], bool]
"""Whether a node is behind the cut, by its name."""


class Said(msgspec.Struct, frozen=True):
    """What a node's answer tells of gossip: which of our questions it had heard when it answered `to`."""

    node: str
    to: int
    at: float
    heard: frozenset[int]


class Hearing:
    """The answers of the last while, a bounded number."""

    def __init__(self) -> None:
        self._said: deque[Said] = deque(maxlen=limits.hearing_max)

    def note(self, node: str, to: Open, at: float, heard: Iterable[Open]) -> None:
        """A node has answered; it has heard what it answers, whatever its list says."""
        self._said.append(Said(node, to.number, at, frozenset((to.number, *(one.number for one in heard)))))

    def since(self, at: float) -> list[Said]:
        """Answers at `at` or later, the oldest first."""
        return [said for said in self._said if said.at >= at]


def line(
    reached: Sequence[tuple[str, ...]], unreached: Sequence[tuple[str, ...]], own: tuple[str, ...], narrowest: int = 99
) -> tuple[str, ...]:
    """The tag values between which the line runs, by the widest place tag that tells reachers from the others.

    Each witness, and the suspect itself (`own`), by its places, widest first. One value: the line runs around it; more:
    between the last and the others; (): no place tag separates the two, or there is nobody on one side.
    narrowest: the last level that still says more than the one above.
    """
    for level, home in enumerate(own):
        here = {places[level] for places in reached}
        there = {places[level] for places in unreached}
        if not here or not there or here & there or home in there:
            continue
        if here != {home}:
            if level == len(own) - 1 and len(here) + len(there) == len(reached) + len(unreached):
                continue  # each stands in a place of its own: any witnesses could be told apart by that
            return (*sorted(there)[: limits.line_places_max], home)
        narrow = [
            own[at]
            for at in range(level, min(narrowest + 1, len(own)))
            if {places[at] for places in reached} == {own[at]}
        ]
        return (narrow[-1] if narrow else home,)  # all who reach it stand closer together than that
    return ()


def direction_around(
    said: Sequence[Said],
    asks: Sequence[Open],
    inside: Inside,
    outside: Inside,
    vantages: tuple[Callable[[int], bool], Callable[[int], bool]],
    settle_s: float,
) -> str:
    """Which way a line around a place is cut, seen from inside.

    `asks` are those since the cut, `said` what was answered since; gossip takes `settle_s` to get everywhere.
    vantages   whether a vantage is inside, and whether it is outside; some are neither, behind a cut of their own
    """
    vantage_inside, vantage_outside = vantages
    inner = [one for one in asks if vantage_inside(one.vantage)]
    outer = [one for one in asks if vantage_outside(one.vantage)]
    hears = _passes(said, outer, inside, settle_s)
    sends = _passes(said, inner, outside, settle_s)
    if any(inside(name) for one in outer for name in (*one.answered, *one.acked)):
        hears = sends = True
    return _word(hears=hears, sends=sends)


def direction_between(
    said: Sequence[Said],
    asks: Sequence[Open],
    here: Inside,
    there: Inside,
    vantages: tuple[Callable[[int], bool], Callable[[int], bool]],
    settle_s: float,
) -> str:
    """Which way the path between two places is cut, seen from `here`, where others pass gossip on between them.

    vantages   whether a vantage is at `here`, and whether it is at `there`
    """
    at_here, at_there = vantages
    direct = [one for one in asks if one.relay == 0 and one.names]
    sends = _arrives(said, [one for one in direct if at_there(one.vantage)], here, settle_s)
    hears = _arrives(said, [one for one in direct if at_here(one.vantage)], there, settle_s)
    return _word(hears=hears, sends=sends)


def _passes(said: Sequence[Said], asks: Sequence[Open], receiver: Inside, settle_s: float) -> bool | None:
    """Whether these questions are heard by these nodes; None: nobody could tell."""
    deaf: set[str] = set()
    for one in said:
        if not receiver(one.node):
            continue
        for ask in asks:
            if one.node not in ask.names:
                continue
            if ask.number in one.heard:
                return True
            if one.at >= ask.at + settle_s:
                deaf.add(one.node)
    return False if len(deaf) >= limits.deaf_nodes_min else None


def _arrives(said: Sequence[Said], asks: Sequence[Open], sender: Inside, settle_s: float) -> bool | None:
    """Whether these nodes' answers to these questions come straight through; None: nobody could tell."""
    lost: set[str] = set()
    for ask in asks:
        if any(sender(name) for name in (*ask.answered, *ask.acked)):
            return True
        late = [one for one in said if one.at >= ask.at + settle_s and ask.number in one.heard]
        lost |= {one.node for one in late if sender(one.node) and one.node in ask.names}
    return False if len(lost) >= limits.deaf_nodes_min else None


def _word(*, hears: bool | None, sends: bool | None) -> str:
    """Whether a place hears the other side, and whether it is heard there."""
    if hears is None or sends is None:
        return UNKNOWN
    return {(False, False): BOTH_WAYS, (True, False): CANNOT_SEND, (False, True): CANNOT_HEAR}.get(
        (hears, sends), UNKNOWN
    )
