"""CORE. Oracle: the ledger is closed by the deadline, always."""

from __future__ import annotations

from inspector_lab.simulated import limits
from inspector_lab.simulated.result import Result

__all__ = ["check"]


def check(result: Result) -> list[str]:
    """Sentences about what does not hold."""
    wrong: list[str] = []
    for number, sweep in enumerate(result.sweeps):
        for line in sweep.coordinator.lines:
            if line.closed_at is None:
                wrong.append(f"sweep {number}: ring {line.name} was never closed")
            elif line.closed_at - sweep.began > result.scenario.timeout_s + limits.rounding_s:
                wrong.append(f"sweep {number}: ring {line.name} took {line.closed_at - sweep.began:.3f} s")
    return wrong
