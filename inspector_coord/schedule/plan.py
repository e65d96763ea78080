"""CORE. Which job is due: a slot that was missed is made up for once, a slot is never used twice, one runs at a time.

What is known of the past is one record a job (`Past`). A slot counts as used when its sweep *begins*: one that was
killed is not begun again before its next slot.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import msgspec

from inspector_coord.schedule import limits
from inspector_coord.schedule.times import Times, jitter_of

__all__ = ["UNENDED", "Due", "Job", "Past", "Plan", "Ran", "Swept"]

UNENDED = -1
"""Exit code of a sweep that took too long and was ended."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A sweep by the clock. `said`: its times, as a person wrote them. jitter_s: it begins up to so much later."""

    name: str
    said: str
    times: Times
    jitter_s: float = 0.0
    words: tuple[str, ...] = ()  # what `inspector sweep` is told


class Past(msgspec.Struct, frozen=True):
    """What is known of a job. Unix times in seconds, 0: never; exit_code None: it runs, or was killed.

    slot    the last one that was used
    missed  how many slots had passed unused before it
    """

    slot: float = 0.0
    began: float = 0.0
    ended: float = 0.0
    exit_code: int | None = None
    missed: int = 0


class Due(msgspec.Struct, frozen=True):
    """A job, and the slot that it is to use."""

    job: Job
    slot: float
    at: float


class Swept(msgspec.Struct, frozen=True, kw_only=True):
    """How a sweep ended.

    exit_code         of `inspector sweep`; UNENDED: it took too long
    ledger, seconds   of its report; empty where it made none
    said              the last words of a sweep without a report
    """

    exit_code: int
    ledger: dict[str, int] = {}
    seconds: float = 0.0
    said: str = ""


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """A scheduled sweep that is over. slot, began, ended: Unix time in seconds; missed: as in `Past`."""

    job: str
    slot: float
    began: float
    ended: float
    missed: int
    swept: Swept


class Plan:
    """All jobs of a coordinator, and what is known of each.

    since: from when on slots are waited for, Unix s; infinity: never. One that came later is no surprise, however long
    another job's sweep has kept it waiting.
    """

    def __init__(
        self, jobs: Iterable[Job], past: Mapping[str, Past], host: str = "", *, since: float = math.inf
    ) -> None:
        self.jobs = {job.name: job for job in jobs}
        self.past = {name: past.get(name, Past()) for name in self.jobs}
        self._host, self._since = host, since

    def due(self, now: float) -> Due | None:
        """The job to begin now: the one that has waited longest."""
        waiting = [due for job in self.jobs.values() if (due := self._waiting(job, now)) is not None]
        return min(waiting, key=lambda due: due.at, default=None)

    def next(self, job: Job, now: float) -> float:
        """When the job begins next; `now` where it is due."""
        if self._waiting(job, now) is not None:
            return now
        slot = job.times.last(now)
        begins = self._begins(job, slot)
        used = self.past[job.name].slot
        return begins if begins > now and slot > used else self._begins(job, job.times.next(max(now, used)))

    def wake_at(self, now: float) -> float:
        """When something begins next; infinity without a job."""
        return min((self.next(job, now) for job in self.jobs.values()), default=float("inf"))

    def begin(self, due: Due, now: float) -> Past:
        """The slot is used from now on."""
        name = due.job.name
        self.past[name] = Past(slot=due.slot, began=now, missed=self._missed(due))
        return self.past[name]

    def end(self, name: str, now: float, exit_code: int) -> Past:
        """Its sweep is over."""
        self.past[name] = msgspec.structs.replace(self.past[name], ended=now, exit_code=exit_code)
        return self.past[name]

    def mend(self, now: float) -> list[str]:
        """Jobs whose last slot lies beyond the next one: the clock was set back, and they go on from the present.

        The slot of the present counts as unused: whether it was is not known any more, and one that counted as used
        whenever the past is read anew would never come. A clock that was set back by less changes nothing: the job
        keeps what it has used, and waits for the slot after that.
        """
        back = [name for name, job in self.jobs.items() if self.past[name].slot > job.times.next(now)]
        for name in back:
            times = self.jobs[name].times
            self.past[name] = msgspec.structs.replace(self.past[name], slot=times.last(times.last(now) - 1))
        return back

    def learn(self, told: Mapping[str, Past], now: float) -> None:
        """Take what others have kept where it is newer: what could not be kept, on a full disk, is known here alone."""
        self.mend(now)
        others = Plan(self.jobs.values(), told)
        others.mend(now)
        for name, past in others.past.items():
            if past.slot > self.past[name].slot:
                self.past[name] = past

    def _waiting(self, job: Job, now: float) -> Due | None:
        slot = job.times.last(now)
        if self._begins(job, slot) > now:
            slot = job.times.last(slot - 1)
        at = self._begins(job, slot)
        past = self.past[job.name]
        if at > now or slot <= past.slot or not (past.slot or now - at <= limits.fresh_s or slot >= self._since):
            return None
        return Due(job, slot, at)

    def _begins(self, job: Job, slot: float) -> float:
        return slot + jitter_of(job.name, self._host, slot, job.jitter_s)

    def _missed(self, due: Due) -> int:
        past = self.past[due.job.name].slot
        if not past:
            return 0
        missed, slot = -1, past
        while slot < due.slot and missed < limits.missed_counted_max:
            slot = due.job.times.next(slot)
            missed += 1
        return missed
