"""CORE. The verdict on one suspect, from what the witnesses saw of it.

Reached means that a TCP connection, or a ping, came through: nobody can fake that for a dead node, so one witness that
reaches it outweighs all that do not. Not to reach it proves less: the packet may be lost, or the path cut, or the
witness unwell. So `down` takes several witnesses, of whom none reaches it, and nobody on its own side who says
otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import Enum, auto

import msgspec

from inspector_coord.watch import limits
from inspector_coord.watch.conclusions import Finding, Kind
from inspector_coord.watch.cuts import line

__all__ = ["Case", "Seen", "Verdict", "judge"]


class Verdict(Enum):
    """Where there is no finding."""

    WELL = auto()  # it answers: nothing is wrong, or Serf is about to see that
    AGAIN = auto()  # not enough is known: ask again


class Seen(msgspec.Struct, frozen=True):
    """What one witness saw of the suspect.

    places    of the witness, widest first
    weight    0 … 1
    reached   anything of it;  refused  its kernel said that nothing listens, so there is a kernel
    closed    it said so of the gossip port: no Serf agent runs
    behind    the witness could only be asked through a vantage that hears a minority, or stands beside the suspect
    """

    witness: str
    places: tuple[str, ...]
    weight: float
    reached: bool
    refused: bool
    behind: bool
    closed: bool = False


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a suspect since it became one.

    places    its own, widest first;  narrowest: the last of them that says more than the one above
    failed    Serf lists it as failed; otherwise it is here because it did not answer
    looks     how often it was looked at; losing, lossy: some packets get lost, or many; healing: a cut has just ended
    answers   it answers questions through the vantage that hears the majority;  answers_behind: through another
    around    where those stand that answer the vantages behind a cut through which it is known to live
    beyond    where those stand that answer the vantage that hears the majority since: no line runs around them
    acks      its Serf agent acknowledges them
    beside    there is a vantage on its own side, or one that hears a minority;  beside_heard: somebody answers there
    taken_by  another member that is alive at its very address and port
    blind     nobody could be asked for so long that Serf's word has to do
    """

    places: tuple[str, ...]
    seen: Sequence[Seen]
    narrowest: int = 0
    failed: bool = True
    looks: int = 1
    losing: bool = False
    lossy: bool = False
    healing: bool = False
    answers: bool = False
    answers_behind: bool = False
    around: Sequence[tuple[str, ...]] = ()
    beyond: Sequence[tuple[str, ...]] = ()
    acks: bool = False
    beside: bool = False
    beside_heard: bool = False
    taken_by: str = ""
    blind: bool = False


def judge(case: Case) -> Finding | Verdict:
    """The finding, or why there is none."""
    if case.taken_by:
        return Finding(Kind.LEFT, f"{case.taken_by} is alive at its address: renamed or replaced")
    if case.answers:
        return Verdict.WELL
    reached = [one for one in case.seen if one.reached]
    unreached = [one for one in case.seen if not one.reached and not one.behind]
    if case.acks:
        return _acking(case)
    if any(not one.behind for one in reached):
        return _reached(case, reached, unreached)
    if reached or case.answers_behind:
        return _behind(case, reached, unreached)
    return _unreached(case, unreached)


def _acking(case: Case) -> Finding | Verdict:
    """Serf takes part in gossip. If Serf lists it as failed all the same, that is about to change."""
    if case.failed or case.looks < limits.looks_max:
        return Verdict.WELL if case.failed else Verdict.AGAIN
    return Finding(Kind.STALLED, "its Serf agent acknowledges questions, its inspection agent answers none")


def _reached(case: Case, reached: Sequence[Seen], unreached: Sequence[Seen]) -> Finding | Verdict:
    """Somebody of the majority reaches it: never down."""
    if case.looks < limits.looks_stalled_min:  # one answer, and one connection, may have been lost
        return Verdict.AGAIN
    parted = line(_places(reached, behind=True), _places(unreached), case.places, case.narrowest)
    if parted and len(unreached) < limits.far_witnesses_min and case.looks < limits.looks_max:
        return Verdict.AGAIN  # a single witness that has lost its packets is no line
    if parted and (len(unreached) >= limits.far_witnesses_min or not case.lossy):
        return Finding(Kind.CUT_OFF, _sides(reached, unreached), parted, "unknown")
    closed = any(one.closed for one in reached)
    if (case.healing and not closed) or case.answers_behind:
        return Verdict.WELL
    for_it, against = _weight(reached), _weight(unreached)
    if for_it >= against:
        why = "no Serf agent listens there" if closed else "its Serf agent takes no part in gossip"
        return Finding(Kind.STALLED, f"{_share(reached, unreached)} it, but {why}")
    if case.looks < limits.looks_max:
        return Verdict.AGAIN
    return Finding(Kind.CUT_OFF, f"{_share(reached, unreached)} it; no tag tells them apart", (), "unknown")


