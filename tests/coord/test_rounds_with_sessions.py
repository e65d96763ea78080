"""The coordinator's rounds against the agents' own brains: both cores together, on paper, without any stand-in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from config_center.resolve import Baseline, Resolver
from inspector_agent.events import Attached, Ended, Event, Fetch, Found, Heard, Held, Respond, StartRun, Tick
from inspector_agent.findings import Finding
from inspector_agent.session import Session
from inspector_coord.signals import Answered, Ask
from tests.support.center import item, layer, release_of
from tests.support.paper_ring import Paper, PaperRing

BASE = release_of(layer("00-fleet", {f"sysctl:key{number}": item(number + 1) for number in range(4)}))
CLOCK = 1_800_000_000.0


@dataclass
class SessionRing(PaperRing):
    """A ring on paper whose nodes have the real session; their checks take `took_s`, "failing" ones fail one item."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._sessions: dict[str, Session] = {}
        self._asks: dict[tuple[str, int], Ask] = {}
        self._ticks: dict[str, float] = {}
        baseline = Resolver(BASE).baseline("any", {})
        # the paper ring asks for a release of its own; the nodes hold one whose digest begins as that one's
        digest = self.ledger.release.hex() + BASE.digest[16:]
        for node in self.nodes:
            self._sessions[node.name] = Session()
            own = Baseline(12, digest, node.name, baseline.items)
            self._tell(node, Attached(node.name, {}))
            self._tell(node, Held(own))

    def ask_agent(self, node: Paper, ask: Ask, at: float) -> None:
        """Hear a question at its time."""
        self._asks[node.name, ask.query] = ask
        self.at(at, partial(self._tell, node, Heard(ask.query, ask.payload)))

    def _tell(self, node: Paper, event: Event) -> None:
        session = self._sessions[node.name]
        for effect in session.handle(event, now=self.now, clock=CLOCK + self.now):
            match effect:
                case Respond(query_id=query, raw=raw):
                    self.send(self.now, self._asks[node.name, query], Answered(query, node.name, raw), node)
                case StartRun(run=run, items=items):
                    for number, one in enumerate(items, 1):
                        outcome = "fail" if node.kind == "failing" and number == 1 else "pass"
                        found = Found(run, Finding(one.number, one.id, outcome, observed="60"))
                        self.at(self.now + node.took_s * number / len(items), partial(self._tell, node, found))
                    self.at(self.now + node.took_s, partial(self._tell, node, Ended(run)))
                case Fetch():
                    raise AssertionError("the release is held")
        due_at = session.due_at
        if due_at is not None and self._ticks.get(node.name, -1.0) != due_at:
            self._ticks[node.name] = due_at
            self.at(max(self.now, due_at), partial(self._tell, node, Tick()))


def ring_of(*special: Paper, count: int = 20, **settings: float) -> SessionRing:
    nodes = {f"n{index:03}": Paper(f"n{index:03}") for index in range(count)}
    nodes |= {paper.name: paper for paper in special}
    return SessionRing(list(nodes.values()), **settings)  # type: ignore[arg-type]


def test_a_quick_ring_is_asked_once() -> None:
    """Every verdict comes by the first question."""
    ring = ring_of(Paper("n004", "failing"))
    states = ring.run()
    assert states.pop("n004") == "fail"
    assert set(states.values()) == {"pass"}
    assert len(ring.asks) == 1


def test_slow_nodes_are_asked_again_and_then_waited_for() -> None:
    """A short question takes over from the first one, is answered incomplete, and a patient one brings the verdict."""
    ring = ring_of(Paper("n003", took_s=3.0), Paper("n005", took_s=6.5), Paper("n007", "stalled"))
    states = ring.run()
    assert (states["n003"], states["n005"], states["n007"]) == ("pass", "pass", "stalled")
    assert ring.now < 7.5


def test_a_node_too_slow_for_the_sweep_is_an_error() -> None:
    """Its incomplete verdict is the last word, by the deadline."""
    ring = ring_of(Paper("n003", took_s=30.0))
    assert ring.run()["n003"] == "error"
    assert ring.now <= 10.0


def test_slow_checks_everywhere_all_pass() -> None:
    """Nobody says anything for four seconds."""
    ring = SessionRing([Paper(f"n{index:03}", took_s=4.0) for index in range(50)])
    assert set(ring.run().values()) == {"pass"}


def test_twenty_percent_loss_loses_nobody() -> None:
    """Answers that got lost are told again from memory."""
    for seed in range(10):
        ring = ring_of(count=100, loss=0.2, seed=seed)
        assert set(ring.run().values()) == {"pass"}
