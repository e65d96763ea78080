"""CORE. One simulated sweep, from a scenario to its result: rings, agents, faults, coordinators and their ledgers."""

from __future__ import annotations

from collections import Counter

from inspector_agent.limits import id_bytes
from inspector_coord.asking import Plan
from inspector_coord.current import prefix_of
from inspector_coord.entries import Entry
from inspector_coord.evidence import Evidence
from inspector_coord.ledger import GONE, Node
from inspector_coord.patience import timing
from inspector_coord.reading import Reader
from inspector_coord.report import Facts, RingFacts
from inspector_coord.rounds import RingRounds
from inspector_lab.simulated import limits
from inspector_lab.simulated.agents import Agents
from inspector_lab.simulated.chance import Chance
from inspector_lab.simulated.coordinator import Coordinator, Line
from inspector_lab.simulated.fleet import CREATED, Fleet
from inspector_lab.simulated.network import Network
from inspector_lab.simulated.playing import Player, Stage, habits_of, listening
from inspector_lab.simulated.profile import profile_named
from inspector_lab.simulated.result import Books, Result, Sweep
from inspector_lab.simulated.scenario import Scenario
from inspector_lab.simulated.serf_ring import RingSpec, SerfRing, SimMember
from inspector_lab.simulated.timeline import Timeline

__all__ = ["simulate"]

NO_CONNECTION = ("crash", "serf-restart", "freeze", "leave", "entry-down")
"""Faults of an entry's node with which nobody can connect to it."""


def simulate(scenario: Scenario) -> Result:
    """Simulate one scenario to its end. It draws everything from the scenario, and touches nothing."""
    return _World(scenario).run()


