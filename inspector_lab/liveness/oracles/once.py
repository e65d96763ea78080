"""CORE. Oracle: nobody is in two open incidents at once, so that nobody on call is told the same thing twice."""

from __future__ import annotations

from itertools import groupby

from inspector_coord.watch.model import Action
from inspector_lab.liveness.result import Result

__all__ = ["check"]


def check(result: Result) -> list[str]:
    """Sentences about what does not hold. What is told at one moment counts together."""
    wrong: list[str] = []
    within: dict[int, tuple[str, ...]] = {}
    for at, told in groupby(result.told, key=lambda each: each[0]):
        fresh: set[str] = set()
        for _, each in told:
            within.pop(each.number, None)
            if each.action is not Action.CLOSED:
                within[each.number] = each.nodes
                fresh.update(each.nodes)
        owners: dict[str, list[int]] = {}
        for number, nodes in within.items():
            for name in fresh.intersection(nodes):
                owners.setdefault(name, []).append(number)
        wrong += [
            f"{name} is in incidents {numbers} at {at:.1f} s"
            for name, numbers in sorted(owners.items())
            if len(numbers) > 1
        ]
    return wrong
