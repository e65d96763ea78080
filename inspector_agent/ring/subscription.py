"""What a stream, a monitor and a query give: an asynchronous iterator that never drops anything silently.

A stream shares its connection with other commands, so it must always be read, and what a slow reader has not taken
yet is kept in a bounded buffer; beyond, the oldest goes, and is counted. A query has a connection to itself and reads
from it only when it is asked: a slow reader makes Serf wait, and nothing is dropped here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from typing import Generic, Self, TypeVar

import trio

from inspector_agent.ring import limits
from inspector_agent.ring.errors import NotConnected
from inspector_agent.ring.frames import Record
from inspector_agent.ring.link import Link
from inspector_agent.ring.records import Done, QueryRecord

T = TypeVar("T")


class Subscription(ABC, Generic[T]):
    """Iterate over it with `async for`.

    Attributes:
        dropped: items that a slow reader has lost, so far. Whoever finds it grown must look at the whole again (for
            member events: list the members).
    """

    dropped: int = 0

    def __aiter__(self) -> Self:
        return self

    @abstractmethod
    async def __anext__(self) -> T:
        """The next item. Raises NotConnected if the connection ended; safe to cancel, nothing is lost by it."""


class Buffered(Subscription[T]):
    """Items of a shared connection, the newest `buffered_max` of them."""

    def __init__(self, buffered_max: int) -> None:
        if buffered_max < 1:
            raise ValueError(f"buffered_max must be at least 1, not {buffered_max}")
        self._items: deque[T] = deque(maxlen=buffered_max)
        self._readers = trio.lowlevel.ParkingLot()
        self._over = False
        self._problem: NotConnected | None = None

    def put(self, item: T) -> None:
        """An item has come."""
        if len(self._items) == self._items.maxlen:
            self.dropped += 1
        self._items.append(item)
        self._readers.unpark()

    def end(self, problem: NotConnected | None) -> None:
        """No more will come: because of `problem`, or None because the subscription's context was left."""
        if not self._over:
            self._over = True
            self._problem = problem
            self._readers.unpark_all()

    async def __anext__(self) -> T:
        await trio.lowlevel.checkpoint()
        while not self._items:
            if self._problem is not None:
                raise self._problem.again()
            if self._over:
                raise StopAsyncIteration
            await self._readers.park()
        return self._items.popleft()


class QueryRecords(Subscription[QueryRecord]):
    """Acks and answers of one query, in the order they came, up to the end of Serf's time for it."""

    def __init__(self, link: Link, seq: int) -> None:
        self._link = link
        self._seq = seq
        self._done = False
        self._taken = 0

    async def __anext__(self) -> QueryRecord:
        # Letting others go first costs more than all the reading of a record: once for some that have come together.
        self._taken += 1
        if self._taken % limits.records_a_turn == 0:
            await trio.lowlevel.checkpoint()
        while not self._done:
            frame = await self._link.next_frame()
            if isinstance(frame, Record) and frame.seq == self._seq:
                if not isinstance(frame.body, Done):
                    return frame.body  # type: ignore[no-any-return]  # Query.read yields nothing else
                self._done = True
        raise StopAsyncIteration
