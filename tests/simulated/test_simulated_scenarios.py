"""Scenarios with a name, and what a duplicate, a rival or a mute entry must not change."""

from __future__ import annotations

import msgspec
import pytest

from inspector_lab.simulated.faults import drawn
from inspector_lab.simulated.many import held
from inspector_lab.simulated.oracles import healthy
from inspector_lab.simulated.result import Result
from inspector_lab.simulated.scenario import KINDS, Fault, Scenario
from inspector_lab.simulated.scenarios import SCENARIOS, named
from inspector_lab.simulated.world import simulate


def states(result: Result) -> dict[str, str]:
    return {node.name: str(node.state) for node in result.sweep.ledger}


@pytest.mark.timeout(900)  # minutes on a busy machine
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_oracle_holds(name: str) -> None:
    _, broken = held(named(name), again=True)
    assert broken == {}


@pytest.mark.parametrize("seed", range(1, 11))
def test_packets_that_come_twice_change_no_state(seed: int) -> None:
    """The same seed with and without duplicates on the wire, and at the coordinator."""
    faults = (Fault("drift", nodes=(3, 4)), Fault("hung", nodes=(5,)), Fault("skew", nodes=(6,), amount=900.0))
    once = Scenario(nodes=40, seed=seed, faults=faults)
    expected = states(simulate(once))
    assert states(simulate(msgspec.structs.replace(once, duplicates=0.5))) == expected
    assert states(simulate(msgspec.structs.replace(once, twice=True))) == expected


def test_every_kind_of_fault_is_drawn_and_known() -> None:
    """Nothing is left out of what a thousand seeds try."""
    kinds = {fault.what for seed in range(300) for fault in drawn(Scenario(nodes=40, rings=2, seed=seed)).faults}
    assert kinds == set(KINDS) - {"takes"}  # which is for scenarios that are written down


def test_twenty_percent_loss_loses_nobody() -> None:
    """Also in a ring of a thousand, and the oracle does look at all of them."""
    result = simulate(Scenario(nodes=1000, seed=3, loss=0.2))
    assert healthy.check(result) == []
    assert set(states(result).values()) == {"pass", "uncovered"}


def test_rings_that_name_their_nodes_alike_stay_apart() -> None:
    """A node of one ring fails, its namesakes pass."""
    scenario = Scenario(nodes=30, rings=3, seed=2, same_names=True, faults=(Fault("drift", 1, (2,)),))
    result = simulate(scenario)
    found = {node.key: str(node.state) for node in result.sweep.ledger if node.name == "n003"}
    assert found == {("ring-01", "n003"): "pass", ("ring-02", "n003"): "fail", ("ring-03", "n003"): "pass"}
