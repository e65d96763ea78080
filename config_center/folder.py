"""Shell: a static mirror: published releases in a directory that any static web server can hand out as it is.

`current.json`, `releases/<digest>.json`, `parts/<sha256>`. Files are written aside, synced and renamed; the pointer
goes last, so that at every moment, power loss included, it names releases whose every byte is there.
"""

from __future__ import annotations

import errno
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from config_center import limits
from config_center.canonical import digest_of
from config_center.depot import Depot
from config_center.errors import NothingPublished, ReleaseError, StoreBusy, StoreError
from config_center.files import ASIDE, stamp_of, sync_folder, write_whole
from config_center.pointer import Pointer, decode_pointer
from config_center.release import decode

POINTER: Final = "current.json"
RELEASES: Final = "releases"
PARTS: Final = "parts"
LOCK: Final = ".lock"

_DAMAGE: Final = frozenset([errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP])  # it is not there, or no file


class Folder:
    """A static mirror in one directory; a Depot."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def where(self) -> str:
        """Its path."""
        return str(self.directory)

    @property
    def exists(self) -> bool:
        """Whether the directory is there."""
        return self.directory.is_dir()

    def pointer_bytes(self) -> bytes | None:
        """The pointer as it stands in its file; None before the first export."""
        path = self.directory / POINTER
        try:
            raw = _read(path, limits.pointer_bytes_max)
            decode_pointer(raw)
        except FileNotFoundError:
            return None
        except (OSError, ReleaseError) as error:
            raise _unusable(path, error) from error
        return raw

    def release_bytes(self, digest: str) -> bytes | None:
        """The release of that digest."""
        return self._object(self.directory / RELEASES / f"{digest}.json", digest, limits.release_bytes_max)

    def part_bytes(self, sha256: str) -> bytes | None:
        """The part of that digest."""
        return self._object(self.directory / PARTS / sha256, sha256, limits.part_bytes_max)

    def stamp(self) -> object:
        """Which file the pointer is, and from when."""
        return stamp_of(self.directory / POINTER)

    def close(self) -> None:
        """Nothing is held open."""

    def export(self, depot: Depot) -> Pointer:
        """Make this a mirror of what is current in `depot`; releases of before stay. Returns the pointer it now has.

        Raises NothingPublished; StoreError where `depot` cannot be read, where this directory cannot be written, or
        where it already holds a later act than `depot` does. What was there before stays whole in each case.
        """
        try:
            with self._locked():
                raw = depot.pointer_bytes()
                if raw is None:
                    raise NothingPublished(f"{depot.where}: nothing is published yet: run config-center publish")
                pointer = decode_pointer(raw)
                self._refuse_going_back(pointer, depot)
                for _, digest in pointer.releases():
                    self._take(digest, depot)
                write_whole(self.directory / POINTER, raw)
        except OSError as error:
            raise StoreError(f"{self.directory} cannot be written: {error}; what was published before stays") from error
        return pointer

    def _refuse_going_back(self, pointer: Pointer, depot: Depot) -> None:
        """A mirror that goes back would be refused by agents: better here, where somebody reads it."""
        try:
            raw = self.pointer_bytes()
        except StoreBusy:
            raise
        except StoreError:  # a damaged pointer is what an export heals
            return
        held = decode_pointer(raw).serial if raw else 0
        if held > pointer.serial:
            raise StoreError(
                f"{self.directory} mirrors act {held}, {depot.where} knows only up to act {pointer.serial}: is it the "
                f"mirror of another store, or was the store restored from a backup? Then publish --after {held}; else "
                f"delete {POINTER} there"
            )

    def _take(self, digest: str, depot: Depot) -> None:
        """One release with its parts, the parts first; what is there and sound is not written again."""
        raw = depot.release_bytes(digest)
        if raw is None:
            raise StoreError(f"{depot.where} lacks release {digest[:12]}…, which its pointer names: restore a backup")
        for check in decode(raw, digest).checks:
            content = depot.part_bytes(check.sha256)
            if content is None:
                raise StoreError(f"{depot.where} lacks {check.file} of release {digest[:12]}…: restore a backup")
            _keep(self.directory / PARTS / check.sha256, content)
        _keep(self.directory / RELEASES / f"{digest}.json", raw)

    def _object(self, path: Path, digest: str, most: int) -> bytes | None:
        try:
            raw = _read(path, most)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(path, error) from error
        if digest_of(raw) != digest:
            raise StoreError(f"{path} is damaged: its bytes do not have the digest in its name; restore it by export")
        return raw

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Be the only one who exports here; waits for another one to end."""
        folders = (self.directory, self.directory / RELEASES, self.directory / PARTS)
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        sync_folder(self.directory)
        with (self.directory / LOCK).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for folder in folders:
                for left in folder.glob(f"{ASIDE}*"):
                    left.unlink()
            yield


def _keep(path: Path, content: bytes) -> None:
    """Write an object, unless it stands there already, byte for byte."""
    if not path.is_file() or _read(path, len(content)) != content:
        write_whole(path, content)


def _unusable(path: Path, error: OSError | ReleaseError) -> StoreError:
    """What a file that cannot be used tells: damage where its bytes or kind are wrong, else a machine in trouble."""
    if isinstance(error, OSError) and error.errno not in _DAMAGE:
        why = error.strerror or str(error)
        return StoreBusy(f"{path} cannot be read just now: {why}; the file may be sound: look at the machine first")
    return StoreError(f"{path} cannot be used: {error}; restore it by config-center export")


def _read(path: Path, most: int) -> bytes:
    """At most one byte more than `most`: whoever verifies then sees that it is too big."""
    with path.open("rb") as file:
        return file.read(most + 1)
