"""A witness's eyes, on real sockets: what is reached, refused, silent; a ping is sent where that is allowed."""

from __future__ import annotations

import errno
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import trio

from inspector_agent.witness import limits
from inspector_agent.witness.events import Look, Looked
from inspector_agent.witness.looking import connect, look, ping, reach_of, summed_up
from inspector_agent.witness.messages import Reach
from inspector_agent.witness.settings import WitnessSettings
from tests.support.serf import claimed_prefix

NO_PING = WitnessSettings(ssh_port=2222, ping=False)


@pytest.fixture
def address() -> Iterator[str]:
    """A loopback address that is nobody else's."""
    with claimed_prefix() as network:
        yield f"{network}.1"


@contextmanager
def listener(address: str, port: int = 0, *, full: bool = False) -> Iterator[int]:
    """The port of somebody who listens; where it is full the kernel answers no further connection."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind((address, port))
        server.listen(0 if full else 16)
        port = server.getsockname()[1]
        for _ in range(4 if full else 0):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex((address, port))
        yield port


PINGING = """
import fcntl, pathlib, socket, struct, trio
from inspector_agent.witness.looking import connect, ping

pathlib.Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 0")
pathlib.Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text("0")
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP

async def main():
    for address in ("127.0.0.1", "::1", "10.1.1.1"):
        with trio.fail_after(60):
            print(await ping(address), await connect(address, 9))

trio.run(main)
"""


async def test_each_port_has_its_own_outcome(address: str) -> None:
    """Gossip is there, nothing listens for ssh; and the other way round."""
    with listener(address) as port:
        seen = await look(Look("n1", address, port), NO_PING)
    assert (seen.name, seen.gossip, seen.ssh, seen.ping) == ("n1", Reach.OK, Reach.REFUSED, Reach.SKIPPED)
    with listener(address, 2222):
        seen = await look(Look("n1", address, port), NO_PING)
    assert (seen.gossip, seen.ssh, seen.ping) == (Reach.REFUSED, Reach.OK, Reach.SKIPPED)


async def test_who_says_nothing_is_given_up(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full queue is a kernel that drops what comes: the rest is told all the same."""
    monkeypatch.setattr(limits, "patience_s", 0.2)
    with listener(address, full=True) as port, listener(address, 2222):
        with trio.fail_after(30):
            seen = await look(Look("n1", address, port), NO_PING)
    assert (seen.gossip, seen.ssh) == (Reach.TIMEOUT, Reach.OK)


async def test_what_is_not_wanted_is_not_tried(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No ssh port, no ping, even if it would be answered."""

    async def answered(_: str) -> Reach:
        return Reach.OK

    monkeypatch.setattr("inspector_agent.witness.looking.ping", answered)
    with listener(address) as port:
        bare = await look(Look("n1", address, port), WitnessSettings(ssh_port=0, ping=False))
        pinged = await look(Look("n1", address, port), WitnessSettings(ssh_port=0))
    assert bare == Looked("n1", Reach.OK, Reach.SKIPPED, Reach.SKIPPED, bare.took_ms)
    assert (pinged.ssh, pinged.ping) == (Reach.SKIPPED, Reach.OK)


async def test_it_says_nothing_and_goes(address: str) -> None:
    """Whoever is looked at finds an empty stream that has ended: no byte was sent, and no reset either."""
    with socket.socket() as server:
        server.bind((address, 0))
        server.listen()
        assert await connect(address, server.getsockname()[1]) is Reach.OK
        server.settimeout(10)
        stream, _ = server.accept()
        with stream:
            stream.settimeout(10)
            assert stream.recv(100) == b""


def test_the_fastest_that_was_reached_is_told() -> None:
    """In milliseconds; of the attempts that were in vain none counts."""
    seen = {"gossip": (Reach.OK, 0.25), "ssh": (Reach.OK, 0.5), "ping": (Reach.UNREACHABLE, 0.001)}
    assert summed_up("n1", seen) == Looked("n1", Reach.OK, Reach.OK, Reach.UNREACHABLE, 250)
    assert summed_up("n1", {"gossip": (Reach.TIMEOUT, 0.7)}).took_ms == 0


def test_a_ping_comes_back_where_it_is_allowed() -> None:
    """In a network of its own, whose kernel lets all groups ping; and where no route leads, that is told."""
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-c", PINGING],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.split() == ["ok", "refused", "ok", "refused", "unreachable", "unreachable"]


async def test_where_no_ping_is_allowed_it_is_skipped(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ping_group_range` of most distributions before systemd 243, and of most containers."""

    class Forbidden:
        def __init__(self, *_: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("inspector_agent.witness.looking.socket.socket", Forbidden)
    assert await ping(address) is Reach.SKIPPED
    assert await connect(address, 1) is Reach.SKIPPED


@pytest.mark.parametrize(
    ("number", "reach"),
    [
        (0, Reach.OK),
        (errno.ECONNREFUSED, Reach.REFUSED),
        (errno.EHOSTUNREACH, Reach.UNREACHABLE),
        (errno.ENETUNREACH, Reach.UNREACHABLE),
        (errno.EPERM, Reach.UNREACHABLE),
        (errno.ETIMEDOUT, Reach.TIMEOUT),
        (errno.EMFILE, Reach.SKIPPED),
        (errno.EADDRNOTAVAIL, Reach.SKIPPED),
        (errno.ENOBUFS, Reach.SKIPPED),
    ],
)
def test_only_the_other_side_is_blamed(number: int, reach: Reach) -> None:
    """A node that has run out of ports or sockets has seen nothing of anybody."""
    assert reach_of(number) is reach