class _World:
    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._timeline = Timeline()
        self._chance = Chance(scenario.seed)
        self._fleet = Fleet(scenario)
        self._zero = max([0.0, *(-fault.at_s for fault in scenario.faults)])
        self._stages = {name: self._stage(index, name) for index, name in enumerate(self._fleet.rings)}
        self._player = Player(self._timeline, list(self._stages.values()), self._chance.part("player"), self._zero)
        self._sweeps: list[Sweep] = []
        self._errors: dict[str, str] = {}
        self._expected = 1

    def run(self) -> Result:
        """To the last closed ledger, or so long after the last deadline that an oracle may speak."""
        scenario = self._scenario
        self._player.arrange(scenario)
        rivals = [fault for fault in scenario.faults if fault.what == "rival"]
        self._expected += len(rivals)
        self._timeline.at(self._zero, self._ask, 0)
        for number, fault in enumerate(rivals, 1):
            self._timeline.at(self._zero + max(0.0, fault.at_s), self._ask, fault.nodes[0], number)
        end_at = self._zero + scenario.timeout_s * 2 + max([0.0, *(fault.at_s for fault in rivals)])
        step, timeline = self._timeline.step, self._timeline
        while timeline.now < end_at and not self._over():
            for _ in range(limits.steps_a_look):
                step()
        for sweep in self._sweeps:
            self._close(sweep)
        for stage in self._stages.values():
            stage.agents.end()
        wire: Counter[str] = Counter()
        for stage in self._stages.values():
            wire.update(stage.serf.counted)
        agents = {name: stage.agents for name, stage in self._stages.items()}
        return Result(scenario, self._fleet, self._sweeps, agents, wire)

    def _over(self) -> bool:
        return len(self._sweeps) == self._expected and all(sweep.coordinator.closed for sweep in self._sweeps)

    # ---- before the question ----------------------------------------------------------------------------------------

    def _stage(self, index: int, name: str) -> Stage:
        scenario, places = self._scenario, self._fleet.rings[name]
        faults = [fault for fault in scenario.faults if fault.ring in (index, -1)]
        network = Network(loss=scenario.loss, duplicate=scenario.duplicates, reorder=scenario.reorder)
        members = tuple(SimMember(place.name, place.address, place.zone, place.tags) for place in places)
        spec = RingSpec(
            name=name,
            members=members,
            entries=tuple(range(scenario.entries)),
            profile=profile_named(scenario.profile),
        )
        chance = self._chance.part("ring", name)
        serf = SerfRing(self._timeline, chance.part("serf"), spec, network)
        habits = habits_of(self._fleet, places, faults)
        agents = Agents(
            self._timeline, places, habits.__getitem__, serf.respond, limits.epoch_s - self._zero, chance.part("agents")
        )
        stage = Stage(places, network, serf, agents)
        serf.heard = listening(stage, faults, chance)
        return stage

    def _ask(self, entry: int, number: int = 0) -> None:
        """Read the rosters, and let one coordinator ask all rings."""
        chance = self._chance.part("sweep", number)
        sweep_id = chance.bits().to_bytes(16, "big")[:id_bytes]
        rosters = {name: self._roster(name, stage, entry) for name, stage in self._stages.items()}
        current = self._fleet.current
        ledger = Books(
            [node for nodes in rosters.values() for node in nodes if self._is_target(node)],
            current.prefix,
            Evidence(current.numbers),
        )
        plans: dict[str, Plan] = {}
        lines: list[Line] = []
        for name, stage in self._stages.items():
            nodes = tuple(node for node in ledger if node.ring == name)
            if nodes:
                order = self._order(stage, entry)
                plans[name] = plan = self._plan(sweep_id, stage, rosters[name], nodes, order, len(ledger))
                lines.append(Line(name, order, stage.serf, RingRounds(plan, nodes, ledger), {n.name: n for n in nodes}))
        coordinator = Coordinator(
            self._timeline, lines, record_s=limits.record_s, client=number, twice=self._scenario.twice
        )
        targets = frozenset(node.key for nodes in rosters.values() for node in nodes if self._is_target(node))
        self._sweeps.append(Sweep(sweep_id, self._timeline.now, ledger, plans, targets, coordinator))
        if number == 0:
            self._player.disturb(self._scenario, coordinator)
        coordinator.begin()

    def _order(self, stage: Stage, first: int) -> tuple[int, ...]:
        """Entries as a coordinator has them after it read the roster: the one in use first, without failed ones."""
        entries = [(first + step) % self._scenario.entries for step in range(self._scenario.entries)]
        in_use = next((entry for entry in entries if self._usable(stage, entry)), entries[0])
        statuses = stage.serf.statuses(in_use)
        rest = [entry for entry in entries if entry != in_use]
        return (in_use, *(entry for entry in rest if statuses.get(stage.places[entry].name) != "failed"))

    def _usable(self, stage: Stage, entry: int) -> bool:
        """Whether an entry takes a connection now."""
        ring = list(self._stages.values()).index(stage)
        now = self._timeline.now - self._zero
        return not any(
            fault.what in NO_CONNECTION
            and fault.ring in (ring, -1)
            and entry in fault.nodes
            and fault.at_s <= now < (fault.until_s or float("inf"))
            for fault in self._scenario.faults
        )

    def _roster(self, name: str, stage: Stage, first: int) -> list[Node]:
        """The members of one ring as its entry in use sees them; who has left is no member."""
        entry = self._order(stage, first)[0]
        if not self._usable(stage, entry):
            return []
        statuses = stage.serf.statuses(entry)
        wants = self._fleet.current.wants
        return [
            Node(name, place.name, place.address, place.tags, status, wants=wants(place.name, place.tags, {}))
            for place in stage.places
            if (status := statuses.get(place.name, "left")) != "left"
        ]

    def _is_target(self, node: Node) -> bool:
        match self._scenario.targets:
            case "half":
                return int(node.name[1:]) % 2 == 0
            case "":
                return True
        tag, _, value = self._scenario.targets.partition("=")
        return node.tags[tag] == value

    def _plan(
        self,
        sweep: bytes,
        stage: Stage,
        members: list[Node],
        nodes: tuple[Node, ...],
        order: tuple[int, ...],
        fleet: int,
    ) -> Plan:
        current = self._fleet.current
        tag, _, value = self._scenario.targets.partition("=")
        return Plan(
            sweep=sweep,
            release=current.prefix,
            number=current.release.number,
            canary=current.canary_prefix,
            timing=timing(len(nodes), len(members), self._scenario.timeout_s, fleet),
            epoch=limits.epoch_s - self._zero,
            entries=tuple(Entry(f"{stage.places[at].address}:7373", stage.places[at].name) for at in order),
            members=tuple(node.name for node in members if node.status != "failed" and node.status not in GONE),
            everybody=len(nodes) == len(members),
            tags={tag: value} if value else {},
        )

    # ---- after it ---------------------------------------------------------------------------------------------------

    def _close(self, sweep: Sweep) -> None:
        """Close the ledger as the trio shell does, and tell what it does not know."""
        lines, current = sweep.coordinator.lines, self._fleet.current
        ended = max((line.closed_at or self._timeline.now for line in lines), default=sweep.began)
        sweep.seconds = ended - sweep.began
        sweep.reader = Reader(current.by_prefix | {prefix_of(self._fleet.old): self._fleet.old}, (), current.resolvers)
        sweep.ledger.close(sweep.seconds, sweep.reader.basis)
        sweep.facts = Facts(
            sweep=sweep.id,
            started=CREATED,
            epoch=limits.epoch_s + sweep.began - self._zero,
            seconds=sweep.seconds,
            release=current.release,
            canary=current.canary,
            match=current.match,
            targets=(self._scenario.targets,) if self._scenario.targets else (),
            rings=tuple(self._ring_facts(name, sweep) for name in self._stages),
            notes=tuple(note for line in lines for note in line.rounds.notes),
        )

    def _ring_facts(self, name: str, sweep: Sweep) -> RingFacts:
        line = next((line for line in sweep.coordinator.lines if line.name == name), None)
        if line is None:
            return RingFacts(name, "", 0, 0, 0.0, f"ring {name}: no entry can be used, or nobody of it is a target")
        plan = sweep.plans[name]
        seconds = round((line.closed_at or self._timeline.now) - sweep.began, 3)
        return RingFacts(name, plan.entries[0].address, len(plan.members), len(line.nodes), seconds)
