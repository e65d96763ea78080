"""Shell: published releases in a directory that any static web server can serve as it is.

`current.json`, `releases/<digest>.json`, `parts/<sha256>`. Files are written aside, synced and renamed; the pointer
goes last, so that at every moment, power loss included, it names a release whose every byte is there. One publisher at
a time (a lock on `.lock`): numbers are given under the lock, so that no two releases have the same one.
"""

from __future__ import annotations

import errno
import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config_center import limits
from config_center.canonical import digest_of
from config_center.errors import NothingPublished, ReleaseError, StoreBusy, StoreError
from config_center.files import ASIDE, sync_folder, write_whole
from config_center.layers import Part
from config_center.pointer import Pointer, decode_pointer, encode_pointer
from config_center.release import Layer, Release, build, canonical, decode, same_content

POINTER: Final = "current.json"
RELEASES: Final = "releases"
PARTS: Final = "parts"
LOCK: Final = ".lock"

_DAMAGE: Final = frozenset([errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP])  # it is not there, or no file


@dataclass(frozen=True, slots=True)
class Publication:
    """What came of publishing. is_new: False when the current release says the same already; it is kept then."""

    release: Release
    is_new: bool


class Store:
    """The releases of one fleet in one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def pointer(self) -> Pointer | None:
        """Which release is the current one; None before the first. Raises StoreError where it cannot be read."""
        raw = self.pointer_bytes()
        return None if raw is None else decode_pointer(raw)

    def pointer_bytes(self) -> bytes | None:
        """The pointer as it stands in its file, known to be well-formed; None before the first release."""
        path = self.directory / POINTER
        try:
            raw = _read(path, limits.pointer_bytes_max)
            decode_pointer(raw)
        except FileNotFoundError:
            return None
        except (OSError, ReleaseError) as error:
            raise unusable(path, error) from error
        return raw

    def current(self) -> Release:
        """The current release. Raises NothingPublished, or StoreError where it cannot be read."""
        pointer = self.pointer()
        if pointer is None:
            raise NothingPublished(f"{self.directory}: nothing is published yet: run config-center publish")
        return self.release(pointer.digest)

    def release(self, digest: str) -> Release:
        """The release of that digest, verified. Raises StoreError where it is missing or damaged."""
        path = self.directory / RELEASES / f"{digest}.json"
        try:
            return decode(_read(path, limits.release_bytes_max), digest)
        except (OSError, ReleaseError) as error:
            raise unusable(path, error) from error

    def publish(
        self, layers: Sequence[Layer], parts: Sequence[Part], *, created: str, message: str = ""
    ) -> Publication:
        """Make the layers and parts the current release, under the next number.

        created: RFC 3339, UTC. Content identical to the current release's gives no new number.
        Raises ReleaseError for what cannot be a release, StoreError where the directory cannot be written.
        """
        try:
            with self._locked():
                return self._publish(layers, parts, created, message)
        except OSError as error:
            raise StoreError(f"{self.directory} cannot be written: {error}; what was published before stays") from error

    def _publish(self, layers: Sequence[Layer], parts: Sequence[Part], created: str, message: str) -> Publication:
        pointer = self.pointer()
        number = pointer.number + 1 if pointer else self._highest() + 1
        release = build(layers, [part.check for part in parts], number=number, created=created, message=message)
        if pointer:
            before = self.release(pointer.digest)
            if same_content(before, release):
                return Publication(before, is_new=False)
        for part in parts:
            if digest_of(part.content) != part.check.sha256:
                raise ReleaseError(f"{part.check.file}: its content is not what its digest names")
            write_whole(self.directory / PARTS / part.check.sha256, part.content)
        write_whole(self.directory / RELEASES / f"{release.digest}.json", canonical(release))
        after = Pointer(serial=number, number=number, digest=release.digest, created=created)
        write_whole(self.directory / POINTER, encode_pointer(after))
        return Publication(release, is_new=True)

    def _highest(self) -> int:
        """The highest number given so far, told by the releases themselves: the pointer is gone."""
        digests = [path.stem for path in (self.directory / RELEASES).glob("*.json")]
        return max((self.release(digest).number for digest in digests), default=0)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Be the only publisher; waits for another one to end."""
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


def unusable(path: Path, error: OSError | ReleaseError) -> StoreError:
    """What a file that cannot be used tells: damage where its bytes or kind are wrong, else a machine in trouble."""
    if isinstance(error, OSError) and error.errno not in _DAMAGE:
        why = error.strerror or str(error)
        return StoreBusy(f"{path} cannot be read just now: {why}; the file may be sound: look at the machine first")
    return StoreError(f"{path} cannot be used: {error}; restore it from a mirror")


def _read(path: Path, most: int) -> bytes:
    """At most one byte more than `most`: the decoder then says that it is too big."""
    with path.open("rb") as file:
        return file.read(most + 1)
