"""What the commands of `config-center` share: their common options, and how they print."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from config_center.mistakes import Mistake
from config_center.reading import printable

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="The fleet's directory: layers/*.yml, checks/*.")]
Checks = Annotated[
    Path | None,
    typer.Option("--checks", metavar="DIR", help="Use the bundled checks of this folder.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Store = Annotated[
    str | None,
    typer.Option(
        "--store", metavar="WHERE", show_default=False, help="A file *.db, or a URL [published/center.db in DIR]."
    ),
]
Keys = Annotated[
    list[Path] | None,
    typer.Option("--key", metavar="FILE", show_default=False, help="Sign with this secret key; repeat it for more."),
]
Unsigned = Annotated[bool, typer.Option("--unsigned", help="Sign nothing, although it was signed before.")]
To = Annotated[
    list[Path] | None,
    typer.Option("--to", metavar="DIR", show_default=False, help="Export to this folder, too; repeat it for more."),
]
Export = Annotated[
    list[Path] | None,
    typer.Option("--export", metavar="DIR", show_default=False, help="Export to this folder; repeat it for more."),
]
Ring = Annotated[
    Path | None,
    typer.Option("--ring", metavar="FILE", show_default=False, help="coordinator.yml of the ring to tell."),
]
Roster = Annotated[
    Path | None,
    typer.Option(
        "--roster", metavar="FILE", show_default=False,
        help="Nodes to look at, as `inspector nodes --json` prints them [those that told the store about themselves].",
    ),
]  # fmt: skip
Message = Annotated[str, typer.Option("--message", "-m", metavar="TEXT", help="Why, for the audit trail.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what it would do, and do nothing.")]
HERE: Final = Path()


def mistake_lines(directory: Path, mistakes: tuple[Mistake, ...]) -> list[str]:
    """The mistakes with paths that an editor or a terminal can open from here."""
    return [f"{directory / mistake.file}:{mistake.line}:{mistake.column}: {mistake.text}" for mistake in mistakes]


def mistake_json(mistake: Mistake) -> dict[str, Any]:
    """Each part of a mistake by itself."""
    return {
        "file": mistake.file,
        "line": mistake.line,
        "column": mistake.column,
        "what": mistake.what,
        "hint": mistake.hint,
    }


def count_of(mistakes: tuple[Mistake, ...]) -> str:
    """How many mistakes in how many files, in words."""
    files = len({mistake.file for mistake in mistakes})
    return f"{len(mistakes)} mistake{'' if len(mistakes) == 1 else 's'} in {files} file{'' if files == 1 else 's'}"


def print_json(document: object) -> None:
    """Data for a program, on stdout."""
    print(json.dumps(document, indent=1, ensure_ascii=False))


def say(*lines: str) -> None:
    """Words for a person, on stderr; harmless to a terminal, whatever names are in them."""
    for line in lines:
        print("\n".join(map(printable, line.splitlines())), file=sys.stderr)
