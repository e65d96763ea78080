"""CORE. Oracle: a duplicate changes nothing. Where the coordinator got every record twice, the second did nothing."""

from __future__ import annotations

from inspector_lab.simulated.result import Result

__all__ = ["check"]


def check(result: Result) -> list[str]:
    """Sentences about what does not hold."""
    return [
        f"a second {change}"
        for sweep in result.sweeps
        for line in sweep.coordinator.lines
        for change in line.heard.changed
    ]
