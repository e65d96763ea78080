"""What seeds have found in the watcher's cores: the mixture of each as it was drawn then. Every oracle holds now."""

from __future__ import annotations

import pytest

from inspector_lab.liveness.many import held
from inspector_lab.liveness.scenario import ALL, Fault, Scenario

FOUND = {
    "a node moves from one incident to another: both say so at one moment": Scenario(
        seed=2, nodes=100, spare=3, rack_nodes=16, seconds=498.0, vantages=("b", "a"), ping=True,
        faults=(
            Fault("off", (7, 23, 40, 55, 68, 70, 99), at_s=92.24, until_s=137.681),
            Fault("serf-frozen", (17, 38, 50), at_s=103.811, until_s=168.437),
            Fault("agent-frozen", (15, 45, 50, 55, 56), at_s=-18.742, until_s=147.648),
            Fault("join", (100, 101, 102), at_s=2.317),
        ),
    ),
    "a cut of exactly half of a ring is named": Scenario(
        seed=28, nodes=100, zones=2, rack_nodes=5, seconds=450.0,
        faults=(
            Fault("cut", domain="zone=b", at_s=50.887),
            Fault("loss", at_s=2.959, until_s=76.928, amount=0.1),
            Fault("serf-frozen", (69, 85), at_s=-2.208, until_s=9.288),
            Fault("false", (70,), at_s=32.385, amount=8.233),
            Fault("false", (65,), at_s=41.014, amount=3.669),
            Fault("leave", (9, 17, 61), at_s=72.758, until_s=110.191),
        ),
    ),
    "an isolation ends when those who were written off are back": Scenario(
        seed=102, nodes=100, seconds=461.0, vantages=("a", "b", "b"), watcher="c", ssh=False,
        faults=(
            Fault("off", domain="zone=c", at_s=86.109, until_s=131.001),
            Fault("cut", domain="zone=a", at_s=104.45, way="in"),
            Fault("loss", at_s=63.145, until_s=115.848, amount=0.02),
            Fault("agent-dead", domain=ALL, at_s=59.931, until_s=78.801),
            Fault("retag", (1, 14, 94), at_s=30.752),
        ),
    ),
    "a zone is cut while another has no power: one incident, the right direction": Scenario(
        seed=427, nodes=100, zones=4, rack_nodes=12, seconds=544.0, vantages=("d", "c"),
        faults=(
            Fault("off", domain="zone=a", at_s=86.431, until_s=177.43),
            Fault("cut", domain="zone=d", at_s=86.521, until_s=214.847),
            Fault("overflow", (1,), at_s=58.713, until_s=81.561, amount=1.0),
            Fault("watcher-restart", at_s=111.883),
        ),
    ),
    "an entry that joins again behind a cut is asked before anybody there is called down": Scenario(
        seed=556, nodes=100, spare=3, zones=2, rack_nodes=5, seconds=577.0,
        faults=(
            Fault("cut", domain="zone=a", at_s=47.408, until_s=184.802),
            Fault("loss", at_s=33.764, until_s=68.818, amount=0.05),
            Fault("agent-frozen", (16, 20, 39, 75, 94), at_s=119.703, until_s=247.415),
            Fault("leave", (2, 5, 47), at_s=49.585, until_s=142.828),
            Fault("join", (100, 101, 102), at_s=146.731),
        ),
    ),
    "a stalled node that is cut off as well is in one incident": Scenario(
        seed=742, nodes=60, loss=0.1, seconds=591.0, vantages=("a", "c", "c"),
        faults=(
            Fault("cut", domain="zone=a", at_s=132.936, until_s=160.113, way="in"),
            Fault("churn", at_s=109.687, until_s=261.532, amount=0.01),
            Fault("agent-dead", (4, 39, 40), at_s=39.201, until_s=230.747),
            Fault("false", (51,), at_s=119.41, amount=3.034),
            Fault("retag", (17, 43), at_s=112.903),
        ),
    ),
    "nobody in a rack that is cut off is called down beside an entry that hears it": Scenario(
        seed=1454, nodes=100, zones=2, rack_nodes=25, seconds=522.0, vantages=("b", "a", "a"),
        faults=(
            Fault("off", domain="rack=b2", at_s=39.675, until_s=135.811),
            Fault("cut", domain="rack=a2", at_s=42.276, until_s=99.484, way="in"),
            Fault("loss", at_s=102.247, until_s=192.073, amount=0.05),
            Fault("watcher-restart", at_s=62.166),
            Fault("watcher-restart", at_s=149.34),
        ),
    ),
    "fifty suspects at once do not overrun the few witnesses beside them": Scenario(
        seed=1199, nodes=100, spare=1, zones=2, rack_nodes=25, seconds=466.0, vantages=("b", "a", "b"), ping=True,
        faults=(
            Fault("off", domain="zone=b", at_s=93.49, until_s=136.723),
            Fault("leave", (24,), at_s=63.455),
            Fault("join", (100,), at_s=69.066),
            Fault("watcher-restart", at_s=121.708),
        ),
    ),
    "suspects in a small ring that loses packets do not overrun witnesses": Scenario(
        seed=10_383, nodes=53, spare=1, rack_nodes=5, loss=0.1, seconds=579.0, vantages=("b", "c", "b"), ssh=False,
        faults=(
            Fault("cut", domain="zone=b", at_s=66.488, way="out"),
            Fault("agent-frozen", (11, 41, 51), at_s=147.249, until_s=249.901),
            Fault("agent-dead", (40,), at_s=93.345, until_s=220.201),
            Fault("join", (53,), at_s=45.043),
            Fault("watcher-restart", at_s=112.07),
        ),
    ),
    "a watcher whose path to all entries is cut may call itself isolated before connections break": Scenario(
        seed=10_290, nodes=82, spare=1, rack_nodes=13, loss=0.02, seconds=479.0, vantages=("b", "b"), watcher="c",
        ping=True,
        faults=(
            Fault("cut", domain="zone=c", at_s=148.748, way="out"),
            Fault("false", (43,), at_s=121.668, amount=4.398),
            Fault("join", (82,), at_s=142.129),
        ),
    ),
    "a rack and a neighbour of it are not put together and apart for ever": Scenario(
        seed=94, nodes=100, zones=2, rack_nodes=25, seconds=120.0, vantages=("a", "a", "b"), ssh=False,
        faults=(
            Fault("cut", domain="rack=b2", at_s=89.05, until_s=108.854, way="in"),
            Fault("late", (40, 45, 56, 77, 86), at_s=57.756, until_s=126.964, amount=1.3),
            Fault("serf-dead", (40, 99), at_s=42.668),
        ),
    ),
    "the direction of a line between two zones goes by what was heard since it broke": Scenario(
        seed=3627, nodes=100, spare=3, zones=4, rack_nodes=12, seconds=514.0, vantages=("b", "c", "a"),
        faults=(
            Fault("off", (77, 87, 89), at_s=79.422, until_s=99.86),
            Fault("cut", domain="zone=c", at_s=120.329, until_s=158.431, other="a"),
            Fault("loss", at_s=55.446, until_s=139.783, amount=0.02),
            Fault("late", (9, 13, 19, 57), at_s=91.034, until_s=181.58, amount=1.0),
            Fault("false", (83,), at_s=81.39, amount=4.361),
            Fault("false", (9,), at_s=81.184, amount=0.606),
            Fault("false", (32,), at_s=60.333, amount=9.505),
            Fault("entry-down", (0, 1, 2), at_s=133.343, until_s=184.641),
        ),
    ),
    "a watcher of a half, of which the other one is mute, comes to a conclusion": Scenario(
        seed=1695, nodes=100, zones=2, rack_nodes=25, seconds=586.0, vantages=("a", "b", "a"), ping=True,
        faults=(
            Fault("off", (3, 16, 31, 34, 62, 83), at_s=-17.974, until_s=93.286),
            Fault("cut", domain="zone=b", at_s=129.893, way="out"),
            Fault("slow", (8, 13, 21, 24, 59, 65, 88, 90, 98), at_s=93.513, until_s=256.276, amount=0.3),
        ),
    ),
    "a direction is not told from failures that were older than the connection": Scenario(
        seed=9233, nodes=100, spare=1, zones=2, rack_nodes=25, seconds=592.0, vantages=("b", "a", "b"), ping=True,
        faults=(
            Fault("cut", domain="rack=b2", at_s=90.351, until_s=190.748, way="out"),
            Fault("flap", (74,), at_s=21.39, until_s=262.58, amount=24.119),
            Fault("churn", at_s=82.723, until_s=119.579, amount=0.01),
            Fault("entry-down", (0, 1), at_s=93.702, until_s=153.355),
        ),
    ),
    "a dead node that is pruned has left, also where one entry's stream has lost it": Scenario(
        seed=1, nodes=100, zones=4, rack_nodes=12, seconds=300.0, vantages=("c", "d"),
        faults=(
            Fault("busy", at_s=32.861, until_s=85.567, amount=2.0),
            Fault("off", (50,), at_s=42.0),
            Fault("prune", (50,), at_s=70.0),
            Fault("entry-down", (0, 1), at_s=44.391, until_s=62.687),
            Fault("overflow", (1,), at_s=46.06, until_s=120.0, amount=1.0),
        ),
    ),
}  # fmt: skip
"""What has to hold -> the mixture in which it once did not. Zones that are cut have several seeds in `make sim`."""


