"""CORE. One member list: whom it has as what, and since when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Listed", "View"]

Listed = Literal["alive", "failed", "leaving", "left", "none"]
"""What a list has somebody as; "none": it does not have it at all."""


@dataclass(eq=False, slots=True)
class View:
    """One member list. host: whose, -1 for that of the core. odd: all who are not alive; since: when they became so.

    deaf  a number that grows whenever the core falls silent to it, or is heard again; odd while it is silent
    """

    host: int
    odd: dict[int, Listed] = field(default_factory=dict)
    since: dict[int, float] = field(default_factory=dict)
    failed: int = 0
    away: int = 0
    deaf: int = 0

    def status(self, host: int) -> Listed:
        """What it has this one as."""
        return self.odd.get(host, "alive")

    def put(self, host: int, status: Listed, now: float) -> Listed:
        """From now on; what it was before."""
        before = self.odd.pop(host, "alive")
        if status != "alive":
            self.odd[host] = status
        self.since[host] = now
        self.failed += (status == "failed") - (before == "failed")
        self.away += (status in ("left", "none")) - (before in ("left", "none"))
        return before
