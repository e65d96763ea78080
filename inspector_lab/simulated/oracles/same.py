"""CORE. Oracle: the same seed, the same bytes. Where a scenario was simulated twice, the two reports are one."""

from __future__ import annotations

from inspector_lab.simulated.result import Result

__all__ = ["check"]

AROUND = 60


def check(result: Result) -> list[str]:
    """Sentences about what does not hold."""
    again, raw = result.again, result.raw
    if again is None or again == raw:
        return []
    at = next((at for at, (one, other) in enumerate(zip(raw, again, strict=False)) if one != other), len(raw))
    here, there = (each[max(0, at - AROUND) : at + AROUND].decode(errors="replace") for each in (raw, again))
    return [f"byte {at} of the report differs: …{here}… and …{there}…"]
