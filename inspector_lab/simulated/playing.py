"""CORE. Plays the faults of a scenario: what each one does to the network, to Serf, to agents, and when it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from inspector_agent.limits import id_bytes
from inspector_agent.wire import Answer, Counts, decode_question, encode_answer
from inspector_coord.signals import Phantom
from inspector_lab.simulated import limits
from inspector_lab.simulated.agents import Agents, Habits
from inspector_lab.simulated.chance import Chance
from inspector_lab.simulated.coordinator import GARBLED, Coordinator, Line
from inspector_lab.simulated.fleet import Fleet, Place
from inspector_lab.simulated.network import Network
from inspector_lab.simulated.scenario import Fault, Scenario
from inspector_lab.simulated.serf_ring import SerfRing
from inspector_lab.simulated.timeline import Timeline

__all__ = ["Player", "Stage", "habits_of", "listening"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One ring, and all that faults can touch of it."""

    places: Sequence[Place]
    network: Network
    serf: SerfRing
    agents: Agents


class Player:
    """Plays faults on the stages of all rings; `zero` is the moment that the times of faults count from."""

    def __init__(self, timeline: Timeline, stages: Sequence[Stage], chance: Chance, zero: float) -> None:
        self._timeline = timeline
        self._stages = stages
        self._chance = chance
        self._zero = zero

    def arrange(self, scenario: Scenario) -> None:
        """Put all faults of the network, of Serf and of agents onto the timeline."""
        for fault in scenario.faults:
            for index, stage in enumerate(self._stages):
                if fault.ring in (index, -1):
                    self._timeline.at(self._zero + fault.at_s, self._begin, fault, stage)
                    if fault.until_s is not None:
                        self._timeline.at(self._zero + fault.until_s, self._end, fault, stage)

    def disturb(self, scenario: Scenario, coordinator: Coordinator) -> None:
        """Put records of nobody onto the timeline; say how slow the coordinator is."""
        for number, fault in enumerate(scenario.faults):
            if fault.what == "slow-coordinator":
                coordinator.record_s = fault.amount
            elif fault.what == "phantoms":
                name = self._stages[fault.ring].serf.spec.name
                for line in (line for line in coordinator.lines if line.name == name):
                    for count in range(int(fault.amount)):
                        at = self._zero + fault.at_s + self._chance.real(number, count) * 2.0
                        self._timeline.at(at, self._phantom, coordinator, line)

    @staticmethod
    def _phantom(coordinator: Coordinator, line: Line) -> None:
        if line.closed_at is None and line.heard.asks:
            coordinator.bring(line, Phantom(line.heard.asks[-1][1].query))

    def _begin(self, fault: Fault, stage: Stage) -> None:
        match fault.what:
            case "loss":
                stage.network.loss = min(1.0, stage.network.loss + fault.amount)
            case "delay":
                stage.network.delay_s += fault.amount / 2
                stage.network.jitter_s += fault.amount
            case "cut":
                stage.serf.cut(fault.zone, hears=fault.way == "out", is_heard=fault.way == "in")
            case "entry-down":
                for entry in fault.nodes:
                    stage.serf.entry_down(entry)
            case "slow-entry":
                for entry in fault.nodes:
                    stage.serf.entry_slower(entry, fault.amount)
            case "retag":
                stage.serf.retag(fault.nodes)
            case _:
                for member in fault.nodes:
                    self._hit(fault.what, stage, member)

    def _end(self, fault: Fault, stage: Stage) -> None:
        match fault.what:
            case "loss":
                stage.network.loss = max(0.0, stage.network.loss - fault.amount)
            case "delay":
                stage.network.delay_s -= fault.amount / 2
                stage.network.jitter_s -= fault.amount
            case "cut":
                stage.serf.heal(fault.zone)
            case "entry-down":
                for entry in fault.nodes:
                    stage.serf.entry_up(entry)
            case "slow-entry":
                for entry in fault.nodes:
                    stage.serf.entry_slower(entry, -fault.amount)
            case _:
                for member in fault.nodes:
                    self._mend(fault.what, stage, member)

    def _hit(self, what: str, stage: Stage, member: int) -> None:
        match what:
            case "crash":
                stage.serf.crash(member)
                stage.agents.crash(member)
            case "serf-restart":
                stage.serf.crash(member)
                stage.agents.detach(member)
            case "freeze":
                stage.serf.freeze(member)
                stage.agents.hang(member)
            case "leave":
                stage.serf.leave(member)
                stage.agents.crash(member)
            case "joined":
                stage.serf.join_fresh(member)
            case "agent-crash":
                stage.agents.crash(member)
            case "agent-hang":
                stage.agents.hang(member)

    def _mend(self, what: str, stage: Stage, member: int) -> None:
        match what:
            case "crash":
                stage.serf.restart(member)
                self._timeline.at(self._timeline.now + limits.agent_start_s, stage.agents.start, member)
            case "serf-restart":
                stage.serf.restart(member)
                self._timeline.at(self._timeline.now + limits.reconnect_s, stage.agents.attach, member)
            case "freeze":
                stage.serf.thaw(member)
                stage.agents.go_on(member)
            case "agent-crash":
                stage.agents.start(member)
            case "agent-hang":
                stage.agents.go_on(member)


