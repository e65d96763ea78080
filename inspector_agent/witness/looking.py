"""Looking at one member: TCP to two ports, and a ping where this process may send one. Nothing is said to anybody.

A connection is closed as soon as it stands: what is asked is only whether it can stand. Serf reads the end of an empty
stream without a complaint; an sshd logs that somebody left.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Awaitable, Callable, Mapping

import trio

from inspector_agent.witness import limits
from inspector_agent.witness.events import Look, Looked
from inspector_agent.witness.messages import Reach
from inspector_agent.witness.settings import WitnessSettings

_REACHES = {
    0: Reach.OK,
    errno.ECONNREFUSED: Reach.REFUSED,
    errno.ECONNRESET: Reach.REFUSED,
    errno.ETIMEDOUT: Reach.TIMEOUT,
    errno.EHOSTUNREACH: Reach.UNREACHABLE,
    errno.ENETUNREACH: Reach.UNREACHABLE,
    errno.EHOSTDOWN: Reach.UNREACHABLE,
    errno.ENETDOWN: Reach.UNREACHABLE,
    errno.ENOPROTOOPT: Reach.UNREACHABLE,  # ICMP: protocol unreachable
    errno.EACCES: Reach.UNREACHABLE,  # a firewall of this node
    errno.EPERM: Reach.UNREACHABLE,
}

# ICMP for IPv4 and IPv6: echo request and reply (RFC 792, RFC 4443). The kernel puts checksum and identifier in.
_ECHO = bytes((0, 0, 0, 0, 0, 0, 1))
_PINGS = {
    socket.AF_INET: (socket.IPPROTO_ICMP, bytes((8,)), bytes((0,))),
    socket.AF_INET6: (socket.IPPROTO_ICMPV6, bytes((128,)), bytes((129,))),
}


def reach_of(number: int) -> Reach:
    """What the system's answer to an attempt says of the other side. This node's own shortages say nothing: SKIPPED."""
    return _REACHES.get(number, Reach.SKIPPED)


async def look(order: Look, settings: WitnessSettings) -> Looked:
    """All attempts at once; each has `patience_s`."""
    attempts: dict[str, Callable[[], Awaitable[Reach]]] = {"gossip": lambda: connect(order.address, order.port)}
    if settings.ssh_port:
        attempts["ssh"] = lambda: connect(order.address, settings.ssh_port)
    if settings.ping:
        attempts["ping"] = lambda: ping(order.address)
    seen: dict[str, tuple[Reach, float]] = {}

    async def attempt(word: str) -> None:
        began, reach = trio.current_time(), Reach.TIMEOUT
        with trio.move_on_after(limits.patience_s):
            reach = await attempts[word]()
        seen[word] = reach, trio.current_time() - began

    async with trio.open_nursery() as nursery:
        for word in attempts:
            nursery.start_soon(attempt, word)
    return summed_up(order.name, seen)


def summed_up(name: str, seen: Mapping[str, tuple[Reach, float]]) -> Looked:
    """The attempts at one member, by `gossip`, `ssh` and `ping`: how each ended, and its seconds."""
    reaches = {word: reach for word, (reach, _) in seen.items()}
    fastest_s = min((took_s for reach, took_s in seen.values() if reach is Reach.OK), default=0.0)
    return Looked(
        name,
        gossip=reaches.get("gossip", Reach.SKIPPED),
        ssh=reaches.get("ssh", Reach.SKIPPED),
        ping=reaches.get("ping", Reach.SKIPPED),
        took_ms=min(limits.took_ms_max, round(fastest_s * 1000)),
    )


async def connect(address: str, port: int) -> Reach:
    """Whether TCP can be connected; `address` is a number. Waits as long as the kernel does: give it a timeout."""
    try:
        with socket.socket(_family(address), socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as sock:
            number = sock.connect_ex((address, port))
            if number == errno.EINPROGRESS:
                await trio.lowlevel.wait_writable(sock)
                number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    except OSError:  # no socket is to be had here
        return Reach.SKIPPED
    return reach_of(number)


async def ping(address: str) -> Reach:
    """Whether an echo comes back; SKIPPED where this process may not ask (`net.ipv4.ping_group_range`)."""
    family = _family(address)
    protocol, request, reply = _PINGS[family]
    try:
        sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, protocol)
    except OSError:  # not allowed
        return Reach.SKIPPED
    with sock:
        try:
            sock.connect((address, 0))  # so that only its answers come, and errors too
            sock.send(request + _ECHO)
            while True:
                await trio.lowlevel.wait_readable(sock)
                if sock.recv(64)[:1] == reply:
                    return Reach.OK
        except OSError as problem:
            return reach_of(problem.errno or errno.EIO)


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
