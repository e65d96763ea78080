"""CORE. The inspection agents of one ring: the real session of every node, in simulated time.

An agent is made when its node first hears a question, with the release it holds. What it does is remembered as the
truth that verdicts are held against: `said` has every response, as its session made it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from config_center.resolve import Baseline, Item
from inspector_agent import limits as agent_limits
from inspector_agent.events import (
    Attached,
    Detached,
    Effect,
    Ended,
    Event,
    Fetch,
    Fetched,
    Found,
    Heard,
    Held,
    Refused,
    Respond,
    StartRun,
    StopRun,
    Tick,
)
from inspector_agent.findings import Finding
from inspector_agent.session import Session
from inspector_agent.wire import answer_budget, decode_answer, encode_answer
from inspector_lab.simulated import limits
from inspector_lab.simulated.chance import Chance
from inspector_lab.simulated.coordinator import GARBLED
from inspector_lab.simulated.fleet import Place
from inspector_lab.simulated.timeline import Timeline

__all__ = ["Agents", "Habits", "Said"]


class Habits(msgspec.Struct, frozen=True):
    """How an agent behaves; all that behave alike share one.

    own       what its pointer assigns to it; holds: what it has at the start, None for nothing
    fetch_s   how long it takes to get what it lacks; None: it cannot
    took_s    of a run of its checks, on average; None: they never end, the first half of the items is known at once
    exact     a run takes just that long
    outcomes  of the items by number, "pass" where there is none
    skew_s    its clock less the true time
    speaks    "" as its session does, else what it says instead: garbage, or other-sweep (an answer of another one)
    """

    own: Baseline
    holds: Baseline | None
    fetch_s: float | None = 0.1
    took_s: float | None = 0.03
    exact: bool = False
    outcomes: tuple[str, ...] = ()
    skew_s: float = 0.0
    speaks: str = ""

    def outcome(self, number: int) -> str:
        """Of one item."""
        return self.outcomes[number] if number < len(self.outcomes) else "pass"


class Said(msgspec.Struct, frozen=True, gc=False):
    """One response of a session: to which query, when, and its bytes. taken: Serf still had the query."""

    query: int
    at_s: float
    raw: bytes
    taken: bool


@dataclass(slots=True, eq=False)
class _Agent:
    member: int
    session: Session
    habits: Habits
    boot_s: float
    tick_at: float = -1.0
    held: list[Event] | None = None  # it hangs: what it will find when it goes on


@dataclass(eq=False)
class Agents:
    """All agents of one ring. `respond(member, query id, bytes)` is Serf's; False: it does not have the query any more.

    said      member -> every response of its session so far
    counted   what became of all questions, as `Session.counted`
    heard     questions that reached an agent; lost_runs: sessions that died with questions open
    """

    clock: Timeline
    places: Sequence[Place]
    habits: Callable[[int], Habits]
    respond: Callable[[int, int, bytes], bool]
    epoch: float
    chance: Chance
    said: dict[int, list[Said]] = field(default_factory=dict)
    counted: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._agents: list[_Agent | None] = [None] * len(self.places)
        self._away: set[int] = set()  # not running, or not attached to Serf
        self._findings: dict[tuple[int, tuple[str, ...]], tuple[tuple[Item, ...], tuple[Finding, ...]]] = {}

    # ---- what happens to them ---------------------------------------------------------------------------------------

    def hear(self, member: int, query: int, payload: bytes) -> None:
        """The node's Serf agent hands over a question."""
        if member not in self._away:
            self._give(self._agent(member), Heard(query, payload))

    def crash(self, member: int) -> None:
        """The agent dies; all it knew is gone but the releases on its disk."""
        self._away.add(member)
        agent, self._agents[member] = self._agents[member], None
        if agent is not None:
            agent.session.handle(Detached(), now=self._now(agent), clock=0.0)  # so that its questions are counted

    def start(self, member: int) -> None:
        """The agent starts."""
        self._away.discard(member)

    def detach(self, member: int) -> None:
        """Its Serf agent goes away: the agent lives on and hears nothing."""
        self._away.add(member)
        agent = self._agents[member]
        if agent is not None:
            self._give(agent, Detached())

    def attach(self, member: int) -> None:
        """Its Serf agent is back."""
        self._away.discard(member)

    def hang(self, member: int) -> None:
        """It stops in its tracks."""
        agent = self._agent(member)
        if agent.held is None:
            agent.held = []

    def go_on(self, member: int) -> None:
        """It goes on where it was."""
        agent = self._agent(member)
        held, agent.held = agent.held or [], None
        for event in (*held, Tick()):
            self._give(agent, event)

    def end(self) -> None:
        """The simulation is over: whatever still waits is counted as lost."""
        for agent in self._agents:
            if agent is not None:
                agent.session.handle(Detached(), now=self._now(agent), clock=0.0)

    # ---- one agent --------------------------------------------------------------------------------------------------

    def _agent(self, member: int) -> _Agent:
        agent = self._agents[member]
        if agent is None:
            place, habits = self.places[member], self.habits(member)
            boot_s = 1000.0 + 1000.0 * self.chance.real(member, 0)
            agent = self._agents[member] = _Agent(member, Session(self.counted), habits, boot_s)
            self._give(agent, Attached(place.name, place.tags))
            if habits.holds is not None:
                self._give(agent, Held(habits.holds))
        return agent

    def _give(self, agent: _Agent, event: Event, own_now: float = 0.0) -> None:
        if agent.held is not None:
            agent.held.append(event)
            return
        now = self.clock.now
        clock = self.epoch + now + agent.habits.skew_s
        for effect in agent.session.handle(event, now=max(own_now, now + agent.boot_s), clock=clock):
            self._do(agent, effect)
        due_at = agent.session.due_at
        if due_at is not None:
            at = max(now, due_at - agent.boot_s)
            if not now < agent.tick_at <= at:
                agent.tick_at = at
                self.clock.at(at, self._tick, agent, at, due_at)

    def _tick(self, agent: _Agent, at: float, due_at: float) -> None:
        """`due_at` is `at` by the agent's own time, which rounding must not put later."""
        if agent.tick_at == at and self._agents[agent.member] is agent:
            agent.tick_at = -1.0
            self._give(agent, Tick(), due_at)

    def _do(self, agent: _Agent, effect: Effect) -> None:
        match effect:
            case Respond(query_id=query, raw=raw):
                self._say(agent, query, raw)
            case StartRun(run=run, items=items):
                self._run(agent, run, items)
            case StopRun(run=run):
                self.clock.at(self.clock.now + limits.stop_run_s, self._later, agent, Ended(run, "stopped"))
            case Fetch(wanted=wanted, deadline_s=deadline_s):
                self._fetch(agent, wanted, deadline_s)

    def _say(self, agent: _Agent, query: int, raw: bytes) -> None:
        match agent.habits.speaks:
            case "garbage":
                taken = self.respond(agent.member, query, GARBLED + raw[:40])
            case "other-sweep":
                other = msgspec.structs.replace(decode_answer(raw), sweep=bytes(agent_limits.id_bytes))
                taken = self.respond(agent.member, query, encode_answer(other, budget=answer_budget("")))
            case _:
                taken = self.respond(agent.member, query, raw)
        self.said.setdefault(agent.member, []).append(Said(query, self.clock.now, raw, taken))
        if not taken:
            self.clock.at(self.clock.now, self._later, agent, Refused(query))

    def _run(self, agent: _Agent, run: int, items: tuple[Item, ...]) -> None:
        findings = self._of(items, agent.habits)
        took_s = agent.habits.took_s
        if took_s is None:
            known = findings[: len(findings) // 2]
            self.clock.at(self.clock.now + limits.check_s, self._found, agent, run, known)
            return
        if not agent.habits.exact:
            took_s *= 0.5 + self.chance.real(agent.member, 1)
        self.clock.at(self.clock.now + took_s, self._ended, agent, run, findings)

    def _ended(self, agent: _Agent, run: int, findings: tuple[Finding, ...]) -> None:
        self._found(agent, run, findings)
        self._later(agent, Ended(run))

    def _found(self, agent: _Agent, run: int, findings: tuple[Finding, ...]) -> None:
        if self._agents[agent.member] is not agent:
            return
        for finding in findings:
            if agent.held is not None:
                agent.held.append(Found(run, finding))
            else:
                agent.session.handle(Found(run, finding), now=self._now(agent), clock=0.0)

    def _fetch(self, agent: _Agent, wanted: bytes, deadline_s: float) -> None:
        fetch_s = agent.habits.fetch_s
        if fetch_s is None or fetch_s > deadline_s:
            self.clock.at(self.clock.now + min(deadline_s, limits.refused_s), self._later, agent, Fetched(wanted, None))
        else:
            self.clock.at(self.clock.now + fetch_s, self._later, agent, Fetched(wanted, agent.habits.own))

    def _later(self, agent: _Agent, event: Event) -> None:
        if self._agents[agent.member] is agent:
            self._give(agent, event)

    def _of(self, items: tuple[Item, ...], habits: Habits) -> tuple[Finding, ...]:
        """What the checks of these items find there; the same items are the same object."""
        key = (id(items), habits.outcomes)
        if key not in self._findings:
            self._findings[key] = (items, tuple(_finding(item, habits.outcome(item.number)) for item in items))
        return self._findings[key][1]

    def _now(self, agent: _Agent) -> float:
        return self.clock.now + agent.boot_s


def _finding(item: Item, outcome: str) -> Finding:
    observed = {"pass": "10", "fail": "60"}.get(outcome, "")
    message = {"error": "cannot be read", "na": "does not apply"}.get(outcome, "")
    return Finding(item.number, item.id, outcome, observed=observed, message=message)
