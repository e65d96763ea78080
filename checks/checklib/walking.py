"""A walk through all that lies below a directory: bounded, and from descriptor to descriptor as every walk here."""

from __future__ import annotations

import os
import stat

from checklib import limits
from checklib.errors import CannotTell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def walk(top: int, path: str, depth: int | None, entries_max: int) -> Iterator[tuple[str, os.stat_result]]:
    """Path and lstat(2) of all that lies below an open directory, which is closed in the end; see Root.find."""
    # Directories that are open, with their paths and the names still to come.
    levels: list[tuple[int, str, list[str]]] = [(top, path.rstrip("/"), [])]
    much = CannotTell(f"more than {entries_max} files lie below {path}: name a smaller part of it")
    count = 0
    try:
        levels[0][2].extend(_backwards(top, entries_max))
        device = os.fstat(top).st_dev
        while levels:
            fd, path, names = levels[-1]
            if not names:
                os.close(levels.pop()[0])
                continue
            count += 1
            if count > entries_max:
                raise much
            here = f"{path}/{names[-1]}"
            status = _look(names.pop(), fd, here)
            if status is None:
                continue
            yield here, status
            if stat.S_ISDIR(status.st_mode) and status.st_dev == device and len(levels) != depth:
                levels += _enter(here, fd, len(levels), entries_max)
    finally:
        for fd, _, _ in levels:
            os.close(fd)


def _look(name: str, parent: int, path: str) -> os.stat_result | None:
    """What lies there; None where it has gone meanwhile."""
    try:
        return os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        error.filename = path
        raise


def _enter(path: str, parent: int, level: int, entries_max: int) -> list[tuple[int, str, list[str]]]:
    """One more level; none where the directory has gone meanwhile, or is a link by now."""
    if level >= limits.find_depth_max:
        raise CannotTell(f"{path} lies more than {limits.find_depth_max} directories deep: not looked into")
    try:
        fd = os.open(path.rpartition("/")[2], _DIRECTORY, dir_fd=parent)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        error.filename = path
        raise
    return [(fd, path, _backwards(fd, entries_max))]


def _backwards(fd: int, entries_max: int) -> list[str]:
    """The names of a directory, the first one last, and of a huge one no more than are needed to see that it is."""
    names = []
    with os.scandir(fd) as entries:
        for entry in entries:
            names.append(entry.name)
            if len(names) > entries_max:
                break
    return sorted(names, reverse=True)
