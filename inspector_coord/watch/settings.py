"""CORE. What may differ between two watches; everything else is a limit.

A person chooses it as `watch:` in coordinator.yml, but for `picture_s`, and `without_agent`, which is `exclude_tags`.
"""

from __future__ import annotations

import msgspec

from inspector_coord.watch import limits

__all__ = ["Settings"]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How a ring is watched. Times in seconds.

    roll_s      between roll calls of the whole ring
    roster_s    between readings of a vantage's whole member list
    picture_s   between pictures while something is suspected
    gather_s    nodes that change within this time of the first are one incident
    hold_s      an incident is told no sooner after its first node changed
    witnesses   that are asked about a suspect
    flap_count, flap_window_s  so many times gone or back within this time is flapping
    place_tags  tags that say where a node is, widest first: witnesses are spread over them
    without_agent  tag -> value of members that have no inspection agent: acknowledgements are all they are asked for
    """

    roll_s: float = 60.0
    roster_s: float = 120.0
    picture_s: float = 5.0
    gather_s: float = 10.0
    hold_s: float = 1.0
    witnesses: int = msgspec.field(default_factory=lambda: limits.witnesses)
    flap_count: int = msgspec.field(default_factory=lambda: limits.flap_transitions)
    flap_window_s: float = limits.flap_window_s
    place_tags: tuple[str, ...] = ("zone", "rack")
    without_agent: dict[str, str] = {}

    @property
    def flap_failed_s(self) -> float:
        """Seconds that a flapping node stays failed before it is told as that: longer than the slowest flapping."""
        return limits.flap_slack * self.flap_window_s / (self.flap_count - 1)
