"""Salt in a virtual environment of its own, kept below the user's cache directory: it must not meet our libraries."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

VERSION = "3008.3"
INSTALL_S = 600


def home() -> Path:
    """Where this version of Salt, for this Python, is kept."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "fleet-inspector" / f"salt-{VERSION}-python-{sys.version_info.major}.{sys.version_info.minor}"


def installed() -> Path | None:
    """The folder of Salt's programs, installed first where it is not; None, told on stderr, where that fails."""
    there = home()
    ready = there / "installed"
    if ready.exists():
        return there / "bin"
    print(f"Salt {VERSION}: installing, once, some two minutes …", file=sys.stderr)
    shutil.rmtree(there, ignore_errors=True)
    for command in (
        [sys.executable, "-m", "venv", str(there)],
        [str(there / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", f"salt=={VERSION}"],
        [str(there / "bin" / "salt"), "--version"],
    ):
        try:
            subprocess.run(command, check=True, stdout=sys.stderr, timeout=INSTALL_S)
        except (OSError, subprocess.SubprocessError) as failure:
            print(f"Salt {VERSION} cannot be had here, its figures are missing: {failure}", file=sys.stderr)
            return None
    ready.touch()
    return there / "bin"
