"""CORE. The rounds of one ring: whom to ask, when to ask again, and when enough is known.

Theory of operation
===================
The first question goes to everybody at once, without acks, its answers spread. From then on every target that may
still answer has a *wait*: what was tried, and when its next step is due. A wait ends with a complete verdict, with
membership saying that the node is gone, or with patience running out.

    an answer that is complete           the wait ends
    an answer that is incomplete         asked again at once, with all the time that is left
    busy, release                        asked again after a while, a few times; clock: the wait ends
    the tail of arrivals is quiet        all who have said nothing are asked by name, with acks and a short deadline
    most say nothing, and long           a sample of them is asked so: slow checks answer incomplete, stopped agents not
    no word in the time it was given     asked again: `reasks_min` times; `reasks_max` if that has ever paid here
    nobody at all is heard               `entries` tells a mute entry from two queries that collided
    an entry hangs up                    what it was asked is asked through the next one

With no wait left, membership is read once more if anybody is missing, and the ring is closed. At the deadline it is
closed whatever happens. What a missing node is called is the ledger's business.
"""

from __future__ import annotations

from collections.abc import Sequence

from inspector_agent.errors import WireError
from inspector_agent.wire import Answer, Serving, decode_answer
from inspector_coord import limits
from inspector_coord.asking import Asker, Plan, Query, Wait
from inspector_coord.ledger import GONE, Booking, Ledger, Node
from inspector_coord.patience import Arrivals, Freshness
from inspector_coord.signals import (
    Acked,
    Answered,
    Begin,
    Effect,
    Event,
    Interrupt,
    MembersRead,
    MembersUnread,
    Phantom,
    QueryLost,
    QueryOver,
    ReadMembers,
    Stop,
)
from inspector_coord.verdict import Worth, worth_of

__all__ = ["RingRounds"]

NOT_ASKED = ("failed", *GONE)
"""Member statuses of which no answer is waited for; one that comes counts nevertheless."""


