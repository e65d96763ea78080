"""CORE. The watcher of one ring: events in, effects out.

Theory of operation
===================
`membership` takes Serf's word for who may have failed; `court` lets witnesses look and judges; `isolation` asks whether
the watcher sees the majority at all; `rolls` finds what Serf does not see, and `lines` cuts between places that it does
not see either. What they find goes to `gathering`, which makes incidents of it and says what is told.

Everything that has to happen later stands on one agenda. An event costs O(1), a roll call's end and a whole list O(n).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from inspector_coord.watch import limits
from inspector_coord.watch.agenda import NEVER
from inspector_coord.watch.answers import Answers
from inspector_coord.watch.conclusions import Action, Happening, Kind
from inspector_coord.watch.court import Court
from inspector_coord.watch.crossing import Crossing
from inspector_coord.watch.isolation import Isolation
from inspector_coord.watch.lines import Lines
from inspector_coord.watch.membership import Membership
from inspector_coord.watch.model import (
    Acked,
    Answered,
    AskOver,
    Effect,
    Event,
    MembersChanged,
    MembersRead,
    Tell,
    Tick,
    VantageDown,
    VantageUp,
)
from inspector_coord.watch.rolls import Rolls
from inspector_coord.watch.settings import Settings
from inspector_coord.watch.state import State

__all__ = ["NEVER", "RingWatcher"]


class RingWatcher:
    """Give every event to `handle` as it comes, and a Tick at `wake_at`; `now` is any steadily growing time in seconds.

    ring            its name
    ring_id         any number of the caller's own: tells the questions of several watchers apart
    open_incidents  the last Happening of each incident that was still open, their times in the present clock
    first_number    of the incidents to come; above every number told before
    """

    def __init__(
        self,
        ring: str,
        *,
        ring_id: int = 0,
        open_incidents: Sequence[Happening] = (),
        first_number: int = 1,
        settings: Settings | None = None,
    ) -> None:
        self.ring = ring
        self.settings = settings or Settings()
        self.wake_at = NEVER
        first_number = max([first_number, *(one.number + 1 for one in open_incidents)])
        self._state = State(ring, ring_id, self.settings, first_number)
        self._isolation = Isolation(self._state, self._thawed)
        crossing = Crossing(self._state.members)
        self._court = Court(self._state, self._isolation, crossing)
        self._rolls = Rolls(self._state, self._isolation)
        self._lines = Lines(self._state, self._isolation, crossing)
        self._answers = Answers(self._state, self._isolation, self._court, self._rolls, self._lines)
        self._membership = Membership(self._state)
        self._due: dict[int, None] = {}
        self._events: dict[type, Callable[..., None]] = {
            VantageUp: self._up, VantageDown: self._down, MembersRead: self._read, MembersChanged: self._changed,
            Answered: self._answers.answered, Acked: self._answers.acked, AskOver: self._answers.ask_over,
            Tick: _nothing,
        }  # fmt: skip
        self._duties: dict[str, Callable[[int, float], None]] = {
            "ask": self._answers.over, "look": self._court.look, "review": self._court.review,
            "incident": lambda number, _: self._due.setdefault(number),
            "looks": lambda _, now: self._court.begin(now), "court": lambda _, now: self._court.reconsider(now),
            "picture": lambda _, now: self._isolation.ask(now), "glance": lambda _, now: self._isolation.glance(now),
            "blind": lambda _, now: self._isolation.blind(now),
            "mass": lambda _, now: self._court.mass(now),
            "roll": lambda _, now: self._rolls.call(now), "named": lambda _, now: self._rolls.named(now),
            "closer": lambda _, now: self._rolls.closer(now), "cross": lambda _, now: self._lines.ask(now),
            "roster": self._membership.read_again,
        }  # fmt: skip

        for told in open_incidents:
            self._take_over(told)

    @property
    def roster(self) -> Mapping[str, str]:
        """Name to status of all members but those that have left, as the watcher believes."""
        return {name: node.status for name, node in self._state.members.nodes.items()}

    @property
    def nameless(self) -> int:
        """How many members, of the list that was read last, have a name that no question can carry: see Membership."""
        return self._membership.nameless

    @property
    def open_incidents(self) -> list[Happening]:
        """The last word on every incident that was told and is not closed."""
        known = [one.last for one in self._state.gathering if one.last is not None]
        return known if self._isolation.open is None else [*known, self._isolation.open]

    @property
    def judging(self) -> bool:
        """Whether it sees enough of the ring to conclude anything."""
        return not self._state.frozen

    def handle(self, event: Event, now: float) -> list[Effect]:
        """What follows from an event, in order."""
        state = self._state
        self._events[type(event)](event, now)
        state.agenda.sooner(("looks", 0), self._court.looks_at)
        if state.agenda.next_at <= now:
            self._work(now)
            state.agenda.sooner(("looks", 0), self._court.looks_at)
        self.wake_at = state.agenda.next_at
        if not state.effects:
            return []
        effects, state.effects = state.effects, []
        return effects

    # ---- what is due ------------------------------------------------------------------------------------------------

    def _work(self, now: float) -> None:
        """Do what is due, and what comes of it now; then tell."""
        for kind, which in self._state.agenda.due(now):
            if kind == "flap":
                self._membership.still(str(which), now)
            else:
                self._duties[kind](int(which), now)
        self._tell(now)

    def _tell(self, now: float) -> None:
        """Tell what is due of the incidents, unless the watcher sees too little, or may soon be found to."""
        state = self._state
        if state.frozen or self._isolation.doubtful:
            for number in self._due:
                state.agenda.sooner(("incident", number), now + limits.doubt_step_s)
        elif self._due:
            for told in state.gathering.tell(self._due, now, busy=state.suspicion.unjudged > 0):
                state.effects.append(Tell(told))
                if told.action is Action.OPENED:
                    self._review(told.number, told.kind, now)
        self._due = {}

    def _review(self, number: int, kind: Kind, now: float) -> None:
        if kind in (Kind.DOWN, Kind.CUT_OFF, Kind.STALLED):
            self._state.agenda.sooner(("review", number), now + limits.review_s)

    def _thawed(self, now: float) -> None:
        """The watcher may conclude again, or from another vantage: what was being looked at is begun anew."""
        state = self._state
        self._court.clear()
        self._rolls.forget()
        self._lines.forget()
        state.suspicion.restart(now)
        self._membership.resync(now)
        for one in state.gathering:
            self._review(one.number, one.kind, now)
        state.agenda.sooner(("roll", 0), now + limits.roll_first_s)
        state.agenda.sooner(("cross", 0), now + limits.cross_first_s)

    def _take_over(self, told: Happening) -> None:
        """An incident that was open when another watcher ended."""
        state = self._state
        if told.kind is Kind.ISOLATED:
            self._isolation.take_over(told)
            return
        state.gathering.resume(told, told.at)
        if told.kind is Kind.CUT_OFF:
            self._lines.take_over(told)
        for name in told.nodes if told.kind is Kind.FLAPPING else ():
            state.flaps.take_over(name, told.since, told.count, told.at)

    # ---- events -----------------------------------------------------------------------------------------------------

    def _up(self, event: VantageUp, now: float) -> None:
        self._without(event.vantage)
        self._state.vantages.up(event.vantage, event.node)
        self._isolation.decide(now)

    def _down(self, event: VantageDown, now: float) -> None:
        self._without(event.vantage)
        self._state.vantages.down(event.vantage, event.problem)
        self._isolation.decide(now)

    def _without(self, vantage: int) -> None:
        """If it was home, nothing is concluded until another one, or it again, shows the majority."""
        if self._state.vantages.home == vantage:
            self._state.vantages.home = None
            self._state.frozen = True

    def _read(self, event: MembersRead, now: float) -> None:
        if event.vantage in self._state.vantages:
            vantage = self._state.vantages[event.vantage]
            if vantage.up:
                self._membership.read(vantage, event.members, now)
                self._isolation.decide(now)

    def _changed(self, event: MembersChanged, now: float) -> None:
        if event.vantage in self._state.vantages:
            vantage = self._state.vantages[event.vantage]
            if self._membership.changed(vantage, event.what, event.members, now):
                self._isolation.want(now)


def _nothing(event: Tick, now: float) -> None:
    """What is due is done after every event."""
