"""CORE. The questions of one ring: whom each one asks, through which entry it goes, and how much goes at a time.

Everybody is asked by one question, and the missing by `reask`'s choice: by name with acks and a short deadline, or by
filters that leave them the time they had. Who is still missing after a round by filters is asked by name, whose acks
tell the stalled from the silent; after a second one if the first has paid. All re-asks together keep the two rates of
`pace`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from inspector_agent.wire import answer_slot_ms
from inspector_coord import limits
from inspector_coord.entries import Entries
from inspector_coord.pace import Pace
from inspector_coord.phrasing import Phrasing, Plan
from inspector_coord.reask import Choice, choose
from inspector_coord.signals import Ask, Effect, LookAtEntry
from inspector_coord.tail import Tail
from inspector_coord.waiting import NEVER, Query, Wait

__all__ = ["Asker", "Plan"]

ROUND_MAX = 255  # one byte on the wire


class Asker:
    """Makes questions, remembers them, and which are `open`.

    tail: the curve of answers to the newest question that asked everybody, at `whole_at`.
    deadline: when the sweep of the ring ends, by the caller's clock.
    gains: verdicts of nodes that had said nothing before they were asked again; with any, asking again pays.
    """

    def __init__(self, plan: Plan, targets: int) -> None:
        self.waits: dict[str, Wait] = {}
        self.queries: dict[int, Query] = {}
        self.open: set[int] = set()
        self.round = -1
        self.whole_at = self.deadline = 0.0
        self.gains = 0
        self.tail = Tail(plan.timing, 0.0, 0, 0.0)
        self.entries = Entries(plan.entries, plan.members, plan.timing)
        self._plan = plan
        self._phrasing = Phrasing(plan, targets)
        self._next = 0
        self._pace = Pace()

    @property
    def own(self) -> str:
        """The node of the entry in use."""
        return self._plan.entries[self.entries.home].node

    @property
    def reasks(self) -> int:
        """How often a silent node is asked again."""
        missing_relays = limits.relay_factor - self._phrasing.relay(self.entries.home)
        return (limits.reasks_max if self.gains else limits.reasks_min) + missing_relays

    def over(self, number: int) -> None:
        """Serf has ended a question. It is still known, for what comes late."""
        self.open.discard(number)

    def lost(self, number: int, reason: str, now: float) -> None:
        """The entry failed a question: all it asked is to be asked again."""
        query = self.queries.get(number)
        if query is None or number not in self.open:
            return
        self.open.discard(number)
        self.entries.lost(query.entry, reason, now, whole=query.whole or query.hearing)
        for wait in self.waits.values():
            if wait.query == number and not query.whole:
                wait.asks = max(0, wait.asks - 1)
                wait.at = now

    def tend(self, now: float) -> list[Effect]:
        """See to the entries: a hearing test, or everybody once more through another one."""
        step = self.entries.step(now)
        if step is None:
            return []
        effects: list[Effect] = [] if step.look is None else [LookAtEntry(step.look)]
        if step.everybody:
            return effects + self.everybody(now)
        if not step.names:
            return effects
        query = self._open(step.entry, limits.probe_within_s, now, hearing=True)
        timeout_s = self._plan.timing.hear_s + limits.answer_slack_s
        test = Ask(query.number, query.entry, b"", step.names, ack=True, relay=0, timeout_s=timeout_s, hearing=True)
        return [*effects, test]

    # ---- whom to ask ------------------------------------------------------------------------------------------------

    def everybody(self, now: float) -> list[Effect]:
        """Ask all that are waited for: without a filter where Serf needs none, else in the cheapest way."""
        lot_s = self._lot_s(self._next)
        entry = self.entries.take(now, lot_s=lot_s) if self.waits else None
        if entry is None:
            return []
        timing = self._plan.timing
        first = self.round < 0
        self.round = min(self.round + 1, ROUND_MAX)
        self.whole_at = now
        own_s = answer_slot_ms(self._plan.sweep, self.own, round(timing.spread_s * 1000)) / 1000
        self.tail = Tail(timing, now, self._silent, own_s, lot_s)
        within_s = timing.answer_within_s
        if not first:
            left_s = self.deadline - now - timing.hear_s - limits.answer_slack_s
            within_s = max(limits.probe_within_s, min(within_s, left_s))
        waits = list(self.waits.values())
        if first and (self._plan.everybody or self._plan.tags):
            spread_s = min(timing.spread_s, within_s)
            payload = self._phrasing.payload(within_s, spread_s, self.round, now)
            query = self._open(entry, within_s, now, whole=True)
            ack = bool(self._plan.tags) and not self._plan.everybody and len(waits) <= limits.acks_max
            self._pace.spread(spread_s, now)
            effects: list[Effect] = [self._ask(query, payload, ack=ack)]
            self._asked(waits, query, now + timing.hear_s + within_s + limits.answer_slack_s)
        else:
            effects = self._all_of(waits, entry, within_s, now)
        for wait in waits:
            wait.asks = wait.broad = 0
        self._pace.meant(self._silent)
        return effects

    def _all_of(self, waits: Sequence[Wait], entry: int, within_s: float, now: float) -> list[Effect]:
        """Everybody who is waited for, at once."""
        choice = self._choose(waits, entry, 0)
        at = now + choice.hear_s + self._plan.timing.hear_s + within_s + limits.answer_slack_s
        if choice.parts:
            return self._by_filter(waits, choice, entry, within_s, at, now, whole=True)
        payload = self._phrasing.payload(within_s, 0.0, self.round, now)
        names = [wait.node.name for wait in waits]
        effects: list[Effect] = []
        for places in self._phrasing.chunks(names, entry, len(payload)):
            query = self._open(entry, within_s, now, whole=True)
            asked = tuple(names[place] for place in places)
            effects.append(self._ask(query, payload, names=asked, ack=len(waits) <= limits.acks_max))
            self._asked([waits[place] for place in places], query, at)
        return effects

    def again(self, waits: Sequence[Wait], now: float) -> list[Effect]:
        """Ask some again; those beyond what gossip carries at once come later."""
        left_s = self.deadline - now - limits.answer_slack_s
        if left_s < limits.ask_s_min:
            for wait in waits:
                wait.at = NEVER
            return []
        rounds = limits.broad_rounds_max if self.gains else 1
        able = [wait for wait in waits if wait.broad < rounds] if len(waits) > limits.filter_names_max else []
        entry = self._other_entry(able, now) if len(able) > limits.filter_names_max else None
        if entry is not None:
            self._pace.learn(self._silent)
        choice = None if entry is None else self._choose(able, entry, self._phrasing.relay(entry))
        if entry is None or choice is None or not choice.parts:
            return self.by_name(waits, now)
        effects = self.by_name([wait for wait in waits if wait.broad >= rounds], now)
        if not self._pace.fits(len(choice.parts) * self._phrasing.scene.question_bytes, now):
            return effects + self._later(able, now)
        timing = self._plan.timing
        self.round = min(self.round + 1, ROUND_MAX)
        until_s = left_s - timing.hear_s
        choice = msgspec.structs.replace(choice, spread_s=max(0.0, min(choice.spread_s, until_s)))
        self._pace.meant(self._silent)
        if not any(wait.patient for wait in able):
            until_s = min(until_s, self.whole_at + timing.hear_s + timing.answer_within_s - now)
        within_s = max(limits.probe_within_s, until_s)
        gap_s = choice.hear_s + limits.broad_gap_hear_share * timing.hear_s + limits.tail_window_s
        effects += self._by_filter(able, choice, entry, within_s, now + gap_s, now)
        for wait in able:
            wait.asks += 1
            wait.broad += 1
            if wait.patient:
                wait.at = now + timing.hear_s + within_s + limits.answer_slack_s
        return effects

    def by_name(self, waits: Sequence[Wait], now: float) -> list[Effect]:
        """Ask some through Serf's node filter, with acks; those beyond what gossip carries at once come later."""
        if waits:
            self.round = min(self.round + 1, ROUND_MAX)
        effects: list[Effect] = []
        for patient in (False, True):
            group = [wait for wait in waits if wait.patient is patient]
            left_s = self.deadline - now - limits.answer_slack_s
            within_s = min(left_s, limits.probe_within_s)
            if patient:
                most_s = left_s - self._plan.timing.hear_s
                share_s = max(limits.patient_s_min, limits.patient_share * most_s)
                within_s = max(within_s, min(most_s, share_s))
            if within_s < limits.ask_s_min:
                for wait in group:
                    wait.at = NEVER
            elif group:
                effects += self._named(group, within_s, now)
        return effects

    def _named(self, waits: Sequence[Wait], within_s: float, now: float) -> list[Effect]:
        entry = self._other_entry(waits, now)
        if entry is None:
            return self._later(waits, now)
        effects: list[Effect] = []
        payload = self._phrasing.payload(within_s, 0.0, self.round, now)
        names = [wait.node.name for wait in waits]
        for places in self._phrasing.chunks(names, entry, len(payload)):
            group = [waits[place] for place in places]
            asked = tuple(names[place] for place in places)
            size = limits.query_headers_bytes + len(payload) + sum(len(name) + 1 for name in asked)
            if not self._pace.fits(size, now):
                return effects + self._later(waits[places[0] :], now)
            self._pace.sent(size, now)
            query = self._open(entry, within_s, now)
            effects.append(self._ask(query, payload, names=asked, ack=True, relay=self._phrasing.relay(entry)))
            for wait in group:
                wait.asks += 1
                if wait.patient:  # its ack gives it the time that it was granted
                    patience_s = self._plan.timing.hear_s + limits.answer_slack_s
                elif wait.asks >= self.reasks:
                    patience_s = self._plan.timing.hear_s + within_s + limits.answer_slack_s
                else:
                    patience_s = limits.reask_gap_s
                self._asked([wait], query, now + patience_s + self._lot_s(query.number))
        return effects

    def _by_filter(
        self, waits: Sequence[Wait], choice: Choice, entry: int, within_s: float, at: float, now: float, *,
        whole: bool = False,
    ) -> list[Effect]:  # fmt: skip
        """The questions of a choice. `at`: when the next step of who is asked is due, beside the spread."""
        spread_s = self._pace.spread(choice.spread_s, now)
        within_s = max(within_s, spread_s)
        effects: list[Effect] = []
        for part in choice.parts:
            payload = self._phrasing.payload(within_s, spread_s, self.round, now, part.who)
            query = self._open(entry, within_s, now, whole=whole)
            effects.append(self._ask(query, payload, relay=choice.relay))
            self._pace.sent(self._phrasing.scene.question_bytes, now)
            self._asked([waits[place] for place in part.places], query, at + spread_s)
        return effects

    # ---- one question -----------------------------------------------------------------------------------------------

    def _choose(self, waits: Sequence[Wait], entry: int, relay: int) -> Choice:
        names = [wait.node.name for wait in waits]
        scene = self._phrasing.scene
        scene = msgspec.structs.replace(scene, rate_per_s=scene.rate_per_s * self._pace.share)  # what the entry takes
        payload_bytes = len(self._phrasing.payload(1.0, 0.0, ROUND_MAX, 0.0))
        questions = sum(1 for _ in self._phrasing.chunks(names, entry, payload_bytes))
        return choose(names, questions, scene, relay, self._next)

    def _later(self, waits: Sequence[Wait], now: float) -> list[Effect]:
        """When gossip has passed on what it carries, or an entry can be used again."""
        for wait in waits:
            wait.at = self._pace.next_at(now)
        return []

    def _other_entry(self, waits: Sequence[Wait], now: float) -> int | None:
        """The one after that through which most of them were asked last: it may reach whom that one does not."""
        asked = Counter(self.queries[wait.query].entry for wait in waits if wait.query in self.queries)
        last = max(asked, key=lambda entry: asked[entry], default=self.entries.home)
        return self.entries.take(now, after=last)

    @property
    def _silent(self) -> int:
        return sum(wait.node.answer is None for wait in self.waits.values())

    def _lot_s(self, number: int) -> float:
        """This sweep's own delay of what follows a question: see `reask_lot_s`."""
        return answer_slot_ms(self._plan.sweep, str(number), 1000) / 1000 * limits.reask_lot_s

    def _asked(self, waits: Sequence[Wait], query: Query, at: float) -> None:
        for wait in waits:
            wait.node.asked += 1
            wait.asked_at, wait.query, wait.at = query.at, query.number, at

    def _open(self, entry: int, within_s: float, now: float, *, whole: bool = False, hearing: bool = False) -> Query:
        self._next += 1
        query = Query(self._next, entry, max(0, self.round), within_s, now, whole, hearing)
        self.queries[query.number] = query
        self.open.add(query.number)
        return query

    def _ask(
        self, query: Query, payload: bytes, *, names: tuple[str, ...] = (), ack: bool = False, relay: int = 0
    ) -> Ask:
        return Ask(
            query=query.number,
            entry=query.entry,
            payload=payload,
            names=names,
            ack=ack,
            relay=relay,
            timeout_s=max(query.within_s + self._plan.timing.hear_s + limits.answer_slack_s, self.deadline - query.at),
            tags={} if names else self._plan.tags,
        )