class Impostor:
    """A member whose Serf agent sends answers under other members' names to each of the first questions it hears.

    They are answers to another sweep, answers to this one of nobody, and no answers at all. What Serf hears first under
    a name it takes; the answer of the member itself is then a duplicate that it drops.
    """

    def __init__(self, stage: Stage, member: int, answers: int, chance: Chance) -> None:
        self._stage = stage
        self._member = member
        self._answers = answers
        self._chance = chance
        self._questions = 0

    def hear(self, query: int, payload: bytes) -> None:
        """Send them."""
        self._questions += 1
        if self._questions > limits.impostor_questions_max:
            return
        sweep = decode_question(payload).sweep
        for count in range(self._answers):
            places = self._stage.places
            victim = places[self._chance.below(len(places), self._questions, count)].name
            match self._chance.below(3, -self._questions, count):
                case 0:
                    self._stage.serf.forge(self._member, query, victim, _answer(bytes(id_bytes)))
                case 1:
                    self._stage.serf.forge(self._member, query, f"nobody-{count}", _answer(sweep))
                case _:
                    self._stage.serf.forge(self._member, query, victim, GARBLED + bytes(count))


def _answer(sweep: bytes) -> bytes:
    """A pass of somebody."""
    answer = Answer(sweep=sweep, release=b"\x01" * id_bytes, number=12, counts=Counts(pass_=6))
    return encode_answer(answer, budget=400)


def listening(stage: Stage, faults: Sequence[Fault], chance: Chance) -> Callable[[int, int, bytes], None]:
    """Who hears the questions of a ring: its agents, and impostors beside theirs."""
    hear = stage.agents.hear
    impostors = {
        member: Impostor(stage, member, int(fault.amount), chance.part("impostor", member))
        for fault in faults
        if fault.what == "impostor"
        for member in fault.nodes
    }
    if not impostors:
        return hear

    def heard(member: int, query: int, payload: bytes) -> None:
        if member in impostors:
            impostors[member].hear(query, payload)
        hear(member, query, payload)

    return heard


def habits_of(fleet: Fleet, places: Sequence[Place], faults: Sequence[Fault]) -> list[Habits]:
    """How each agent of a ring behaves, after the faults that hit it; agents that behave alike share their habits."""
    known: dict[Habits | int, Habits] = {}
    found: list[Habits] = []
    for place in places:
        own = fleet.wanted(place)
        if id(own) not in known:
            known[id(own)] = Habits(own, own)
        found.append(known[id(own)])
    for fault in faults:
        for member in fault.nodes:
            found[member] = _changed(found[member], fault, fleet, places[member])
    return found


def _changed(habits: Habits, fault: Fault, fleet: Fleet, place: Place) -> Habits:
    change = msgspec.structs.replace
    count = len(habits.own.items)
    last = max((item.number for item in habits.own.items), default=0)
    match fault.what:
        case "slow":
            return change(habits, took_s=fault.amount)
        case "takes":
            return change(habits, took_s=fault.amount, exact=True)
        case "hung":
            return change(habits, took_s=None)
        case "skew":
            return change(habits, skew_s=fault.amount)
        case "stale" | "bare":
            holds = fleet.before(place) if fault.what == "stale" else None
            return change(habits, holds=holds, fetch_s=fault.amount or None)
        case "drift" if count:
            return change(habits, outcomes=("fail", *habits.outcomes[1:]))
        case "erring" if count:
            before = (*habits.outcomes, *["pass"] * (last + 1))[:last]
            return change(habits, outcomes=(*before, "error"))
        case "na":
            return change(habits, outcomes=("na",) * (last + 1))
        case "garbage" | "other-sweep":
            return change(habits, speaks=fault.what)
    return habits
