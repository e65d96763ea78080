"""The commands `inspector schedule` and `inspector serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from inspector_coord.errors import ConfigError

__all__ = ["add"]

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def add(app: typer.Typer) -> None:
    """Add them to `inspector`."""
    app.command(
        "schedule",
        epilog="\b\nExamples:\n  inspector schedule\n  inspector schedule --run nightly",
    )(schedule_command)
    app.command(
        "serve", epilog="\b\nExamples:\n  inspector serve --headless\n  inspector serve --headless --no-watch --json"
    )(serve_command)


def schedule_command(
    context: typer.Context,
    jobs: Annotated[list[str] | None, typer.Argument(metavar="[JOB]...", help="With --run: these; none: all.")] = None,
    *,
    run: Annotated[bool, typer.Option("--run", help="Run what is due, and end.")] = False,
    as_json: Json = False,
) -> None:
    """Show the sweeps that coordinator.yml schedules, the next one first; or run what is due now.

    With --run each slot is used once, a late one too, and by one process of this machine only: a second call finds
    nothing to do. Exit code: 0 all passed, or nothing is due; else the worst of `inspector sweep`'s; 4 also where a
    sweep took too long or was killed; 130 after Ctrl-C or SIGTERM.
    """
    from inspector_coord.schedule.commands import run_once, show

    if jobs and not run:
        raise ConfigError("JOB goes with --run: without it all jobs are shown")
    names = tuple(jobs or ())
    raise typer.Exit(run_once(context.obj, names, as_json=as_json) if run else show(context.obj, as_json=as_json))


def serve_command(
    context: typer.Context,
    *,
    headless: Annotated[bool, typer.Option("--headless", help="No console: the schedule and the watch.")] = False,
    no_watch: Annotated[bool, typer.Option("--no-watch", help="The schedule alone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object an event or sweep.")] = False,
) -> None:
    """Run the scheduled sweeps, and beside them the watch of all rings, until Ctrl-C or SIGTERM.

    Each sweep is a process of its own, one at a time; its report is kept in the cache and booked in the history.
    """
    from inspector_coord.schedule.commands import serve_all

    if not headless:
        raise ConfigError("there is no console to serve: run `inspector serve --headless`")
    raise typer.Exit(serve_all(context.obj, watches=not no_watch, as_json=as_json))
