"""`inspector schedule` and `inspector serve`: what they run, and how it is told."""

from __future__ import annotations

import os
import signal
import socket
import time
from datetime import UTC, datetime, tzinfo
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import trio

from inspector_coord.config import Config, default_path, load
from inspector_coord.errors import ConfigError, Interrupted, NoEntryError
from inspector_coord.fleet_rings import first_error
from inspector_coord.plain import json_line, json_text
from inspector_coord.schedule.plan import Job, Past, Plan, Ran
from inspector_coord.schedule.reading import jobs_of
from inspector_coord.schedule.service import go_on, run_due, serve, sweeper
from inspector_coord.schedule.state import Keeper
from inspector_coord.schedule.words import ran_line, table
from inspector_coord.watch.commands import say
from inspector_coord.watch.journal import Journal
from inspector_coord.watch.outlets import listeners_of, outlets_of
from inspector_coord.watch.output import Output, Printer
from inspector_coord.watch.service import watch as watch_rings
from inspector_coord.watch.systemd import Systemd
from inspector_coord.watch.telling_times import stamp

__all__ = ["run_once", "serve_all", "show"]

LOCAL_TIME = Path("/etc/localtime")


def show(config_file: Path | None, *, as_json: bool) -> int:
    """Print the jobs, the next one first. Raises ConfigError."""
    config = load(config_file or default_path())
    keeper, now = _keeper(config), time.time()
    plan = Plan(_jobs(config), keeper.read(), socket.gethostname())
    plan.mend(now)
    if as_json:
        jobs = [
            {
                "name": job.name,
                "when": job.said,
                "next": _rfc3339(plan.next(job, now)),
                "last": _last(plan.past[job.name]),
            }
            for job in plan.jobs.values()
        ]
        print(json_text(jobs))
    else:
        print("\n".join(table(plan, now, stamp)))
    return 0


def run_once(config_file: Path | None, names: tuple[str, ...], *, as_json: bool) -> int:
    """Run what is due of these jobs, all without names, one after another; the worst exit code.

    Raises ConfigError, and Interrupted where Ctrl-C or SIGTERM came first.
    """
    config = load(config_file or default_path())
    jobs = _jobs(config)
    if unknown := sorted(set(names) - {job.name for job in jobs}):
        raise ConfigError(
            f"{config.file}: schedule has no job {unknown[0]!r}: it has {', '.join(j.name for j in jobs)}"
        )
    return trio.run(_run_once, config, [job for job in jobs if not names or job.name in names], as_json)


async def _run_once(config: Config, jobs: list[Job], as_json: bool) -> int:  # noqa: FBT001 -- trio.run takes no keywords
    keeper, output, ran, through = _keeper(config), Output(), [], False
    plan = Plan(jobs, keeper.read(), socket.gethostname())
    go_on(plan, time.time(), say)
    # The timer that calls this is the jitter: what has a slot now begins now.
    plan.jobs = {name: msgspec.structs.replace(job, jitter_s=0.0) for name, job in plan.jobs.items()}
    with first_error():
        async with trio.open_nursery() as nursery:
            await nursery.start(_until_signal, nursery.cancel_scope)
            tell = partial(_tell, output=output, as_json=as_json)
            while (one := await run_due(plan, keeper, sweeper(config.file), tell)) is not None:
                ran.append(one.swept.exit_code)
                del plan.jobs[one.job]  # its next slot is the next call's
            through = True
            nursery.cancel_scope.cancel()
    output.check()
    if not through:
        raise Interrupted("interrupted: a sweep that had begun is broken off, and its slot counts as used")
    if not ran:
        say("nothing is due: each job has used its last slot, or was never run and its slot is long past")
    return max((_exit_code(code) for code in ran), default=0)


def _exit_code(code: int) -> int:
    """What a shell is told: a sweep that took too long or was killed asked nobody to the end."""
    return code if code >= 0 else NoEntryError.exit_code


