"""A server that reads whole requests with their bodies, keeps them, and answers as it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

TAKEN = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"


@dataclass
class Taker:
    """Attributes:
    requests: (head, body) of each, in order.
    answer: what is sent to each.
    """

    url: str = ""
    answer: bytes = TAKEN
    requests: list[tuple[str, bytes]] = field(default_factory=list)

    async def take(self, stream: trio.SocketStream) -> None:
        """One request, then close."""
        async with stream:
            raw = b""
            while b"\r\n\r\n" not in raw:
                raw += await stream.receive_some() or b"\r\n\r\n"
            head, _, body = raw.partition(b"\r\n\r\n")
            length = next(
                (int(line[15:]) for line in head.splitlines() if line.lower().startswith(b"content-length:")), 0
            )
            while len(body) < length and (piece := await stream.receive_some()):
                body += piece
            self.requests.append((head.decode(), body))
            await stream.send_all(self.answer)


@asynccontextmanager
async def taker(answer: bytes = TAKEN) -> AsyncIterator[Taker]:
    """One on a free loopback port, gone at the end."""
    server = Taker(answer=answer)
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        server.url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
        nursery.start_soon(trio.serve_listeners, server.take, [listener])
        yield server
        nursery.cancel_scope.cancel()