@pytest.mark.parametrize("what", FOUND)
def test_what_a_seed_has_found_holds(what: str) -> None:
    assert held(FOUND[what], again=False)[1] == {}


def test_evidence_from_one_side_waits_for_a_picture_of_that_moment() -> None:
    """Suspects' second looks straddle a cut around home: its own zone cannot reach anybody, and accuses nobody."""
    scenario = Scenario(
        seed=337, nodes=10_000, rack_nodes=20, seconds=32.0, vantages=("c", "c"),
        faults=(
            Fault("cut", domain="zone=c", at_s=22.4, way="out"),
            Fault("serf-dead", tuple(range(2, 10_000, 35)), at_s=-6.6),
        ),
    )  # fmt: skip
    assert "innocent" not in held(scenario, again=False)[1]


def test_a_direction_is_told_soon_where_gossip_has_become_slow() -> None:
    """The ring is busy before a zone is cut off: the watcher waits for answers by what it has learned of it then."""
    scenario = Scenario(
        seed=1359, nodes=10_000, rack_nodes=40, seconds=85.0, vantages=("a", "a", "b"),
        faults=(Fault("cut", domain="zone=b", at_s=46.3), Fault("busy", at_s=3.53, until_s=47.036, amount=1.0)),
    )  # fmt: skip
    told = held(scenario, again=False)[0].told
    assert min(at for at, each in told if each.direction == "both ways") - told[0][0] <= 5.0


def test_looks_come_before_questions_by_name() -> None:
    """A thousand inspection agents are dead and asked for by name, when the Serf agents of a dozen nodes die."""
    dead = range(1, 10_000, 900)
    scenario = Scenario(
        seed=1, nodes=10_000, rack_nodes=20, seconds=100.0, vantages=("c", "b"),
        faults=(Fault("agent-dead", tuple(range(2, 10_000, 10)), at_s=0.0), Fault("serf-dead", tuple(dead), at_s=60.0)),
    )  # fmt: skip
    result = held(scenario, again=False)[0]
    name = result.land.names[dead[0]]
    failed = min(at for at, _, who, status in result.learned if (who, status) == (name, "failed"))
    assert min(at for at, each in result.told if name in each.nodes) - failed <= 5.0
