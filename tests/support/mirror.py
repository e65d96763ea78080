"""A mirror of plain files, as nginx or a CDN would be: what is put into it is served, whatever it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import trio

from config_center.keys import SecretKey, sign
from config_center.match import Terms
from config_center.pointer import Canary, Pointer, encode_pointer
from config_center.release import Release, canonical

CREATED = "2030-01-01T00:00:00Z"


def pointer_to(release: Release, serial: int, canary: Release | None = None, match: Terms | None = None) -> Pointer:
    """An unsigned pointer to a release, and to a canary for the nodes of a match."""
    return Pointer(
        serial=serial,
        number=release.number,
        digest=release.digest,
        created=CREATED,
        canary=None if canary is None else Canary(canary.number, canary.digest, match or {}),
    )


class Mirror:
    """Files by their path below `url`. `asked`: every path asked for, with its If-None-Match.

    drips: it sends a byte now and then, and never all that it promised.
    """

    def __init__(self) -> None:
        self.url = ""
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []
        self.drips = False

    def put(self, pointer: Pointer, *releases: Release, keys: tuple[SecretKey, ...] = ()) -> None:
        """Serve a pointer, signed with these keys, and releases."""
        self.files["current.json"] = encode_pointer(sign(pointer, keys) if keys else pointer)
        for release in releases:
            self.files[f"releases/{release.digest}.json"] = canonical(release)

    def know(self, nodes: Mapping[str, Mapping[str, Any]]) -> None:
        """Serve a list of nodes."""
        self.files["nodes.json"] = msgspec.json.encode({"schema": "inspector.nodes/1", "nodes": nodes})

    async def handle(self, stream: trio.SocketStream) -> None:
        """One request."""
        head = b""
        while b"\r\n\r\n" not in head:
            more = await stream.receive_some(4096)
            if not more:
                return  # a client that was ended before it had asked
            head += more
        lines = head.decode("latin-1").split("\r\n")
        path = lines[0].split(" ")[1].lstrip("/")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        self.asked.append((path, fields.get("if-none-match", "")))
        body = self.files.get(path)
        etag = f'"{sha256(body or b"").hexdigest()[:16]}"'
        status = "404 Not Found" if body is None else "200 OK"
        if body is not None and fields.get("if-none-match") == etag:
            status, body = "304 Not Modified", b""
        body = body or b""
        if self.drips:
            await _drip(stream)
            return
        reply = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nETag: {etag}\r\nConnection: close\r\n\r\n"
        with suppress(trio.BrokenResourceError):  # the client had enough
            await stream.send_all(reply.encode() + body)


async def _drip(stream: trio.SocketStream) -> None:
    """Until the client has enough of it."""
    with suppress(trio.BrokenResourceError):
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
        while True:
            await stream.send_all(b"{")
            await trio.sleep(0.05)


@asynccontextmanager
async def mirrored() -> AsyncIterator[Mirror]:
    """A mirror that serves; gone afterwards."""
    mirror = Mirror()
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, mirror.handle, 0, host="127.0.0.1"))
        mirror.url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
        yield mirror
        nursery.cancel_scope.cancel()


def key(directory: Path, name: str) -> SecretKey:
    """A key whose public half is beside coordinator.yml as <name>.pub."""
    from config_center.keys import read_secret, write_keypair

    write_keypair(directory / name)
    return read_secret(directory / name)
