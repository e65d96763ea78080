"""Runs of checks: one at a time, shared where they would look at the same items, queued and bounded."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

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


@dataclass(slots=True)
class Run:
    """One run of some items of one release.

    `items` and `found` are let go when it is finished: what is remembered of it is `result`. `today` is the day
    ("YYYY-MM-DD", UTC) on which it was asked for: waivers that last until then hold.
    """

    number: int
    digest: str
    release_number: int
    items: tuple[Item, ...]
    today: str
    found: dict[int, Finding] = field(default_factory=dict)
    started_at: float | None = None
    result: Tally | None = None
    took_s: float = 0.0

    @property
    def finished(self) -> bool:
        """Whether its verdict will not change any more."""
        return self.result is not None

    def tally(self) -> Tally:
        """What is known now."""
        return self.result if self.result is not None else tally(self.items, self.found, self.today, missing=None)

    def took_ms(self, now: float) -> int:
        """Milliseconds from its start to its end, or to now."""
        if self.finished:
            return round(self.took_s * 1000)
        return 0 if self.started_at is None else round((now - self.started_at) * 1000)

    def finish(self, now: float, why: str = "") -> None:
        """No more findings will come; the items without one err, for the reason `why`."""
        if self.result is None:
            self.result = tally(self.items, self.found, self.today, missing=why)
            self.took_s = 0.0 if self.started_at is None else now - self.started_at
            self.items, self.found = (), {}


class Runs:
    """The run under way and those that wait."""

    def __init__(self) -> None:
        self.running: Run | None = None
        self._queue: deque[Run] = deque()
        self._last = 0

    def join(self, baseline: Baseline, patterns: tuple[str, ...], now: float, today: str) -> Run | None:
        """A run for these items: one that is under way or queued already, a new one, or None: the queue is full."""
        items = selected(baseline.items, patterns)
        for run in (*([self.running] if self.running else []), *self._queue):
            if not run.finished and (run.digest, run.items) == (baseline.digest, items):
                return run
        if items and len(self._queue) >= limits.runs_queued_max:
            return None
        self._last += 1
        run = Run(self._last, baseline.digest, baseline.release_number, items, today)
        if items:
            self._queue.append(run)
        else:
            run.finish(now)
        return run

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
        if run is None or run.started_at is None or run.finished:
            return None
        return run.started_at + limits.run_s_max + limits.run_grace_s

    def stop(self, now: float) -> Run | None:
        """The run under way, if it is overdue: its verdict is closed, but none other starts until it has ended."""
        at = self.stop_at
        if self.running is None or at is None or now < at:
            return None
        self.running.finish(now, OVERDUE)
        return self.running

    def found(self, number: int, finding: Finding) -> None:
        """One outcome. What a run says after its end, or of an item twice, changes nothing."""
        run = self.running
        if run is not None and run.number == number and not run.finished:
            run.found.setdefault(finding.number, finding)

    def ended(self, number: int, now: float, why: str) -> None:
        """Nothing is left of the run."""
        if self.running is not None and self.running.number == number:
            self.running.finish(now, why)
            self.running = None