def serve_all(config_file: Path | None, *, watches: bool, as_json: bool) -> int:
    """Run the schedule, and the watch where wanted, until Ctrl-C or SIGTERM. Raises ConfigError, and see `Output`."""
    config = load(config_file or default_path())
    output = Output()
    trio.run(_serve, config, _jobs(config), output, watches, as_json)
    output.check()
    return 0


async def _serve(config: Config, jobs: list[Job], output: Output, watches: bool, as_json: bool) -> None:  # noqa: FBT001 -- trio.run takes no keywords
    keeper = _keeper(config)
    plan = Plan(jobs, keeper.read(), socket.gethostname(), since=time.time())
    go_on(plan, time.time(), say)
    for line in table(plan, time.time(), stamp):
        say(line)
    with first_error():
        async with trio.open_nursery() as nursery:
            await nursery.start(_until_signal, nursery.cancel_scope)
            tell = partial(_tell, output=output, as_json=as_json)
            nursery.start_soon(serve, plan, keeper, sweeper(config.file), tell, say)
            if watches:
                nursery.start_soon(
                    partial(_watch, config, Printer(output, as_json=as_json, several=len(config.rings) > 1))
                )
            elif os.environ.get("NOTIFY_SOCKET"):
                nursery.start_soon(Systemd(os.environ).run)
            await output.until_broken()
            nursery.cancel_scope.cancel()


async def _watch(config: Config, printer: Printer) -> None:
    journal = Journal(config.cache_dir / "watch", say)
    past = journal.read(config.rings)
    outlets = outlets_of(config.watch, file=config.file)
    await watch_rings(config, [printer, journal, *listeners_of(outlets, say)], past=past, say=say)


async def _until_signal(scope: trio.CancelScope, task_status: trio.TaskStatus[None]) -> None:
    """Ctrl-C and SIGTERM end all in good order: a sweep closes its ledger."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for _ in signals:
            scope.cancel()


def _keeper(config: Config) -> Keeper:
    return Keeper(config.cache_dir / "schedule", say)


def _jobs(config: Config) -> list[Job]:
    if not config.schedule:
        raise ConfigError(
            f"{config.file} has no schedule: add such as\n  schedule:\n    nightly: {{cron: '30 3 * * *', jitter: 2m}}"
        )
    return jobs_of(config.schedule, _here, time.time(), str(config.file))


def _here() -> tzinfo:
    """The machine's own time zone: TZ, /etc/localtime, or else UTC. Raises ConfigError for a TZ that is none."""
    name = os.environ.get("TZ", "")
    try:
        if name:
            return ZoneInfo(name.removeprefix(":"))
        if LOCAL_TIME.is_file():
            with LOCAL_TIME.open("rb") as file:
                return ZoneInfo.from_file(file, key="local")
    except (ZoneInfoNotFoundError, ValueError, OSError) as problem:
        raise ConfigError(
            f"the machine's time zone {name or LOCAL_TIME} cannot be read: give the job a `timezone`"
        ) from problem
    return ZoneInfo("UTC")


def _last(past: Past) -> dict[str, object] | None:
    """Its last sweep as `--json` has it; None where there was none."""
    if not past.began:
        return None
    times = {name: _rfc3339(at) if at else None for name, at in (("began", past.began), ("ended", past.ended))}
    return {"slot": _rfc3339(past.slot), **times, "missed": past.missed, "exit_code": past.exit_code}


def _tell(ran: Ran, *, output: Output, as_json: bool) -> None:
    """Print a sweep that is over."""
    times = {name: _rfc3339(at) for name, at in (("slot", ran.slot), ("began", ran.began), ("ended", ran.ended))}
    how = {"job": ran.job, **times, "missed": ran.missed, **msgspec.structs.asdict(ran.swept)}
    document = {"schema": "inspector.scheduled/1", **how}
    output.put(json_line(document) if as_json else ran_line(ran, stamp))


def _rfc3339(unix: float) -> str:
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
