"""The Pythons of this machine, with which the checks have to run: the second pass sends them to whatever a node has."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

FLOOR = (3, 9)
_NAME = re.compile(r"python3(\.\d+)?")


@cache
def pythons() -> dict[tuple[int, int], str]:
    """Version -> program, from the floor on: our own, those on the PATH, and those of pyenv, where there are any."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(":") if folder.startswith("/")]
    folders += sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions").glob("*/bin"))
    found = {(sys.version_info.major, sys.version_info.minor): sys.executable}
    for folder in folders:
        names = sorted(folder.iterdir()) if folder.is_dir() else []
        for path in names:
            version = _version(path) if _NAME.fullmatch(path.name) and os.access(path, os.X_OK) else (0, 0)
            if version >= FLOOR:
                found.setdefault(version, str(path))
    return dict(sorted(found.items()))


def _version(path: Path) -> tuple[int, int]:
    """What it says; (0, 0) of what says nothing, such as a shim of a version that is not chosen."""
    code = "import sys; print(*sys.version_info[:2])"
    try:
        done = subprocess.run([path, "-I", "-c", code], capture_output=True, text=True, timeout=60, check=False)
    except OSError:
        return (0, 0)
    words = done.stdout.split()
    return (int(words[0]), int(words[1])) if done.returncode == 0 and len(words) == 2 else (0, 0)
