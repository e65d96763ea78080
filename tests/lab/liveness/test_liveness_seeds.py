"""Mixtures of everything that happens to rings: every oracle holds with every one of them. `make sim` has thousands."""

from __future__ import annotations

import pytest

from inspector_lab.liveness.many import run_seed, scenario_of
from inspector_lab.liveness.scenario import Scenario
from inspector_lab.liveness.told import replay

LOSSES = (0.0, 0.0, 0.02, 0.1)


@pytest.mark.parametrize("seed", range(10_000, 10_024))
def test_every_oracle_holds(seed: int) -> None:
    """What breaks comes with the command that shows it again."""
    base = Scenario(nodes=40 + seed % 61, loss=LOSSES[seed % len(LOSSES)])
    ran = run_seed(base, seed, faults=True)
    assert not ran.broken, f"{replay(scenario_of(base, seed, faults=True), faults=True)}\n{ran.broken}"
