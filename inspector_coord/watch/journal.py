"""The events of a watch on disk: one JSON object a line, bounded, rotated, synced, and read back at start.

    CACHE/watch/events.ndjson      being written; events.1.ndjson … events.4.ndjson are older

What cannot be written waits and is tried again; what waits is bounded, and what is lost is counted. Nothing of it ever
stops the watch. A new file begins with what is still open, so that the newest file alone tells it all; so does a file
after a loss. A last line that a crash has torn is left as it is, and begun anew behind.
"""

from __future__ import annotations

import fcntl
import os
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec
import trio

from config_center.files import sync_folder
from inspector_coord.watch import journal_limits as limits
from inspector_coord.watch.conclusions import Action, Happening
from inspector_coord.watch.record import Record, read_record, record_of, written

__all__ = ["Journal", "Past"]

NAME = "events.ndjson"


class Past(msgspec.Struct, frozen=True):
    """What a journal tells of a ring: the last record of each incident still open, and the highest number given."""

    open: tuple[Record, ...] = ()
    number: int = 0


class Journal:
    """A listener that keeps all it is told. `counted`: `torn` lines read, events `lost`, writes that `failed`."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.path = folder / NAME
        self.counted: Counter[str] = Counter()
        self._say = say
        self._last: dict[tuple[str, int], Record] = {}  # of each open incident, and of the newest of each ring
        self._pending: deque[Record] = deque()
        self._more = trio.Event()
        self._fresh = False  # the next write begins a new file
        self._lock: int | None = None
        self._troubled = False

    # ---- at start ---------------------------------------------------------------------------------------------------

    def read(self, rings: Collection[str]) -> dict[str, Past]:
        """What an earlier watch has left, by ring. Never raises: what cannot be read is said.

        Of rings that are configured no more nothing is kept: nobody would ever close what was open there.
        """
        for path in (self._numbered(1), self.path):
            try:
                with path.open("rb") as file:
                    for record in self._records(file):
                        if record.ring in rings:
                            self._remember(record)
            except FileNotFoundError:
                continue
            except OSError as problem:
                self._say(f"the journal {path} cannot be read: {problem.strerror or problem}")
        if self.counted["torn"]:
            self._say(f"the journal {self.path} has {self.counted['torn']} lines that are none: they are passed over")
        return {ring: self._past(ring) for ring in sorted({ring for ring, _ in self._last})}

    def _records(self, file: BinaryIO) -> Iterator[Record]:
        whole = True
        left = 2 * limits.file_bytes_max  # no file of ours is longer
        while left > 0 and (line := file.readline(limits.line_bytes_max)):
            left -= len(line)
            record = read_record(line) if whole else None
            whole = line.endswith(b"\n")
            if record is not None:
                yield record
            elif line.strip():
                self.counted["torn"] += 1

    def _past(self, ring: str) -> Past:
        records = [record for (name, _), record in sorted(self._last.items()) if name == ring]
        still = tuple(record for record in records if record.action is not Action.CLOSED)
        return Past(still, max(record.incident for record in records))

    def _remember(self, record: Record) -> None:
        """Keep the last word on what is open, and the newest incident of each ring, for its number."""
        key = (record.ring, record.incident)
        self._last[key] = record
        newest = max(number for ring, number in self._last if ring == record.ring)
        closed = [
            each
            for each, last in self._last.items()
            if each[0] == record.ring and each[1] != newest and last.action is Action.CLOSED
        ]
        for each in closed:
            del self._last[each]

    @property
    def waiting(self) -> int:
        """How many events are not on disk yet."""
        return len(self._pending)

    # ---- being told -------------------------------------------------------------------------------------------------

    def told(self, ring: str, happening: Happening, unix: float) -> None:
        """Take an event; it is written by `run`."""
        record = record_of(ring, happening, unix)
        self._remember(record)
        if len(self._pending) == limits.pending_max:
            self._pending.popleft()
            self.counted["lost"] += 1
            self._fresh = True
        self._pending.append(record)
        self._more.set()

    async def run(self) -> None:
        """Write until cancelled; then what is left is still written."""
        if not self._taken():
            return
        try:
            while True:
                await self._more.wait()
                self._more = trio.Event()
                while not await self._flush():  # noqa: ASYNC110 -- a disk tells nobody that it has room again
                    await trio.sleep(limits.retry_s)
        finally:
            with trio.CancelScope(shield=True):
                await self._flush()
            self._let_go()

    async def _flush(self) -> bool:
        """Write what waits, in a thread: a disk may take its time. Whether all of it is written."""
        while self._pending:
            batch = tuple(self._pending)
            known = tuple(self._last.values())  # as it is now: it changes while the thread writes
            fresh, self._fresh = self._fresh, False
            try:
                await trio.to_thread.run_sync(self._write, batch, known, fresh)
            except OSError as problem:
                self._fresh = fresh or self._fresh
                self._failed(problem)
                return False
            for record in batch:
                if self._pending and self._pending[0] is record:  # else it was lost meanwhile
                    self._pending.popleft()
        if self._troubled:
            self._troubled = False
            self._say(f"the journal {self.path} is written again; {self.counted['lost']} events were lost")
        return True

    def _failed(self, problem: OSError) -> None:
        self.counted["failed"] += 1
        if not self._troubled:
            self._troubled = True
            self._say(f"the journal {self.path} cannot be written: {problem.strerror or problem}; the watch goes on")

    # ---- on disk ----------------------------------------------------------------------------------------------------

    def _taken(self) -> bool:
        """Whether this watch is the one that writes; two of one folder would rotate under each other's feet."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(
                self.path.parent / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
            )
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._let_go()
            self._say(f"another watch keeps the journal {self.path}: this one does not")
            return False
        except OSError as problem:
            self._failed(problem)
        return True

    def _let_go(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _write(self, batch: Iterable[Record], known: Iterable[Record], fresh: bool) -> None:  # noqa: FBT001 -- run in a thread, by position
        """Append, or begin a new file with what is known before. Raises OSError, after which nothing half is left."""
        lines = b"".join(map(written, batch))
        if fresh or self._length() + len(lines) > limits.file_bytes_max:
            self._rotate(batch, known)
        with self.path.open("ab", buffering=0) as file:
            before = self._length()
            left = memoryview(self._seam() + lines)
            try:
                while left:
                    left = left[file.write(left) :]
                os.fsync(file.fileno())
            except OSError:
                with suppress(OSError):  # then half a line stays, and the next write begins behind it
                    os.ftruncate(file.fileno(), before)
                raise

    def _length(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def _seam(self) -> bytes:
        """A line end, where a crash has left a line without."""
        with self.path.open("rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return b""
            file.seek(-1, os.SEEK_END)
            return b"" if file.read(1) == b"\n" else b"\n"

    def _rotate(self, batch: Iterable[Record], known: Iterable[Record]) -> None:
        """Begin a file with the last word on what is open and is not in the batch."""
        coming = {(record.ring, record.incident) for record in batch}
        carried = [
            msgspec.structs.replace(record, carried=True)
            for record in known
            if (record.ring, record.incident) not in coming
        ]
        aside = self.path.with_name(f".new-{NAME}")
        with aside.open("wb") as file:
            file.write(b"".join(map(written, carried)))
            file.flush()
            os.fsync(file.fileno())
        for number in range(limits.files_kept, 1, -1):
            if self._numbered(number - 1).exists():
                self._numbered(number - 1).replace(self._numbered(number))
        if self.path.exists():
            self.path.replace(self._numbered(1))
        aside.replace(self.path)
        sync_folder(self.path.parent)

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"events.{number}.ndjson")
