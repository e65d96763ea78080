"""Shell: nodes tell what they are, and the center keeps it: many records in one transaction, all of them bounded.

Only where a database is served: a static mirror keeps nothing.
"""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import trio

from config_center import limits
from config_center.answers import Object
from config_center.errors import StoreBusy, StoreError
from config_center.node_record import RecordRefusedError, nodes_document, read_record
from config_center.rows import NodeRow
from config_center.shelf import Asker, object_of

if TYPE_CHECKING:
    from config_center.database import Database


class _Waiting:
    """A record that waits to be stored. reason: why it was not kept; error: why nothing could be."""

    def __init__(self, row: NodeRow) -> None:
        self.row = row
        self.done = trio.Event()
        self.reason = ""
        self.error: StoreError | None = None


class Intake:
    """Takes records of nodes for one database, and makes `nodes.json` of them.

    known: how many nodes there are, as far as was seen last
    """

    def __init__(self, database: Database, asker: Asker) -> None:
        self._database = database
        self._asker = asker
        self._in, self._out = trio.open_memory_channel[_Waiting](limits.intake_waiting_max)
        self._budget = float(limits.intake_per_s_max)
        self._budget_at = trio.current_time()
        self._making = trio.Lock()
        self._list: Object | None = None
        self._list_at = -math.inf
        self._list_stamp: object = None
        self.known = 0

    async def take(self, name: str, raw: bytes, signature: str) -> None:
        """Keep a record; returns when it is stored. Raises RecordRefusedError, or StoreError where it cannot be."""
        self._spend()
        now = time.time()
        seen = datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        waiting = _Waiting(read_record(raw, name, signature, now=now, seen=seen))
        try:
            self._in.send_nowait(waiting)
        except trio.WouldBlock:
            raise StoreBusy("more nodes tell at once than can be stored; try again") from None
        await waiting.done.wait()
        if waiting.error is not None:
            raise waiting.error
        if waiting.reason:
            raise RecordRefusedError(409, waiting.reason)

    def _spend(self) -> None:
        """One record of the budget, which fills up as time goes by: looking at a signature costs."""
        now = trio.current_time()
        most = limits.intake_per_s_max
        self._budget = min(most, self._budget + (now - self._budget_at) * most)
        self._budget_at = now
        if self._budget < 1:
            raise StoreBusy("more nodes tell at once than are looked at; try again")
        self._budget -= 1

    async def run(self) -> None:
        """Store what waits, until cancelled."""
        async for first in self._out:
            batch = [first]
            while len(batch) < limits.intake_batch_max:
                try:
                    batch.append(self._out.receive_nowait())
                except trio.WouldBlock:
                    break
            await self._store(batch)

    async def _store(self, batch: list[_Waiting]) -> None:
        rows = [waiting.row for waiting in batch]
        error: StoreError | None = None
        reasons = [""] * len(batch)
        try:
            reasons = await self._asker.ask(lambda: self._database.put_nodes(rows))
            self._list_at = -math.inf  # who has told something finds it there
        except StoreError as failed:
            error = failed
        for waiting, reason in zip(batch, reasons, strict=True):
            waiting.reason, waiting.error = reason, error
            waiting.done.set()

    async def nodes(self) -> Object:
        """`nodes.json`, at most a second old; an older one while the database is down. Raises StoreError: none yet."""
        async with self._making:
            stamp = self._database.stamp()
            fresh = trio.current_time() < self._list_at + limits.nodes_age_s
            if self._list is not None and fresh and stamp == self._list_stamp:
                return self._list
            try:
                self._list = await self._asker.ask(self._make_list, limits.nodes_wait_s)
            except StoreError:
                if self._list is None:
                    raise
            self._list_at, self._list_stamp = trio.current_time(), stamp
            return self._list

    def _make_list(self) -> Object:
        rows = self._database.nodes()
        self.known = len(rows)
        return object_of(nodes_document(rows))
