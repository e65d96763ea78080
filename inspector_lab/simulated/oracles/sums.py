"""CORE. Oracle: the sums add up. Every target of the roster is in exactly one state, and nobody else is."""

from __future__ import annotations

from inspector_coord.verdict import State
from inspector_lab.simulated.result import Result

__all__ = ["check"]


def check(result: Result) -> list[str]:
    """Sentences about what does not hold."""
    wrong: list[str] = []
    for number, sweep in enumerate(result.sweeps):
        listed = set(sweep.ledger.nodes)
        wrong += [f"sweep {number}: {name} of {ring} is missing" for ring, name in sorted(sweep.targets - listed)]
        wrong += [f"sweep {number}: {name} of {ring} is no target" for ring, name in sorted(listed - sweep.targets)]
        wrong += [f"sweep {number}: {node.name} has no state" for node in sweep.ledger if node.state not in set(State)]
    sums = dict(result.report["ledger"])
    targets = sums.pop("targets")
    if targets != len(result.sweep.targets) or sum(sums.values()) != targets or set(sums) != set(map(str, State)):
        wrong.append(f"the report's sums are {sums}, of {targets} targets; {len(result.sweep.targets)} were asked for")
    names = [(entry["ring"], entry["name"]) for entry in result.report["nodes"]]
    if len(names) != len(set(names)) or set(names) != result.sweep.targets:
        wrong.append("the report's nodes are not the targets")
    return wrong
