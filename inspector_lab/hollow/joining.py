"""How a hollow ring makes itself known, and gets its entry to be heard.

Members join by push/pull over TCP, thousands in one. From then on the entry's queue is full of their records, which it
gossips before any question: to a few peers a gossip interval, for minutes. But memberlist adds what is in the queue to
every ack as well, up to a whole packet. So the members ping the entry as fast as it answers until its acks are empty.
"""

from __future__ import annotations

import socket

import trio

from inspector_lab.hollow import limits, packets
from inspector_lab.hollow.errors import PacketError
from inspector_lab.hollow.fleet import joining
from inspector_lab.hollow.sealing import Seal
from inspector_lab.hollow.shell import Shell

PLAIN_ACK_BYTES = 400  # an ack with the node's network coordinate has about 200; one that carries records 1,400


async def join(shell: Shell) -> None:
    """Make all members known to the entry. Returns when it has taken them."""
    host, port = socket.inet_ntoa(shell.entry.address[0]), shell.entry.address[1]
    for message in joining(shell.members[1:], limits.join_chunk):
        sealed = shell.seal.close_stream(message)
        while True:
            if await exchanged(host, port, sealed):
                break
            await trio.sleep(limits.join_retry_s)


async def exchanged(host: str, port: int, message: bytes) -> bool:
    """Push a list of states, and read what the entry has to say until it closes: then it has merged ours."""
    try:
        stream = await trio.open_tcp_stream(host, port)
    except OSError:
        return False
    async with stream:
        try:
            await stream.send_all(message)
            size = 0
            while data := await stream.receive_some(65_536):
                size += len(data)
        except (trio.BrokenResourceError, OSError):
            return False
    return size > 0


async def drain(shell: Shell) -> None:
    """Ping the entry until its acks carry nothing any more."""
    pings = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    member = shell.members[1]
    entry = (socket.inet_ntoa(shell.entry.address[0]), shell.entry.address[1])
    with pings:
        await pings.bind((socket.inet_ntoa(member.address[0]), 0))
        pings.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, limits.receive_buffer_bytes)
        source = (member.address[0], pings.getsockname()[1])
        ping = packets.ping(0, shell.entry.name, source, member.name)
        empty = flying = 0
        while empty < limits.drained_acks:
            while flying < limits.pings_window:
                await pings.sendto(shell.seal.close(ping), entry)
                flying += 1
            with trio.move_on_after(limits.ping_lost_s) as patience:
                ack = await pings.recv(limits.packet_bytes_max)
            if patience.cancelled_caught:
                flying = 0
                continue
            flying = max(0, flying - 1)  # one that was given up may still come
            shell.counted["drain_acks"] += 1
            empty = empty + 1 if carries_nothing(ack, shell.seal) else 0


def carries_nothing(packet: bytes, seal: Seal) -> bool:
    """Whether an ack is an ack and nothing else."""
    if len(packet) > PLAIN_ACK_BYTES:
        return False
    try:
        return len(packets.read_packet(seal.open(packet))) == 1
    except PacketError:
        return False
