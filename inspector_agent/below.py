"""Files below a root directory, of a machine that nobody vouches for: no link leads out, and nothing is waited for.

Below any root but "/" a path is walked from descriptor to descriptor, and links are resolved as a process with that
root would resolve them; what a link of /proc says is taken as text, so that such a link leads nowhere else either.
Every function raises OSError, and nothing else, whatever the path holds or leads to.
"""

from __future__ import annotations

import errno
import os
import stat
from itertools import islice

LINKS_MAX = 40  # as the kernel
DEPTH_MAX = 64  # directories of one path, each an open descriptor while it is walked

_PLACE = os.O_PATH | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC  # a FIFO must not be waited for


def read(root: str, path: str, bytes_max: int) -> bytes:
    """A regular file's content, at most `bytes_max` of it."""
    place = _place(root, path)
    try:
        if not stat.S_ISREG(os.fstat(place).st_mode):
            raise OSError(errno.EINVAL, "no regular file", path)
        file = os.open(f"/proc/self/fd/{place}", _READ)  # this very file, whatever its name leads to by now
    finally:
        os.close(place)
    try:
        content = bytearray()
        while len(content) < bytes_max and (piece := os.read(file, bytes_max - len(content))):
            content += piece
        return bytes(content)
    finally:
        os.close(file)


def exists(root: str, path: str) -> bool:
    """Whether the path leads to something that can be seen; raises nothing."""
    try:
        os.close(_place(root, path))
    except OSError:
        return False
    return True


def names(root: str, path: str, count_max: int) -> list[str]:
    """The names in a directory, at most `count_max` of them, in no order."""
    place = _place(root, path)
    try:
        directory = os.open(f"/proc/self/fd/{place}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(place)
    try:
        with os.scandir(directory) as entries:
            return [entry.name for entry in islice(entries, count_max)]
    finally:
        os.close(directory)


def link(root: str, path: str) -> str:
    """What a symbolic link says, as text that nobody follows; "" where there is no link."""
    folder, _, name = path.rpartition("/")
    try:
        place = _place(root, folder)
    except OSError:
        return ""
    try:
        return os.readlink(name, dir_fd=place)
    except OSError:
        return ""
    finally:
        os.close(place)


def statvfs(root: str, path: str) -> os.statvfs_result:
    """What the filesystem that holds the path tells of itself."""
    place = _place(root, path)
    try:
        return os.statvfs(place)
    finally:
        os.close(place)


def _place(root: str, path: str) -> int:
    """A descriptor of what the path leads to, not opened for anything; the caller closes it."""
    if "\0" in path:
        raise OSError(errno.EINVAL, "no path", path)
    if not root.strip("/"):
        return os.open("/" + path.lstrip("/"), _PLACE)
    way = [os.open(root, _PLACE | os.O_DIRECTORY)]
    ahead = path.split("/")[::-1]
    links = 0
    try:
        while ahead:
            name = ahead.pop()
            if name == "..":
                _back(way, max(1, len(way) - 1))
            elif name not in {"", "."}:
                way.append(os.open(name, _PLACE | os.O_NOFOLLOW, dir_fd=way[-1]))
                if stat.S_ISLNK(os.fstat(way[-1]).st_mode):
                    target = os.readlink("", dir_fd=way[-1])
                    links += 1
                    _back(way, 1 if target.startswith("/") else len(way) - 1)
                    ahead.extend(target.split("/")[::-1])
            if links > LINKS_MAX or len(way) > DEPTH_MAX:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        return way.pop()
    finally:
        _back(way, 0)


def _back(way: list[int], length: int) -> None:
    """Leave directories until so many are left; the first one is the root, which is its own parent."""
    while len(way) > length:
        os.close(way.pop())
