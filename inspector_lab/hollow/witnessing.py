"""CORE. What the members answer as witnesses: roll calls, and looks at others about whom they know the truth.

All witnesses say the same of a target, unless it is they themselves, and have the same picture of the ring. So an
answer is encoded once for each question and state of the ring, and what differs is put in: the ids of the questions
that this witness has heard.
"""

from __future__ import annotations

from collections.abc import Sequence

from inspector_agent.who import answer_slot_ms
from inspector_agent.witness.encoding import decode_question, encode_answer
from inspector_agent.witness.limits import heard_ids_max, id_bytes, lag_probe_s, patience_s
from inspector_agent.witness.messages import Picture, Reach, Sight, WitnessAnswer, WitnessQuestion
from inspector_lab.errors import PlanError
from inspector_lab.hollow.fleet import LEFT, Member
from inspector_lab.hollow.standing import Standing

HEARD_BYTES_MAX = heard_ids_max * id_bytes
MARKS = tuple(bytes((0xFD, 0xFC, number, 0xFE)) for number in range(heard_ids_max))
MARK = bytes((0xC4, HEARD_BYTES_MAX)) + b"".join(MARKS)  # msgpack: bytes, so many
TOOK_MS = 1
NOT_LOOKED = Reach.SKIPPED, Reach.SKIPPED, Reach.SKIPPED
WELL = 0

Pieces = tuple[bytes, bytes]


class Witnesses:
    """All members as witnesses."""

    def __init__(self, members: Sequence[Member], standing: Standing) -> None:
        """`members` by node."""
        self._members = members
        self._by_name = {member.name: member for member in members}
        self._standing = standing
        self._heard = [b""] * len(members)
        self._pieces: dict[tuple[bytes, tuple[str, ...], int], Pieces] = {}
        self._version = -1

    @staticmethod
    def read(payload: bytes) -> WitnessQuestion:
        """A question to witnesses. Raises WireError or VersionError."""
        return decode_question(payload)

    def hears(self, question: WitnessQuestion, index: int, at: float) -> float:
        """A member has heard it: when it answers. It waits for its slot, and for those that do not answer it."""
        self._heard[index] = (question.id + self._heard[index])[:HEARD_BYTES_MAX]
        within_s = question.answer_within_ms / 1000
        slot_s = answer_slot_ms(question.id, self._members[index].name, question.spread_ms) / 1000
        turn_s = max(slot_s, lag_probe_s)
        if any(self._is_dark(name) for name in question.targets):
            turn_s = max(turn_s, patience_s)
        return at + min(turn_s, within_s)

    def answer(self, question: WitnessQuestion, index: int) -> bytes:
        """What a member says now."""
        if self._version != self._standing.version:
            self._version = self._standing.version
            self._pieces.clear()
        own = index if self._members[index].name in question.targets else -1
        key = question.id, question.targets, own
        pieces = self._pieces.get(key)
        if pieces is None:
            pieces = self._pieces[key] = self._encoded(question, own)
        heard = self._heard[index]
        return b"".join((pieces[0], bytes((0xC4, len(heard))), heard, pieces[1]))

    def _encoded(self, question: WitnessQuestion, own: int) -> Pieces:
        answer = WitnessAnswer(
            id=question.id,
            sights=tuple(self._sight(name, own) for name in question.targets),
            picture=Picture(self._standing.listed_alive, self._standing.listed_failed),
            health=WELL,
            heard=MARKS,
            lag_ms=0,
        )
        before, mark, after = encode_answer(answer).partition(MARK)
        if not mark:
            raise PlanError("a witness's answer cannot be cut where its heard questions stand: its format has changed")
        return before, after

    def _is_dark(self, name: str) -> bool:
        member = self._by_name.get(name)
        return member is not None and not member.up and member.listed != LEFT

    def _sight(self, name: str, own: int) -> Sight:
        member = self._by_name.get(name)
        if member is None:
            return Sight("", *NOT_LOOKED)
        if member.index == own or member.listed == LEFT:
            return Sight(member.listed, *NOT_LOOKED)
        reach = Reach.OK if member.up else Reach.TIMEOUT
        return Sight(member.listed, reach, reach, Reach.SKIPPED, TOOK_MS if member.up else 0)
