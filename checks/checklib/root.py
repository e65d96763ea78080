"""Files below a root directory. No symbolic link, `..` or mount of names leads out of it: links are followed as a
process with that root would follow them (as openat2(2) does with RESOLVE_IN_ROOT), never by the machine's own root.

Every walk goes from descriptor to descriptor, so that nobody can swap a directory for a link in between.
"""

from __future__ import annotations

import errno
import os
import stat

from checklib import limits
from checklib.errors import CannotTell, NotApplicable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_WALK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC  # a FIFO must not be waited for
_READ_CHUNK_BYTES = 65_536


class Root:
    """A root directory. Paths given to it are absolute, as its own inhabitants would name them.

    is_host  it is the machine's own root
    read_bytes  of files so far, since whoever counts set it to 0
    Methods raise OSError, with the path as the root's inhabitants name it.
    """

    def __init__(self, path: str) -> None:
        self.path = os.path.normpath(path)
        self.is_host = self.path == "/"
        self.read_bytes = 0
        self._top: int | None = None
        self._directories: dict[str, int] = {}

    def close(self) -> None:
        """Close what was kept open for the next file."""
        for fd in self._directories.values():
            os.close(fd)
        self._directories.clear()
        if self._top is not None:
            os.close(self._top)
            self._top = None

    def read(self, path: str, bytes_max: int = limits.file_bytes_max) -> bytes:
        """All bytes of a regular file. Raises CannotTell where it has more than bytes_max or is no file."""
        fd = self.open(path)
        try:
            chunks = [self.chunk(fd, path, min(_READ_CHUNK_BYTES, bytes_max + 1))]
            size = len(chunks[0])
            while chunks[-1] and size <= bytes_max:
                chunks.append(self.chunk(fd, path, bytes_max + 1 - size))
                size += len(chunks[-1])
        finally:
            os.close(fd)
        if size > bytes_max:
            raise CannotTell(f"{path} has more than {bytes_max} bytes: too much to be looked into")
        return chunks[0] if len(chunks) == 2 else b"".join(chunks)

    def text(self, path: str, bytes_max: int = limits.file_bytes_max) -> str:
        """A file's text; bytes that are no UTF-8 are replaced."""
        return self.read(path, bytes_max).decode("utf-8", "replace")

    def written(self, path: str) -> str:
        """The text of a file that people write. Raises CannotTell where it is binary: nothing is absent from that."""
        raw = self.read(path)
        if b"\0" in raw:
            raise CannotTell(f"{path} is binary, and no text")
        return raw.decode("utf-8", "replace")

    def tail(self, path: str, bytes_max: int = limits.tail_bytes_max) -> tuple[str, bool]:
        """The last whole lines of a file that may be huge, in at most bytes_max bytes, and whether these are all."""
        fd = self.open(path)
        try:
            before = max(0, os.fstat(fd).st_size - bytes_max)
            os.lseek(fd, before, os.SEEK_SET)
            chunks = [self.chunk(fd, path, min(_READ_CHUNK_BYTES, bytes_max))]
            left = bytes_max - len(chunks[0])
            while chunks[-1] and left:
                chunks.append(self.chunk(fd, path, min(_READ_CHUNK_BYTES, left)))
                left -= len(chunks[-1])
        finally:
            os.close(fd)
        raw = b"".join(chunks)
        return (raw[raw.find(b"\n") + 1 :] if before else raw).decode("utf-8", "replace"), not before

    def find(
        self, path: str, *, depth: int | None = None, entries_max: int = limits.find_entries_max
    ) -> Iterator[tuple[str, os.stat_result]]:
        """Path and lstat(2) of all that lies below a directory, in order, on its filesystem; no link is followed.

        depth  1: only what it holds itself; None: all
        What goes away meanwhile is left out. Raises CannotTell where there is more than entries_max, or than can be
        walked; OSError where the directory is not there or one below it cannot be read.
        """
        from checklib.walking import walk  # few kinds look through directories

        if self.is_host:
            top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        else:
            with _Walk(self, path) as (directory, name):
                top = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        yield from walk(top, path, depth, entries_max)

    def open(self, path: str) -> int:
        """A descriptor to read a regular file; the caller closes it. Raises CannotTell where it is something else."""
        fd = os.open(path, _READ) if self.is_host else self._open_below(path)
        if stat.S_ISREG(os.fstat(fd).st_mode):
            return fd
        os.close(fd)
        raise CannotTell(f"{path} is no regular file")

    def chunk(self, fd: int, path: str, count: int) -> bytes:
        """One read from what `open` gave. Raises CannotTell where the budget of all reading is used up."""
        try:
            raw = os.read(fd, count)
        except OSError as error:
            error.filename = path
            raise
        self.read_bytes += len(raw)
        if self.read_bytes > limits.read_bytes_max:
            raise CannotTell(f"{path}: read more than {limits.read_bytes_max >> 20} MiB: ended by budget")
        return raw

    def stat(self, path: str, *, follow: bool = True) -> os.stat_result:
        """What stat(2) tells of the path, of the link itself where it is not to be followed."""
        if self.is_host:
            return os.stat(path, follow_symlinks=follow)  # noqa: PTH116 - no pathlib: see names()
        with _Walk(self, path, follow=follow) as (directory, name):
            return os.stat(name, dir_fd=directory, follow_symlinks=False)

    def statvfs(self, path: str) -> os.statvfs_result:
        """What statvfs(3) tells of the filesystem that holds the path."""
        if self.is_host:
            return os.statvfs(path)
        with _Walk(self, path) as (directory, name):
            fd = os.open(name, _WALK, dir_fd=directory)
            try:
                return os.statvfs(fd)
            finally:
                os.close(fd)

    def readlink(self, path: str) -> str:
        """Where a symbolic link points, as it is written."""
        if self.is_host:
            return os.readlink(path)  # noqa: PTH115 - no pathlib: see names()
        with _Walk(self, path, follow=False) as (directory, name):
            return os.readlink(name, dir_fd=directory)

    def names(self, path: str) -> list[str]:
        """The names in a directory, sorted; none where it is not there."""
        try:
            if self.is_host:
                return sorted(os.listdir(path))  # noqa: PTH208 - pathlib costs more to import than all checks
            with _Walk(self, path) as (directory, name):
                fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
                try:
                    return sorted(os.listdir(fd))  # noqa: PTH208 - the same
                finally:
                    os.close(fd)
        except (FileNotFoundError, NotADirectoryError):
            return []

    def exists(self, path: str) -> bool:
        """Whether the path leads to something."""
        try:
            self.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def on_host(self, path: str) -> str:
        """The path by which the machine's own root knows it, links resolved; where it would be, if it is not there."""
        if self.is_host:
            return path
        try:
            walk = _Walk(self, path)
            with walk as (_, name):
                return "/".join((self.path, *walk.names, name))
        except OSError:
            return f"{self.path}/{os.path.normpath(path).lstrip('/')}"

    def first(self, *paths: str) -> str:
        """The first of the paths that exists. Raises NotApplicable where none does."""
        for path in paths:
            if self.exists(path):
                return path
        raise NotApplicable(f"there is no {paths[0]}{self.whereabouts()}")

    def whereabouts(self) -> str:
        """For the end of a sentence: ` below /srv/image`, or nothing for the machine's own root."""
        return "" if self.is_host else f" below {self.path}"

    def _open_below(self, path: str) -> int:
        """Many files of one directory are read after each other: the way to it is walked once."""
        parent, _, name = path.rpartition("/")
        if name not in {"", ".", ".."}:
            try:
                return os.open(name, _READ | os.O_NOFOLLOW, dir_fd=self._directory(parent, path))
            except OSError as error:
                if error.errno != errno.ELOOP:
                    error.filename = path
                    raise
        with _Walk(self, path) as (directory, last):
            return os.open(last, _READ | os.O_NOFOLLOW, dir_fd=directory)

    def _directory(self, parent: str, path: str) -> int:
        fd = self._directories.get(parent)
        if fd is None:
            if len(self._directories) >= limits.directories_open_max:
                os.close(self._directories.pop(next(iter(self._directories))))
            with _Walk(self, parent, about=path) as (directory, name):
                fd = os.open(name, _WALK | os.O_DIRECTORY, dir_fd=directory)
            self._directories[parent] = fd
        return fd

    def top(self) -> int:
        """A descriptor of the root directory itself."""
        if self._top is None:
            self._top = os.open(self.path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        return self._top


class _Walk:
    """The way from a root to a path: (descriptor of the last directory, last name), open while the `with` lasts.

    The name is no symbolic link, unless it is not to be followed, and is `.` where the path ends in a way up.
    """

    def __init__(self, root: Root, path: str, *, follow: bool = True, about: str = "") -> None:
        self._root = root
        self._path = about or path
        self._follow = follow
        self._ahead = path.split("/")[::-1]
        self._open: list[int] = []
        self._links = 0
        self.names: list[str] = []

    def __enter__(self) -> tuple[int, str]:
        try:
            return self._walk()
        except OSError as error:
            self.__exit__()
            error.filename = self._path
            raise

    def __exit__(self, *_: object) -> None:
        while self._open:
            os.close(self._open.pop())

    def _up(self) -> None:
        if self._open:  # the root's own parent is the root
            os.close(self._open.pop())
            self.names.pop()

    def _walk(self) -> tuple[int, str]:
        while self._ahead:
            name = self._ahead.pop()
            if name == "..":
                self._up()
            elif name not in {"", "."}:
                last = not any(self._ahead)
                if last and not self._follow:
                    return self._here(), name
                target = self._link(name)
                if target is not None:
                    self._turn(target)
                elif last:
                    return self._here(), name
                else:
                    self._open.append(os.open(name, _WALK | os.O_DIRECTORY, dir_fd=self._here()))
                    self.names.append(name)
        return self._here(), "."

    def _here(self) -> int:
        return self._open[-1] if self._open else self._root.top()

    def _link(self, name: str) -> str | None:
        try:
            return os.readlink(name, dir_fd=self._here())
        except OSError as error:
            if error.errno == errno.EINVAL:  # it is there, and no link
                return None
            raise

    def _turn(self, target: str) -> None:
        self._links += 1
        if self._links > limits.symlinks_max:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        while target.startswith("/") and self._open:
            self._up()
        self._ahead.extend(target.split("/")[::-1])
