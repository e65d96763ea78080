"""What comes from others in bytes: answers of nameservers, which may lie, and long tables of the kernel."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from checklib import dnswire, limits, netlink, resolving, sockets
from checklib.contract import decode_request
from checklib.errors import CannotTell
from checklib.node import Node
from hypothesis import given
from hypothesis import strategies as st

from tests.support import dns_server
from tests.support.check_cases import plant

ASKED = dnswire.question(7, "many.example.com", dnswire.A)


def good() -> bytes:
    """A right answer."""
    told = dns_server.respond(ASKED, by_tcp=True)
    assert told is not None
    return told


@given(st.binary(max_size=600))
def test_any_bytes_are_an_answer_or_none_or_broken(raw: bytes) -> None:
    """Behind a right beginning, too."""
    for message in (raw, good()[: len(ASKED)] + raw, good()[:300] + raw):
        try:
            told = dnswire.answer(message, ASKED)
        except CannotTell:
            continue
        assert told is None or all(resolving.is_address(one) for one in told.addresses)


def test_an_answer_is_held_to_its_question() -> None:
    """Its number, its name and its kind; the letters' case may differ."""
    told = dnswire.answer(good(), ASKED)
    assert told is not None
    assert sorted(told.addresses) == sorted(dns_server.ZONE["many.example.com"])
    assert dnswire.answer(good(), dnswire.question(8, "many.example.com", dnswire.A)) is None
    assert dnswire.answer(good(), dnswire.question(7, "some.example.com", dnswire.A)) is None
    assert dnswire.answer(good(), dnswire.question(7, "many.example.com", dnswire.AAAA)) is None
    assert dnswire.answer(ASKED, ASKED) is None
    loud = dnswire.answer(good(), dnswire.question(7, "MANY.example.com", dnswire.A))
    assert loud is not None
    assert loud.addresses == told.addresses


def test_an_answer_of_more_records_than_anyone_needs_is_broken() -> None:
    """Nothing is looked at then."""
    many = good()[:6] + struct.pack(">H", limits.dns_records_max + 1) + good()[8:]
    with pytest.raises(CannotTell, match="more than"):
        dnswire.answer(many, ASKED)


@given(st.binary(max_size=200))
def test_any_bytes_are_messages_and_attributes(raw: bytes) -> None:
    """Lengths that lie end it."""
    assert len(list(netlink.messages(raw))) <= len(raw) // 16
    assert len(netlink.attributes(raw)) <= len(raw) // 4


def test_of_a_busy_hosts_list_only_what_listens_is_read(tmp_path: Path) -> None:
    """The kernel lists all that listen first: behind them may be more connections than anyone wants to read."""
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    line = "   0: 0100007F:{:04X} 00000000:0000 {} 00000000:00000000 00:00000000 00000000     0        0 {} 1 0 100\n"
    listening = "".join(line.format(port, "0A", port) for port in range(1, 3_001))
    connected = line.format(9, "01", 9) * (limits.sockets_bytes_max // 100)
    root = plant(tmp_path, {"/proc/net/tcp": head + listening + connected, "/proc/net/udp": head + connected})
    node = Node(decode_request({"root": str(root), "items": []}))
    found = sockets.waiting(node, "tcp")
    assert found is not None
    assert [one.port for one in found] == list(range(1, 3_001))
    with pytest.raises(CannotTell, match=f"/proc/net/udp has more than {limits.sockets_bytes_max} bytes"):
        sockets.waiting(node, "udp")
    node.close()
    assert sockets.address_of("0100007F:0016") == ("127.0.0.1", 22)


def test_hosts_and_addresses_are_read_as_libc_reads_them() -> None:
    """One name on several lines; comments; small and large letters; what is an address and what only looks like one."""
    text = "127.0.0.1 localhost A.example # 1.2.3.4 no\n::1 LOCALHOST\n127.0.0.1 localhost\n\nx\n"
    assert resolving.parse_hosts(text) == {"localhost": ["127.0.0.1", "::1"], "a.example": ["127.0.0.1"]}
    assert all(map(resolving.is_address, ["10.0.0.1", "::1", "fe80::1%eth0"]))
    assert not any(map(resolving.is_address, ["10.1", "1.2.3.4.5", "x", "", "\0", "::1::2"]))
