"""memberlist's packets as bytes: both ways, and what is no packet at all."""

from __future__ import annotations

from contextlib import suppress
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_lab.hollow import packets
from inspector_lab.hollow.errors import PacketError
from inspector_lab.hollow.lzw import compress, expand
from inspector_lab.hollow.packets import (
    Ack,
    Doubt,
    IndirectPing,
    Join,
    Nack,
    Ping,
    User,
    checked,
    compressed,
    read_packet,
)
from inspector_lab.hollow.packing import pack, raw_header
from inspector_lab.hollow.questions import read_user
from inspector_lab.hollow.schedule import Schedule
from inspector_lab.hollow.sealing import Seal

SOURCE = (bytes((127, 9, 0, 7)), 7950)


@given(st.binary(max_size=3000) | st.text("ab", max_size=20_000).map(str.encode))
def test_what_is_compressed_expands_again(plain: bytes) -> None:
    """Also where the table of codes is full, and cleared."""
    assert expand(compress(plain), len(plain) + 1) == plain


def test_all_codes_are_given_away_and_cleared() -> None:
    """4,096 codes last for some kilobytes of noise."""
    plain = b"".join(blake2b(bytes((number,)), digest_size=64).digest() for number in range(256)) * 2
    assert expand(compress(plain), len(plain)) == plain
    assert expand(compress(plain), len(plain), peek=10).startswith(plain[:10])


def test_a_bomb_is_not_unfolded() -> None:
    """A few bytes may stand for millions."""
    with pytest.raises(PacketError, match="more than"):
        expand(compress(bytes(1_000_000)), 10_000)


def test_messages_in_one_packet() -> None:
    """A compound, compressed, behind its checksum: the messages come out in their order."""
    parts = [
        packets.ping(7, "n002", SOURCE, "n001"),
        packets.ack(8),
        packets.nack(9),
        packets.alive("n2", SOURCE, b"m", 1),
    ]
    lengths = b"".join(len(part).to_bytes(2, "big") for part in parts)
    packet = checked(compressed(bytes((packets.COMPOUND, len(parts))) + lengths + b"".join(parts) + b""))
    assert read_packet(packet) == [Ping(7, "n002", SOURCE), Ack(8), Nack(9), Join()]


def test_a_wrong_checksum_is_noticed() -> None:
    """One bit of a packet."""
    packet = bytearray(checked(packets.ack(8)))
    packet[-1] ^= 1
    with pytest.raises(PacketError, match="checksum"):
        read_packet(bytes(packet))


def test_an_address_of_go_may_have_sixteen_bytes() -> None:
    """Then IPv4 stands at its end."""
    long = bytes(10) + b"\xff\xff" + SOURCE[0]
    body = pack({"SeqNo": 3, "Node": "n5", "Target": long, "Port": 7950, "Nack": True})
    assert read_packet(bytes((packets.INDIRECT,)) + body) == [IndirectPing(3, "n5", SOURCE, nack=True, source=None)]


def test_suspects_and_strings() -> None:
    """A doubt names its member; a long string has the old header that Go's library reads."""
    assert read_packet(bytes((packets.SUSPECT,)) + pack({"Node": "n5", "Incarnation": 4})) == [
        Doubt("n5", 4, dead=False)
    ]
    assert read_packet(packets.suspect("n5", 4, "n6")) == [Doubt("n5", 4, dead=False)]
    assert read_packet(packets.left("n5", 4)) == [Doubt("n5", 4, dead=True)]
    assert [raw_header(size) for size in (31, 32, 70_000)] == [b"\xbf", b"\xda\x00\x20", b"\xdb\x00\x01\x11\x70"]


@given(st.binary(max_size=200) | st.builds(lambda kind, rest: bytes((kind,)) + rest, st.integers(0, 13), st.binary()))
def test_hostile_bytes_cause_one_kind_of_error(data: bytes) -> None:
    """Whatever arrives."""
    with suppress(PacketError):
        for message in read_packet(data):
            if isinstance(message, User):
                read_user(message.body)
    with suppress(PacketError):
        read_user(data)


def test_a_seal_opens_what_it_closes() -> None:
    """Another key does not, nor does a packet that was changed."""
    seal = Seal(b"k" * 32)
    sealed = seal.close(b"news")
    assert seal.open(sealed) == b"news"
    assert len(sealed) == len(b"news") + 29  # memberlist's encryptOverhead
    for wrong in (sealed[:-1] + bytes((sealed[-1] ^ 1,)), b"news", b""):
        with pytest.raises(PacketError):
            seal.open(wrong)
    with pytest.raises(PacketError, match="another key"):
        Seal(b"x" * 32).open(sealed)
    stream = seal.close_stream(b"a list")
    assert seal.stream_size(stream[:5]) == len(stream)
    assert seal.open_stream(stream) == b"a list"


def test_the_schedule_keeps_order() -> None:
    """By ticks; what is late already comes with the next."""
    done: list[str] = []
    schedule = Schedule()
    schedule.put(0.5, done.append, "second")
    schedule.put(0.1, done.append, "first")
    schedule.run(0.3)
    schedule.put(0.0, done.append, "late")
    assert done == ["first"]
    schedule.run(0.51)
    assert done == ["first", "late", "second"]
    schedule.run(5.0)
    schedule.put(1.0, done.append, "after a pause")
    schedule.run(5.0)
    schedule.run(5.01)
    assert done[-1] == "after a pause"
    assert not len(schedule)
