"""The command `inspector`. Data on stdout, progress and errors on stderr.

Exit codes of `inspector sweep`: 0 every target passed; 1 some fail or err; 2 usage or configuration; 3 coverage is
incomplete (wins over 1); 4 no entry could be reached. 130 if it is interrupted before anything was asked.
"""

from __future__ import annotations

import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from config_center.extras import INTERRUPTED
from inspector_coord import cli_drift, cli_history, cli_schedule, limits
from inspector_coord.errors import ConfigError, CoordError

app = typer.Typer(
    name="inspector",
    help="Is every node what it should be, and if not, which ones and why?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="\b\nExamples:\n  inspector sweep\n  inspector sweep rack=b2 'n[001-010]' --item 'sysctl:*'\n"
    "  inspector explain n006\n  inspector doctor",
)

Targets = Annotated[
    list[str] | None,
    typer.Argument(metavar="[TARGET]...", help="n[001-010], n*, rack=b2, @group; several are a union; none: all."),
]
Exclude = Annotated[
    list[str] | None, typer.Option("-x", "--exclude", metavar="TARGET", help="Leave these out; repeat it for more.")
]
Timeout = Annotated[float, typer.Option(metavar="S", help="Seconds until the ledger closes, at the latest.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def main() -> None:
    """Run the command line; the only place where an error of ours becomes an exit code."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a locale without such a letter is no reason to say nothing
    try:
        app(prog_name="inspector")
    except CoordError as error:
        print(f"inspector: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("inspector: interrupted before anything was asked", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): nobody is left to tell, and Python must not try at exit.
        sys.stdout = None
        sys.exit(1)


@app.callback()
def options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="coordinator.yml [the user's, else /etc/inspector's]"),
    ] = None,
) -> None:
    """Take what belongs to all commands."""
    context.obj = config


@app.command(
    "sweep",
    epilog="\b\nExamples:\n  inspector sweep\n  inspector sweep @web -x n003 --item 'sysctl:*' --json\n"
    "  inspector sweep --max-age 60",
)
def sweep_command(  # noqa: PLR0913 -- each is an option of the command line
    context: typer.Context,
    targets: Targets = None,
    exclude: Exclude = None,
    item: Annotated[
        list[str] | None, typer.Option("--item", metavar="PATTERN", help="Only these items; repeat it for more.")
    ] = None,
    timeout: Timeout = limits.timeout_s,
    max_age: Annotated[
        float, typer.Option(metavar="S", help="A node may repeat a verdict that is at most so old; 0: none.")
    ] = 0.0,
    *,
    no_escalate: Annotated[bool, typer.Option("--no-escalate", help="No second pass by Ansible.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    ndjson: Annotated[bool, typer.Option("--ndjson", help="Print the report as one JSON object a line.")] = False,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write one self-contained HTML page.")] = None,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the report (JSON).")] = None,
    no_history: Annotated[bool, typer.Option("--no-history", help="Do not book it in the history.")] = False,
    scheduled: Annotated[str, typer.Option("--scheduled", hidden=True, help="The job that this sweep is for.")] = "",
) -> None:
    """Ask every target whether it is what it should be; fold, explain and count the answers.

    Exit code: 0 every target passed; 1 some fail or err; 2 usage or configuration; 3 some were not covered (down,
    silent, stalled, stale, uncovered); 4 no entry could be reached.
    """
    from inspector_coord.sweep import Request
    from inspector_coord.sweep_command import Faces, sweep

    if as_json and ndjson:
        raise ConfigError(
            "--json and --ndjson both print to stdout: choose one, or write the report with --output FILE"
        )
    _check_timeout(timeout)
    if not 0 <= max_age <= limits.max_age_s:
        raise ConfigError(f"--max-age {max_age:g} is not in 0 … {limits.max_age_s:g} seconds")
    request = Request(tuple(targets or ()), tuple(exclude or ()), tuple(item or ()), timeout, max_age)
    faces = Faces(as_json=as_json, ndjson=ndjson, junit=junit, html=html, output=output)
    escalates, history = not no_escalate, not no_history
    raise typer.Exit(sweep(context.obj, request, faces, escalates=escalates, scheduled=scheduled, history=history))


@app.command(
    "nodes", epilog="\b\nExamples:\n  inspector nodes\n  inspector nodes zone=a --folded\n  inspector nodes --watch"
)
def nodes_command(
    context: typer.Context,
    targets: Targets = None,
    exclude: Exclude = None,
    *,
    folded: Annotated[bool, typer.Option("--folded", help="Print one node set.")] = False,
    live: Annotated[bool, typer.Option("--watch", help="Show how all rings are, until Ctrl-C.")] = False,
    for_s: Annotated[float | None, typer.Option("--for", metavar="S", help="With --watch: end after so long.")] = None,
    as_json: Json = False,
) -> None:
    """List the members of all rings, or show with --watch how they are, as `inspector watch` judges them.

    With --watch the exit code is 0 however they are: for scripts there is `inspector watch --once`.
    """
    if live:
        from inspector_coord.watch.commands import nodes_watch

        if targets or exclude or folded or as_json:
            raise ConfigError(
                "nodes --watch shows all nodes, for people: leave targets and other options away; "
                "JSON is what `inspector watch --json` prints"
            )
        raise typer.Exit(nodes_watch(context.obj, for_s))
    if for_s is not None:
        raise ConfigError("--for is how long --watch goes on: give --watch, too")
    from inspector_coord.other_commands import nodes

    raise typer.Exit(nodes(context.obj, tuple(targets or ()), tuple(exclude or ()), folded=folded, as_json=as_json))


@app.command(
    "watch",
    epilog="\b\nExamples:\n  inspector watch                           until Ctrl-C\n"
    "  inspector watch --once                    what is open now\n"
    "  inspector watch --ring main --json | jq .\n"
    "  inspector watch --alertmanager http://alerts:9093 --metrics 127.0.0.1:9108",
)
def watch_command(
    context: typer.Context,
    *,
    ring: Annotated[
        list[str] | None, typer.Option("--ring", metavar="R", help="Only this ring; repeat it for more.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Look, judge, print what is open, and end.")] = False,
    for_s: Annotated[float | None, typer.Option("--for", metavar="S", help="End after so many seconds.")] = None,
    no_store: Annotated[bool, typer.Option("--no-store", help="Do not write the journal in the cache.")] = False,
    alertmanager: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Push alerts there; repeat it for a cluster's others.")
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS:PORT", help="Serve figures for Prometheus there; '': nowhere, also if configured."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object an event.")] = False,
) -> None:
    """Follow the members of all rings, let witnesses look at who is suspected, and say what happened, once.

    Exit code after --once and --for: 0 nothing is open; 1 something is; 3 a ring could not be judged, as too little of
    it is heard or none of its entries can be reached; 4 no entry could be reached, of no ring. 0 after Ctrl-C or
    SIGTERM; 2 usage or configuration.
    """
    from inspector_coord.watch.commands import Wish, watch

    wish = Wish(
        rings=tuple(ring or ()), as_json=as_json, once=once, for_s=for_s, store=not no_store,
        alertmanager=tuple(alertmanager or ()), metrics=metrics,
    )  # fmt: skip
    raise typer.Exit(watch(context.obj, wish))


@app.command("explain", epilog="\b\nExamples:\n  inspector explain n006\n  inspector explain sysctl:vm.swappiness")
def explain_command(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="NODE|ITEM", help="A node's name, or an item's id.")],
    report: Annotated[Path | None, typer.Option(metavar="FILE", help="This report, not the last sweep's.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """Say why a node is in its state, or what an item expects and who differs, from the last sweep's report."""
    from inspector_coord.other_commands import explain

    raise typer.Exit(explain(context.obj, what, report, as_json=as_json))


@app.command("announce", epilog="\b\nExample:\n  inspector announce 12 9b1f0c7d4e5a6b21")
def announce_command(
    context: typer.Context,
    serial: Annotated[int, typer.Argument(metavar="SERIAL", help="The act's serial, from `config-center log`.")],
    digest: Annotated[str, typer.Argument(metavar="DIGEST", help="The release's digest.")],
    *,
    as_json: Json = False,
) -> None:
    """Tell the agents of all rings that something was published: they fetch ahead, each after a moment of its own.

    Exit code: 0 every ring was told; 3 some could not be; 4 none could.
    """
    from inspector_coord.ring_commands import announce

    raise typer.Exit(announce(context.obj, serial, digest, as_json=as_json))


@app.command("releases", epilog="\b\nExamples:\n  inspector releases\n  inspector releases rack=b1 --json")
def releases_command(
    context: typer.Context,
    targets: Targets = None,
    exclude: Exclude = None,
    timeout: Timeout = limits.timeout_s,
    *,
    as_json: Json = False,
) -> None:
    """Say which nodes hold which release. Nothing is checked, and nothing is fetched.

    Exit code: 0 everybody answered; 3 not all; 4 no entry could be reached.
    """
    from inspector_coord.ring_commands import releases

    _check_timeout(timeout)
    raise typer.Exit(releases(context.obj, tuple(targets or ()), tuple(exclude or ()), timeout, as_json=as_json))


@app.command("doctor")
def doctor_command(context: typer.Context, *, as_json: Json = False) -> None:
    """Look whether everything is there that a sweep needs. Exit 1 if something would keep it from working."""
    from inspector_coord.other_commands import doctor

    raise typer.Exit(doctor(context.obj, as_json=as_json))


def _check_timeout(timeout: float) -> None:
    if not limits.timeout_s_min <= timeout <= limits.timeout_s_max:
        raise ConfigError(
            f"--timeout {timeout:g} is not in {limits.timeout_s_min:g} … {limits.timeout_s_max:g} seconds"
        )


cli_schedule.add(app)
cli_drift.add(app)
cli_history.add(app)
