"""The kernel's drop counter of one UDP socket."""

from __future__ import annotations

import socket

import trio

from inspector_coord.sockets import drops_in, entry_drops, told
from tests.support.serf import until

HEADER = (
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops"
)
ROW = "  345: {} 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12345 2 0000000000000000 {}"


def test_the_socket_of_an_address_is_found() -> None:
    """By address and port, IPv4 and IPv6; another port, another address or no such socket is None."""
    lines = [HEADER, ROW.format("0100007F:1F0A", 7), ROW.format("00000000000000000000000001000000:1F0A", 9)]
    assert drops_in(lines, "127.0.0.1", 7946, is_here=False) == 7
    assert drops_in(lines, "::1", 7946, is_here=False) == 9
    assert drops_in(lines, "127.0.0.1", 7947, is_here=True) is None
    assert drops_in(lines, "127.0.0.2", 7946, is_here=True) is None
    assert drops_in(lines, "no address", 7946, is_here=True) is None


def test_a_socket_of_all_addresses_counts_only_where_the_entry_is_here() -> None:
    """0.0.0.0:7946 may be another Serf agent, unless the entry is known to be on this machine."""
    lines = [HEADER, ROW.format("00000000:1F0A", 3)]
    assert drops_in(lines, "10.1.2.3", 7946, is_here=True) == 3
    assert drops_in(lines, "10.1.2.3", 7946, is_here=False) is None


async def test_the_kernel_counts_what_a_full_socket_drops() -> None:
    """A real socket that nobody reads, flooded beyond its buffer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver, socket.socket(type=socket.SOCK_DGRAM) as sender:
        receiver.bind(("127.0.0.1", 0))
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        address, port = receiver.getsockname()
        assert entry_drops(address, port, is_here=False) == 0

        async def has_dropped() -> bool:
            sender.sendto(b"x" * 1000, (address, port))
            await trio.lowlevel.checkpoint()
            return bool(entry_drops(address, port, is_here=False))

        await until(has_dropped, what="a packet dropped")


def test_drops_are_told_from_one_of_a_hundred_on() -> None:
    """With the entry, how many, and the setting that helps."""
    assert told("10.0.0.1:7373", 100, 10_000, 20_000.0) == []
    (note,) = told("10.0.0.1:7373", 1_234, 10_000, 20_000.0)
    assert note.startswith("entry 10.0.0.1:7373 dropped 1,234 packets")
    assert "20,000 a second" in note
    assert "`answers_per_s` in coordinator.yml" in note
