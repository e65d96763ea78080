"""The whole watcher on a ring on paper, where it matters who stands on which side: found by simulated rings."""

from __future__ import annotations

from collections import Counter

import pytest

from inspector_agent.witness import limits as witness_limits
from inspector_coord.watch.asks import Asks
from inspector_coord.watch.conclusions import Action, Kind
from inspector_coord.watch.model import Ask
from tests.support.paper_world import World, fleet

EVERYWHERE = ("n000", "n010", "n020")  # an entry in each zone


@pytest.mark.parametrize("vantages", [("n010", "n000", "n005"), ("n010", "n005", "n000")])
def test_a_rack_that_is_cut_off_is_not_down_though_another_entry_stands_in_its_zone(vantages: tuple[str, ...]) -> None:
    """The entry in the rack itself is asked, too, whichever comes first (simulated: 100 nodes, seed 1454)."""
    made = World(fleet(), vantages)
    made.run(70.0)
    made.cut("*", "rack=a2", both=False)
    told = made.run(60.0)
    assert {(one.kind, one.domain, one.direction) for one in told} == {(Kind.CUT_OFF, "rack=a2", "cannot hear")}
    assert told[-1].nodes == tuple(made.named(rack="a2"))


def test_an_entry_that_home_does_not_know_is_asked_who_lives_beside_it() -> None:
    """It has left as far as the other side knows, and cannot say that it is back (100 nodes, seed 556)."""
    made = World(fleet(), ("n000", "n010", "n022"))
    made.run(70.0)
    made.forget("n022", by=(0, 1))
    made.run(100.0)
    made.told.clear()
    made.cut("zone=c", "*")
    made.asks.clear()
    told = made.run(60.0)
    assert {(one.kind, one.domain) for one in told} == {(Kind.CUT_OFF, "zone=c")}
    assert any(ask.targets and ask.vantage == 2 for ask in made.asks)


def test_no_witness_is_asked_more_often_than_it_looks() -> None:
    """Forty suspects at once: the same few stand beside them (100 nodes, seeds 1080 and 1199)."""
    made = World(fleet(3, 4, 10), ("n000", "n040", "n085"), detection_s=(8.0, 8.3))
    made.run(70.0)
    made.effects.clear()
    made.cut("zone=c", "*")
    made.run(20.0)
    asked = [(at, one) for at, one in made.effects if isinstance(one, Ask) and one.targets]
    looks = [(at, name) for at, one in asked for name in one.names if name not in one.targets]
    assert len(looks) > 50
    for begin in {at for at, _ in looks}:
        counts = Counter(name for at, name in looks if begin <= at < begin + 1.0)
        assert max(counts.values()) <= witness_limits.looks_per_s_max


def test_who_leaves_while_the_watcher_is_isolated_is_told_afterwards() -> None:
    """A node says itself that it leaves: that is true, however little the watcher sees."""
    made = World(fleet(), ("n020",))
    made.run(70.0)
    made.cut("zone=c", "*")
    made.run(90.0)
    made.change(["n023"], serf="gone")
    made.run(100.0)
    assert {one.kind for one in made.told} == {Kind.ISOLATED}
    made.heal()
    told = made.run(100.0)
    assert [(one.kind, one.nodes) for one in told if one.action is Action.OPENED] == [(Kind.LEFT, ("n023",))]


def test_a_question_that_another_program_overwrites_does_not_isolate() -> None:
    """Nobody answers it, not even the entry's own node: that is asked again, and apart from other watchers."""
    made = World(fleet(), ("n000",))
    made.run(70.0)
    made.overwritten = 2
    made.change(["n007"], host=False)
    told = made.run(40.0)
    assert made.overwritten == 0
    assert [(one.kind, one.nodes) for one in told] == [(Kind.DOWN, ("n007",))]
    assert Asks("main", 0).luck != Asks("main", 1).luck


def test_a_witness_that_dies_does_not_hold_up_the_verdict() -> None:
    """It has not even acknowledged the question, so nobody waits for its answer."""
    made = World(fleet(), EVERYWHERE)
    made.run(70.0)
    made.change(["n007"], host=False)
    while not any(ask.targets == ("n007",) for ask in made.asks):
        made.run(0.01)
    look = next(ask for ask in made.asks if ask.targets == ("n007",))
    made.change([name for name in look.names if name not in EVERYWHERE][:2], host=False)
    told = made.run(5.0)
    assert told[0].nodes == ("n007",)
    assert told[0].at - made.listed_at[0, "n007", "failed"] < 1.6
