"""What the commands of `config-center` share: their common options, and how they print."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from config_center.mistakes import Mistake

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="The fleet's directory: layers/*.yml, checks/*.")]
Checks = Annotated[
    Path | None,
    typer.Option("--checks", metavar="DIR", help="Use the bundled checks of this folder.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
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
    """Words for a person, on stderr."""
    for line in lines:
        print(line, file=sys.stderr)
