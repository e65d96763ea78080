"""CORE. What a report says of itself: its exit code, and in sentences what it does not cover."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from inspector_coord.drift import limits
from inspector_coord.drift.codes import decoded
from inspector_coord.drift.folding import Folded
from inspector_coord.drift.period import told, told_for
from inspector_coord.verdict import SEVERITY_RANK

__all__ = ["Aside", "ahead_told", "exit_code", "notes_of"]


class Aside(msgspec.Struct, frozen=True, kw_only=True):
    """What the numbers of a report do not tell.

    sweeps, whole   how many there are in the period
    ever            when the last one of all was, Unix s; None: nothing is booked
    since, until    the period, Unix s
    unknown         how many members cannot be judged
    """

    sweeps: int
    whole: int
    ever: float | None
    since: float
    until: float
    narrowed: bool = False
    more_happened: bool = False
    unknown: int = 0


def exit_code(aside: Aside, groups: Iterable[Folded], fail_on: str) -> int:
    """0 no new drift, 1 new drift at least as severe as `fail_on`, 3 the coverage is incomplete, which wins."""
    if not aside.whole or aside.unknown:
        return 3
    worst = SEVERITY_RANK[fail_on]
    codes = (decoded(one.code) for one in groups)
    new = (
        code.class_ in {"new", "flapping"} and code.origin == "drift" and SEVERITY_RANK[code.severity] <= worst
        for code in codes
    )  # fmt: skip
    return 1 if any(new) else 0


def ahead_told(until: float, now: float) -> list[str]:
    """That the report goes on after now: `at` of a sweep is never before that of the one before it."""
    if until <= now + limits.ahead_s_max:
        return []
    ran = f"the last sweep is dated {told_for(until - now)} ahead of now, as the clock of a coordinator was once"
    return [f"{ran}: until then all sweeps have that time; ages count from it, and --until leaves them out"]


def notes_of(aside: Aside) -> list[str]:
    """What a reader has to know before relying on it."""
    notes = []
    between = f"between {told(aside.since)} and {told(aside.until)}"
    if aside.ever is None:
        notes.append("nothing is booked yet: run `inspector sweep`, every sweep is booked from then on")
    elif not aside.sweeps:
        notes.append(
            f"no sweep was booked {between}: what is open is as it was before; the last sweep of all was at "
            f"{told(aside.ever)}: choose another --since, or run `inspector sweep`"
        )
    elif not aside.whole:
        notes.append(
            f"none of the {aside.sweeps} sweeps {between} asked all nodes for all items: what they did not ask for is "
            "as it was before; run `inspector sweep` without targets and --item, or let `inspector schedule` do it"
        )
    elif aside.whole < aside.sweeps:
        notes.append(
            f"{aside.sweeps - aside.whole} of {aside.sweeps} sweeps asked only some nodes or items, or were "
            "interrupted: they confirm what they asked for"
        )
    if aside.narrowed and aside.whole:
        notes.append("the curve of compliance is of the whole fleet: sweeps keep sums of all nodes and items only")
    if aside.more_happened:
        notes.append(f"more happened than is read: of happenings only the newest {limits.happenings_read_max} count")
    return notes
