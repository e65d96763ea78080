"""What is taken for an answer to this sweep."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from inspector_agent.wire import Answer, Serving, encode_answer
from inspector_coord.asking import Plan
from inspector_coord.entries import Entry
from inspector_coord.intake import taken_in
from inspector_coord.ledger import Ledger, Node
from inspector_coord.patience import timing

PLAN = Plan(
    sweep=b"sweep-00", release=b"release0", number=1, timing=timing(1, 1, 10.0), epoch=0.0,
    entries=(Entry("entry"),), members=("n001",),
)  # fmt: skip


@pytest.mark.parametrize(("sweep", "forged"), [(PLAN.sweep, 0), (b"sweep-01", 1)])
def test_the_sweep_id_is_all_that_an_answer_proves(sweep: bytes, forged: int) -> None:
    """docs/trust.md says so: Serf vouches for no name, so an answer with the id is its node's, whoever has sent it."""
    node = Node("main", "n001", "127.0.0.1", {}, "alive")
    ledger = Ledger([node], PLAN.release)
    answer = Answer(sweep=sweep, state=Serving.VERDICT, release=PLAN.release, number=1)
    assert (taken_in(encode_answer(answer, budget=900), node, PLAN, ledger) is None) is bool(forged)
    assert ledger.dropped["forged"] == forged


@pytest.mark.parametrize(
    ("max_age_ms", "age_ms", "taken"),
    [(0, 0, True), (0, 1, False), (60_000, 60_000, True), (60_000, 69_000, True), (60_000, 71_000, False)],
)
def test_a_verdict_from_memory_is_taken_if_it_was_asked_for(max_age_ms: int, age_ms: int, taken: bool) -> None:
    """Not if nobody wanted one, nor one that is older than was wanted and the sweep can take."""
    node = Node("main", "n001", "127.0.0.1", {}, "alive")
    ledger = Ledger([node], PLAN.release)
    answer = Answer(sweep=PLAN.sweep, state=Serving.VERDICT, release=PLAN.release, number=1, age_ms=age_ms)
    found = taken_in(encode_answer(answer, budget=900), node, replace(PLAN, max_age_ms=max_age_ms), ledger)
    assert (found is not None) is taken
    assert ledger.dropped["forged"] == (not taken)