def _behind(case: Case, reached: Sequence[Seen], unreached: Sequence[Seen]) -> Finding | Verdict:
    """It lives, but nobody of the majority reaches it."""
    if not unreached:
        return Verdict.AGAIN if case.looks < limits.looks_max else Verdict.WELL
    near, far = [*_places(reached, behind=True), *case.around], [*_places(unreached), *case.beyond]
    parted = line(near, far, case.places, 0 if case.beyond else case.narrowest)
    lives = "it answers an entry on its own side" if case.answers_behind else "witnesses on its own side reach it"
    return Finding(Kind.CUT_OFF, f"{lives}; {_nobody(unreached)}", parted, "unknown")


def _unreached(case: Case, unreached: Sequence[Seen]) -> Finding | Verdict:
    """Nobody reaches it: down, if enough have tried, and if nobody on its own side can say otherwise."""
    able = [one for one in unreached if one.weight > 0]
    enough = len(able) >= limits.witnesses_min and _weight(able) >= limits.weight_min
    first = case.looks < limits.looks_max  # more looks may tell more
    if (case.lossy or (case.losing and first)) and not _elsewhere(able):
        return Verdict.AGAIN
    if first and (
        not enough or (case.lossy and case.looks < limits.looks_lossy_min) or (case.beside and not case.beside_heard)
    ):
        return Verdict.AGAIN
    if not able:
        if not case.blind or not case.failed:
            return Verdict.AGAIN
        return Finding(Kind.DOWN, "Serf lists it as failed; no witness could be asked")
    if not case.failed:
        return Finding(Kind.CUT_OFF, f"Serf still hears it, but it is {_nobody(able)}", (), "unknown")
    refused = any(one.refused for one in case.seen)
    kernel = "; its kernel refuses connections: nothing listens there" if refused else ""
    return Finding(Kind.DOWN, f"{_nobody(able)}{kernel}")


def _elsewhere(unreached: Sequence[Seen]) -> bool:
    """Whether more than a cut between its place and one other, and one lost packet, keeps witnesses from it."""
    of_place = Counter(one.places[:1] for one in unreached)
    return len(of_place) < 2 or len(unreached) - max(of_place.values()) >= limits.far_witnesses_min


def _weight(seen: Iterable[Seen]) -> float:
    return sum(one.weight for one in seen)


def _places(seen: Iterable[Seen], *, behind: bool = False) -> list[tuple[str, ...]]:
    return [one.places for one in seen if behind or not one.behind]


def _nobody(unreached: Sequence[Seen]) -> str:
    """Like "reached by none of 6 witnesses (zone=a, zone=b)"."""
    if len(unreached) == 1:
        return f"not reached by {unreached[0].witness}, the only witness"
    where = sorted({one.places[0] for one in unreached if one.places and not one.places[0].endswith("=")})
    more = ", …" if len(where) > limits.line_places_max else ""
    shown = f" ({', '.join(where[: limits.line_places_max])}{more})" if where else ""
    return f"reached by none of {len(unreached)} witnesses{shown}"


def _share(reached: Sequence[Seen], unreached: Sequence[Seen]) -> str:
    return f"{len(reached)} of {len(reached) + len(unreached)} witnesses reach"


def _sides(reached: Sequence[Seen], unreached: Sequence[Seen]) -> str:
    """ "reached from zone=b, zone=c, not from zone=a"."""
    level = next(
        (
            level
            for level in range(len(reached[0].places))
            if not {one.places[level] for one in reached} & {one.places[level] for one in unreached}
        ),
        0,
    )
    names = [sorted({one.places[level] for one in side})[: limits.line_places_max] for side in (reached, unreached)]
    return f"reached from {', '.join(names[0])}, not from {', '.join(names[1])}"
