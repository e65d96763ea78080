"""Hollow members for tests, without any network: what they send is kept, time is a number."""

from __future__ import annotations

import random
import time
from collections import Counter

from config_center.release import Release
from inspector_agent.wire import Answer, Everyone, Question, Who, decode_answer, encode_question
from inspector_lab.hollow.acting import Acting, Curve
from inspector_lab.hollow.fleet import HollowWish, Member, lay_out, members_of
from inspector_lab.hollow.members import Members
from inspector_lab.hollow.packets import USER, Address, User, read_packet
from inspector_lab.hollow.packing import octets, read_map, text, whole
from inspector_lab.hollow.questions import RESPONSE, Query
from inspector_lab.hollow.schedule import Schedule
from inspector_lab.hollow.standing import Standing
from inspector_lab.hollow.verdicts import Verdicts
from inspector_lab.hollow.weather import Weather
from inspector_lab.hollow.witnessing import Witnesses

SWEEP = b"8 bytes."
EVERYONE = Everyone()
ASKER: Address = (bytes((127, 9, 0, 1)), 7946)


class Said:
    """One response as it arrives at the asker."""

    def __init__(self, member: Member, packet: bytes) -> None:
        message = read_packet(packet)[0]
        assert isinstance(message, User)
        assert message.body[0] == RESPONSE
        fields = read_map(message.body[1:])
        self.through = member.name
        self.name = text(fields, b"From", 255)
        self.query = whole(fields, b"LTime", 2**32), whole(fields, b"ID", 2**32)
        self.is_ack = bool(whole(fields, b"Flags", 255))
        self.payload = octets(fields, b"Payload", 1024)

    @property
    def answer(self) -> Answer:
        """What the inspection agent says."""
        return decode_answer(self.payload)


class Stage:
    """Nodes of a fleet, and the cores that play them. Everybody hears a question after one tenth of a second."""

    def __init__(
        self,
        release: Release,
        nodes: int = 20,
        *,
        loss: float = 0,
        duplicate: float = 0,
        drift: float = 0.08,
        delay: float = 0,
    ) -> None:
        self.plan = lay_out(HollowWish(members=nodes, drift=drift), 9)
        self.members = members_of(self.plan, 7950)
        self.counted: Counter[str] = Counter()
        self.sent: list[tuple[Member, bytes]] = []
        self.posted: list[tuple[Member, Address, bytes]] = []
        self.verdicts = Verdicts(release, self.plan, "2026-11-21")
        schedule = Schedule()
        weather = Weather(random.Random(5).random, self.counted, loss=loss, delay_s=delay, duplicate=duplicate)  # noqa: S311
        self.standing = Standing(self.members)
        self.play = Members(self.members, schedule, weather, self._post, self.counted, 0.5, self.standing)
        witnesses = Witnesses(self.members, self.standing)
        self.acting = Acting(
            self.plan.nodes, self.members, self.verdicts, witnesses, schedule, weather, self._emit, self.counted
        )
        self.curve = Curve([0.0] + [0.1] * (nodes - 1))
        self._queries = 0

    def _emit(self, member: Member, packet: bytes) -> None:
        self.sent.append((member, packet))

    def _post(self, member: Member, address: Address, packet: bytes) -> None:
        self.posted.append((member, address, packet))

    def question(self, *, who: Who = EVERYONE, items: tuple[str, ...] = (), spread_ms: int = 0) -> bytes:
        """A question for this release."""
        return encode_question(
            Question(
                sweep=SWEEP,
                release=self.verdicts.prefix,
                number=1,
                answer_within_ms=60_000,
                spread_ms=spread_ms,
                issued_at=int(time.time()),
                items=items,
                who=who,
            )
        )

    def query(self, payload: bytes, **fields: object) -> Query:
        """A new query as the entry would gossip it."""
        self._queries += 1
        whole_query: dict[str, object] = {
            "ltime": self._queries, "id": 7 * self._queries, "asker": self.plan.nodes[0].name, "address": ASKER,
            "names": None, "tags": (), "ack": False, "relays": 0, "timeout_s": 8.0, "name": "inspect",
            "payload": payload,
        }  # fmt: skip
        return Query(**{**whole_query, **fields})  # type: ignore[arg-type]

    def hear(self, query: Query, at: float = 0.0) -> None:
        """The query leaves the entry."""
        self.acting.hear(query, self.curve, at)

    def until(self, at: float) -> list[Said]:
        """Let time pass; what arrives at the entry meanwhile."""
        self.sent.clear()
        self.acting.run(at, 1_700_000_000_000)
        return [Said(member, packet) for member, packet in self.sent]


def user(body: bytes) -> bytes:
    """A packet with a message of Serf's."""
    return bytes((USER,)) + body
