"""Running another program to its end and taking what it printed. Standard library only: set-up uses it too."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from inspector_lab.errors import LabError, SetupError

LAST_LINES = 15


def call(
    command: Sequence[str],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    failure: type[LabError] = SetupError,
) -> str:
    """Run one command without a terminal and return its stdout; raises `failure` with its last lines.

    `environment` comes on top of our own.
    """
    done = subprocess.run(
        command,
        env={**os.environ, **(environment or {})},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-LAST_LINES:])
        raise failure(f"`{' '.join(command)}` ended with exit code {done.returncode}:\n{last}")
    return done.stdout


def succeeds(command: Sequence[str]) -> bool:
    """Whether a command exists and ends with exit code 0; what it prints is thrown away."""
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
