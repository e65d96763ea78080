"""Shell: published objects as the HTTP face hands them out: in memory, plain and gzipped, least used dropped first.

What is there is given without asking the depot, which may be down; what is not is asked for once, however many wait.
"""

from __future__ import annotations

import gzip
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, TypeVar

import trio

from config_center import limits
from config_center.answers import Object
from config_center.canonical import digest_of
from config_center.depot import Depot
from config_center.errors import StoreBusy, StoreError

RELEASE: Final = "release"
PART: Final = "part"

_Found = TypeVar("_Found")


class Asker:
    """Asks a depot in threads: few at a time, and none is waited for longer than a client would."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._threads = trio.CapacityLimiter(limits.asking_threads_max)

    async def ask(self, question: Callable[[], _Found], within_s: float = limits.asking_s_max) -> _Found:
        """What `question` returns or raises. Raises StoreBusy where it takes too long; it is then left to itself."""
        with trio.move_on_after(within_s):
            return await trio.to_thread.run_sync(question, abandon_on_cancel=True, limiter=self._threads)
        raise StoreBusy(f"{self._where} has not answered for {within_s:g} s")


class _Lookup:
    """One look for one object, and all who wait for it."""

    def __init__(self) -> None:
        self.done = trio.Event()
        self.found: Object | None = None
        self.error: StoreError | None = StoreBusy("the lookup was broken off; try again")

    def outcome(self) -> Object | None:
        """What came of it, once it is done."""
        if self.error is not None:
            raise self.error
        return self.found


class Shelf:
    """The objects of one depot."""

    def __init__(self, depot: Depot, asker: Asker, bytes_max: int = limits.shelf_bytes_max) -> None:
        self._asker = asker
        self._load = {RELEASE: depot.release_bytes, PART: depot.part_bytes}
        self._bytes_max = bytes_max
        self._objects: OrderedDict[tuple[str, str], Object] = OrderedDict()
        self._lookups: dict[tuple[str, str], _Lookup] = {}
        self.size = 0
        """Bytes kept in memory."""

    async def get(self, kind: str, digest: str) -> Object | None:
        """The RELEASE or PART of that digest; None where there is none. Raises StoreError: damaged, or busy."""
        key = kind, digest
        found = self._objects.get(key)
        if found is not None:
            self._objects.move_to_end(key)
            return found
        lookup = self._lookups.get(key)
        if lookup is not None:
            await lookup.done.wait()
            return lookup.outcome()
        if len(self._lookups) >= limits.asking_waiting_max:
            raise StoreBusy("too many objects are being looked up; try again")
        return await self._look_up(key)

    async def _look_up(self, key: tuple[str, str]) -> Object | None:
        lookup = self._lookups[key] = _Lookup()
        try:
            lookup.found = await self._asker.ask(lambda: self._fetch(*key))
        except StoreError as error:
            lookup.error = error
        else:
            lookup.error = None
        finally:
            del self._lookups[key]
            lookup.done.set()
        if lookup.found is not None:
            self._keep(key, lookup.found)
        return lookup.outcome()

    def _fetch(self, kind: str, digest: str) -> Object | None:
        raw = self._load[kind](digest)
        return None if raw is None else object_of(raw)

    def _keep(self, key: tuple[str, str], found: Object) -> None:
        self._objects[key] = found
        self.size += found.size
        while self.size > self._bytes_max:
            self.size -= self._objects.popitem(last=False)[1].size


def object_of(raw: bytes) -> Object:
    """Some bytes with their digest, gzipped where that helps. Takes a while: not for the main loop."""
    zipped = gzip.compress(raw, mtime=0)
    return Object(digest_of(raw), raw, zipped if len(zipped) < len(raw) else None)
