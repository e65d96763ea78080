"""100,000 simulated nodes in 20 rings: how long their sweep takes in simulated time, and what simulating it costs.

Each run is a process of its own, so that its memory is its own: `python -m bench.simulated NODES RINGS LOSS SEED`.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from typing import Any

from bench.figures import Figure
from bench.memory import peak_mb

NODES, RINGS = 100_000, 20
LOSSES = (0.0, 0.05, 0.2)
SECONDS_MAX, MEGABYTES_MAX = 120.0, 1_500.0


def one(nodes: int, rings: int, loss: float, seed: int) -> dict[str, Any]:
    """Simulate one sweep here; what it came to and what it took."""
    from inspector_coord.verdict import State
    from inspector_lab.simulated.scenario import Scenario
    from inspector_lab.simulated.world import simulate

    gc.disable()
    began = time.monotonic()
    result = simulate(Scenario(nodes=nodes, rings=rings, loss=loss, seed=seed))
    took_s = time.monotonic() - began
    states = {str(state): 0 for state in State}
    for node in result.sweep.ledger:
        if node.state is not None:
            states[node.state] += 1
    return {
        "seconds": result.sweep.seconds,
        "unaccounted": nodes - sum(states.values()),
        "unheard": states["silent"] + states["stalled"] + states["down"],
        "took_s": took_s,
        "megabytes": peak_mb(os.getpid()),
        "wire": dict(result.wire),
    }


def measure(*, runs: int, quick: bool = False) -> list[Figure]:
    """Seconds of the sweep at each loss, who is unaccounted, and time and memory to simulate; `quick`: a tenth."""
    nodes, rings = (NODES // 10, RINGS // 10) if quick else (NODES, RINGS)
    found = {loss: [child(nodes, rings, loss, seed) for seed in range(1, runs + 1)] for loss in LOSSES}
    every = [run for several in found.values() for run in several]
    fleet = f"{nodes:,} simulated nodes in {rings} rings"
    unheard = sum(run["unheard"] for run in found[0.2])
    return [
        Figure(
            "simulated_100000_s",
            f"{fleet}: complete ledger",
            "s",
            values(found[0.0], "seconds"),
            4.0,
            note="simulated time, first question to closed ledger; the real cores of coordinator and agents",
        ),
        Figure("simulated_100000_loss5_s", f"{fleet}, 5 % loss", "s", values(found[0.05], "seconds"), 8.0),
        Figure("simulated_100000_loss20_s", f"{fleet}, 20 % loss", "s", values(found[0.2], "seconds")),
        Figure(
            "simulated_unaccounted_loss20",
            f"{fleet}, 20 % loss: nodes without a state",
            "",
            values(found[0.2], "unaccounted"),
            0.0,
            note=f"and {unheard} of {nodes * runs:,} ended without a verdict of their own",
        ),
        Figure("simulate_100000_s", f"{fleet}: time to simulate", "s", values(every, "took_s"), SECONDS_MAX),
        Figure("simulate_100000_mb", f"{fleet}: memory to simulate", "MB", values(every, "megabytes"), MEGABYTES_MAX),
    ]


def values(runs: list[dict[str, Any]], key: str) -> tuple[float, ...]:
    """One number of each run."""
    return tuple(float(run[key]) for run in runs)


def child(nodes: int, rings: int, loss: float, seed: int) -> dict[str, Any]:
    """One run in a process of its own."""
    command = [sys.executable, "-m", "bench.simulated", *map(str, (nodes, rings, loss, seed))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    print(json.dumps(one(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))))
