"""Shell: the current pointer as requests see it: in memory, looked up again when a request comes and it may be old.

A folder and a SQLite file tell by their time stamps that something changed, so it is handed out at once; otherwise the
depot is asked at most once a second. A pointer takes its place only when its releases and their parts are in memory,
and it keeps it while the depot is down or damaged: then everything current is still served, and /health says
`degraded`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import trio

from config_center import limits
from config_center.answers import Object
from config_center.depot import Depot
from config_center.errors import ReleaseError, StoreError
from config_center.pointer import Pointer, decode_pointer
from config_center.release import decode
from config_center.shelf import PART, RELEASE, Asker, Shelf, object_of


@dataclass(frozen=True, slots=True)
class Current:
    """A pointer and its bytes."""

    pointer: Pointer
    object: Object


class Watch:
    """Looks after the current pointer of one depot.

    current  what to serve; None: nothing is published, or nothing is known yet
    trouble  why the last look failed; None: it did not
    """

    def __init__(self, depot: Depot, shelf: Shelf, asker: Asker, prepare: Callable[[], None] | None = None) -> None:
        """prepare: to be called before anything is looked up, until it succeeds once."""
        self._depot = depot
        self._prepare_depot = prepare
        self._shelf = shelf
        self._asker = asker
        self.current: Current | None = None
        self.trouble: StoreError | None = None
        self._stamp: object = None
        self._looked = 0.0
        self._wanted = trio.Event()
        self._done = trio.Event()

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look once, report, then look again whenever `fresh` wants it, until cancelled."""
        await self._look()
        task_status.started()
        while True:
            await self._wanted.wait()
            await trio.sleep_until(self._looked + limits.pointer_pause_s)
            self._wanted = trio.Event()
            await self._look()
            self._done.set()
            self._done = trio.Event()

    async def fresh(self) -> None:
        """Return once `current` is what the depot has; while the depot is in trouble, at once with what is known."""
        with trio.move_on_after(limits.pointer_wait_s):
            while self._is_due():
                self._wanted.set()
                if self.trouble and self.current:
                    return
                await self._done.wait()

    def _is_due(self) -> bool:
        """Also after a while without any sign: time stamps have steps, and two changes may share one."""
        if trio.current_time() >= self._looked + limits.pointer_age_s:
            return True
        return self._depot.stamp() != self._stamp

    async def _look(self) -> None:
        stamp = self._depot.stamp()  # before looking: what changes meanwhile is looked at again
        try:
            current = await self._lookup()
        except StoreError as error:
            if str(error) != str(self.trouble):
                print(f"config-center: {error}", file=sys.stderr)
            self.trouble = error
        else:
            if self.trouble:
                print(f"config-center: {self._depot.where} is well again", file=sys.stderr)
            self.current, self.trouble = current, None
        self._stamp, self._looked = stamp, trio.current_time()

    async def _lookup(self) -> Current | None:
        if self._prepare_depot is not None:
            await self._asker.ask(self._prepare_depot)
            self._prepare_depot = None
        raw = await self._asker.ask(self._depot.pointer_bytes)
        before = self.current
        if raw is None:
            if before is not None:
                raise StoreError(f"{self._depot.where} holds nothing any more; what it held is served on")
            return None
        if before is not None and raw == before.object.raw:
            return before
        pointer = decode_pointer(raw)
        for number, digest in pointer.releases():
            await self._prepare(number, digest)
        return Current(pointer, await self._asker.ask(lambda: object_of(raw)))

    async def _prepare(self, number: int, digest: str) -> None:
        """Have a release and its parts in memory."""
        found = await self._shelf.get(RELEASE, digest)
        if found is None:
            raise StoreError(f"{self._depot.where} lacks release {number} ({digest[:12]}…), which its pointer names")
        try:
            release = await self._asker.ask(lambda: decode(found.raw, digest))
        except ReleaseError as error:
            raise StoreError(f"{self._depot.where} is damaged: release {number}: {error}") from error
        for check in release.checks:
            if await self._shelf.get(PART, check.sha256) is None:
                raise StoreError(f"{self._depot.where} lacks {check.file} of release {number}")