class RingRounds:
    """See the module's text. `now` is any steadily growing time in seconds; the ledger is told times since Begin.

    closed: nothing more is wanted. wake_at: the `now` at which a Tick is wanted. notes: what a person should know.
    """

    def __init__(self, plan: Plan, nodes: Sequence[Node], ledger: Ledger) -> None:
        self.closed = False
        self.wake_at = float("inf")
        self._plan = plan
        self._ledger = ledger
        self._nodes = {node.name: node for node in nodes}
        self._asker = Asker(plan)
        self._waits = self._asker.waits
        self._began = 0.0
        self._deadline = 0.0
        self._expected = 0
        self._arrivals = Arrivals()  # of first answers to the first question
        self._gains = 0  # verdicts of nodes that had said nothing before they were asked again
        self._quiet = self._sampled = False
        self._membership = Freshness(0.0)
        self._effects: list[Effect] = []

    @property
    def notes(self) -> list[str]:
        """What a person should know about the entries."""
        return self._asker.notes

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take one event, return what is to be done, in order."""
        self._effects = []
        if self.closed:
            self._ledger.dropped["late"] += isinstance(event, Answered)
            return []
        match event:
            case Answered(query=query, name=name, payload=payload):
                self._answered(self._asker.queries.get(query), name, payload, now)
            case Acked(query=query, name=name):
                self._acked(self._asker.queries.get(query), name, now)
            case Phantom():
                self._ledger.dropped["phantom"] += 1
            case _:
                self._turn(event, now)
        if not self.closed:
            self._advance(now)
        return self._effects

    # ---- events -----------------------------------------------------------------------------------------------------

    def _turn(self, event: Event, now: float) -> None:
        """An event after which the next step may be another one."""
        self.wake_at = now
        match event:
            case Begin():
                self._begin(now)
            case QueryOver(query=query):
                self._asker.over(query)
            case QueryLost(query=query, reason=reason):
                self._asker.lost(query, reason, now)
            case MembersRead(statuses=statuses):
                for name, node in self._nodes.items():
                    self._member(node, statuses.get(name, node.status), now)
                self._membership.end(now)
            case MembersUnread():
                self._membership.end(now)
            case Interrupt():
                self._close(now)

    def _begin(self, now: float) -> None:
        self._began = now
        self._membership = Freshness(now)
        self._deadline = now + self._plan.timing.deadline_s
        for node in self._nodes.values():
            if node.status not in NOT_ASKED:
                self._waits[node.name] = Wait(node)
        self._expected = len(self._waits)
        self._effects += self._asker.everybody(now, self._deadline)

    def _acked(self, query: Query | None, name: str, now: float) -> None:
        self._asker.heard(query, name, answer=False)
        node = self._nodes.get(name)
        if node is not None:
            self._ledger.acked(node, now - self._began)
        elif query is not None and not query.hearing:
            self._ledger.dropped["stranger"] += 1
        wait = self._waits.get(name)
        if wait is not None and query is not None and wait.query == query.number:
            wait.at = min(wait.at, now + query.within_s + limits.answer_slack_s)
            self.wake_at = min(self.wake_at, wait.at)

    def _answered(self, query: Query | None, name: str, payload: bytes, now: float) -> None:
        node = self._nodes.get(name)
        answer = self._readable(node, payload)
        if answer is None:
            return
        if node is None:
            self._ledger.dropped["stranger"] += 1
            return
        self._asker.heard(query, name, answer=True)
        round_number = query.round if query is not None else self._asker.round
        booking = self._ledger.answered(node, answer, now - self._began, round_number)
        if booking is Booking.DUPLICATE:
            return
        if booking is Booking.NEW and not round_number:
            self._arrivals.add(now)
        worth = worth_of(answer, node.wants)
        if worth is Worth.VERDICT:
            self._gains += booking is Booking.NEW and round_number > 0
            self._waits.pop(name, None)
        else:
            self._unfinished(node, answer, worth, query, now)

    def _readable(self, node: Node | None, payload: bytes) -> Answer | None:
        """The answer, if it is one to this sweep; anything else is counted."""
        try:
            answer = decode_answer(payload)
        except WireError:
            self._ledger.dropped["malformed"] += 1
            if node is not None:
                node.malformed += 1
            return None
        if answer.sweep != self._plan.sweep:
            self._ledger.dropped["forged"] += 1
            return None
        return answer

    def _unfinished(self, node: Node, answer: Answer, worth: Worth, query: Query | None, now: float) -> None:
        """The node lives but has not said all: when to ask it again. The same packet twice is one excuse."""
        wait = self._waits.setdefault(node.name, Wait(node))
        number = query.number if query is not None else wait.query
        if wait.heard == number:
            return
        wait.patient, wait.asks, wait.heard = True, 0, number
        if worth is Worth.INCOMPLETE or answer.incomplete:
            wait.at = max(now + limits.reask_batch_s, wait.asked_at + limits.reask_gap_s)
        elif answer.state is Serving.BUSY and wait.retries < limits.busy_retries_max:
            wait.at = now + limits.busy_retry_s
            wait.retries += 1
        elif worth is Worth.OTHER_RELEASE and wait.retries < limits.release_retries_max:
            wait.at = now + limits.release_retry_s
            wait.retries += 1
        else:
            del self._waits[node.name]
            return
        self.wake_at = min(self.wake_at, wait.at)

    def _member(self, node: Node, status: str, now: float) -> None:
        """A node that is not listed keeps its status: an entry that has just restarted lists hardly anybody."""
        was_gone = node.status in NOT_ASKED
        self._ledger.membership(node, status, now - self._began)
        if node.answer is not None:
            return
        if status in NOT_ASKED:
            self._waits.pop(node.name, None)
        elif was_gone:
            self._waits.setdefault(node.name, Wait(node, at=now))

    # ---- what follows -----------------------------------------------------------------------------------------------

    def _advance(self, now: float) -> None:
        """Cheap while answers stream in: the waits are only walked when a step is due."""
        if self._waits and now < self.wake_at:
            return
        if now < self._deadline:
            self._walk(now)
        if now >= self._deadline or (not self._waits and self._informed(now)):
            self._close(now)
        else:
            self.wake_at = self._next(now)

    def _walk(self, now: float) -> None:
        """Take every step that is due."""
        self._effects += self._asker.tend(now, self._deadline)
        self._listen(now)
        due = [wait for wait in self._waits.values() if wait.at <= now]
        self._effects += self._asker.by_name([wait for wait in due if self._worth_asking(wait)], now, self._deadline)
        if now >= self._deadline - limits.members_read_s:
            self._read_members(now)

    def _worth_asking(self, wait: Wait) -> bool:
        """Whether to ask a silent node once more; if not, it is given up."""
        if wait.asks < (limits.reasks_max if self._gains else limits.reasks_min):
            return True
        del self._waits[wait.node.name]
        return False

    def _listen(self, now: float) -> None:
        """When the tail is quiet, or nearly nothing has come for long: make those due who have said nothing."""
        timing = self._plan.timing
        quiet_at = self._arrivals.quiet_at(self._expected)
        if not self._quiet and quiet_at is not None and now >= quiet_at:
            self._quiet = True
            stride = 1
        elif not self._quiet and not self._sampled and now >= self._sample_at:
            self._sampled = True
            stride = max(1, len(self._waits) // (limits.filter_names_max * limits.reask_questions_max))
        else:
            return
        self._read_members(now)
        for wait in list(self._waits.values())[::stride]:
            if wait.node.answer is None and wait.asked_at <= now - timing.hear_s / 2:
                wait.at = now

    @property
    def _sample_at(self) -> float:
        timing = self._plan.timing
        return self._began + timing.spread_s + timing.hear_s + limits.mute_s

    def _informed(self, now: float) -> bool:
        """Whether membership is fresh enough to name those who are missing; if not, it is asked for."""
        if all(node.answer is not None for node in self._nodes.values()):
            return True
        self._read_members(now)
        return self._membership.pending(now) is None

    def _read_members(self, now: float) -> None:
        if self._membership.begin(now):
            self._effects.append(ReadMembers(self._asker.entry))

    def _next(self, now: float) -> float:
        """When the next step is due."""
        times = [self._deadline, self._asker.due_at, *(wait.at for wait in self._waits.values())]
        times.append(self._membership.pending(now) or self._deadline)
        before_end = self._deadline - limits.members_read_s
        times.append(before_end if now < before_end else self._deadline)
        if not self._quiet:
            times.append(self._arrivals.quiet_at(self._expected) or self._deadline)
            times.append(self._deadline if self._sampled else self._sample_at)
        return min(self._deadline, max(now + limits.wake_s_min, min(times)))

    def _close(self, now: float) -> None:
        self.closed = True
        self._asker.end(now)
        self.wake_at = float("inf")
        self._effects += [Stop(query) for query in self._asker.queries]
