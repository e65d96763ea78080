"""A thousand seeds with faults of all kinds in one ring: every oracle holds with every one of them."""

from __future__ import annotations

import pytest

from inspector_lab.simulated.many import run_seed, scenario_of
from inspector_lab.simulated.scenario import Scenario
from inspector_lab.simulated.told import replay

LOSSES = (0.0, 0.02, 0.05, 0.1, 0.2)


@pytest.mark.parametrize("first", range(10_000, 11_000, 50))
def test_every_oracle_holds(first: int) -> None:
    """Fifty seeds; what breaks comes with the command that shows it again."""
    for seed in range(first, first + 50):
        base = Scenario(nodes=5 + seed % 37, loss=LOSSES[seed % len(LOSSES)], seed=seed)
        ran = run_seed(base, seed, faults=True)
        assert not ran.broken, f"{replay(scenario_of(base, seed, faults=True), faults=True)}\n{ran.broken}"
