"""One TCP connection to a Serf agent: a socket around the pure `Connection`, and nothing that runs by itself.

Whoever has the link to itself uses `ask` and `next_frame`, which read only when they are called: what is not asked for
stays in the socket, and Serf feels that. `RingClient` shares one among tasks.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

import trio

from inspector_agent.ring import limits
from inspector_agent.ring.commands import Auth, Command, Handshake, Respond
from inspector_agent.ring.errors import (
    AuthRefused,
    CommandRefused,
    Disconnected,
    HandshakeRefused,
    KeysRefused,
    NotConnected,
    QueryOver,
    Unreachable,
)
from inspector_agent.ring.frames import Connection, Frame, Reply
from inspector_agent.ring.records import KeyReport

T = TypeVar("T")

# Serf's words when a response comes too late: after the query's end, and in the moment between its end and its removal.
_OVER = ("No pending queries matching ID", "response is past the deadline")


def split_address(address: str) -> tuple[str, int]:
    """(host, port) of `host:port` or `[v6]:port`. Raises ValueError for anything else."""
    host, colon, port = address.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        host = ""
    if not (host and colon and port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise ValueError(f"{address!r} is not an address of the form host:port, for example 127.0.0.1:7373")
    return host, int(port)


class Link:
    """A connection on which handshake and auth are done.

    Attributes:
        address: as it was given.
        core: the state machine; after sending what it gave out, read frames with `next_frame`.
    """

    def __init__(self, address: str, stream: trio.SocketStream) -> None:
        self.address = address
        self.core = Connection()
        self._stream = stream

    async def send(self, data: bytes) -> None:
        """Send bytes that the core gave out. Raises Disconnected. A cancelled call leaves the link unusable."""
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as problem:
            raise Disconnected(f"cannot be written to: {problem.__cause__ or problem}", self.address) from problem

    async def next_frame(self) -> Frame:
        """The next frame, as soon as it is complete. Raises Disconnected or ProtocolError. Safe to cancel."""
        while True:
            try:
                frame = self.core.next_frame()
            except NotConnected as problem:
                raise problem.again(self.address) from problem
            if frame is not None:
                return frame
            self.core.receive(await self._read())

    async def _read(self) -> bytes:
        try:
            data = await self._stream.receive_some(limits.receive_bytes)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as problem:
            raise Disconnected(f"cannot be read from: {problem.__cause__ or problem}", self.address) from problem
        if not data:
            raise Disconnected("Serf has closed the connection", self.address)
        return bytes(data)

    async def ask(self, command: Command[T]) -> tuple[int, T]:
        """(Seq, body) of a command's reply, when nothing else is under way. Raises as `outcome` does."""
        seq, data = self.core.send(command)
        await self.send(data)
        while True:
            frame = await self.next_frame()
            if isinstance(frame, Reply) and frame.seq == seq:
                return seq, cast("T", outcome(frame, self.address))

    async def greet(self, auth_key: str | None) -> None:
        """Handshake and auth. Raises HandshakeRefused or AuthRefused."""
        try:
            await self.ask(Handshake())
        except CommandRefused as refused:
            raise HandshakeRefused(refused.reason, self.address) from refused
        try:
            await self.ask(Auth(auth_key or ""))
        except CommandRefused as refused:
            given = "with the key given" if auth_key else "without an auth key"
            raise AuthRefused(f"{refused.reason} ({given})", self.address) from refused

    def close(self) -> None:
        """Close at once, in any state. Serf ends what was open on it."""
        self._stream.socket.close()


def outcome(reply: Reply, address: str) -> Any:
    """The body of a reply. Raises CommandRefused or one of its kind if Serf answered with an error."""
    if not reply.error:
        return reply.body
    name = reply.command.NAME
    if isinstance(reply.command, Respond) and any(words in reply.error for words in _OVER):
        raise QueryOver(name, reply.error, address)
    if isinstance(reply.body, KeyReport):
        raise KeysRefused(name, reply.error, reply.body, address)
    raise CommandRefused(name, reply.error, address)


@asynccontextmanager
async def open_link(address: str, auth_key: str | None, timeout_s: float) -> AsyncIterator[Link]:
    """A link that is closed on exit. TCP, handshake and auth take at most `timeout_s` together.

    Raises Unreachable, HandshakeRefused, AuthRefused, Disconnected, ProtocolError; ValueError for a malformed address.
    """
    host, port = split_address(address)
    link: Link | None = None
    try:
        with trio.move_on_after(timeout_s) as patience:
            try:
                stream = await trio.open_tcp_stream(host, port)
            except OSError as problem:
                raise Unreachable(_why(problem), address) from problem
            link = Link(address, stream)
            _keep_alive(stream)
            await link.greet(auth_key)
        if link is None or patience.cancelled_caught:
            raise Unreachable(f"no answer within {timeout_s:g} s", address)
        yield link
    finally:
        if link is not None:
            link.close()


def _why(problem: OSError) -> str:
    """What the system said for each address that was tried; trio tells it as the cause, with the address once more."""
    tried = problem.__cause__
    leaves = tried.exceptions if isinstance(tried, BaseExceptionGroup) else (tried or problem,)
    return "cannot connect: " + ", ".join(dict.fromkeys(map(_reason, leaves)))


def _reason(leaf: BaseException) -> str:
    """`Connection refused`. Numbers below 0 are those of name resolution, which `os.strerror` does not know."""
    number = getattr(leaf, "errno", None)
    return os.strerror(number) if number and number > 0 else getattr(leaf, "strerror", None) or str(leaf)


def _keep_alive(stream: trio.SocketStream) -> None:
    """Notice a peer that lost its power: without this, reading from it waits for ever."""
    tcp = trio.socket
    stream.setsockopt(tcp.SOL_SOCKET, tcp.SO_KEEPALIVE, 1)
    stream.setsockopt(tcp.IPPROTO_TCP, tcp.TCP_KEEPIDLE, limits.keepalive_idle_s)
    stream.setsockopt(tcp.IPPROTO_TCP, tcp.TCP_KEEPINTVL, limits.keepalive_interval_s)
    stream.setsockopt(tcp.IPPROTO_TCP, tcp.TCP_KEEPCNT, limits.keepalive_count)
