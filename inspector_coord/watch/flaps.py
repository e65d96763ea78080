"""CORE. Nodes that come and go: one event with a count, and a quiet time that doubles with each reopening."""

from __future__ import annotations

from collections import deque

import msgspec

from inspector_coord.watch import limits
from inspector_coord.watch.settings import Settings

__all__ = ["Flapping", "Flaps"]


class Flapping(msgspec.Struct):
    """A node that flaps.

    count: its transitions since the first that counted; gone: whether the last was one; quiet_s: how long it must be
    still.
    """

    since: float
    last_at: float
    count: int
    quiet_s: float
    gone: bool | None


class Flaps:
    """Transitions of the last `flap_window_s`, by node, and those that are flapping."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()
        self._quiet_s = max(limits.flap_quiet_s, self._settings.flap_window_s)
        self._times: dict[str, deque[float]] = {}
        self._gone: dict[str, bool] = {}  # what the last of them was
        self._order: deque[tuple[float, str]] = deque()
        self._reopened: dict[str, tuple[int, float]] = {}  # how often it flapped, and until when that counts
        self.flapping: dict[str, Flapping] = {}

    def note(self, name: str, now: float, *, gone: bool) -> Flapping | None:
        """A node has come or gone; its state if it flaps, now or since before.

        Who is gone according to one entry after the other has gone once.
        """
        self._expire(now)
        known = self.flapping.get(name)
        if known is not None:
            known.count += known.gone is not gone
            known.last_at, known.gone = now, gone
            return known
        if self._gone.get(name) is gone:
            return None
        self._gone[name] = gone
        times = self._times.setdefault(name, deque(maxlen=self._settings.flap_count))
        times.append(now)
        self._order.append((now, name))
        if len(times) < self._settings.flap_count:
            return None
        self._drop(name)
        openings, until = self._reopened.get(name, (0, now))
        openings = openings + 1 if now <= until else 1
        quiet_s = self._quiet_s * min(2 ** (openings - 1), limits.flap_quiet_growth_max)
        self._reopened[name] = (openings, now + quiet_s + limits.flap_memory_s)
        self.flapping[name] = Flapping(times[0], now, self._settings.flap_count, quiet_s, gone)
        return self.flapping[name]

    def take_over(self, name: str, since: float, count: int, now: float) -> None:
        """It was flapping when the watcher began."""
        self.flapping[name] = Flapping(since, now, count, self._quiet_s, None)

    def recognise(self, now: float) -> None:
        """Members are known from now on: what those that were taken over have done before, nobody has seen."""
        for known in self.flapping.values():
            if known.gone is None:
                known.last_at = now

    def still_at(self, name: str, *, failed: bool) -> float:
        """When it counts as still: sooner where it stays failed, as then it has to be told as something else."""
        known = self.flapping[name]
        return known.last_at + (min(known.quiet_s, self._settings.flap_failed_s) if failed else known.quiet_s)

    def end(self, name: str) -> None:
        """It does not flap any more."""
        self.flapping.pop(name, None)

    def forget(self, name: str) -> None:
        """It is no member any more."""
        self.end(name)
        self._drop(name)

    def _drop(self, name: str) -> None:
        self._times.pop(name, None)
        self._gone.pop(name, None)

    def _expire(self, now: float) -> None:
        while self._order and self._order[0][0] < now - self._settings.flap_window_s:
            _, name = self._order.popleft()
            times = self._times.get(name)
            while times and times[0] < now - self._settings.flap_window_s:
                times.popleft()
            if times is not None and not times:
                self._drop(name)
        while len(self._reopened) > limits.flap_reopened_max:
            del self._reopened[next(iter(self._reopened))]
