"""The command `inspector history` and those below it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from inspector_coord.errors import ConfigError
from inspector_coord.history import limits

__all__ = ["add"]

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Most = Annotated[
    int, typer.Option("--limit", metavar="N", min=1, max=limits.rows_shown_max, help="At most so many of each.")
]

EXAMPLES = (
    "\b\nExamples:\n  inspector history n006\n  inspector history sysctl:vm.swappiness --json\n"
    "  inspector history sweeps\n  inspector history 812\n  inspector history note --node n006 'disk replaced'"
)


class _ShowByDefault(TyperGroup):
    """`inspector history n006` is `inspector history show n006`: what is no command is looked up."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `show` before what is not a command of ours."""
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["show", *args]
        return super().parse_args(ctx, args)


history_app = typer.Typer(
    name="history",
    help="What the sweeps of the past have found: of a node, of an item, or in one sweep.",
    cls=_ShowByDefault,
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=EXAMPLES,
)


def add(app: typer.Typer) -> None:
    """Add it to `inspector`."""
    app.add_typer(history_app)


@history_app.command("show", epilog=EXAMPLES)
def show_command(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="NODE|ITEM|SWEEP", help="A node, an item's id, or a sweep's id.")],
    most: Most = limits.rows_shown,
    *,
    as_json: Json = False,
) -> None:
    """Tell what is known of a node, an item, or a sweep; `show` may be left out.

    Exit code: 0; 2 nothing is called so, or nothing is booked yet; 4 the database cannot be reached.
    """
    from inspector_coord.history.commands import show

    raise typer.Exit(show(context.obj, what, most, as_json=as_json))


@history_app.command("sweeps", epilog="\b\nExample:\n  inspector history sweeps --limit 10")
def sweeps_command(context: typer.Context, most: Most = 20, *, as_json: Json = False) -> None:
    """List the newest sweeps, newest first."""
    from inspector_coord.history.commands import show_sweeps

    raise typer.Exit(show_sweeps(context.obj, most, as_json=as_json))


@history_app.command("prune", epilog="\b\nExample:\n  inspector history prune --keep 90 --compact")
def prune_command(
    context: typer.Context,
    keep: Annotated[
        int,
        typer.Option(metavar="DAYS", min=limits.keep_days_min, max=limits.keep_days_max, help="Keep so many days."),
    ] = limits.keep_days,
    *,
    compact: Annotated[
        bool, typer.Option("--compact", help="Give the room back to the disk; takes as much again meanwhile.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Remove what ended long ago. What still stands stays, however old it is."""
    from inspector_coord.history.commands import prune_old

    raise typer.Exit(prune_old(context.obj, keep, compact=compact, as_json=as_json))


@history_app.command("export", epilog="\b\nExample:\n  inspector history export --output history.ndjson")
def export_command(
    context: typer.Context,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Into this new file [stdout].")] = None,
) -> None:
    """Print the whole history as NDJSON."""
    from inspector_coord.history.commands import export

    raise typer.Exit(export(context.obj, output))


@history_app.command(
    "import",
    epilog="\b\nExamples:\n  inspector history import history.ndjson\n  inspector history import reports/*.json",
)
def import_command(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="One export, or reports of sweeps (JSON).")],
    *,
    as_json: Json = False,
) -> None:
    """Take an export into an empty history, all of it or nothing; or book reports of sweeps, oldest first."""
    from inspector_coord.history.commands import import_files

    raise typer.Exit(import_files(context.obj, files, as_json=as_json))


@history_app.command(
    "note", epilog="\b\nExample:\n  inspector history note 'switch b1 replaced' --at 2026-03-01T02:10:00Z"
)
def note_command(
    context: typer.Context,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What happened.")],
    node: Annotated[str | None, typer.Option(metavar="NODE", help="To this node [all].")] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="When, RFC 3339 [now].")] = None,
    kind: Annotated[str, typer.Option(metavar="KIND", help="note, or operation.")] = "note",
) -> None:
    """Write down what happened, so that a drift report can show it beside what became wrong."""
    from inspector_coord.history.commands import note

    if kind not in ("note", "operation"):
        raise ConfigError(f"--kind {kind}: note or operation")
    raise typer.Exit(note(context.obj, text, node, at, kind))
