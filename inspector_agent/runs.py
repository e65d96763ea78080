"""Runs of checks: one at a time, shared where they would look at the same items, queued and bounded."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from inspector_agent import limits
from inspector_agent.tally import Tally, selected, tally

if TYPE_CHECKING:
    from config_center.resolve import Baseline, Item
    from inspector_agent.findings import Finding

OVERDUE = "the run was stopped at its time limit"
CLOCK_S_MAX = 253_402_300_799  # the end of the year 9999: a clock beyond it is wrong, and no reason to fall over


def day_of(clock: float) -> str:
    """The day of a Unix time in seconds, "YYYY-MM-DD" in UTC."""
    return datetime.fromtimestamp(min(max(clock, 0.0), CLOCK_S_MAX), UTC).date().isoformat()


@dataclass(frozen=True, slots=True)
class Wish:
    """What a sweep wants looked at: some items of one release as this node has it, on one day.

    `mark` stands for the items with all that is in them: the same lines can expect other values after a change of
    facts. `today` ("YYYY-MM-DD", UTC) decides which waivers hold.
    """

    digest: str
    release_number: int
    items: tuple[Item, ...]
    today: str
    mark: bytes

    @classmethod
    def of(cls, baseline: Baseline, patterns: tuple[str, ...], today: str) -> Wish:
        """The items of a baseline that match the patterns."""
        items = selected(baseline.items, patterns)
        mark = blake2b(msgspec.json.encode(items), digest_size=limits.mark_bytes).digest()
        return cls(baseline.digest, baseline.release_number, items, today, mark)


@dataclass(slots=True)
class Run:
    """One run of some items of one release, as the shell orders it.

    `items`, `found` and `shares` are let go when it is finished: what is remembered of it is the tally of each share.

    Attributes:
        sound: its findings hold for others too: it has not been stopped or failed, and the node is still the same.
        ended_clock: Unix time of `ended_at`; the monotonic one stands still while a machine sleeps.
    """

    number: int
    digest: str
    items: tuple[Item, ...]
    found: dict[int, Finding] = field(default_factory=dict)
    shares: list[Share] = field(default_factory=list)
    started_at: float | None = None
    ended_at: float | None = None
    ended_clock: float = 0.0
    sound: bool = True

    def share(self, wish: Wish) -> Share | None:
        """The part of this run that the wish is for, if it will look at all of it from now on.

        An item that it has spoken of already was looked at before whoever wishes now has asked.
        """
        if self.ended_at is not None or not self.sound or self.digest != wish.digest:
            return None
        mine = {item.number: item for item in self.items}
        if tuple(mine.get(item.number) for item in wish.items) != wish.items:
            return None
        if self.found and any(item.number in self.found for item in wish.items):
            return None
        for share in self.shares:
            if (share.mark, share.today) == (wish.mark, wish.today):
                return share
        return self.take(wish)

    def take(self, wish: Wish) -> Share:
        """A share of its own for a wish that this run fulfils."""
        share = Share(self, wish.release_number, wish.items, wish.today, wish.mark)
        self.shares.append(share)
        return share

    def finish(self, now: float, clock: float, why: str = "") -> None:
        """No more findings will come; the items without one err, for the reason `why`."""
        if self.ended_at is None:
            self.ended_at, self.ended_clock = now, clock
            self.sound = self.sound and not why
            for share in self.shares:
                share.result = tally(share.items, self.found, share.today, missing=why)
                share.items = ()
            self.items, self.found, self.shares = (), {}, []


@dataclass(slots=True)
class Share:
    """What some sweeps have of a run: the items that they want. `result` is set when it is finished."""

    run: Run
    release_number: int
    items: tuple[Item, ...]
    today: str
    mark: bytes
    result: Tally | None = None

    @property
    def finished(self) -> bool:
        """Whether its verdict will not change any more."""
        return self.result is not None

    @property
    def complete(self) -> bool:
        """Whether all its items are known; others of its run may not be yet."""
        return self.finished or all(item.number in self.run.found for item in self.items)

    def tally(self) -> Tally:
        """What is known now."""
        return self.result if self.result is not None else tally(self.items, self.run.found, self.today, missing=None)

    def took_ms(self, now: float) -> int:
        """Milliseconds from the start of its run to the end, or to now."""
        if self.run.started_at is None:
            return 0
        return round(((now if self.run.ended_at is None else self.run.ended_at) - self.run.started_at) * 1000)

    def age_s(self, now: float, clock: float) -> float:
        """Seconds since its run ended, by the clock that says more."""
        return 0.0 if self.run.ended_at is None else max(now - self.run.ended_at, clock - self.run.ended_clock)

    def fulfils(self, wish: Wish) -> bool:
        """Whether this verdict is on the same items of the same release, and of the same day."""
        mine = (self.run.digest, self.mark, self.today)
        return self.finished and self.run.sound and mine == (wish.digest, wish.mark, wish.today)


class Runs:
    """The run under way and those that wait."""

    def __init__(self) -> None:
        self.running: Run | None = None
        self._queue: deque[Run] = deque()
        self._last = 0

    def join(self, wish: Wish, now: float, clock: float) -> Share | None:
        """A share of a run for this: one that is under way or queued already, a new one, or None: the queue is full."""
        for run in (*([self.running] if self.running else []), *self._queue):
            share = run.share(wish) if wish.items else None
            if share is not None:
                return share
        if wish.items and len(self._queue) >= limits.runs_queued_max:
            return None
        self._last += 1
        run = Run(self._last, wish.digest, wish.items)
        share = run.take(wish)
        if wish.items:
            self._queue.append(run)
        else:
            run.finish(now, clock)
        return share

    def start(self, now: float) -> Run | None:
        """The next run, if none is under way."""
        if self.running is not None or not self._queue:
            return None
        self.running = self._queue.popleft()
        self.running.started_at = now
        return self.running

    @property
    def stop_at(self) -> float | None:
        """When the run under way will have outlived its limit and the grace its runner has beyond."""
        run = self.running
        if run is None or run.started_at is None or run.ended_at is not None:
            return None
        return run.started_at + limits.run_s_max + limits.run_grace_s

    def stop(self, now: float, clock: float) -> Run | None:
        """The run under way, if it is overdue: its verdict is closed, but none other starts until it has ended."""
        at = self.stop_at
        if self.running is None or at is None or now < at:
            return None
        self.running.finish(now, clock, OVERDUE)
        return self.running

    def found(self, number: int, finding: Finding) -> None:
        """One outcome. What a run says after its end, or of an item twice, changes nothing."""
        run = self.running
        if run is not None and run.number == number and run.ended_at is None:
            run.found.setdefault(finding.number, finding)

    def ended(self, number: int, now: float, clock: float, why: str) -> None:
        """Nothing is left of the run."""
        if self.running is not None and self.running.number == number:
            self.running.finish(now, clock, why)
            self.running = None
