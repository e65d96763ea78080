"""Files that are whole or not there: written aside, synced, renamed. Every room writes what must last this way."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

ASIDE = ".new-"
"""How the name of a file being written begins. Only a crash leaves one behind; who owns the folder takes it away."""


def write_whole(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Replace a file by `content` in one step, its folder made where it is missing. Raises OSError, leaving nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _aside(path, (content,), mode) as aside:
        os.replace(aside, path)  # noqa: PTH105 - one call, which a crash test can stop
    sync_folder(path.parent)


def write_new(path: Path, parts: Iterable[bytes], *, mode: int = 0o644) -> None:
    """Make a file that was not there before in one step, of parts. Raises OSError, leaving nothing."""
    if path.exists():  # said at once, not after minutes of writing
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    with _aside(path, parts, mode) as aside:
        path.hardlink_to(aside)  # a rename would replace what came to be there in the meantime
    sync_folder(path.parent)


@contextmanager
def _aside(path: Path, parts: Iterable[bytes], mode: int) -> Iterator[str]:
    """A synced file beside it, to be given its name; what has not got one is gone at the end."""
    descriptor, aside = tempfile.mkstemp(prefix=f"{ASIDE}{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.writelines(parts)
            file.flush()
            os.fsync(descriptor)
        yield aside
    finally:
        Path(aside).unlink(missing_ok=True)


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
