"""What a real Serf agent sends to hollow members: recorded here, read by the cores."""

from __future__ import annotations

import base64
import os

import pytest
import trio

from inspector_agent.ring import connect
from inspector_lab.hollow.fleet import Member, joining, members_of
from inspector_lab.hollow.joining import exchanged
from inspector_lab.hollow.packets import CHECKSUM, COMPRESSED, Address, Message, Ping, User, ack, read_packet
from inspector_lab.hollow.questions import Query, read_user
from inspector_lab.hollow.sealing import Seal
from inspector_lab.hollow.sockets import MemberSocket
from inspector_lab.hollow.up import free_port
from inspector_lab.plan import Node, Plan, Wish
from tests.support.serf import SerfNode, serf_ring, until

WORDS = b"the same words again and again, " * 8  # so that Serf compresses the packet
MEMBERS = 4


class Recorder:
    """Members of a ring that answer pings and write down whatever reaches them."""

    def __init__(self, node: SerfNode, seal: Seal) -> None:
        prefix = node.address.rpartition(".")[0]
        nodes = [Node(f"n{number:03}", f"{prefix}.{number}", "a", "a1", "web") for number in range(1, MEMBERS + 1)]
        port = free_port()
        self.seal = seal
        self.members = members_of(Plan(Wish(nodes=MEMBERS), 1, tuple(nodes)), port)
        self.socket = MemberSocket(self.members, port)
        self.packets: list[bytes] = []
        self.messages: list[tuple[Member, Message]] = []

    async def join(self) -> None:
        """As the hollow ring does."""
        host, port = self.members[0].address
        for message in joining(self.members[1:], 2):
            assert await exchanged(".".join(map(str, host)), port, self.seal.close_stream(message))

    async def run(self) -> None:
        """For ever."""
        by_ip = {member.address[0]: member for member in self.members}
        while True:
            await trio.lowlevel.wait_readable(self.socket.socket)
            while arrived := self.socket.receive():
                plain = self.seal.open(arrived.packet)
                self.packets.append(plain)
                for message in read_packet(plain):
                    self._take(by_ip[arrived.to], message, arrived.source)

    async def close_at_end(self) -> None:
        """Give the port back, however the test ends."""
        try:
            await trio.sleep_forever()
        finally:
            self.socket.close()

    def _take(self, member: Member, message: Message, source: Address) -> None:
        self.messages.append((member, message))
        if isinstance(message, Ping):
            self.socket.put(member, message.source or source, self.seal.close(ack(message.seq)))
            self.socket.flush(1)

    async def has_heard(self) -> bool:
        """Whether a query has come."""
        return bool(self.queries())

    async def was_pinged(self) -> bool:
        """Whether the entry has looked after a member."""
        return any(isinstance(message, Ping) for _, message in self.messages)

    def queries(self) -> list[Query]:
        """Those among what was heard."""
        found = [read_user(message.body) for _, message in self.messages if isinstance(message, User)]
        return [one for one in found if isinstance(one, Query)]


@pytest.mark.parametrize("encrypted", [False, True])
async def test_a_real_entry_takes_the_members_and_its_packets_are_read(encrypted: bool) -> None:
    """It knows them with their tags, pings them by name, and gossips a query with its filters, compressed."""
    key = os.urandom(32) if encrypted else b""
    text = base64.b64encode(key).decode() if encrypted else None
    async with serf_ring(1, tags={"zone": "z"}, encrypt=text) as ring, trio.open_nursery() as nursery:
        recorder = Recorder(ring[0], Seal(key))
        nursery.start_soon(recorder.close_at_end)
        nursery.start_soon(recorder.run)
        await recorder.join()
        async with connect(ring[0].rpc) as client:
            members = {member.name: member for member in await client.members(status="alive")}
            assert sorted(members) == [f"n{number:03}" for number in range(1, MEMBERS + 1)]
            assert members["n002"].tags == {"zone": "a", "rack": "a1", "role": "web"}
            assert members["n002"].port == recorder.members[1].address[1]
            names, tags = ["n002", "n003"], {"zone": "a"}
            asking = client.query(
                "inspect", WORDS, timeout_s=5, filter_nodes=names, filter_tags=tags, request_ack=True, relay_factor=3
            )
            async with asking:
                await until(recorder.has_heard, what="the query in the gossip")
            await until(recorder.was_pinged, what="a ping")
        query = recorder.queries()[0]
        assert (query.name, query.payload, query.asker) == ("inspect", WORDS, "n001")
        assert (query.names, query.ack, query.relays, query.timeout_s) == (frozenset(names), True, 3, 5.0)
        assert query.address == recorder.members[0].address
        assert [query.admits({"zone": zone}) for zone in ("a", "b", "ab", "")] == [True, False, False, False]
        assert all(one.key == query.key for one in recorder.queries())
        for member, message in recorder.messages:
            if isinstance(message, Ping):
                assert (message.node, message.source) == (member.name, recorder.members[0].address)
        checked = [packet[5:] for packet in recorder.packets if packet[0] == CHECKSUM]
        assert any(packet[0] == COMPRESSED for packet in checked), "to members of protocol 5 Serf gossips so"
        nursery.cancel_scope.cancel()
