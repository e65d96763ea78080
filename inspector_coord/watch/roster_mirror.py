"""CORE. What one vantage lists, kept up by its events and made whole by reading it again.

Serf drops member events when a stream is full, and a connection that was away has missed some. So the list is read
again after every connect and from time to time. What differs then is a change like any other, found by comparison.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inspector_agent.ring import Member
from inspector_coord.watch import limits
from inspector_coord.watch.agenda import NEVER

__all__ = ["GONE", "RosterMirror"]

STATUS_AFTER = {"join": "alive", "leave": "left", "failed": "failed", "reap": ""}
"""What a member is after an event of Serf; `update` changes no status."""

GONE = ("left", "none", "")


class RosterMirror:
    """Statuses by name of the members that have not left. whole: it was read since the connection was made.

    failed: since when those are listed so that are failed, as far as that was seen.
    """

    def __init__(self) -> None:
        self.whole = False
        self.statuses: dict[str, str] = {}
        self.failed: dict[str, float] = {}
        self._recent: dict[str, float] = {}  # names that an event has changed lately

    def read(self, members: Sequence[Member], now: float) -> bool:
        """Take a reading over; False where it has to be made again.

        What an event has changed a moment ago stays: the reading may be older than that event, or newer.
        """
        self._forget(now)
        statuses: dict[str, str] = {member.name: member.status for member in members if member.status not in GONE}
        doubtful = False
        for name in self._recent:
            before = self.statuses.get(name, "")
            if statuses.get(name, "") != before:
                doubtful = True
                if before:
                    statuses[name] = before
                else:
                    del statuses[name]
        self.statuses = statuses
        seen = now if self.whole else -NEVER  # who was failed before there was a connection may have been so for long
        self.failed = {name: self.failed.get(name, seen) for name, status in statuses.items() if status == "failed"}
        self.whole = True
        return not doubtful

    def changed(self, what: str, members: Iterable[Member], now: float) -> list[tuple[Member, str]]:
        """What an event has really changed: members and their status now, "" for those that are gone."""
        news = []
        for member in members:
            status = STATUS_AFTER.get(what, member.status)
            status = "" if status in GONE else status
            self._recent.pop(member.name, None)
            self._recent[member.name] = now
            if self.statuses.get(member.name, "") != status:
                self._set(member.name, status, now)
                news.append((member, status))
        self._forget(now)
        return news

    def _forget(self, now: float) -> None:
        """Events that are no longer fresh: they stand first."""
        while self._recent:
            name, at = next(iter(self._recent.items()))
            if now - at < limits.event_fresh_s:
                return
            del self._recent[name]

    def _set(self, name: str, status: str, now: float) -> None:
        if status:
            self.statuses[name] = status
        else:
            self.statuses.pop(name, None)
        if status == "failed":
            self.failed[name] = now
        else:
            self.failed.pop(name, None)
