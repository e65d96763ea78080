"""Files that are whole or not there: written aside, synced, renamed. Every room writes what must last this way."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

ASIDE = ".new-"
"""How the name of a file being written begins. Only a crash leaves one behind; who owns the folder takes it away."""


def write_whole(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Replace a file by `content` in one step, its folder made where it is missing. Raises OSError, leaving nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, aside = tempfile.mkstemp(prefix=f"{ASIDE}{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.replace(aside, path)  # noqa: PTH105 - one call, which a crash test can stop
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def stamp_of(path: Path) -> tuple[int, int, int]:
    """Which file this is, how big, and when it was written last; zeros where it cannot be told. Never raises."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0, 0
    return found.st_ino, found.st_size, found.st_mtime_ns
