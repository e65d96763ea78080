"""CORE. Oracle: nobody is in two open incidents at once, so that nobody on call is told the same thing twice."""

from __future__ import annotations

from itertools import groupby

from inspector_coord.watch.conclusions import Action, Happening
from inspector_lab.liveness import limits
from inspector_lab.liveness.result import Result

__all__ = ["check"]


def check(result: Result) -> list[str]:
    """Sentences about what does not hold. What is told at one moment counts together.

    An incident of a domain is told again only now and then: who has gone over from it is in both for so long.
    """
    wrong: list[str] = []
    within: dict[int, Happening] = {}
    twice: dict[str, float] = {}
    for at, told in groupby(result.told, key=lambda each: each[0]):
        fresh: set[str] = set(twice)
        for _, each in told:
            within.pop(each.number, None)
            if each.action is not Action.CLOSED:
                within[each.number] = each
                fresh.update(each.nodes)
        owners: dict[str, list[Happening]] = {}
        for one in within.values():
            for name in fresh.intersection(one.nodes):
                owners.setdefault(name, []).append(one)
        for name in sorted(fresh):
            several = owners.get(name, [])
            if len(several) < 2:
                twice.pop(name, None)
            elif sum(not one.domain for one in several) > 1 or at - twice.setdefault(name, at) > limits.domain_told_s:
                wrong.append(f"{name} is in incidents {[one.number for one in several]} at {at:.1f} s")
    return wrong
