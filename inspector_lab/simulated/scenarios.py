"""CORE. Scenarios with a name. What a seed has found is made small, written down here, and kept for good."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from inspector_lab.simulated.scenario import Fault, Scenario

__all__ = ["SCENARIOS", "Named", "named"]


class Named(NamedTuple):
    """What it shows, in a sentence, and the scenario."""

    about: str
    scenario: Scenario


RIVALS = ((2, 0.0), (2, 0.0005), (1, 0.0005), (2, 0.0), (1, 0.0), (2, 0.782), (2, 1.21))
"""(entry, when) of coordinators that come together."""

SCENARIOS: Mapping[str, Named] = {
    "mute-entry": Named(
        "the first entry has just joined a ring of 300 and is not heard: the sweep goes on through the second",
        Scenario(nodes=300, entries=2, seed=1, faults=(Fault("joined", nodes=(0,), at_s=-1.0),)),
    ),
    "zone-cut": Named(
        "a zone is cut off both ways 0.2 s after the question: its nodes are accounted for, the others answer",
        Scenario(nodes=90, seed=1, faults=(Fault("cut", at_s=0.2, zone="c"),)),
    ),
    "twenty-percent": Named(
        "20 % of all packets are lost, a third of what comes, comes twice: every node of 1,000 ends with its verdict",
        Scenario(nodes=1000, seed=1, loss=0.2, duplicates=0.3, reorder=0.5),
    ),
    "all-at-once": Named(
        "ten coordinators ask the same ring through the same entry at the same moment",
        Scenario(nodes=60, seed=1, faults=tuple(Fault("rival", -1, (0,), 0.0) for _ in range(9))),
    ),
    "slow-entry": Named(
        "the only entry of 2,500 nodes takes 800 packets a second and drops the rest: asked more slowly, all are heard",
        Scenario(nodes=2500, seed=1, faults=(Fault("slow-entry", nodes=(0,), amount=0.0012),)),
    ),
    "same-excuse-twice": Named(
        "an excuse that comes twice, or is overtaken by a newer one, changes nothing (found by seed 3 of 40 nodes)",
        Scenario(
            nodes=40, seed=3, loss=0.05, twice=True, faults=(Fault("bare", nodes=(3, 9)), Fault("hung", nodes=(5,)))
        ),
    ),
    "in-step": Named(
        "coordinators that began together do not collide again and again (first seen with seed 348 of 40 nodes)",
        Scenario(
            nodes=40,
            seed=333,
            loss=0.05,
            reorder=0.1,
            entries=3,
            profile="local",
            faults=(
                Fault("garbage", nodes=(18, 27, 38)),
                *(Fault("rival", -1, (entry,), at_s) for entry, at_s in RIVALS),
            ),
        ),
    ),
    "crowded-entry": Named(
        "eleven coordinators at once at an entry that takes 200 packets a second (first: seed 1188 of 60 nodes)",
        Scenario(
            nodes=20,
            seed=4,
            targets="half",
            faults=(
                Fault("slow-entry", nodes=(0,), amount=0.005),
                *(Fault("rival", -1, (0,), at_s) for at_s in (0.0, 0.0005) * 5),
            ),
        ),
    ),
    "both-on-their-way": Named(
        "a node that lacks the release says so to two short questions on their way: one excuse (seed 1163 of 40 nodes)",
        Scenario(
            nodes=40,
            seed=1163,
            loss=0.05,
            profile="local",
            faults=(
                Fault("delay", at_s=-0.477, until_s=2.912, amount=0.2),
                Fault("stale", nodes=(10, 12, 16, 25, 33, 36), amount=2.0),
            ),
        ),
    ),
    "patient-question-lost": Named(
        "who cannot say all yet is asked again although a question to it got lost (first: seed 15 of 60 nodes)",
        Scenario(
            nodes=40,
            seed=40,
            loss=0.2,
            reorder=0.5,
            faults=(Fault("stale", nodes=tuple(range(3, 40, 4)), amount=1.2),),
        ),
    ),
    "all-retagged": Named(
        "all nodes of 300 change a tag: questions wait behind membership messages, and nobody is given up meanwhile",
        Scenario(
            nodes=300,
            seed=97,
            loss=0.1,
            timeout_s=30.0,
            faults=(Fault("retag", nodes=tuple(range(300)), at_s=0.3),),
        ),
    ),
    "all-copies-late": Named(
        "all copies of a question are late: the ring still hears the next one (seed 26 of 40 nodes; the model itself)",
        Scenario(nodes=40, seed=26, loss=0.05, reorder=0.5, profile="local", targets="half"),
    ),
}
"""By name."""


def named(name: str) -> Scenario:
    """The scenario of this name. Raises KeyError where there is none."""
    return msgspec.structs.replace(SCENARIOS[name].scenario, name=name)
