"""What the commands of a lab share: data on stdout, progress on stderr, refusals in a sentence with their exit code."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from inspector_lab.errors import BreakError, LabError, PlanError

FAILED, USAGE, INTERRUPTED = 1, 2, 130


def say(line: str) -> None:
    """Progress."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def show(document: Any) -> None:
    """Data, as JSON."""
    sys.stdout.write(json.dumps(document, indent=1) + "\n")


@contextmanager
def plain_errors() -> Iterator[None]:
    """A refusal is one sentence and an exit code, never a stack trace."""
    try:
        yield
    except (PlanError, BreakError) as failure:
        say(f"inspector-lab: {failure}")
        raise typer.Exit(USAGE) from failure
    except LabError as failure:
        say(f"inspector-lab: {failure}")
        raise typer.Exit(FAILED) from failure
    except KeyboardInterrupt as interrupt:
        say("inspector-lab: interrupted; everything that had been started is gone again")
        raise typer.Exit(INTERRUPTED) from interrupt


def program(name: str) -> str:
    """How to call a command of this installation: by its name where PATH finds it, else by its whole path."""
    beside = Path(sys.executable).with_name(name)
    return name if shutil.which(name) == str(beside) or not beside.exists() else shell_word(beside)


def shell_word(path: Path) -> str:
    """A path to be pasted into a shell."""
    return shlex.quote(str(path))
