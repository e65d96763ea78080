"""A ring on paper: the coordinator's rounds against simulated nodes, in simulated time, all chance drawn from one seed.

A question travels as gossip does: who has heard it passes it on to three others every 200 ms. Every node acknowledges
if it is asked to, and answers as its agent would: at its turn if its verdict is known, when its checks are done, or
incomplete at the question's deadline; a newer question takes over from an older one. Packets get lost, and come twice.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256

from inspector_agent.wire import (
    Answer,
    Counts,
    Serving,
    answer_slot_ms,
    asks_me,
    decode_question,
    encode_answer,
)
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
    EntrySeen,
    Event,
    LookAtEntry,
    MembersRead,
    QueryLost,
    QueryOver,
    ReadMembers,
    Stop,
    Tick,
)

SWEEP, RELEASE, OTHER = b"sweep-00", b"release0", b"release9"
TAKES_LATE_S = 0.05  # of work that waits at an entry


@dataclass
class Paper:
    """One node.

    kind: healthy, failing, stalled, silent, busy, clock, stale, canary (judges itself by that), garbage, forger, na,
    dead (and membership says so), leaver, forgotten (silent, and not listed any more), back (failed at the start, then
    alive).
    hasty: it says at once that it has not finished, whenever it is asked.
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

    deaf: entries nobody hears; queue: how many queries wait at these (None: cannot be read), at each look the next.
    cut_at: entry -> time at which it hangs up. lost_first: the first question collides: all hear it, no answer comes.
    takes_per_s: answers that an entry takes; what comes beyond is dropped, as the kernel does.
    """

    nodes: Sequence[Paper]
    seed: int = 0
    loss: float = 0.0
    twice: float = 0.0
    timeout_s: float = 10.0
    entries: int = 1
    deaf: frozenset[int] = frozenset()
    queue: Sequence[int | None] = (0,)
    fleet: int = 0
    cut_at: Mapping[int, float] = field(default_factory=dict)
    lost_first: bool = False
    takes_per_s: float = math.inf
    everybody: bool = True
    canary: bytes = b""
    wants: Mapping[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.now = 0.0
        self.asks: list[tuple[float, Ask]] = []
        self._order = itertools.count()
        self._heap: list[tuple[float, int, Event | Callable[[], None]]] = []
        self._open: set[int] = set()
        self._looks = iter(self.queue)
        self._taken_until = 0.0
        self.refused = 0
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
            timing=timing(len(roster), len(names), self.timeout_s, self.fleet),
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
                case LookAtEntry(entry=entry):
                    waiting = next(self._looks, self.queue[-1]) if entry in self.deaf else 0
                    self.at(self.now + 0.005, EntrySeen(entry, waiting))
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
        if self.lost_first and len(self.asks) == 1:
            self._open.discard(ask.query)
        question = None if ask.hearing else decode_question(ask.payload)
        names = set(ask.names)
        for node, at in self._heard_at(ask):
            asked = question is None or asks_me(question.who, SWEEP, node.name)
            if (not names or node.name in names) and asked:
                self._hear(node, ask, at)

    def _heard_at(self, ask: Ask) -> list[tuple[Paper, float]]:
        """When who hears a question: whoever has heard it tells three others in each of its gossip intervals."""
        chance = self.chance("gossip", ask.query)
        told = 4 * math.ceil(math.log10(len(self.nodes) + 1))
        own = self.nodes[ask.entry]
        heard = {own.name: self.now + 0.001}
        if ask.entry in self.deaf or len(self.nodes) == 1:
            return [(own, heard[own.name])]
        turns = [(heard[own.name] + chance.random() * 0.2, own.name, told)]
        while turns:
            at, name, left = heapq.heappop(turns)
            for place in chance.sample(range(len(self.nodes)), min(4, len(self.nodes))):
                peer = self.nodes[place]
                if peer.name == name or not left:
                    continue
                left -= 1
                deaf = peer.kind in ("silent", "dead", "leaver", "forgotten") or at < peer.up_s
                if not deaf and chance.random() >= self.loss and peer.name not in heard:
                    heard[peer.name] = at + 0.001
                    heapq.heappush(turns, (at + chance.random() * 0.2, peer.name, told))
            if left:
                heapq.heappush(turns, (at + 0.2, name, left))
        return [(node, heard[node.name]) for node in self.nodes if node.name in heard]

    def _hear(self, node: Paper, ask: Ask, at: float) -> None:
        if node.kind in ("silent", "dead", "leaver", "forgotten"):
            return
        if ask.ack:
            self.send(at, ask, Acked(ask.query, node.name), node)
        if not ask.hearing and node.kind != "stalled":
            self.ask_agent(node, ask, at)

    def ask_agent(self, node: Paper, ask: Ask, at: float) -> None:
        """The node's inspection agent hears a question."""
        self.at(at, partial(self._think, node, ask))

    def _think(self, node: Paper, ask: Ask) -> None:
        node.newest = ask.query
        node.started = self.now if node.started is None else node.started
        question = decode_question(ask.payload)
        within = question.answer_within_ms / 1000
        slot = answer_slot_ms(SWEEP, node.name, question.spread_ms) / 1000
        done = node.started + node.took_s
        if node.kind == "hasty":
            return self.at(self.now, partial(self._answer, node, ask, math.inf))
        return self.at(min(max(done, self.now + slot), self.now + within), partial(self._answer, node, ask, done))

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
            took_ms=round(1000 * node.took_s),
        )
        raw = b"\xc1garbage" if node.kind == "garbage" else encode_answer(answer, budget=900)
        self.send(self.now, ask, Answered(ask.query, node.name, raw), node)

    def send(self, at: float, ask: Ask, event: Event, node: Paper) -> None:
        """One packet, and a relayed one for each relay; all may be lost, the first to come counts (as Serf has it)."""
        if self.lost_first and ask is self.asks[0][1]:
            return
        chance = self.chance(type(event).__name__, ask.query, node.name)
        copies = sum(chance.random() >= lost for lost in (self.loss, *[1 - (1 - self.loss) ** 2] * ask.relay))
        if isinstance(event, Answered):
            copies = sum(self._takes() for _ in range(copies))
        if copies:
            self.at(at + 0.002 + chance.random() * 0.01, event)
            if chance.random() < self.twice:
                self.at(at + chance.random(), event)

    def _takes(self) -> bool:
        """Whether an entry has room for one packet more, now: what it is behind fits into a small buffer."""
        if self._taken_until - self.now > TAKES_LATE_S:
            self.refused += 1
            return False
        self._taken_until = max(self.now, self._taken_until) + 1 / self.takes_per_s
        return True
