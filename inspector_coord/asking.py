"""CORE. The questions of one ring: what each one carries, whom Serf hands it to, through which entry it goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from inspector_agent import limits as agent_limits
from inspector_agent.wire import Question, encode_question
from inspector_coord import limits
from inspector_coord.entries import Entries, Entry
from inspector_coord.ledger import Node
from inspector_coord.patience import Timing
from inspector_coord.signals import Ask, Effect

__all__ = ["Asker", "Plan", "Query", "Wait"]

NEVER = float("inf")
ROUND_MAX = 255  # one byte on the wire


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


class Query(msgspec.Struct, frozen=True):
    """One question on its way. `whole`: it asked everybody who was waited for."""

    number: int
    entry: int
    round: int
    within_s: float
    whole: bool
    hearing: bool = False


@dataclass(slots=True, eq=False)
class Wait:
    """One target that may still answer.

    at        when its next step is due
    asks      questions since anything was heard of it, the first to everybody not counted
    asked_at  when it was last asked, by `query`
    patient   it has answered, but not all: next time it gets all the time that is left
    heard     the question that its newest answer belongs to
    retries   of answers that excuse the node
    """

    node: Node
    at: float = NEVER
    asks: int = 0
    asked_at: float = -NEVER
    query: int = -1
    patient: bool = False
    heard: int = -1
    retries: int = 0


class Asker:
    """Makes questions, and remembers which are open."""

    def __init__(self, plan: Plan) -> None:
        self.waits: dict[str, Wait] = {}
        self.queries: dict[int, Query] = {}
        self.round = -1
        self._plan = plan
        self._entries = Entries(plan.entries, plan.members, plan.timing)
        self._next = 0
        self._recent: list[float] = []  # when questions to named nodes went out

    @property
    def entry(self) -> int:
        """The entry in use."""
        return self._entries.home

    @property
    def notes(self) -> list[str]:
        """What a person should know about the entries."""
        return self._entries.notes

    @property
    def due_at(self) -> float:
        """When an entry wants attention."""
        return self._entries.due_at

    def end(self, now: float) -> None:
        """The ring is closed."""
        self._entries.end(now)

    def heard(self, query: Query | None, name: str, *, answer: bool) -> None:
        """Something of a node has come in."""
        if query is not None:
            self._entries.heard(query.entry, name, answer=answer and query.whole)

    def over(self, number: int) -> None:
        """Serf has ended a question."""
        self.queries.pop(number, None)

    def lost(self, number: int, reason: str, now: float) -> None:
        """The entry failed a question: all it asked is to be asked again."""
        query = self.queries.pop(number, None)
        if query is None:
            return
        self._entries.lost(query.entry, reason, now, whole=query.whole or query.hearing)
        for wait in self.waits.values():
            if wait.query == number and not query.whole:
                wait.asks = max(0, wait.asks - 1)
                wait.at = now

    def tend(self, now: float, deadline: float) -> list[Effect]:
        """See to the entries: a hearing test, or everybody once more through another one."""
        step = self._entries.step(now)
        if step is None:
            return []
        if step.everybody:
            return self.everybody(now, deadline)
        query = self._open(step.entry, self.round, limits.probe_within_s, whole=False, hearing=True)
        timeout_s = self._plan.timing.hear_s + limits.answer_slack_s
        return [
            Ask(
                query=query.number,
                entry=query.entry,
                payload=b"",
                names=step.names,
                ack=True,
                relay=0,
                timeout_s=timeout_s,
                hearing=True,
            )
        ]

    def everybody(self, now: float, deadline: float) -> list[Effect]:
        """Ask all that are waited for: without a filter if they are many, or all there are, else by name."""
        entry = self._entries.take(now) if self.waits else None
        if entry is None:
            return []
        timing = self._plan.timing
        first = self.round < 0
        self.round = min(self.round + 1, ROUND_MAX)
        within_s = timing.answer_within_s
        if not first:
            left_s = deadline - now - timing.hear_s - limits.answer_slack_s
            within_s = max(limits.probe_within_s, min(within_s, left_s))
        payload = self._payload(within_s, min(timing.spread_s, within_s / 2), now)
        waits = list(self.waits.values())
        named = not (self._plan.everybody or self._plan.tags)
        if named or (not first and len(waits) <= limits.filter_names_max * limits.reask_questions_max):
            ack = len(waits) <= limits.acks_max
            groups = [(group, tuple(wait.node.name for wait in group)) for group in self._chunks(waits, entry, payload)]
        else:
            ack = not self._plan.everybody and len(waits) <= limits.acks_max
            groups = [(waits, ())]
        effects: list[Effect] = []
        for group, names in groups:
            query = self._open(entry, self.round, within_s, whole=True)
            effects.append(self._ask(query, payload, names, ack=ack))
            for wait in group:
                self._asked(wait, query, now, now + timing.hear_s + within_s + limits.answer_slack_s)
                wait.asks = 0
        return effects

    def by_name(self, waits: Sequence[Wait], now: float, deadline: float) -> list[Effect]:
        """Ask some again through Serf's node filter, with acks; those beyond what gossip carries at once come later."""
        effects: list[Effect] = []
        self._recent = [at for at in self._recent if at > now - limits.reask_pace_s]
        if waits:
            self.round = min(self.round + 1, ROUND_MAX)
        for patient in (False, True):
            group = [wait for wait in waits if wait.patient is patient]
            left_s = deadline - now - limits.answer_slack_s
            within_s = min(left_s, limits.probe_within_s)
            if patient:
                within_s = max(within_s, left_s - self._plan.timing.hear_s)
            effects += self._named(group, within_s, now)
        return effects

    def _named(self, waits: Sequence[Wait], within_s: float, now: float) -> list[Effect]:
        entry = self._entries.take(now, rotate=True) if waits else None
        effects: list[Effect] = []
        payload = b"" if entry is None or within_s < limits.ask_s_min else self._payload(within_s, 0.0, now)
        for chunk in self._chunks(waits, entry or 0, payload):
            if entry is None or not payload or len(self._recent) >= limits.reask_questions_max:
                for wait in chunk:
                    wait.at = now + limits.reask_pace_s if within_s >= limits.ask_s_min else NEVER
                continue
            self._recent.append(now)
            query = self._open(entry, self.round, within_s, whole=False)
            effects.append(self._ask(query, payload, tuple(wait.node.name for wait in chunk), ack=True, relay=True))
            for wait in chunk:
                wait.asks += 1
                last = wait.patient or wait.asks >= limits.reasks_min
                given_s = self._plan.timing.hear_s + within_s + limits.answer_slack_s
                self._asked(wait, query, now, now + (given_s if last else limits.reask_gap_s))
        return effects

    def _asked(self, wait: Wait, query: Query, now: float, at: float) -> None:
        wait.node.asked += 1
        wait.asked_at, wait.query, wait.at = now, query.number, at

    def _open(self, entry: int, round_number: int, within_s: float, *, whole: bool, hearing: bool = False) -> Query:
        self._next += 1
        query = Query(self._next, entry, round_number, within_s, whole, hearing)
        self.queries[query.number] = query
        return query

    def _ask(self, query: Query, payload: bytes, names: tuple[str, ...], *, ack: bool, relay: bool = False) -> Ask:
        # Serf refuses a relayed answer that has no room for the asker's name: see answer_relayed_bytes of the agent.
        asker_bytes = len(self._plan.entries[query.entry].node.encode("utf-8", "replace"))
        relay = relay and len(self._plan.members) > limits.relay_factor
        relay = relay and asker_bytes <= agent_limits.asker_name_bytes_max
        return Ask(
            query=query.number,
            entry=query.entry,
            payload=payload,
            names=names,
            ack=ack,
            relay=limits.relay_factor if relay else 0,
            timeout_s=query.within_s + self._plan.timing.hear_s + limits.answer_slack_s,
            tags={} if names else self._plan.tags,
        )

    def _payload(self, within_s: float, spread_s: float, now: float) -> bytes:
        question = Question(
            sweep=self._plan.sweep,
            release=self._plan.release,
            number=self._plan.number,
            canary=self._plan.canary,
            items=self._plan.items,
            answer_within_ms=max(1, round(within_s * 1000)),
            spread_ms=round(spread_s * 1000),
            issued_at=int(self._plan.epoch + now),
            round=max(0, self.round),
            max_age_ms=self._plan.max_age_ms,
        )
        return encode_question(question)

    def _chunks(self, waits: Sequence[Wait], entry: int, payload: bytes) -> Iterator[list[Wait]]:
        """Groups whose names fit into one query beside the question."""
        own = len(self._plan.entries[entry].node.encode("utf-8", "replace"))
        room = limits.query_bytes_max - limits.query_headers_bytes - own - len(payload)
        chunk: list[Wait] = []
        left = room
        for wait in waits:
            size = len(wait.node.name.encode("utf-8", "replace"))
            size += 1 if size < 32 else 3
            if chunk and (size > left or len(chunk) == limits.filter_names_max):
                yield chunk
                chunk, left = [], room
            chunk.append(wait)
            left -= size
        if chunk:
            yield chunk
