"""CORE. Oracle: few words. Nodes that go together are one incident; it is not told again and again; flapping is once.

A node is not the subject of more incidents than things that happened to it allow. `opens_max` of a scenario, where
somebody has counted, bounds all of them together.
"""

from __future__ import annotations

import math
from collections import Counter

from inspector_coord.watch.conclusions import Action
from inspector_lab.liveness import limits
from inspector_lab.liveness.result import Result

__all__ = ["check"]


def check(result: Result) -> list[str]:
    """Sentences about what does not hold."""
    wrong: list[str] = []
    opened = sum(1 for _, each in result.told if each.action is Action.OPENED)
    most = result.scenario.opens_max
    if 0 <= most < opened:
        kinds = Counter(str(each.kind) for _, each in result.told if each.action is Action.OPENED)
        told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        wrong.append(f"{opened} incidents were opened, {most} would do: {told}")
    for story in result.incidents():
        changes = sum(1 for _, each in story if each.action is Action.CHANGED)
        size = max(len(each.nodes) + len(each.back) for _, each in story)
        if changes > limits.changes_base + limits.changes_doubling * math.log2(size + 1):
            first = story[0][1]
            wrong.append(f"incident {first.number} ({first.kind}, {size} nodes) was told {changes} times again")
    return wrong + _each_node(result)


def _each_node(result: Result) -> list[str]:
    """How many incidents each node was in, and how many it may have been in."""
    within: Counter[str] = Counter()
    for story in result.incidents():
        within.update({name for _, each in story for name in (*each.nodes, *each.back)})
    everybody = sum(
        limits.incidents_a_fault for _ in result.faults("cut", "churn", "loss", "watcher-restart", "overflow")
    )
    touched: Counter[int] = Counter()
    for _, hosts in result.faults(*limits.touching):
        touched.update(hosts)
    wrong = []
    for name, count in sorted(within.items()):
        host = result.land.index[name]
        may = limits.incidents_base + everybody + limits.incidents_a_fault * touched[host]
        if count > may:
            wrong.append(f"{name} was in {count} incidents, for {touched[host]} things that happened to it")
    return wrong
