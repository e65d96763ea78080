"""CORE. What a person may choose about a watch; everything else is a limit."""

from __future__ import annotations

import msgspec

__all__ = ["Settings"]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How a ring is watched. Times in seconds.

    roll_s      between roll calls of the whole ring
    roster_s    between readings of a vantage's whole member list
    picture_s   between pictures while something is suspected
    gather_s    nodes that change within this time of the first are one incident
    hold_s      an incident is told no sooner after its first node changed
    place_tags  tags that say where a node is, widest first: witnesses are spread over them
    without_agent  tag -> value of members that have no inspection agent: nothing is asked of them
    """

    roll_s: float = 60.0
    roster_s: float = 120.0
    picture_s: float = 5.0
    gather_s: float = 10.0
    hold_s: float = 1.0
    place_tags: tuple[str, ...] = ("zone", "rack")
    without_agent: dict[str, str] = {}
