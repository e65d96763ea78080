"""A ring on paper: the coordinator's rounds against simulated nodes, in simulated time, all chance drawn from one seed.

Every node hears a question after a delay of its own, acknowledges if it is asked to, and answers as its agent would: at
once if its verdict is known, when its checks are done, or incomplete at the question's deadline; a newer question takes
over from an older one. Packets get lost, and come twice.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256

from inspector_agent.wire import Answer, Counts, Serving, decode_question, encode_answer
from inspector_coord.asking import Plan
from inspector_coord.entries import Entry
from inspector_coord.ledger import Ledger, Node
from inspector_coord.patience import timing
from inspector_coord.rounds import RingRounds
from inspector_coord.signals import (
    Acked,
    Answered,
    Ask,
    Begin,
    Effect,
    Event,
    MembersRead,
    QueryLost,
    QueryOver,
    ReadMembers,
    Stop,
    Tick,
)

SWEEP, RELEASE, OTHER = b"sweep-00", b"release0", b"release9"


@dataclass
class Paper:
    """One node.

    kind: healthy, failing, stalled, silent, busy, clock, stale, canary (judges itself by that), garbage, forger, na,
    dead (and membership says so), leaver, forgotten (silent, and not listed any more), back (failed at the start, then
    alive).
    took_s: how long its checks take. up_s: before that it hears nothing.
    """

    name: str
    kind: str = "healthy"
    took_s: float = 0.05
    up_s: float = 0.0
    started: float | None = None
    newest: int = -1


@dataclass
class PaperRing:
    """See the module's text.

    deaf: entries nobody hears; cut_at: entry -> time at which it hangs up; lost_first: the first question collides.
    """

    nodes: Sequence[Paper]
    seed: int = 0
    loss: float = 0.0
    twice: float = 0.0
    timeout_s: float = 10.0
    entries: int = 1
    deaf: frozenset[int] = frozenset()
    cut_at: Mapping[int, float] = field(default_factory=dict)
    lost_first: bool = False
    everybody: bool = True
    canary: bytes = b""
    wants: Mapping[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.now = 0.0
        self.asks: list[tuple[float, Ask]] = []
        self._order = itertools.count()
        self._heap: list[tuple[float, int, Event | Callable[[], None]]] = []
        self._open: set[int] = set()
        self.by_name = {node.name: node for node in self.nodes}
        statuses = {"dead": "failed", "back": "failed"}
        roster = [
            Node("main", node.name, "127.0.0.1", {"kind": node.kind}, statuses.get(node.kind, "alive"))
            for node in self.nodes
        ]
        for node in roster:
            node.wants = self.wants.get(node.name, RELEASE)
        self.ledger = Ledger(roster, RELEASE)
        names = tuple(node.name for node in self.nodes if node.kind not in statuses)
        plan = Plan(
            sweep=SWEEP,
            release=RELEASE,
            number=12,
            canary=self.canary,
            timing=timing(len(roster), len(names), self.timeout_s),
            epoch=1_800_000_000.0,
            entries=tuple(Entry(f"entry-{index}", self.nodes[index].name) for index in range(self.entries)),
            members=names,
            everybody=self.everybody,
        )
        self.rounds = RingRounds(plan, roster, self.ledger)

    def chance(self, *what: object) -> random.Random:
        """Chance that depends on what it is for, not on what happened before."""
        return random.Random(sha256(repr((self.seed, *what)).encode()).digest())  # noqa: S311

    def run(self) -> dict[str, str]:
        """Sweep; the state of every node by name."""
        self._do(self.rounds.handle(Begin(), self.now))
        while not self.rounds.closed:
            if self._heap and self._heap[0][0] <= self.rounds.wake_at:
                self.now, _, what = heapq.heappop(self._heap)
                if callable(what):
                    what()
                else:
                    self._do(self.rounds.handle(what, self.now))
            else:
                self.now = self.rounds.wake_at
                self._do(self.rounds.handle(Tick(), self.now))
        self.ledger.close(self.now)
        return {node.name: str(node.state) for node in self.ledger}

    def late(self) -> None:
        """Deliver what is still on its way to the closed rounds."""
        while self._heap:
            self.now, _, what = heapq.heappop(self._heap)
            if not callable(what):
                self.rounds.handle(what, self.now)

    def at(self, when: float, what: Event | Callable[[], None]) -> None:
        """Put something into the future."""
        heapq.heappush(self._heap, (when, next(self._order), what))

    def _do(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case Ask():
                    self._ask(effect)
                case Stop(query=query):
                    self._open.discard(query)
                case ReadMembers():
                    kinds = {"dead": "failed", "leaver": "left"}
                    listed = [node for node in self.nodes if node.kind != "forgotten"]
                    self.at(self.now + 0.01, MembersRead({n.name: kinds.get(n.kind, "alive") for n in listed}))

    def _ask(self, ask: Ask) -> None:
        self.asks.append((self.now, ask))
        cut = self.cut_at.get(ask.entry)
        if cut is not None and self.now >= cut:
            self.at(self.now + 0.001, QueryLost(ask.query, "connection refused"))
            return
        if cut is not None and self.now + ask.timeout_s > cut:
            self.at(cut, QueryLost(ask.query, "end of file"))
        else:
            self.at(self.now + ask.timeout_s, QueryOver(ask.query))
        self._open.add(ask.query)
        collided = self.lost_first and len(self.asks) == 1
        for node in self.nodes if not collided else ():
            own = node is self.nodes[ask.entry]
            if (not ask.names or node.name in ask.names) and (own or ask.entry not in self.deaf):
                self._hear(node, ask, own=own)

    def _hear(self, node: Paper, ask: Ask, *, own: bool) -> None:
        chance = self.chance("hear", ask.query, node.name)
        at = self.now + (0.001 if own else min(self.rounds._plan.timing.hear_s, 0.05 + chance.expovariate(5.0)))  # noqa: SLF001
        if node.kind in ("silent", "dead", "leaver", "forgotten") or at < node.up_s:
            return
        if ask.ack:
            self.send(at, ask, Acked(ask.query, node.name), node)
        if not ask.hearing and node.kind != "stalled":
            self.ask_agent(node, ask, at)

    def ask_agent(self, node: Paper, ask: Ask, at: float) -> None:
        """The node's inspection agent hears a question."""
        node.newest = ask.query
        node.started = at if node.started is None else node.started
        within = decode_question(ask.payload).answer_within_ms / 1000
        done = node.started + node.took_s
        self.at(max(at, min(done, at + within)), partial(self._answer, node, ask, done))

    def _answer(self, node: Paper, ask: Ask, done: float) -> None:
        if node.newest != ask.query:
            return  # a newer question has taken over
        answer = Answer(
            sweep=b"another1" if node.kind == "forger" else SWEEP,
            state={"busy": Serving.BUSY, "clock": Serving.CLOCK}.get(node.kind, Serving.VERDICT),
            release={"stale": OTHER, "canary": self.canary}.get(node.kind, RELEASE),
            number=12,
            counts={"failing": Counts(3, 1), "na": Counts(na=4)}.get(node.kind, Counts(4)),
            failing=(1,) if node.kind == "failing" else (),
            incomplete=self.now < done,
        )
        raw = b"\xc1garbage" if node.kind == "garbage" else encode_answer(answer, budget=900)
        self.send(self.now, ask, Answered(ask.query, node.name, raw), node)

    def send(self, at: float, ask: Ask, event: Event, node: Paper) -> None:
        """One packet, and a relayed one for each relay; all may be lost, the first to come counts (as Serf has it)."""
        chance = self.chance(type(event).__name__, ask.query, node.name)
        copies = sum(chance.random() >= self.loss for _ in range(1 + ask.relay))
        if copies:
            self.at(at + 0.002 + chance.random() * 0.01, event)
            if chance.random() < self.twice:
                self.at(at + chance.random(), event)
