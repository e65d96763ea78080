"""CORE. Oracle: each incident is told in order, and each telling is whole: names, domain, times and evidence."""

from __future__ import annotations

from inspector_coord.watch.conclusions import Action, Happening
from inspector_lab.liveness.result import Result, Told

__all__ = ["check"]


def check(result: Result) -> list[str]:
    """Sentences about what does not hold."""
    wrong: list[str] = []
    for story in result.incidents():
        wrong += _order(story)
        wrong += [sentence for at, each in story for sentence in _whole(result, at, each)]
    return wrong


def _order(story: list[Told]) -> list[str]:
    """Opened first and once, closed last and once; the kind stays."""
    number = story[0][1].number
    actions = [each.action for _, each in story]
    expected = [Action.OPENED, *[Action.CHANGED] * (len(story) - 1)]
    if actions[-1] is Action.CLOSED and len(story) > 1:
        expected[-1] = Action.CLOSED
    wrong = []
    if actions != expected:
        wrong.append(f"incident {number} was told as {', '.join(actions)}")
    if len({each.kind for _, each in story}) > 1:
        wrong.append(f"incident {number} changed its kind")
    if len({each.since for _, each in story}) > 1 and len(story[0][1].nodes) == 1 == len(story[-1][1].nodes):
        wrong.append(f"incident {number} changed since when it is")
    return wrong


def _whole(result: Result, at: float, each: Happening) -> list[str]:
    wrong = []
    about = f"incident {each.number} ({each.kind}, {each.action}) at {at:.1f} s"
    if list(each.nodes) != sorted(set(each.nodes)) or not set(each.nodes) <= result.land.index.keys():
        wrong.append(f"{about} has nodes that are unknown, double or not in order")
    if each.at != at or each.since > at:
        wrong.append(f"{about} says it is of {each.at:.1f} s, since {each.since:.1f} s")
    if not each.evidence.strip():
        wrong.append(f"{about} has no evidence")
    if each.domain:
        members = len(result.land.hosts(each.domain))
        if not each.of or each.of > members or len(each.nodes) > each.of:
            wrong.append(f"{about} has {len(each.nodes)} of {each.of} of {each.domain}, which has {members}")
    return wrong
