"""`inspector watch` over simulated rings: how soon nodes are named after Serf's word, what is wrong, what it costs.

Each scenario is a process of its own, for its own memory: `python -m bench.simulated_liveness NAME NODES SEEDS`.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from bench.figures import Figure, Results, Section
from bench.memory import peak_mb

if TYPE_CHECKING:
    from inspector_lab.liveness.result import Result

BIG, USUAL = 10_000, 100
NAMED = {"kill": 2.0, "rack-off-and-back": 2.0, "zone-cut": 3.0, "zone-cannot-send": 3.0, "zone-cannot-hear": 3.0}
"""Scenarios in which nodes are named, and the budget after Serf's word."""
OTHERS = ("flapping", "churn", "watcher-in-the-minority", "false-alarms", "lifeguard")
LONG = ("churn", "lifeguard")
WRONG = ("innocent", "cuts", "alone", "found", "ended", "once")
"""Oracles whose sentences are wrong verdicts, or verdicts that are missing."""


def one(name: str, nodes: int, seed: int) -> dict[str, Any]:
    """Simulate one watch here; what it came to and what it took."""
    import msgspec

    from inspector_lab.liveness.oracles import ORACLES
    from inspector_lab.liveness.scenarios import named
    from inspector_lab.liveness.world import simulate

    gc.collect()
    gc.disable()
    began = time.process_time()
    result = simulate(msgspec.structs.replace(named(name, nodes), seed=seed))
    took_s = time.process_time() - began
    megabytes = peak_mb(os.getpid())
    incidents = list(result.incidents())
    return {
        "lags": lags(result),
        "wrong": {oracle: len(said) for oracle in WRONG if (said := ORACLES[oracle](result))},
        "incidents": len(incidents),
        "told": len(result.told),
        "most": max((len(story) for story in incidents), default=0),
        "failed": sum(1 for _, vantage, _, status in result.learned if vantage == 0 and status == "failed"),
        "took_s": took_s,
        "megabytes": megabytes,
    }


def lags(result: Result) -> list[float]:
    """Seconds from Serf's word on a node, at the first entry that has it, until it was told in an incident; sorted."""
    word: dict[str, float] = {}
    for at, _, name, status in result.learned:
        if status == "failed":
            word.setdefault(name, at)
    found: dict[str, float] = {}
    for at, each in result.told:
        for name in each.nodes:
            if name in word and at >= word[name]:
                found.setdefault(name, at - word[name])
    return sorted(found.values())


def measure(*, quick: bool = False) -> Results:
    """Both sizes; `quick`: a tenth of the big one, and few seeds."""
    big, usual, few = (BIG // 10, 2, 1) if quick else (BIG, 20, 1)
    figures: list[Figure] = []
    rows: list[str] = []
    runs: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for nodes, seeds in ((USUAL, usual), (big, few)):
        for name in (*NAMED, *OTHERS):
            runs[name, nodes] = child(name, nodes, -(-seeds // 4) if name in LONG else seeds)
            rows.append(row(name, nodes, runs[name, nodes]))
    for (name, nodes), several in runs.items():
        if name in NAMED:
            figures.append(slowest(name, nodes, several, NAMED[name] if nodes == USUAL else None))
    every = [run for (_, nodes), several in runs.items() if nodes == big for run in several]
    everywhere = [run for several in runs.values() for run in several]
    wrong = [float(sum(run["wrong"].values())) for run in everywhere]
    said = sum(run["failed"] for run in everywhere)
    figures += [
        Figure(
            "simulated_liveness_wrong",
            f"simulated watches of {USUAL} and {big:,} nodes: wrong or missing verdicts, sum",
            "",
            (sum(wrong),),
            0.0,
            note=f"{len(everywhere)} watches, in which Serf said failed {said:,} times at the first entry",
        ),
        Figure(
            "simulated_liveness_told",
            f"simulated watches of {big:,} nodes: times that one incident was told, most",
            "",
            tuple(float(run["most"]) for run in every),
        ),
        Figure(
            "simulate_liveness_s",
            f"simulated watches of {big:,} nodes: processor time to simulate one",
            "s",
            tuple(run["took_s"] for run in every),
            note="5 to 25 minutes of simulated time, some 10,000 answers a minute; the real core of the watcher",
        ),
        Figure(
            "simulate_liveness_mb",
            f"simulated watches of {big:,} nodes: memory to simulate one",
            "MB",
            tuple(run["megabytes"] for run in every),
        ),
    ]
    return [*figures, Section("Simulated watches", "\n".join([INTRODUCTION, "", *HEAD, *rows]))]


INTRODUCTION = (
    "From Serf's word on a node, at the first entry that has it, until `inspector watch` has told it in an incident; "
    "over all nodes of all seeds. The ring is simulated ([how](liveness-simulation.md)), the core of the watcher is "
    "the real one."
)
HEAD = (
    "| scenario | nodes | seeds | median | 90 % | last | incidents | told for each | wrong |",
    "|---|---|---|---|---|---|---|---|---|",
)


def row(name: str, nodes: int, runs: list[dict[str, Any]]) -> str:
    """A line of the table."""
    times = sorted(lag for run in runs for lag in run["lags"])
    spread = ("–", "–", "–")
    if times:
        middle = statistics.median(times)
        spread = (f"{middle:.1f} s", f"{times[int(0.9 * (len(times) - 1))]:.1f} s", f"{times[-1]:.1f} s")
    incidents, told = (sum(run[key] for run in runs) for key in ("incidents", "told"))
    wrong = sum(sum(run["wrong"].values()) for run in runs)
    each = f"{told / incidents:.1f}" if incidents else "–"
    return f"| {name} | {nodes:,} | {len(runs)} | {' | '.join(spread)} | {incidents:,} | {each} | {wrong} |"


def slowest(name: str, nodes: int, runs: list[dict[str, Any]], bound: float | None) -> Figure:
    """The last node of each run to be named."""
    return Figure(
        f"simulated_{name.replace('-', '_')}_{nodes}_s",
        f"simulated watch of {nodes:,} nodes, {name}: last node told after Serf's word on it",
        "s",
        tuple(run["lags"][-1] for run in runs if run["lags"]),
        bound,
    )


def child(name: str, nodes: int, seeds: int) -> list[dict[str, Any]]:
    """So many runs in a process of their own."""
    command = [sys.executable, "-m", "bench.simulated_liveness", name, str(nodes), str(seeds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    print(json.dumps([one(sys.argv[1], int(sys.argv[2]), seed) for seed in range(1, int(sys.argv[3]) + 1)]))
