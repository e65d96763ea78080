"""CORE. Oracle: the same seed, the same bytes. Where a scenario was simulated twice, the two results are one."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Repeated", "check"]

AROUND = 60


class Repeated(Protocol):
    """What a simulation came to, as bytes; `again`: when it was simulated once more."""

    @property
    def raw(self) -> bytes:
        """The first time."""

    @property
    def again(self) -> bytes | None:
        """The second time; None: there was none."""


def check(result: Repeated) -> list[str]:
    """Sentences about what does not hold."""
    again, raw = result.again, result.raw
    if again is None or again == raw:
        return []
    at = next((at for at, (one, other) in enumerate(zip(raw, again, strict=False)) if one != other), len(raw))
    here, there = (each[max(0, at - AROUND) : at + AROUND].decode(errors="replace") for each in (raw, again))
    return [f"byte {at} differs: …{here}… and …{there}…"]
