"""CORE. The rounds of one ring: whom to ask, when to ask again, and when enough is known.

Theory of operation
===================
The first question goes to everybody at once, without acks, its answers spread. From then on every target that may
still answer has a *wait*: what was tried, and when its next step is due. A wait ends with a complete verdict, with
membership saying that the node is gone, or with patience running out.

    an answer that is complete           the wait ends
    an answer that is incomplete         asked again at once, with all the time that is left
    busy, release                        asked again after a while, a few times; clock: the wait ends
    the tail of arrivals ends            `tail` says so; all who have said nothing are asked, in the way `reask` chooses
    most say nothing, and long           a sample of them is asked by name: slow checks answer incomplete, stopped
                                         agents not at all
    no word in the time it was given     asked again: `reasks_min` times; `reasks_max` if that has ever paid here
    questions wait in the entry's queue  nobody is given up: who was asked meanwhile is asked anew once they are out
    nobody at all is heard               `entries` tells a mute entry and one that is backed up
    verdicts were ready, and none came   two questions collided: everybody is asked again
    an entry hangs up                    what it was asked is asked through the next one

With no wait left, membership is read once more if anybody is missing, and the ring is closed. At the deadline it is
closed whatever happens. What a missing node is called is the ledger's business.

Waits are only walked when a step is due, never for an answer: rings are large.
"""

from __future__ import annotations

from collections.abc import Sequence

from inspector_agent.wire import Answer
from inspector_coord import limits
from inspector_coord.asking import Asker, Plan
from inspector_coord.astray import astray
from inspector_coord.intake import taken_in
from inspector_coord.ledger import GONE, Booking, Ledger, Node
from inspector_coord.patience import Freshness
from inspector_coord.queueing import Queueing
from inspector_coord.signals import (
    Acked,
    Answered,
    Begin,
    Effect,
    EntrySeen,
    Event,
    Interrupt,
    LookAtEntry,
    MembersRead,
    MembersUnread,
    Phantom,
    QueryLost,
    QueryOver,
    ReadMembers,
    Stop,
)
from inspector_coord.tail import Look
from inspector_coord.verdict import Worth, worth_of
from inspector_coord.waiting import NEVER, Query, Wait

__all__ = ["RingRounds"]

NOT_ASKED = ("failed", *GONE)
"""Member statuses of which no answer is waited for; one that comes counts nevertheless."""

_DUPLICATE, _NEW, _COMPLETE = Booking.DUPLICATE, Booking.NEW, Worth.VERDICT  # looked at with each of 50,000 answers


