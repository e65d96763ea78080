"""`inspector sweep`: configuration and release in, one sweep, a second pass, the report shown and kept."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec
import trio
from rich.console import Console

from config_center.files import write_whole
from inspector_coord.config import Config, default_path, group_text, load
from inspector_coord.errors import ConfigError, CoordError
from inspector_coord.escalate import escalate, why_not
from inspector_coord.faces import html, junit, ndjson, terminal
from inspector_coord.groups import read_groups
from inspector_coord.kept_releases import KeptReleases
from inspector_coord.plain import json_text
from inspector_coord.release_cache import ReleaseCache
from inspector_coord.report import Report, add_second_pass, build
from inspector_coord.sweep import FleetSweep, Outcome, Request

__all__ = ["Faces", "sweep"]

T = TypeVar("T")


class Faces(msgspec.Struct, frozen=True, kw_only=True):
    """How the report is shown: on stdout as JSON, NDJSON, or else for people; and written to files."""

    as_json: bool = False
    ndjson: bool = False
    junit: Path | None = None
    html: Path | None = None
    output: Path | None = None


def sweep(
    config_file: Path | None,
    request: Request,
    faces: Faces,
    *,
    escalates: bool,
    scheduled: str = "",
    history: bool = True,
) -> int:
    """Sweep, keep, show, and book in the history; the exit code. Raises CoordError where nothing could be asked.

    scheduled: the job that this is for, if any.
    """
    config = load(config_file or default_path())
    report, outcome = trio.run(_run, config, request, escalates)
    keep(config.last_report, report)
    try:
        show(report, faces)
    finally:
        if history and config.history_at is not None:
            from inspector_coord.history.keeping import keep_in_history

            source = "schedule" if scheduled else "hand"
            keep_in_history(config, report, outcome.reader.releases, outcome.known, source)
    code: int = report["exit_code"]
    return code


async def _run(config: Config, request: Request, escalates: bool) -> tuple[Report, Outcome]:  # noqa: FBT001 -- trio.run takes no keywords
    groups = read_groups({name: group_text(value) for name, value in config.groups.items()})
    fleet = FleetSweep(config, groups, request)
    cache = ReleaseCache.of(config)
    with terminal.Progress() as progress:
        outcome = await _interruptible(fleet.interrupt, lambda: fleet.run(cache.current, progress.update))
        past = await trio.to_thread.run_sync(KeptReleases.of(config).past, _other_releases(outcome))
        report = build(outcome.facts, outcome.ledger, past, outcome.reader)
        if escalates:
            await _second_pass(config, outcome, report, progress)
    return report, outcome


def _other_releases(outcome: Outcome) -> set[bytes]:
    """Prefixes of the releases that stale answers are about."""
    answers = [node.answer for node in outcome.ledger if node.answer is not None]
    return {answer.release for answer in answers} - {outcome.ledger.release}


async def _second_pass(config: Config, outcome: Outcome, report: Report, progress: terminal.Progress) -> None:
    """Look again; Ctrl-C ends only this, and the report says so."""
    skipped = why_not(config, await trio.to_thread.run_sync(Path.home), os.environ)
    if outcome.facts.interrupted:
        skipped = "second pass skipped: the sweep was interrupted"
    if skipped:
        if report["exit_code"]:
            report["notes"].append(skipped)
        return
    began = trio.current_time()
    states = {state: count for state, count in report["ledger"].items() if state != "targets" and count}

    def say(phase: str) -> None:
        progress.update(states, report["ledger"]["targets"], trio.current_time() - began, phase)

    try:
        found = await _interruptible(lambda: False, lambda: escalate(config, outcome, report, say))
    except KeyboardInterrupt:
        report["notes"].append("second pass skipped: interrupted")
    else:
        add_second_pass(report, found)


async def _interruptible(interrupt: Callable[[], bool], work: Callable[[], Awaitable[T]]) -> T:
    """Do `work`, while Ctrl-C and SIGTERM call `interrupt`; where that says False, the work is cancelled.

    Raises KeyboardInterrupt in that case, and the CoordError of the work as it is.
    """
    done: list[T] = []
    problems: list[CoordError] = []

    async def watch(scope: trio.CancelScope, task_status: trio.TaskStatus[None]) -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            task_status.started()
            async for _ in signals:
                if not interrupt():
                    scope.cancel()

    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as scope:
            await nursery.start(watch, scope)
            try:
                done.append(await work())
            except CoordError as problem:
                problems.append(problem)
        nursery.cancel_scope.cancel()
    if problems:
        raise problems[0]
    if not done:
        raise KeyboardInterrupt
    return done[0]


def keep(path: Path, report: Report) -> None:
    """Leave the report for `inspector explain`; a full disk must not cost the report itself."""
    try:
        write_whole(path, msgspec.json.encode(report))
    except OSError as problem:
        print(f"inspector: the report could not be kept in {path}: {problem.strerror or problem}", file=sys.stderr)


def show(report: Report, faces: Faces) -> None:
    """Print the report and write what files are wanted. Raises ConfigError for a file that cannot be written."""
    if faces.as_json:
        print(json_text(report))
    elif faces.ndjson:
        for line in ndjson.lines(report):
            print(line)
    else:
        terminal.render(report, Console(highlight=False))
    sys.stdout.flush()
    files: Mapping[Path | None, Callable[[], str]] = {
        faces.junit: lambda: junit.render(report),
        faces.html: lambda: html.render(report),
        faces.output: lambda: json_text(report) + "\n",
    }
    for path, made in files.items():
        if path is None:
            continue
        try:
            write_whole(path, made().encode("utf-8", "replace"))
        except OSError as problem:
            raise ConfigError(f"{path} cannot be written: {problem.strerror or problem}") from problem
