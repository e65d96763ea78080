"""CORE. The watcher of one ring: events in, effects out. A first one, which believes Serf."""

from __future__ import annotations

from collections.abc import Sequence

from inspector_coord.watch.model import (
    Action,
    Ask,
    Effect,
    Event,
    Happening,
    Kind,
    MembersChanged,
    MembersRead,
    ReadMembers,
    Tell,
    VantageUp,
)
from inspector_coord.watch.settings import Settings

__all__ = ["NEVER", "RingWatcher"]

NEVER = float("inf")


class RingWatcher:
    """`ring`: its name. Give every event to `handle` as it comes, and a Tick at `wake_at`.

    ring_id         any number of the caller's own: tells the questions of several watchers apart
    open_incidents  the last Happening of each incident that was still open, their times in the present clock
    first_number    of the incidents to come; above every number told before
    """

    def __init__(
        self,
        ring: str,
        *,
        ring_id: int = 0,
        open_incidents: Sequence[Happening] = (),
        first_number: int = 1,
        settings: Settings | None = None,
    ) -> None:
        self.ring = ring
        self.settings = settings or Settings()
        self.wake_at = NEVER
        self._ring_id = ring_id
        self._number = max([first_number - 1, *(one.number for one in open_incidents)])
        self._down: dict[str, Happening] = {name: one for one in open_incidents for name in one.nodes}
        self._asks = 0
        self._vantage: int | None = None
        self._roll_at = 0.0

    def handle(self, event: Event, now: float) -> list[Effect]:
        """What follows from an event, in order."""
        effects: list[Effect] = []
        if isinstance(event, VantageUp) and self._vantage is None:
            self._vantage, self._roll_at = event.vantage, now + 1.0
            effects.append(ReadMembers(event.vantage))
        elif isinstance(event, MembersRead | MembersChanged) and event.vantage == self._vantage:
            for member in event.members:
                effects += self._member(member.name, member.status, now)
        if self._vantage is not None and now >= self._roll_at:
            self._roll_at, self._asks = now + self.settings.roll_s, self._asks + 1
            effects.append(Ask(self._asks, self._vantage, (), (), 1.2, 1.0, id=self._asks.to_bytes(4, "big")))
        self.wake_at = self._roll_at if self._vantage is not None else NEVER
        return effects

    def _member(self, name: str, status: str, now: float) -> list[Effect]:
        known = self._down.get(name)
        if (status == "failed") == (known is not None):
            return []
        if known is None:
            self._number += 1
            number, since, action = self._number, now, Action.OPENED
        else:
            number, since, action = known.number, known.since, Action.CLOSED
        told = Happening(
            number=number, action=action, kind=Kind.DOWN, nodes=(name,), domain="", of=0, since=since, at=now,
            evidence="Serf says so", back=(name,) if known else (),
        )  # fmt: skip
        if known is None:
            self._down[name] = told
        else:
            del self._down[name]
        return [Tell(told)]
