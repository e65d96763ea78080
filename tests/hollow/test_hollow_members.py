"""Packets for hollow members: pings, doubts, messages to pass on, queries."""

from __future__ import annotations

import pytest

from config_center.release import Release
from inspector_lab.hollow import packets
from inspector_lab.hollow.errors import PacketError
from inspector_lab.hollow.packets import Ack, Address, Nack, compressed, read_packet
from inspector_lab.hollow.packing import pack, raw
from inspector_lab.hollow.questions import PUSH_PULL, QUERY, RELAY, local_state, read_user, tags_meta
from tests.support.hollow import ASKER, Stage, user

ENTRY: Address = (bytes((127, 9, 0, 1)), 7946)


def indirect(stage: Stage, name: str, address: Address, *, nack: bool = True) -> bytes:
    fields = {"SeqNo": 5, "Node": name, "Target": address[0], "Port": address[1], "Nack": nack}
    return bytes((packets.INDIRECT,)) + pack(fields | {"SourceAddr": ENTRY[0], "SourcePort": ENTRY[1]})


def test_a_ping_is_acked_by_its_member_alone(release: Release) -> None:
    """To where it says, or where it came from."""
    stage = Stage(release)
    member = stage.members[3]
    elsewhere = (bytes((127, 9, 0, 1)), 5555)
    assert stage.play.take(packets.ping(9, member.name, ENTRY, "n001"), member, elsewhere, 1.0) == []
    stage.play.take(bytes((packets.PING,)) + pack({"SeqNo": 10, "Node": ""}), member, elsewhere, 1.0)
    assert [(one.name, address, read_packet(packet)) for one, address, packet in stage.posted] == [
        (member.name, ENTRY, [Ack(9)]),
        (member.name, elsewhere, [Ack(10)]),
    ]
    stage.play.take(packets.ping(9, "n005", ENTRY, "n001"), member, ENTRY, 1.0)
    assert len(stage.posted) == 2
    assert stage.counted["misdirected"] == 1


def test_a_member_asks_another_one(release: Release) -> None:
    """Who is there is acked at once; for who is not there is a nack after the probe's time."""
    stage = Stage(release)
    stage.play.take(indirect(stage, "n009", stage.members[8].address), stage.members[3], ENTRY, 1.0)
    stage.play.take(indirect(stage, "gone", (bytes((127, 9, 9, 9)), 1)), stage.members[3], ENTRY, 1.0)
    assert [read_packet(packet) for _, _, packet in stage.posted] == [[Ack(5)]]
    stage.acting.run(1.6, 0)
    assert [read_packet(packet) for _, _, packet in stage.posted] == [[Ack(5)], [Nack(5)]]


def test_a_doubted_member_speaks_up(release: Release) -> None:
    """With a higher incarnation each time; old doubts and those about others are nothing."""
    stage = Stage(release)
    for incarnation in (1, 1, 4):
        doubt = bytes((packets.SUSPECT,)) + pack({"Node": "n007", "Incarnation": incarnation, "From": "n001"})
        stage.play.take(doubt, stage.members[2], ENTRY, 1.0)
    assert stage.members[6].incarnation == 5
    assert len(stage.posted) == stage.counted["refuted"] == 2
    assert {member.name for member, _, _ in stage.posted} == {"n007"}
    for name in ("n001", "stranger"):
        doubt = bytes((packets.DEAD,)) + pack({"Node": name, "Incarnation": 9, "From": "n001"})
        stage.play.take(doubt, stage.members[2], ENTRY, 1.0)
    assert len(stage.posted) == 2


def test_a_message_is_passed_on_as_it_is(release: Release) -> None:
    """The entry relays its own answer through members, too."""
    stage = Stage(release)
    inner = b"\x05" + pack({"From": "n001", "Payload": b"x" * 300})
    header = pack({"DestAddr": {"IP": ENTRY[0], "Port": ENTRY[1], "Zone": ""}, "DestName": "n001"})
    stage.play.take(compressed(user(bytes((RELAY,)) + header + inner)), stage.members[2], ENTRY, 1.0)
    ((member, address, packet),) = stage.posted
    assert (member.name, address) == ("n003", ENTRY)
    assert [message.body for message in read_packet(packet)] == [inner]  # type: ignore[union-attr]


def test_queries_are_read_with_their_filters(release: Release) -> None:
    """And given back, for they are everybody's."""
    names, tag = b"\x00" + pack(["n002", "n004"]), b"\x01" + pack({"Tag": "role", "Expr": "^(web)$"})
    fields = {
        "LTime": 3, "ID": 4, "Addr": ASKER[0], "Port": ASKER[1], "SourceNode": "n001", "Filters": [names, tag],
        "Flags": 1, "RelayFactor": 2, "Timeout": 2_500_000_000, "Name": "inspect", "Payload": b"\x01\x00",
    }  # fmt: skip
    stage = Stage(release)
    (query,) = stage.play.take(user(bytes((QUERY,)) + pack(fields)), stage.members[2], ENTRY, 1.0)
    assert (query.key, query.names, query.ack, query.relays) == ((3, 4), frozenset({"n002", "n004"}), True, 2)
    assert (query.timeout_s, query.address, query.payload) == (2.5, ASKER, b"\x01\x00")
    assert query.admits({"role": "web"})
    assert not query.admits({"role": "webber"})
    assert not query.admits({})


@pytest.mark.parametrize(
    "filters", [[b""], [b"\x02x"], [b"\x01" + pack({"Tag": "a", "Expr": "("})], ["x"] * 17, 7, [b"\x00" + pack(7)]]
)
def test_filters_that_are_none(filters: object) -> None:
    """Nobody acts on such a query."""
    with pytest.raises(PacketError):
        read_user(bytes((QUERY,)) + pack({"LTime": 3, "ID": 4, "Filters": filters}))


def test_serfs_parts_of_records() -> None:
    """Tags behind a magic byte, clocks and members of a push/pull."""
    assert tags_meta({"zone": "a"}) == b"\xff\x81" + raw(b"zone") + raw(b"a")
    assert local_state(["n002"])[0] == PUSH_PULL
