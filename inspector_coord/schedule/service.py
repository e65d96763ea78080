"""The schedule at work (trio shell): wait for a slot, take the turn, sweep in a process of its own, keep and tell."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import trio

from inspector_coord.plain import plain
from inspector_coord.schedule import limits
from inspector_coord.schedule.plan import UNENDED, Due, Job, Plan, Ran, Swept
from inspector_coord.schedule.state import Keeper
from inspector_coord.second_pass.child import Child

__all__ = ["Sweeper", "go_on", "run_due", "serve", "sweeper"]


Sweeper = Callable[[Job, Path], Awaitable[Swept]]
"""Runs a job's sweep, which leaves its report in that file, unless it made none."""


def sweeper(config_file: Path) -> Sweeper:
    """Sweeps by `inspector` in a process of its own."""

    async def sweep(job: Job, report: Path) -> Swept:
        program = [sys.executable, "-m", "inspector_coord.schedule.child", str(os.getpid())]
        options = ["--config", str(config_file), "sweep", f"--output={report}", f"--scheduled={job.name}"]
        child, said = Child([*program, *options, *job.words], os.environ), bytearray()
        with trio.move_on_after(limits.run_s_max) as scope:
            async with child.ended(), trio.open_nursery() as nursery:
                nursery.start_soon(child.collect, child.stdout, bytearray(), limits.said_bytes_max)
                nursery.start_soon(child.collect, child.stderr, said, limits.said_bytes_max)
                await child.gone()
        if scope.cancelled_caught or child.returncode is None:
            return Swept(exit_code=UNENDED, said=f"it took more than {limits.run_s_max:g} s and was ended")
        return await trio.to_thread.run_sync(_swept, child.returncode, report, bytes(said))

    return sweep


async def serve(
    plan: Plan,
    keeper: Keeper,
    sweep: Sweeper,
    tell: Callable[[Ran], None],
    say: Callable[[str], None],
    clock: Callable[[], float] = time.time,
) -> None:
    """Run what is due, until cancelled. `tell` gets each sweep that is over, `say` what a person should know beside."""
    while True:
        go_on(plan, clock(), say)
        if await run_due(plan, keeper, sweep, tell, clock) is None:
            await trio.sleep(max(0.0, min(plan.wake_at(clock()) - clock(), limits.look_s)))


def go_on(plan: Plan, now: float, say: Callable[[str], None]) -> None:
    """Have jobs go on from the present that a clock which was set back has left behind, and say so."""
    for name in plan.mend(now):
        say(f"schedule {name}: its last sweep was in the future; the clock was set back, it goes on from now")


async def run_due(
    plan: Plan, keeper: Keeper, sweep: Sweeper, tell: Callable[[Ran], None], clock: Callable[[], float] = time.time
) -> Ran | None:
    """Run the job that is due, if there is one; None where there is none."""
    if plan.due(clock()) is None:
        return None
    async with keeper.turn():
        plan.learn(keeper.read(), clock())
        due = plan.due(clock())  # another process may have used the slot while this one waited
        if due is None:
            return None
        ran = await _run(due, plan, keeper, sweep, clock)
    tell(ran)
    return ran


async def _run(due: Due, plan: Plan, keeper: Keeper, sweep: Sweeper, clock: Callable[[], float]) -> Ran:
    name = due.job.name
    began = plan.begin(due, clock())
    keeper.write(name, began)
    report = keeper.report(name)
    report.unlink(missing_ok=True)  # a sweep that fails must not look like the one before
    swept = await sweep(due.job, report)
    ended = plan.end(name, clock(), swept.exit_code)
    keeper.write(name, ended)
    return Ran(job=name, slot=due.slot, began=ended.began, ended=ended.ended, missed=ended.missed, swept=swept)


def _swept(code: int, report: Path, said: bytes) -> Swept:
    """What the report says; where the sweep made none, its last words."""
    try:
        with report.open("rb") as file:
            told = msgspec.json.decode(file.read(limits.report_bytes_max), type=Swept)
    except (OSError, msgspec.DecodeError):
        lines = said.decode("utf-8", "replace").strip().splitlines()
        return Swept(exit_code=code, said=plain(lines[-1], limits.said_bytes_max) if lines else "nothing was said")
    return msgspec.structs.replace(told, exit_code=code)
