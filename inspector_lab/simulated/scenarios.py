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


SCENARIOS: Mapping[str, Named] = {
    "mute-entry": Named(
        "the first entry has just joined a ring of 300 and is not heard: the sweep goes on through the second",
        Scenario(nodes=300, entries=2, seed=1, faults=(Fault("joined", nodes=(0,), at_s=-1.0),)),
    ),
    "zone-cut": Named(
        "a zone is cut off both ways a second after the question: its nodes are accounted for, the others answer",
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
}
"""By name."""


def named(name: str) -> Scenario:
    """The scenario of this name. Raises KeyError where there is none."""
    return msgspec.structs.replace(SCENARIOS[name].scenario, name=name)
