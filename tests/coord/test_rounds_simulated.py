"""What holds in every sweep on paper, whatever chance does."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from inspector_coord.ledger import DROPPED
from inspector_coord.verdict import State
from tests.support.paper_ring import SWEEP, Paper, PaperRing

KINDS = (
    "healthy", "failing", "na", "busy", "clock", "stale", "stalled", "silent", "dead", "leaver", "back", "garbage",
    "forger",
)  # fmt: skip
SAYS = {"healthy": "pass", "back": "pass", "failing": "fail", "na": "uncovered", "dead": "down", "leaver": "left"}


@st.composite
def rings(draw: st.DrawFn) -> PaperRing:
    """Any mixture of behaviours, loss up to 40 %, duplicates, entries that are mute, gone, or both."""
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=2, max_size=40))
    took = draw(st.sampled_from([0.01, 0.3, 2.0, 8.0]))
    nodes = [Paper(f"n{index:03}", kind, took_s=took) for index, kind in enumerate(["healthy", *kinds])]
    return PaperRing(
        nodes,
        seed=draw(st.integers(0, 2**32)),
        loss=draw(st.sampled_from([0.0, 0.05, 0.2, 0.4])),
        twice=draw(st.sampled_from([0.0, 0.5])),
        timeout_s=draw(st.sampled_from([1.0, 3.0, 10.0])),
        entries=draw(st.integers(1, 2)),
        deaf=draw(st.sampled_from([frozenset(), frozenset({0}), frozenset({0, 1})])),
        cut_at=draw(st.sampled_from([{}, {0: 0.1}, {0: 0.1, 1: 1.0}])),
        lost_first=draw(st.booleans()),
        everybody=draw(st.booleans()),
    )


@settings(max_examples=150, deadline=None)
@given(rings())
def test_every_node_ends_in_one_state_by_the_deadline(ring: PaperRing) -> None:
    """The sums always add up, the ledger is closed in time, and nothing is counted that did not happen."""
    states = ring.run()
    assert set(states) == {node.name for node in ring.nodes}
    assert set(states.values()) <= set(State)
    assert ring.now <= ring.timeout_s + 1e-9
    sums = ring.ledger.close(ring.now)
    assert sums.total() == len(ring.nodes)
    assert sums == Counter(State(state) for state in states.values())
    assert sum(ring.ledger.tally().values()) == len(ring.nodes)
    assert set(ring.ledger.dropped) == set(DROPPED)


@settings(max_examples=100, deadline=None)
@given(rings())
def test_no_verdict_of_another_sweep_or_of_nobody(ring: PaperRing) -> None:
    """A verdict in the ledger is one of this sweep, and says what its node would say."""
    states = ring.run()
    for node in ring.ledger:
        kind = ring.by_name[node.name].kind
        if node.answer is not None:
            assert node.answer.sweep == SWEEP
            assert kind not in ("forger", "garbage", "stalled", "silent", "dead", "leaver")
        if states[node.name] in ("pass", "uncovered"):
            assert states[node.name] == SAYS[kind]
        if kind == "failing":
            assert states[node.name] in ("fail", "silent", "stalled", "error")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.sampled_from(KINDS), min_size=2, max_size=30))
def test_duplicates_change_nothing(seed: int, kinds: list[str]) -> None:
    """Every packet twice: the same states as every packet once; what came twice is counted."""

    def ring(twice: float) -> PaperRing:
        nodes = [Paper(f"n{index:03}", kind) for index, kind in enumerate(["healthy", *kinds])]
        return PaperRing(nodes, seed=seed, twice=twice)

    assert ring(0.0).run() == ring(1.0).run()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_loss_loses_nobody(seed: int) -> None:
    """At 20 % loss of every packet, every healthy node of 300 ends with its verdict."""
    ring = PaperRing([Paper(f"n{index:03}") for index in range(300)], seed=seed, loss=0.2)
    assert set(ring.run().values()) == {"pass"}


def test_answers_after_the_end_are_counted_as_late() -> None:
    """What is on its way when the ledger closes changes no state, and is not dropped silently."""
    nodes = [Paper(f"n{index:03}", took_s=0.3) for index in range(20)]
    ring = PaperRing(nodes, twice=1.0)
    states = ring.run()
    ring.late()
    assert {node.name: str(node.state) for node in ring.ledger} == states
    assert ring.ledger.dropped["late"] > 0


def test_the_same_seed_gives_the_same_sweep() -> None:
    """No dict order, no clock: a sweep on paper can be played again."""

    def played() -> tuple[dict[str, str], float, list[tuple[float, tuple[str, ...]]]]:
        nodes = [Paper(f"n{i:03}", KINDS[i % len(KINDS)]) for i in range(60)]
        ring = PaperRing(nodes, seed=7, loss=0.2, twice=0.2)
        return ring.run(), ring.now, [(at, ask.names) for at, ask in ring.asks]

    assert played() == played()
