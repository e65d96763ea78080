"""CORE. The member events of one Serf agent, as it tells them: gathered for a while, and what cancels out left away.

Read in Serf v0.9.4, coalesce.go and coalesce_member.go, with the two times that `serf agent` sets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from inspector_lab.liveness import limits
from inspector_lab.simulated.timeline import Timeline

__all__ = ["Stream"]


class Stream:
    """`tell(kind, hosts)` is called with what the agent says: join, leave, failed, update or reap."""

    def __init__(self, timeline: Timeline, tell: Callable[[str, Sequence[int]], None]) -> None:
        self._timeline = timeline
        self._tell = tell
        self._pending: dict[int, str] = {}
        self._last: dict[int, str] = {}
        self._first_at = self._latest_at = 0.0

    def put(self, kind: str, host: int) -> None:
        """It happened now."""
        now = self._timeline.now
        if not self._pending:
            self._first_at = now
            self._timeline.at(now + limits.quiescent_s, self._look)
        self._latest_at = now
        self._pending[host] = kind

    def _look(self) -> None:
        """Tell, once it was quiet for a while, or at the latest."""
        due = min(self._latest_at + limits.quiescent_s, self._first_at + limits.coalesce_s)
        if due > self._timeline.now + limits.rounding_s:
            self._timeline.at(due, self._look)
            return
        kinds: dict[str, list[int]] = {}
        for host, kind in self._pending.items():
            if self._last.get(host) != kind or kind == "update":
                self._last[host] = kind
                kinds.setdefault(kind, []).append(host)
        self._pending.clear()
        for kind, hosts in kinds.items():
            self._tell(kind, hosts)
