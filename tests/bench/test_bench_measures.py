"""What the benchmarks themselves must not get wrong: all answers booked, each packet counted as what it is."""

from __future__ import annotations

import struct

import pytest

from bench.booking import booked_per_s, fleet_answers, read_and_booked_per_s
from bench.traffic import kind_of
from inspector_agent.wire import decode_answer

GOSSIP = 7946


def packet(body: bytes, *, protocol: int = 17, port: int = GOSSIP) -> bytes:
    """An IP packet as the loopback device gives it."""
    header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(body), 0, 0, 64, protocol, 0, b"\x7f\1\0\1", b"\x7f\1\0\2")
    return header + struct.pack(">HHHH", port, port, 8 + len(body), 0) + body


def compound(*messages: bytes) -> bytes:
    """Several messages in one packet."""
    lengths = b"".join(struct.pack(">H", len(message)) for message in messages)
    return bytes((7, len(messages))) + lengths + b"".join(messages)


ALIVE, QUERY, RESPONSE, RELAY = b"\x04\x80", b"\x08\x04\x80", b"\x08\x05\x80", b"\x08\x09\x80"


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (packet(RESPONSE), "answers"),
        (packet(RELAY), "answers"),
        (packet(QUERY), "question"),
        (packet(compound(ALIVE, QUERY)), "question"),
        (packet(compound(ALIVE, ALIVE)), "background"),
        (packet(b"", protocol=6), "background"),
        (packet(b"\xff"), "unread"),
        (packet(QUERY, port=53), ""),
    ],
)
def test_a_packet_is_counted_as_what_it_is(given: bytes, kind: str) -> None:
    """Unicast answers, the gossip of a question, everything else."""
    assert kind_of(given) == kind


def test_all_answers_of_a_fleet_are_read_and_booked() -> None:
    """Either way in: the benchmark itself refuses to give a rate if one is missing."""
    answers = fleet_answers(400, 0.05)
    assert [len(decode_answer(payload).failing) for _, payload in answers].count(5) == 20
    assert booked_per_s(answers) > 0
    assert read_and_booked_per_s(answers) > 0
