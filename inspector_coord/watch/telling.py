"""CORE. When something of an incident is told: soon, but not node by node.

opened   once it was held for `hold_s`; a moment longer while others of it are still looked at
changed  it has nodes for which no domain stands that was told; or they have doubled; or its domain or line is another
changed  most are back and have been for a while: the rest stays open
closed   all are back, or it goes on as another incident
"""

from __future__ import annotations

from inspector_coord.watch import limits
from inspector_coord.watch.agenda import NEVER
from inspector_coord.watch.conclusions import Action, Kind
from inspector_coord.watch.incidents import Incident

__all__ = ["due_at", "due_now"]


def due_at(one: Incident, hold_s: float) -> float:
    """When `due_now` is worth asking."""
    if one.told_at is None:
        return one.since + hold_s
    if not one.present:
        return _closes_at(one)
    if one.heirs and not _stands(one):
        return -NEVER
    times = [NEVER]
    if one.kind is Kind.LEFT:
        times.append(one.told_at + limits.left_s)
    if (
        one.untold_since < NEVER
        or one.heirs
        or one.count >= 2 * one.told_count > 0
        or (one.domain, one.parted, one.direction) != one.told_as
    ):
        times.append(one.told_at + _gap_s(one))
    if one.absent:
        times.append(one.changed_at + (limits.most_back_s if _most_back(one) else limits.some_back_s))
    if one.shrunk:
        times.append(one.changed_at + limits.shrunk_s)
    return min(times)


def due_now(one: Incident, hold_s: float, now: float, *, busy: bool) -> Action | None:
    """What is to be told now, if anything. busy: others that may belong to it are being looked at."""
    if one.told_at is None:
        patience = max(hold_s, limits.tell_s_max) if busy else hold_s
        return Action.OPENED if one.present and now >= one.since + patience else None
    if not one.present:
        return Action.CLOSED if now >= _closes_at(one) else None
    if one.kind is Kind.LEFT and now >= one.told_at + limits.left_s:
        one.closing = "left in good order"
        return Action.CLOSED
    if one.heirs and not _stands(one):
        return Action.CHANGED
    if now < one.told_at + _gap_s(one):
        return None
    news = (
        one.heirs
        or (one.domain, one.parted, one.direction) != one.told_as
        or one.count >= 2 * one.told_count > 0
        or one.uncovered
        or (one.untold_since < NEVER and _grown(one, now))
        or (one.absent and now >= one.changed_at + (limits.most_back_s if _most_back(one) else limits.some_back_s))
        or (one.shrunk and now >= one.changed_at + limits.shrunk_s)
    )
    return Action.CHANGED if news else None


def _gap_s(one: Incident) -> float:
    """Between two words on one incident. Longer with each, where a domain stands for its nodes, or they only flap; else
    with some: a word names who is in no other. It is never long where the incident has doubled: that is news.
    """
    stands = one.kind is Kind.FLAPPING or (one.domain and not one.uncovered)
    doublings = one.changes if stands else one.changes // limits.changes_quick
    gap_s: float = limits.change_gap_s * 2.0 ** min(doublings, limits.change_doublings_max)
    return min(gap_s, limits.follow_s_max) if _doubled(one) else gap_s


def _stands(one: Incident) -> bool:
    """Whether a domain was told, and not names: who has gone over elsewhere is told with the next word on it."""
    return one.wide and one.told_as[0] == one.domain


def _closes_at(one: Incident) -> float:
    """All are back, or have gone elsewhere. Who was gone for a short time only may go again at once."""
    short = (
        one.absent
        and not one.heirs
        and one.kind is not Kind.FLAPPING
        and one.changed_at - one.since < limits.back_short_s
    )
    return one.changed_at + limits.back_hold_s if short else -NEVER


def _grown(one: Incident, now: float) -> bool:
    """Whether new nodes are worth a word although a domain stands for them: they are many, or it may be complete."""
    return _doubled(one) or now >= one.untold_since + limits.follow_s_max


def _doubled(one: Incident) -> bool:
    return len(one.entries) >= 2 * one.told_size


def _most_back(one: Incident) -> bool:
    return one.absent >= limits.most_back_share * len(one.entries)
