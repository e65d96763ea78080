"""Shell: published objects as the HTTP face hands them out: in memory, plain and gzipped, least used dropped first."""

from __future__ import annotations

import gzip
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import trio

from config_center import limits
from config_center.canonical import digest_of
from config_center.errors import StoreError
from config_center.store import PARTS, RELEASES, unusable


@dataclass(frozen=True, slots=True)
class Object:
    """One immutable object. zipped: None where gzip would not make it smaller."""

    digest: str
    raw: bytes
    zipped: bytes | None

    @property
    def size(self) -> int:
        """Bytes it keeps in memory."""
        return len(self.raw) + len(self.zipped or b"")


class Shelf:
    """The objects of one store. Reading and zipping happen once each, in a thread, one at a time."""

    def __init__(self, directory: Path, bytes_max: int = limits.shelf_bytes_max) -> None:
        self._directory = directory
        self._bytes_max = bytes_max
        self._objects: OrderedDict[str, Object] = OrderedDict()
        self._loading = trio.Lock()

    @property
    def size(self) -> int:
        """Bytes kept in memory."""
        return sum(found.size for found in self._objects.values())

    async def release(self, digest: str) -> Object | None:
        """The release of that digest; None where there is none. Raises StoreError where it is damaged, or busy."""
        return await self._object(self._directory / RELEASES / f"{digest}.json", digest, limits.release_bytes_max)

    async def part(self, digest: str) -> Object | None:
        """The part of that digest; None where there is none. Raises StoreError where it is damaged, or busy."""
        return await self._object(self._directory / PARTS / digest, digest, limits.part_bytes_max)

    async def _object(self, path: Path, digest: str, most: int) -> Object | None:
        key = str(path)
        async with self._loading:
            found = self._objects.get(key)
            if found is None:
                found = await trio.to_thread.run_sync(_load, path, digest, most)
            if found is None:
                return None
            self._objects[key] = found
            self._objects.move_to_end(key)
            while self.size > self._bytes_max:
                self._objects.popitem(last=False)
        return found


def _load(path: Path, digest: str, most: int) -> Object | None:
    try:
        with path.open("rb") as file:
            raw = file.read(most + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unusable(path, error) from error
    if digest_of(raw) != digest:
        raise StoreError(f"{path} is damaged: its bytes do not have the digest in its name; restore it from a mirror")
    zipped = gzip.compress(raw, mtime=0)
    return Object(digest, raw, zipped if len(zipped) < len(raw) else None)
