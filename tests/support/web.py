"""A web server that misbehaves on demand, in the shoes of a config center."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from hashlib import sha256
from pathlib import Path

import trio

from config_center.layers import Part
from config_center.release import Layer, Release, SiteCheck
from tests.support.depots import MirroredStore

Handler = Callable[[trio.SocketStream], Awaitable[None]]


@dataclass
class Web:
    """A server of files.

    Attributes:
        files: path -> content.
        handlers: path -> what to do instead of serving it.
        asked: paths asked for, in order.
        conditional: paths asked for with an etag.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    handlers: dict[str, Handler] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    conditional: list[str] = field(default_factory=list)

    def publish(self, directory: Path, layers: Sequence[Layer], checks: dict[str, bytes] | None = None) -> Release:
        """Publish by the config center's own store, and serve what is in it now."""
        parts = [
            Part(SiteCheck(name, f"checks/{name}", sha256(content).hexdigest(), len(content)), content)
            for name, content in (checks or {}).items()
        ]
        release = MirroredStore(directory).publish(layers, parts)
        self.serve(directory)
        return release

    def serve(self, directory: Path) -> None:
        """Serve the files of a store's directory as they are now."""
        found = [path for path in directory.rglob("*") if path.is_file() and not path.name.startswith(".")]
        self.files = {f"/{path.relative_to(directory)}": path.read_bytes() for path in found}

    async def answer(self, stream: trio.SocketStream) -> None:
        """One request, then close."""
        async with stream:
            request = b""
            while b"\r\n\r\n" not in request:
                piece = await stream.receive_some()
                if not piece:
                    return
                request += piece
            path = request.split()[1].decode()
            self.asked.append(path)
            try:
                await self._reply(stream, path, request)
            except trio.BrokenResourceError:
                return  # the client had enough

    async def _reply(self, stream: trio.SocketStream, path: str, request: bytes) -> None:
        if path in self.handlers:
            await self.handlers[path](stream)
        elif path not in self.files:
            await stream.send_all(reply(b"", status="404 Not Found"))
        else:
            etag = sha256(self.files[path]).hexdigest()[:16]
            _, conditional, known = request.partition(b"If-None-Match: ")
            if conditional:
                self.conditional.append(path)
            if etag.encode() in known:
                await stream.send_all(reply(b"", status="304 Not Modified"))
            else:
                await stream.send_all(reply(self.files[path], f'ETag: "{etag}"', f"Date: {formatdate(usegmt=True)}"))


def reply(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """A whole response; `length` claims another length than the body has."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", "Connection: close"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def sends(raw: bytes) -> Handler:
    """A handler that sends these bytes and closes."""

    async def handler(stream: trio.SocketStream) -> None:
        await stream.send_all(raw)

    return handler


def drips(raw: bytes, every_s: float) -> Handler:
    """A handler that sends one byte after the other, for as long as anybody listens."""

    async def handler(stream: trio.SocketStream) -> None:
        for byte in raw:
            await stream.send_all(bytes([byte]))
            await trio.sleep(every_s)

    return handler


async def says_nothing(stream: trio.SocketStream) -> None:
    """A handler that keeps the client waiting until it goes."""
    await stream.receive_some()


@asynccontextmanager
async def web() -> AsyncIterator[Web]:
    """A server on a free loopback port, gone at the end."""
    server = Web()
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        server.url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
        nursery.start_soon(trio.serve_listeners, server.answer, [listener])
        yield server
        nursery.cancel_scope.cancel()
