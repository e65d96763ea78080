"""A TCP server that greets like a Serf agent and then does what no real one can be made to do on demand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgpack  # type: ignore[import-untyped]
import trio

Behaviour = Callable[[trio.SocketStream], Awaitable[None]]


def header(seq: int, error: str = "") -> bytes:
    """A reply's header as Serf writes it."""
    packed: bytes = msgpack.packb({"Error": error, "Seq": seq})
    return packed


@asynccontextmanager
async def listening(behave: Behaviour) -> AsyncIterator[str]:
    """The `host:port` of a server that does this with every connection, and nothing of a greeting."""

    async def handle(stream: trio.SocketStream) -> None:
        try:
            await behave(stream)
            while await stream.receive_some():
                """Until the client goes."""
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return  # the client went first, or `behave` has closed the stream

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, handle, listeners)
        port = listeners[0].socket.getsockname()[1]
        yield f"127.0.0.1:{port}"
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def fake_serf(at_command: Behaviour) -> AsyncIterator[str]:
    """Greets (Seq 1 and 2); a query, or a stream and what follows it, gets its reply, then `at_command` takes over."""

    async def behave(stream: trio.SocketStream) -> None:
        unpacker = msgpack.Unpacker()
        seen, streaming = 0, False
        async for data in stream:
            unpacker.feed(data)
            for value in unpacker:
                if "Command" not in value:
                    continue
                seen = value["Seq"]
                streaming = value["Command"] == "stream"
                await stream.send_all(header(seen))
            if seen >= 3 and not streaming:
                await at_command(stream)
                return

    async with listening(behave) as address:
        yield address
