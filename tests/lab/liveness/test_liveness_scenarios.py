"""Scenarios with a name: every oracle holds, and the right things are told. `make sim` has them all at ten thousand."""

from __future__ import annotations

import msgspec
import pytest

from inspector_coord.watch.conclusions import Action, Kind
from inspector_lab.liveness.many import held
from inspector_lab.liveness.mixtures import drawn
from inspector_lab.liveness.result import Result
from inspector_lab.liveness.scenario import KINDS, Fault, Scenario
from inspector_lab.liveness.scenarios import SCENARIOS, named
from inspector_lab.liveness.world import simulate


def told(result: Result) -> list[tuple[Action, Kind, str]]:
    return [(each.action, each.kind, each.domain) for _, each in result.told]


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_oracle_holds_with_a_hundred_nodes(name: str) -> None:
    result, broken = held(named(name), again=False)
    assert broken == {}
    assert result.asked


@pytest.mark.parametrize("nodes", [100, 10_000])
def test_a_rack_without_power_is_one_event_and_one_when_it_is_back(nodes: int) -> None:
    result = simulate(named("rack-off-and-back", nodes))
    ends = [each for each in told(result) if each[0] is not Action.CHANGED]
    assert ends == [(Action.OPENED, Kind.DOWN, "rack=b2"), (Action.CLOSED, Kind.DOWN, "rack=b2")]
    closed = result.told[-1][1]
    assert len(closed.back) == closed.of


@pytest.mark.parametrize(
    ("name", "direction"),
    [("zone-cut", "both ways"), ("zone-cannot-send", "cannot send"), ("zone-cannot-hear", "cannot hear")],
)
def test_a_cut_is_one_event_with_its_direction(name: str, direction: str) -> None:
    result = simulate(named(name))
    assert {each.direction for _, each in result.told} == {direction}
    assert [each[1:] for each in told(result) if each[0] is not Action.CHANGED] == [(Kind.CUT_OFF, "zone=c")] * 2


def test_a_node_that_flaps_is_one_event_with_a_count() -> None:
    result = simulate(named("flapping"))
    flapping = [each for _, each in result.told if each.kind is Kind.FLAPPING]
    assert [each.action for each in flapping].count(Action.OPENED) == 1
    assert flapping[-1].count >= 50


def test_a_ring_that_is_slow_is_not_isolated_and_a_cut_is_one_event_with_its_direction() -> None:
    """Questions need three seconds more to be heard (three real rings of 100, on a busy machine)."""
    result = simulate(named("slow-ring"))
    assert {(each.kind, each.number, each.domain) for _, each in result.told} == {(Kind.CUT_OFF, 1, "zone=c")}
    assert result.told[-2][1].direction == "cannot hear"


def test_a_watcher_in_the_minority_of_a_slow_ring_says_so_all_the_same() -> None:
    scenario = named("watcher-in-the-minority")
    slow = msgspec.structs.replace(scenario, faults=(Fault("busy", at_s=40.0, amount=3.0), *scenario.faults))
    told_ = [each for _, each in simulate(slow).told]
    assert [(each.kind, each.action) for each in told_] == [
        (Kind.ISOLATED, Action.OPENED),
        (Kind.ISOLATED, Action.CLOSED),
    ]


def test_a_watcher_in_the_minority_accuses_nobody() -> None:
    kinds = {each.kind for _, each in simulate(named("watcher-in-the-minority")).told}
    assert kinds == {Kind.ISOLATED}


def test_a_watcher_that_restarts_goes_on_with_the_same_incident() -> None:
    result = simulate(named("watcher-restart"))
    assert len(result.starts) == 2
    assert {each.number for _, each in result.told} == {1}


def test_every_kind_of_fault_is_drawn_and_known() -> None:
    """Nothing is left out of what a thousand seeds try."""
    kinds = {fault.what for seed in range(200) for fault in drawn(Scenario(nodes=60, seed=seed)).faults}
    assert kinds == set(KINDS)
