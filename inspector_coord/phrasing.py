"""CORE. What a question to one ring looks like: its bytes, how many names fit beside them, whether relays may help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from inspector_agent import limits as agent_limits
from inspector_agent.wire import Everyone, Question, Who, encode_question
from inspector_coord import limits
from inspector_coord.entries import Entry
from inspector_coord.patience import Timing
from inspector_coord.reask import Scene

__all__ = ["Phrasing", "Plan"]

FILTER_BYTES = 8  # that a filter over a slice takes beside its bits, more than `Everyone`
MESSAGE_BYTES = 2  # in front of each message of a packet


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of one ring.

    release    prefix of the digest asked for; `number`, `canary` (prefix or b"") and `items` as in the question
    epoch      Unix time at `now` 0
    members    names of all members alive in the ring, targets or not
    everybody  all members that have an agent are targets: the first question needs no filter
    tags       else, where the targets are exactly the members with these tags: Serf's tag filter
    max_age_ms how old a verdict may be that a node tells from memory of another sweep (0: made for this one)
    """

    sweep: bytes
    release: bytes
    number: int
    canary: bytes = b""
    items: tuple[str, ...] = ()
    timing: Timing
    epoch: float
    entries: tuple[Entry, ...]
    members: tuple[str, ...]
    everybody: bool = True
    tags: Mapping[str, str] = {}
    max_age_ms: int = 0

    @property
    def age_ms_max(self) -> int:
        """Of an answer: a verdict from memory grows older until its node is asked for the last time."""
        return self.max_age_ms + round(self.timing.deadline_s * 1000) if self.max_age_ms else 0


class Phrasing:
    """The questions of one plan, and their sizes."""

    def __init__(self, plan: Plan, targets: int) -> None:
        self._plan = plan
        self._own_bytes = [len(entry.node.encode("utf-8", "replace")) for entry in plan.entries]
        plain = len(self.payload(1.0, 0.0, 0, 0.0))
        # A part of the ring that Serf cannot tell by a tag: whoever hears a filter may answer by accident.
        part = not plan.everybody and not plan.tags
        room = agent_limits.question_bytes_max - plain - FILTER_BYTES
        bloom_bytes = max(0, min(agent_limits.bloom_bytes_max, room))
        payload_bytes = plain + FILTER_BYTES + bloom_bytes
        self.scene = Scene(
            sweep=plan.sweep,
            members=len(plan.members),
            hearers=len(plan.members) if part else targets,
            rate_per_s=plan.timing.rate_per_s,
            question_bytes=max(self._own_bytes) + limits.query_headers_bytes + payload_bytes + MESSAGE_BYTES,
            bloom_bytes=bloom_bytes,
            named_worth_s=limits.named_worth_part_s if part else limits.named_worth_s,
        )

    def payload(self, within_s: float, spread_s: float, round_number: int, now: float, who: Who | None = None) -> bytes:
        """The bytes of a question that is sent now."""
        within_ms = max(1, round(within_s * 1000))
        question = Question(
            sweep=self._plan.sweep,
            release=self._plan.release,
            number=self._plan.number,
            canary=self._plan.canary,
            items=self._plan.items,
            answer_within_ms=within_ms,
            spread_ms=min(within_ms, round(spread_s * 1000)) if spread_s >= limits.spread_s_min else 0,
            issued_at=int(self._plan.epoch + now),
            round=round_number,
            who=Everyone() if who is None else who,
            max_age_ms=self._plan.max_age_ms,
        )
        return encode_question(question)

    def chunks(self, names: Sequence[str], entry: int, payload_bytes: int) -> Iterator[list[int]]:
        """Places of names that fit into one query together, beside the question."""
        room = limits.query_bytes_max - limits.query_headers_bytes - self._own_bytes[entry] - payload_bytes
        chunk: list[int] = []
        left = room
        for place, name in enumerate(names):
            size = len(name.encode("utf-8", "replace"))
            size += 1 if size < 32 else 3
            if chunk and (size > left or len(chunk) == limits.filter_names_max):
                yield chunk
                chunk, left = [], room
            chunk.append(place)
            left -= size
        if chunk:
            yield chunk

    def relay(self, entry: int) -> int:
        """The relay factor for answers through this entry: Serf refuses more than there are other members.

        It also refuses a relayed answer that has no room for the asker's name: see answer_relayed_bytes of the agent.
        """
        if self._own_bytes[entry] > agent_limits.asker_name_bytes_max:
            return 0
        return min(limits.relay_factor, max(0, len(self._plan.members) - 1))
