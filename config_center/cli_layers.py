"""Commands about layers: an example to start from, and what is wrong with them. `render` has a module of its own."""

from __future__ import annotations

import dataclasses
import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from config_center import cli_render
from config_center.acts import Standing
from config_center.cli_common import (
    HERE,
    Checks,
    Directory,
    Json,
    count_of,
    mistake_json,
    mistake_lines,
    print_json,
    say,
)
from config_center.describe import bundled_checks, catalogue_of
from config_center.drafting import draft_of, timestamp
from config_center.errors import ReleaseError
from config_center.example import write_example
from config_center.layers import LAYERS, Fleet, load_fleet
from config_center.mistakes import Mistake


class Format(StrEnum):
    """How mistakes are printed."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("init", epilog="\b\nExample:\n  config-center init /srv/fleet")(init_command)
    app.command(
        "validate",
        epilog="\b\nExamples:\n  config-center validate\n  config-center validate /srv/fleet --json\n"
        "  config-center validate --format github",
    )(validate_command)
    cli_render.register(app)


def init_command(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where the fleet's directory is to be.")],
) -> None:
    """Write a commented example to start from: a fleet of container hosts. Nothing is ever overwritten."""
    files = write_example(directory)
    place, store = (shlex.quote(str(path)) for path in (directory, directory / "published" / "center.db"))
    node = "--tag zone=a --tag rack=a1 --tag role=worker --tag purpose=shop"
    say(
        f"wrote {len(files)} files to {directory}: make them yours, and keep them in git. Then:",
        f"  config-center validate {place}",
        f"  config-center render n001 {node} --dir {place}",
        "  config-center keygen ~/.config/fleet-key",
        f'  config-center publish {place} --key ~/.config/fleet-key -m "the first one"',
        f"  config-center serve {store}",
    )


def validate_command(
    directory: Directory = HERE,
    how: Annotated[
        Format, typer.Option("--format", help="text; json; github: annotations of the lines of a change.")
    ] = Format.TEXT,
    checks: Checks = None,
    *,
    as_json: Json = False,
) -> None:
    """Report every mistake of the layers at once, as file:line:column. Exit 1 if there is any.

    Warnings are reported beside them, and change no exit code. Executables of the site in checks/ are run with
    --describe to learn what they take.
    """
    fleet = load_fleet(directory, catalogue_of(checks or bundled_checks()))
    if not fleet.mistakes:
        fleet = dataclasses.replace(fleet, mistakes=_unfit(fleet))
    items = len({item for layer in fleet.layers for item in layer.items})
    if as_json or how is Format.JSON:
        mistakes, warnings = ([mistake_json(one) for one in some] for some in (fleet.mistakes, fleet.warnings))
        counts = {"layers": len(fleet.layers), "items": items, "checks": len(fleet.parts)}
        print_json({"mistakes": mistakes, "warnings": warnings, **counts, "waivers": len(fleet.waivers)})
    else:
        for line in _annotations(fleet) if how is Format.GITHUB else _lines(fleet):
            print(line)
    warned = f"; {_warnings(len(fleet.warnings))}" if fleet.warnings else ""
    if fleet.mistakes:
        say(count_of(fleet.mistakes) + warned)
        raise typer.Exit(1)
    say(f"no mistakes: {len(fleet.layers)} layers, {items} items, {len(fleet.parts)} checks of the site{warned}")


def _unfit(fleet: Fleet) -> tuple[Mistake, ...]:
    """What is wrong with all layers together, such as their size as a release: `publish` would refuse it."""
    try:
        draft_of(Standing(), fleet, timestamp(None))
    except ReleaseError as error:
        return (Mistake(LAYERS, 1, 1, str(error)),)
    return ()


def _lines(fleet: Fleet) -> list[str]:
    """Mistakes, then warnings, each marked as one."""
    warnings = tuple(
        Mistake(one.file, one.line, one.column, f"warning: {one.what}", one.hint) for one in fleet.warnings
    )
    return mistake_lines(fleet.directory, fleet.mistakes) + mistake_lines(fleet.directory, warnings)


def _warnings(count: int) -> str:
    return f"{count} warning{'' if count == 1 else 's'}"


def _annotations(fleet: Fleet) -> list[str]:
    """As GitHub's workflow commands, which show each beside its line of a pull request."""
    kinds = (("error", fleet.mistakes), ("warning", fleet.warnings))
    return [_annotation(kind, fleet.directory, mistake) for kind, mistakes in kinds for mistake in mistakes]


def _annotation(kind: str, directory: Path, mistake: Mistake) -> str:
    file = _escaped(str(directory / mistake.file)).replace(":", "%3A").replace(",", "%2C")
    return f"::{kind} file={file},line={mistake.line},col={mistake.column}::{_escaped(mistake.text)}"


def _escaped(text: str) -> str:
    """As the runner reads it back: one line."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
