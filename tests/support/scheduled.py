"""A schedule whose sweeps are played and whose clock is trio's."""

from __future__ import annotations

from pathlib import Path

import trio

from inspector_coord.schedule.plan import Job, Plan, Ran, Swept
from inspector_coord.schedule.service import serve
from inspector_coord.schedule.state import Keeper
from inspector_coord.schedule.times import Every

START = 1_200_000.0  # a slot of 300 s


class Scene:
    """A schedule, of one job unless told, whose sweeps are this object's and take `takes_s`."""

    def __init__(self, folder: Path, *, every_s: float = 300.0) -> None:
        self.jobs = [Job(name="often", said="", times=Every(every_s))]
        self.said: list[str] = []
        self.told: list[Ran] = []
        self.began: list[float] = []
        self.whose: list[str] = []
        self.running = 0
        self.takes_s = 2.0
        self.keeper = Keeper(folder, self.said.append)
        self.began_at = trio.current_time()

    def clock(self) -> float:
        """The wall clock."""
        return START + trio.current_time() - self.began_at

    async def sweep(self, job: Job, _report: Path) -> Swept:
        """One sweep; two at once would be a mistake."""
        self.began.append(self.clock() - START)
        self.whose.append(job.name)
        self.running += 1
        assert self.running == 1
        await trio.sleep(self.takes_s)
        self.running -= 1
        return Swept(exit_code=0, ledger={"targets": 2, "pass": 2}, seconds=1.5)

    def plan(self) -> Plan:
        """As a program that starts now has it."""
        return Plan(self.jobs, self.keeper.read(), since=self.clock())

    async def run(self) -> None:
        """A whole program, until cancelled."""
        await serve(self.plan(), self.keeper, self.sweep, self.told.append, self.said.append, self.clock)
