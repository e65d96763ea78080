"""Whom the oracle `healthy` judges: everybody that an entry reaches, and nobody else."""

from __future__ import annotations

import pytest

from inspector_lab.simulated.oracles import healthy
from inspector_lab.simulated.scenario import Fault, Scenario
from inspector_lab.simulated.world import simulate

NODES = 42
"""A third of them in each of the zones a, b and c, in turn; the entries are the first ones."""


def zones_judged(scenario: Scenario) -> dict[str, int]:
    """How many nodes of each zone must end with their verdict; asserts that they do."""
    result = simulate(scenario)
    assert healthy.check(result) == []
    zones = [node.tags["zone"] for node in healthy.judged(result, result.sweep)]
    return {zone: zones.count(zone) for zone in sorted(set(zones))}


@pytest.mark.parametrize(
    ("cut", "way", "entries", "zones"),
    [
        ("b", "both", 1, "ac"),
        ("a", "both", 1, "a"),  # the others are the ones that are cut off
        ("a", "in", 1, "a"),
        ("a", "out", 1, ""),  # it hears that the others have it as failed
        ("a", "both", 2, "bc"),  # by turns asked through an entry outside, which does not reach it
    ],
)
def test_the_side_of_an_entry_is_judged(cut: str, way: str, entries: int, zones: str) -> None:
    fault = Fault("cut", at_s=-5.0, zone=cut, way=way)
    scenario = Scenario(nodes=NODES, seed=4, loss=0.05, entries=entries, faults=(fault,))
    assert zones_judged(scenario) == dict.fromkeys(zones, NODES // 3)


def test_what_comes_after_the_close_excuses_nobody() -> None:
    """The ring is closed within some two seconds: a zone that is cut off, and a crash, at 8 s come too late."""
    late = (Fault("cut", at_s=8.0, zone="b"), Fault("crash", nodes=(3, 4), at_s=8.0))
    assert zones_judged(Scenario(nodes=NODES, seed=4, faults=late)) == dict.fromkeys("abc", NODES // 3)


@pytest.mark.parametrize(("until_s", "zones"), [(2.0, "abc"), (4.0, "")])
def test_a_burst_of_loss_excuses_if_it_lasts(until_s: float, zones: str) -> None:
    burst = Fault("loss", at_s=0.0, until_s=until_s, amount=0.9)
    assert zones_judged(Scenario(nodes=NODES, seed=4, faults=(burst,))) == dict.fromkeys(zones, NODES // 3)
