"""CORE. What a Serf agent's log tells sooner than its events, or tells alone.

`serf agent` gathers member events until a second has passed without one, three at most, before it gives them out. Its
log has the line at once. What a line names is then asked for, so the log is only a hint, whoever may have written it.
"""

from __future__ import annotations

import re

__all__ = ["EVENT_OF", "changed_name", "dropped"]

EVENT_OF = {"alive": "join", "failed": "failed", "left": "leave"}
"""What has happened to a member that is listed so."""

_CHANGED = re.compile(r"\[INFO\] serf: EventMember(?:Failed|Join|Leave): (.+) \S+$")
_DROPPED = re.compile(r"\[WARN\] agent: Dropping event to ")


def changed_name(line: str) -> str | None:
    """Whose status has changed, as a log line says; None: it says no such thing."""
    found = _CHANGED.search(line.rstrip())
    return found[1] if found is not None else None


def dropped(line: str) -> bool:
    """Whether the agent has dropped an event for somebody who was slow to take it; it says not for whom."""
    return _DROPPED.search(line) is not None
