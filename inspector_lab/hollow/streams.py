"""Streams that the entry opens to a member: it compares lists of members, and pings where UDP has failed."""

from __future__ import annotations

import socket

import msgpack  # type: ignore[import-untyped]
import trio

from inspector_lab.hollow import limits, packets
from inspector_lab.hollow.darkness import darken
from inspector_lab.hollow.errors import PacketError
from inspector_lab.hollow.fleet import Member
from inspector_lab.hollow.members import stream_kind
from inspector_lab.hollow.packets import PING, PUSH_PULL, Ping
from inspector_lab.hollow.questions import local_state
from inspector_lab.hollow.shell import Shell


class Streams:
    """Serves all members' streams."""

    def __init__(self, shell: Shell, port: int) -> None:
        self._shell = shell
        self._port = port
        self._by_ip = {member.address[0]: member for member in shell.members[1:]}
        self._open = trio.CapacityLimiter(limits.streams_max)

    async def serve(self) -> None:
        """Accept streams for ever, but for members that are gone."""
        listeners = await trio.open_tcp_listeners(self._port, host="0.0.0.0")  # noqa: S104 - 127.0.0.0/8; checked below
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._darken, listeners[0])
            await trio.serve_listeners(self._one, listeners)

    async def _darken(self, listener: trio.SocketListener) -> None:
        """Let nothing answer at the addresses of those that are gone."""
        shell, version = self._shell, 0
        while True:
            if version != shell.standing.version:
                version = shell.standing.version
                gone = [member.address[0] for member in shell.members if not member.up]
                shell.counted["left_bright"] += not darken(listener.socket.fileno(), gone)
            await trio.sleep(limits.churn_tick_s)

    async def _one(self, stream: trio.SocketStream) -> None:
        counted = self._shell.counted
        member = self._by_ip.get(socket.inet_aton(stream.socket.getsockname()[0]))
        if member is None or not member.up or not stream.socket.getpeername()[0].startswith("127."):
            counted["stranger"] += 1
            await stream.aclose()
            return
        with trio.move_on_after(limits.stream_s_max):
            async with self._open, stream:
                try:
                    kind, body = stream_kind(await self._message(stream))
                    counted["streams"] += 1
                    await self._reply(stream, member, kind, body)
                except PacketError:
                    counted["malformed"] += 1
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    counted["broken_streams"] += 1

    async def _message(self, stream: trio.SocketStream) -> bytes:
        """The one message of a stream, opened. Raises PacketError."""
        seal = self._shell.seal
        data = bytearray()
        walker = msgpack.Unpacker(raw=True, max_buffer_size=limits.stream_bytes_max)
        while len(data) <= limits.stream_bytes_max:
            part = await stream.receive_some(65_536)
            if not part:
                raise PacketError("a stream that ends too early")
            data += part
            if seal.encrypts:
                size = seal.stream_size(bytes(data[:16]))
                if size is not None and len(data) >= size:
                    return seal.open_stream(bytes(data[:size]))
                continue
            walker.feed(part if len(data) > len(part) else part[1:])
            try:
                walker.skip()
            except msgpack.OutOfData:
                continue
            except (ValueError, msgpack.UnpackException) as problem:
                raise PacketError(f"a stream of something else: {problem}") from problem
            return bytes(data)
        raise PacketError("a stream that does not end")

    async def _reply(self, stream: trio.SocketStream, member: Member, kind: int, body: bytes) -> None:
        """A ping gets its ack; a list of states gets one with this member alone: the entry knows all the others."""
        if kind == PING:
            ping = packets.read_packet(bytes((PING,)) + body)[0]
            if isinstance(ping, Ping) and ping.node in ("", member.name):
                await stream.send_all(self._shell.seal.close_stream(packets.ack(ping.seq)))
        elif kind == PUSH_PULL:
            own = packets.state(member.name, member.address, member.meta, member.incarnation)
            await stream.send_all(self._shell.seal.close_stream(packets.push_pull([own], local_state([]), join=False)))
