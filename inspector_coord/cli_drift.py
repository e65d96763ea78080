"""The command `inspector drift`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector_coord.drift import limits
from inspector_coord.errors import ConfigError

__all__ = ["add"]

EXAMPLES = (
    "\b\nExamples:\n  inspector drift\n  inspector drift --since 36h rack=b2 --item 'sysctl:*' --verbose\n"
    "  inspector drift --since yesterday --fail-on major --html drift.html\n"
    "  inspector drift --compare 7d now --diff\n  inspector drift --compare rack=b1 rack=b2"
)

Targets = Annotated[
    list[str] | None,
    typer.Argument(metavar="[TARGET]...", help="n[001-010], n*, rack=b2, @group; several are a union; none: all."),
]
Exclude = Annotated[
    list[str] | None, typer.Option("-x", "--exclude", metavar="TARGET", help="Leave these out; repeat it for more.")
]
Items = Annotated[
    list[str] | None, typer.Option("--item", metavar="PATTERN", help="Only these items; repeat it for more.")
]


def add(app: typer.Typer) -> None:
    """Add it to `inspector`."""
    app.command("drift", epilog=EXAMPLES)(drift_command)


def drift_command(  # noqa: PLR0913 -- each is an option of the command line
    context: typer.Context,
    targets: Targets = None,
    exclude: Exclude = None,
    item: Items = None,
    *,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help=f"7d, 36h, yesterday, 2026-11-20, or RFC 3339; {limits.since_default} by default.",
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="The same; by default up to the last sweep.")
    ] = None,
    by: Annotated[
        str | None, typer.Option(metavar="WHAT,…", help="Count by item, layer, owner, or a tag such as zone, rack.")
    ] = None,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="A B", help="Two sweeps, two times, or two node sets; without --since, --by and --html."),
    ] = None,
    fail_on: Annotated[
        str,
        typer.Option(metavar="SEVERITY", help="Exit 1 only for new drift, or differences, so severe or worse."),
    ] = "info",
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write one self-contained HTML page.")] = None,
    diff: Annotated[bool, typer.Option("--diff", help="With --compare: as a unified diff.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the groups as CSV.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print it for a ticket or a chat.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Print all that is known of each group.")] = False,
) -> None:
    """Say what became wrong: since when, where first, and what had just happened there.

    Exit code: 0 no new drift; 1 new drift, of --compare: something came, or differs; 2 usage or configuration; 3 of
    some nodes or items nobody knows (wins over 1); 4 the history cannot be reached.
    """
    from inspector_coord.drift.commands import Faces, Question, drift
    from inspector_coord.drift.scope import Wanted

    forms = [form for form, wished in (("json", as_json), ("csv", as_csv), ("markdown", as_markdown)) if wished]
    if len(forms) > 1:
        raise ConfigError(f"--{' and --'.join(forms)} all print to stdout: choose one")
    if diff and (compare is None or forms):
        raise ConfigError("--diff is a way to print --compare A B: give that, and no other form")
    question = Question(
        since=since, until=until, wanted=Wanted(tuple(targets or ()), tuple(exclude or ()), tuple(item or ())),
        by=by, fail_on=fail_on, compare=compare,
    )  # fmt: skip
    faces = Faces(form=forms[0] if forms else "terminal", html=html, diff=diff, verbose=verbose)
    raise typer.Exit(drift(context.obj, question, faces))
