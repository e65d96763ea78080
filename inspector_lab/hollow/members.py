"""CORE. What the members do with a packet: answer pings, ask others for somebody, deny that they are dead, relay, hear.

All of them are this one object. A packet comes with the node that it is for; what is sent leaves through `send`. A
member that is not up does nothing, and learns nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from inspector_lab.hollow import limits, packets
from inspector_lab.hollow.errors import PacketError
from inspector_lab.hollow.fleet import FAILED, Life, Member
from inspector_lab.hollow.packets import Ack, Address, Doubt, IndirectPing, Message, Nack, Ping, User
from inspector_lab.hollow.questions import Query, Relayed, read_user
from inspector_lab.hollow.schedule import Schedule
from inspector_lab.hollow.standing import Standing
from inspector_lab.hollow.weather import Weather

Send = Callable[[Member, Address, bytes], None]
"""A member sends a packet somewhere."""


class Members:
    """See the module's text. `heard` is told of each query that no member has heard before."""

    def __init__(
        self,
        members: Sequence[Member],
        schedule: Schedule,
        weather: Weather,
        send: Send,
        counted: Counter[str],
        probe_timeout_s: float,
        standing: Standing,
    ) -> None:
        """`members` by node, the real entry as number 0."""
        self._standing = standing
        self._members = members
        self._by_address = {member.address: member for member in members}
        self._by_name = {member.name: member for member in members}
        self._schedule = schedule
        self._weather = weather
        self._send = send
        self._counted = counted
        self._probe_timeout_s = probe_timeout_s
        self._now = 0.0

    def take(self, packet: bytes, member: Member, source: Address, now: float) -> list[Query]:
        """A packet for a member; the queries in it, which are nobody's alone. Raises PacketError."""
        self._now = now
        queries: list[Query] = []
        if not member.up:
            self._counted["to_absent"] += 1
            return queries
        arrives = bool(self._weather.copies())
        messages = packets.read_packet(packet)
        for message in messages:
            if isinstance(message, User):
                self._user(message.body, member, queries)
            elif isinstance(message, Doubt):
                self._doubted(message)
            elif arrives:
                self._answer(message, member, source)
        return queries

    def _user(self, body: bytes, member: Member, queries: list[Query]) -> None:
        found = read_user(body)
        if isinstance(found, Query):
            # Whether this member has lost it does not matter: when each one hears it is drawn, with its losses.
            self._counted["gossip_messages"] += 1
            self._counted["gossip_bytes"] += 1 + len(body)
            queries.append(found)
        elif isinstance(found, Relayed):
            self._counted["relayed_for_others"] += 1
            for late in self._weather.copies(hops=2):
                self._later(late, member, found.address, packets.compressed(found.message))

    def _answer(self, message: Message, member: Member, source: Address) -> None:
        if isinstance(message, Ping):
            if message.node in ("", member.name):
                self._counted["pings"] += 1
                self._reply(member, message.source or source, packets.ack(message.seq))
            else:
                self._counted["misdirected"] += 1
        elif isinstance(message, IndirectPing):
            self._ask_for(message, member, source)
        elif isinstance(message, Ack | Nack):
            self._counted["acked"] += 1

    def _ask_for(self, message: IndirectPing, member: Member, source: Address) -> None:
        """Another hollow member is there if it is up; and the packets between the two may be lost."""
        self._counted["indirect_pings"] += 1
        back = message.source or source
        other = self._by_address.get(message.target)
        if other is not None and other.index and other.up and self._weather.copies(hops=2):
            self._reply(member, back, packets.ack(message.seq))
        elif message.nack:
            self._schedule.put(self._now + self._probe_timeout_s, self._reply, member, back, packets.nack(message.seq))

    def _doubted(self, doubt: Doubt) -> None:
        """A member that is doubted says that it lives, louder. News of it would come by many ways: it is not lost.

        One that has failed cannot; once the entry has given it up, all members list it as failed.
        """
        member = self._by_name.get(doubt.node)
        if member is None or not member.index or doubt.incarnation < member.incarnation:
            return
        if not member.up:
            if doubt.dead and member.life is Life.FAILED:
                self._standing.lists(member, FAILED)
            return
        member.incarnation = doubt.incarnation + 1
        self._counted["refuted"] += 1
        entry = self._members[0]
        news = packets.alive(member.name, member.address, member.meta, member.incarnation)
        self._send(member, entry.address, packets.compressed(news))

    def _reply(self, member: Member, address: Address, message: bytes) -> None:
        for late in self._weather.copies():
            self._later(late, member, address, message)

    def _later(self, late: float, member: Member, address: Address, packet: bytes) -> None:
        if late:
            self._schedule.put(self._now + late, self._send, member, address, packet)
        else:
            self._send(member, address, packet)


def stream_kind(message: bytes) -> tuple[int, bytes]:
    """(kind, body) of a message of a stream, as far as it matters: of a list of states, only that it is one."""
    if not message:
        raise PacketError("an empty stream")
    if message[0] == packets.COMPRESSED:
        message = packets.inflate(message[1:], peek=limits.stream_peek_bytes)
    return message[0], message[1:]