class RingRounds:
    """See the module's text. `now` is any steadily growing time in seconds; the ledger is told times since Begin.

    closed: nothing more is wanted. wake_at: the `now` at which a Tick is wanted. notes: what a person should know.
    """

    def __init__(self, plan: Plan, nodes: Sequence[Node], ledger: Ledger) -> None:
        self.closed = False
        self.wake_at = NEVER
        self._plan, self._ledger = plan, ledger
        self._nodes = {node.name: node for node in nodes}
        self._asker = Asker(plan, len(nodes))
        self._waits = self._asker.waits
        self._began = 0.0
        self._due_at = NEVER  # no wait is due before
        self._unheard = len(nodes)  # nodes without any answer
        self._queueing = Queueing()
        self._membership = Freshness(0.0)
        self._spent: dict[str, Wait] = {}  # of nodes whose excuses are not waited for any longer
        self._effects: list[Effect] = []

    @property
    def notes(self) -> list[str]:
        """What a person should know about the entries."""
        return self._asker.entries.notes + self._queueing.notes(self._asker.entries.address)

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take one event, return what is to be done, in order."""
        self._effects = []
        if self.closed:
            self._ledger.dropped["late"] += isinstance(event, Answered)
            return []
        if type(event) is Answered:  # nearly all are: no match, which costs a third of the booking
            self._answered(self._asker.queries.get(event.query), event.name, event.payload, now)
        elif type(event) is Acked:
            self._acked(self._asker.queries.get(event.query), event.name, now)
        else:
            self._turn(event, now)
        if now >= self.wake_at and not self.closed:
            self._advance(now)
        return self._effects

    # ---- events -----------------------------------------------------------------------------------------------------

    def _turn(self, event: Event, now: float) -> None:
        """An event after which the next step may be another one."""
        self.wake_at = now
        match event:
            case Phantom():
                self._ledger.dropped["phantom"] += 1
            case Begin():
                self._begin(now)
            case QueryOver(query=query):
                self._asker.over(query)
            case QueryLost(query=query, reason=reason):
                self._asker.lost(query, reason, now)
                self._due_at = now
            case MembersRead(statuses=statuses):
                for name, node in self._nodes.items():
                    self._member(node, statuses.get(name, node.status), now)
                self._membership.end(now)
            case MembersUnread():
                self._membership.end(now)
            case EntrySeen(entry=entry, query_queue=queue):
                self._seen(entry, queue, now)
            case Interrupt():
                self._close(now)

    def _begin(self, now: float) -> None:
        self._began, self._asker.deadline = now, now + self._plan.timing.deadline_s
        self._membership = Freshness(now)
        self._waits.update({name: Wait(node) for name, node in self._nodes.items() if node.status not in NOT_ASKED})
        self._asked_all(self._asker.everybody(now), now)

    def _seen(self, entry: int, queue: int | None, now: float) -> None:
        self._asker.entries.seen(entry, queue)
        for wait in self._queueing.seen(queue, now):
            self._due(wait, now)

    def _asked_all(self, effects: list[Effect], now: float) -> None:
        """Everybody was asked, or the entry is tested: their next steps are others."""
        if effects:
            self._effects += effects
            self._due_at = now  # nearly: the next walk finds out

    def _acked(self, query: Query | None, name: str, now: float) -> None:
        if query is not None:
            self._asker.entries.heard(query.entry, name, answer=False)
        node = self._nodes.get(name)
        if node is not None:
            self._ledger.acked(node, now - self._began)
        elif query is not None and not query.hearing:
            self._ledger.dropped["stranger"] += 1
        wait = self._waits.get(name)
        if wait is not None and query is not None and wait.query == query.number != wait.heard:
            self._due(wait, wait.acked(now + query.within_s + limits.answer_slack_s))

    def _answered(self, query: Query | None, name: str, payload: bytes, now: float) -> None:
        node = self._nodes.get(name)
        answer = taken_in(payload, node, self._plan, self._ledger)
        if node is None or answer is None:
            return
        round_number, whole = self._asker.round, True
        if query is not None:
            round_number, whole = query.round, query.whole
            self._asker.entries.heard(query.entry, name, answer=whole)
        booking = self._ledger.answered(node, answer, now - self._began, round_number)
        if booking is _DUPLICATE:
            return
        self._unheard -= booking is _NEW
        if booking is _NEW and whole and self._asker.tail.add(now):
            self.wake_at = now
        worth = worth_of(answer, node.wants)
        if worth is not _COMPLETE:
            self._unfinished(node, answer, worth, query, now)
            return
        if not whole and booking is _NEW:
            self._gained(node, answer, query, now)
        self._over(name, now)

    def _gained(self, node: Node, answer: Answer, query: Query | None, now: float) -> None:
        """A node that had said nothing had its verdict ready when it was asked again."""
        self._asker.gains += 1
        took_s, silence = answer.took_ms / 1000, not self._asker.tail.heard
        if query is not None and astray(self._asker, self._plan, query, node.name, took_s, now, silence=silence):
            self._waits.pop(node.name, None)
            self._asked_all(self._asker.everybody(now), now)
            self.wake_at = now

    def _unfinished(self, node: Node, answer: Answer, worth: Worth, query: Query | None, now: float) -> None:
        """The node lives but has not said all: when to ask it again. To all questions on their way it is one excuse."""
        wait = self._waits.setdefault(node.name, self._spent.get(node.name) or Wait(node))
        number = query.number if query is not None else wait.query
        if number <= wait.heard:
            return
        wait.heard = max(number, wait.query)
        if answer.incomplete:
            self._asker.entries.slow()
        at = wait.unfinished(answer, worth, now)
        if at is None:
            self._spent[node.name] = wait
            self._over(node.name, now)
        else:
            self._due(wait, at)

    def _over(self, name: str, now: float) -> None:
        """Nothing more is waited for from a node."""
        self._waits.pop(name, None)
        if not self._waits:
            self.wake_at = now

    def _member(self, node: Node, status: str, now: float) -> None:
        """A node that is not listed keeps its status: an entry that has just restarted lists hardly anybody."""
        was_gone = node.status in NOT_ASKED
        self._ledger.membership(node, status, now - self._began)
        if node.answer is not None:
            return
        if status in NOT_ASKED:
            self._waits.pop(node.name, None)
        elif was_gone:
            self._due(self._waits.setdefault(node.name, Wait(node)), now)

    # ---- what follows -----------------------------------------------------------------------------------------------

    def _due(self, wait: Wait, at: float) -> None:
        """The wait's next step, and a walk in time for it."""
        wait.at = at
        self._due_at = min(self._due_at, at)
        self.wake_at = min(self.wake_at, at)

    def _advance(self, now: float) -> None:
        """A step may be due, or nobody is waited for any more."""
        if now < self._asker.deadline and self._waits:
            self._step(now)
        if now >= self._asker.deadline or (not self._waits and self._informed(now)):
            self._close(now)
        else:
            self.wake_at = self._next(now)

    def _step(self, now: float) -> None:
        """Take every step that is due."""
        self._asked_all(self._asker.tend(now), now)
        self._listen(now)
        if now >= self._due_at:
            due = [wait for wait in self._waits.values() if wait.at <= now]
            wanted, given_up = self._queueing.sorted(due, self._asker.reasks, now)
            for wait in given_up:
                del self._waits[wait.node.name]
            if self._queueing.look(now):
                self._effects.append(LookAtEntry(self._asker.entries.home))
            self._effects += self._asker.again(wanted, now)
            self._due_at = min((wait.at for wait in self._waits.values()), default=NEVER)
        if now >= self._asker.deadline - limits.members_read_s:
            self._read_members(now)

    def _listen(self, now: float) -> None:
        """Ask again those who have said nothing, if the curve of arrivals says that it is time."""
        look = self._asker.tail.look(now)
        if look is Look.NOBODY:
            return
        meant = self._asker.tail.meant(look, self._waits, self._asker.own, now)
        if look is not Look.OWN:
            self._read_members(now)
        if look is Look.MISSING:
            for wait in meant:
                self._due(wait, now)
        else:
            self._effects += self._asker.by_name(meant, now)
            self._due_at = now

    def _informed(self, now: float) -> bool:
        """Whether membership is fresh enough to name those who are missing; if not, it is asked for."""
        if self._unheard:
            self._read_members(now)
        return not self._unheard or self._membership.pending(now) is None

    def _read_members(self, now: float) -> None:
        if self._membership.begin(now):
            self._effects.append(ReadMembers(self._asker.entries.home))

    def _next(self, now: float) -> float:
        """When the next step is due."""
        deadline, before_end = self._asker.deadline, self._asker.deadline - limits.members_read_s
        times = [deadline, self._asker.entries.due_at, self._due_at, self._asker.tail.next(now)]
        times += [self._membership.pending(now) or deadline, before_end if now < before_end else deadline]
        return min(deadline, max(now + limits.wake_s_min, min(times)))

    def _close(self, now: float) -> None:
        self.closed = True
        self._asker.entries.end(now)
        self.wake_at = NEVER
        self._effects += [Stop(query) for query in sorted(self._asker.open)]
