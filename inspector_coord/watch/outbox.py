"""CORE. What one Alertmanager has to be told, and when: of each alert only its newest state is kept.

new or changed   at once
taken over       not before it is put, or is over: another watcher told it, and it may have ended since
standing         again every `resend_s`, each time to lapse after three times that: nobody has to resolve the alerts of
                 a watcher that is dead, and those of one that lives stay
over             after `resolve_after_s`. Another watcher that sees the same tells its last words within that time, so
                 that none of them comes after the end and makes the alert anew. Who is ill again meanwhile was never
                 well.
undeliverable    what is over for longer than it takes to lapse by itself is forgotten
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from inspector_coord.watch import limits
from inspector_coord.watch.agenda import NEVER
from inspector_coord.watch.alerts import Alert, Labels

__all__ = ["Outbox", "Push"]


class Push(msgspec.Struct, frozen=True):
    """One alert to be told. ended: Unix time at which it was over, None while it stands; again: told before just so."""

    alert: Alert
    ended: float | None
    again: bool


class _Entry(msgspec.Struct):
    alert: Alert
    due: float
    ended: float | None = None
    forget_at: float = NEVER
    told: Alert | None = None  # what arrived last


class Outbox:
    """Times in a steadily growing clock, but for the Unix time at which an alert was over.

    dropped  alerts for which there was no room
    """

    def __init__(self, resend_s: float) -> None:
        self._resend_s = resend_s
        self._entries: dict[Labels, _Entry] = {}
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._entries)

    def hold(self, taken_over: Mapping[Labels, Alert]) -> None:
        """Alerts that a watcher before this one has told: known here, and told when they are put, or over."""
        for labels, alert in taken_over.items():
            self._stand(labels, alert, NEVER)

    def put(self, changed: Mapping[Labels, Alert | None], now: float, unix: float) -> None:
        """What `Book.told` gave, at the Unix time at which that happened."""
        for labels, alert in changed.items():
            if alert is not None:
                self._stand(labels, alert, now)
            elif labels in self._entries:
                entry = self._entries[labels]
                entry.ended, entry.told, entry.due = unix, None, now + limits.resolve_after_s
                entry.forget_at = now + limits.resolve_after_s + limits.resends_missed * self._resend_s

    def _stand(self, labels: Labels, alert: Alert, due: float) -> None:
        entry = self._entries.get(labels)
        if entry is not None:
            entry.alert, entry.due, entry.ended, entry.forget_at = alert, due, None, NEVER
        elif len(self._entries) < limits.alerts_max:
            self._entries[labels] = _Entry(alert, due)
        else:
            self.dropped += 1

    def due(self, now: float) -> list[Push]:
        """What is to be told now, the longest due first, as much as goes into one request."""
        for labels in [labels for labels, entry in self._entries.items() if entry.forget_at <= now]:
            del self._entries[labels]
        ready = sorted((entry for entry in self._entries.values() if entry.due <= now), key=lambda entry: entry.due)
        return [Push(entry.alert, entry.ended, entry.told is entry.alert) for entry in ready[: limits.push_alerts_max]]

    def sent(self, pushes: Iterable[Push], now: float) -> None:
        """These have arrived, or need not; what has changed since `due` stays due."""
        for push in pushes:
            entry = self._entries.get(push.alert.labels)
            if entry is None or entry.alert is not push.alert or entry.ended != push.ended:
                continue
            if entry.ended is not None:
                del self._entries[push.alert.labels]
            else:
                entry.told, entry.due = entry.alert, now + self._resend_s

    @property
    def next_at(self) -> float:
        """When there is something to tell."""
        return min((entry.due for entry in self._entries.values()), default=NEVER)
