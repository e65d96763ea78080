"""One connection shared by many tasks: each gets the reply and the records that are its own.

Two tasks do the work: one reads frames and hands each to whoever waits for it, one writes, so that cancelling a caller
can neither cut a request in half nor stop the reading. Neither ever raises: when the connection ends, everybody who
waits on it is told, and everybody who comes later.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

import msgspec
import trio

from inspector_agent.ring.commands import Command, Stop
from inspector_agent.ring.errors import Disconnected, NotConnected
from inspector_agent.ring.frames import Frame, Reply
from inspector_agent.ring.link import Link, outcome
from inspector_agent.ring.subscription import Buffered

T = TypeVar("T")
NO_SEQ = 0  # no command has it


class _Waiter(msgspec.Struct):
    """A task that waits for a reply; none when it wakes: the connection has ended."""

    woken: trio.Event
    reply: Reply | None = None


class Exchange:
    """Commands and subscriptions of any number of tasks on one link; works inside `running`.

    Attributes:
        address: `host:port` of the agent's RPC.
    """

    def __init__(self, link: Link) -> None:
        self.address = link.address
        self._link = link
        self._waiters: dict[int, _Waiter] = {}
        self._subscriptions: dict[int, Buffered[Any]] = {}
        self._outgoing = bytearray()
        self._more_to_send = trio.Event()
        self._gone: NotConnected | None = None

    @property
    def swallowed(self) -> int:
        """Frames that came for calls and streams which had been cancelled or left."""
        return self._link.core.swallowed

    def _post(self, command: Command[Any]) -> int:
        """Queue a command's bytes; its Seq."""
        if self._gone is not None:
            raise self._gone.again()
        try:
            seq, data = self._link.core.send(command)
        except NotConnected as problem:
            self._end(problem.again(self.address))
            raise problem.again(self.address) from problem
        self._queue(data)
        return seq

    def _queue(self, data: bytes) -> None:
        self._outgoing += data
        self._more_to_send.set()

    async def ask(self, command: Command[T]) -> T:
        """The body of a command's reply. Raises CommandRefused or one of its kind, or NotConnected."""
        return cast("T", await self._reply(self._post(command)))

    async def _reply(self, seq: int) -> Any:
        """The body of the reply to `seq`, whenever it comes."""
        waiter = self._waiters[seq] = _Waiter(trio.Event())
        try:
            await waiter.woken.wait()
        except trio.Cancelled:
            self._link.core.abandon(seq)
            if waiter.reply is not None:  # it came between the cancelling and this task's turn
                self._link.core.swallowed += 1
            raise
        finally:
            del self._waiters[seq]
        if waiter.reply is None:
            raise (self._gone or Disconnected("ended", self.address)).again()
        return outcome(waiter.reply, self.address)

    @asynccontextmanager
    async def subscribe(self, command: Command[T], buffered_max: int) -> AsyncIterator[Buffered[T]]:
        """A stream or monitor that is stopped on exit; nothing that happens inside is missed. Raises as `ask` does."""
        subscription = Buffered[T](buffered_max)
        seq = self._post(command)
        self._subscriptions[seq] = subscription  # before the reply: records may come in the same packet
        try:
            await self._reply(seq)
            # Serf acknowledges a subscription before it registers it, and handles the commands of one connection in
            # turn: when the next one has been answered, here one without any effect, the subscription is in force.
            await self.ask(Stop(NO_SEQ))
            yield subscription
        finally:
            del self._subscriptions[seq]
            subscription.end(None)
            self._stop(seq)

    def _stop(self, seq: int) -> None:
        """Tell Serf to end a subscription; nobody waits for it to say so."""
        if self._gone is None:
            try:
                self._queue(self._link.core.stop(seq))
            except NotConnected as problem:
                self._end(problem.again(self.address))

    async def run_reader(self) -> None:
        """Hand each frame to whoever waits for it, until the connection ends."""
        try:
            while True:
                self._deliver(await self._link.next_frame())
        except NotConnected as problem:
            self._end(problem)

    async def run_writer(self) -> None:
        """Send what is queued, until the connection ends."""
        try:
            while True:
                await self._more_to_send.wait()
                self._more_to_send = trio.Event()
                data = bytes(self._outgoing)
                self._outgoing.clear()
                await self._link.send(data)
        except NotConnected as problem:
            self._end(problem)

    def _deliver(self, frame: Frame) -> None:
        if isinstance(frame, Reply):
            waiter = self._waiters[frame.seq]
            waiter.reply = frame
            waiter.woken.set()
        else:
            self._subscriptions[frame.seq].put(frame.body)

    def _end(self, problem: NotConnected) -> None:
        """The connection has ended: tell everybody, once."""
        if self._gone is None:
            self._gone = problem
            for waiter in self._waiters.values():
                waiter.woken.set()
            for subscription in self._subscriptions.values():
                subscription.end(problem)

    def close(self) -> None:
        """What comes later finds the connection closed."""
        self._end(Disconnected("this program has closed the connection", self.address))


@asynccontextmanager
async def running(exchange: Exchange) -> AsyncIterator[Exchange]:
    """Reader and writer around a block. They never raise, so the block's own exception leaves as it is."""
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(exchange.run_reader)
            nursery.start_soon(exchange.run_writer)
            try:
                yield exchange
            finally:
                exchange.close()
                nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        if len(group.exceptions) != 1:
            raise
        only = group.exceptions[0]
    else:
        return
    raise only
