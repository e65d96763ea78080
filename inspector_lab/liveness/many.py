"""Many seeds over the processors, each held against the oracles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial

import msgspec

from inspector_lab.liveness.mixtures import drawn
from inspector_lab.liveness.oracles import broken
from inspector_lab.liveness.result import Result
from inspector_lab.liveness.scenario import Scenario
from inspector_lab.liveness.world import simulate
from inspector_lab.simulated.limits import again_each
from inspector_lab.simulated.many import BUGS, crashed, over_processes

__all__ = ["Ran", "held", "many", "run_seed", "scenario_of"]


class Ran(msgspec.Struct, frozen=True):
    """What came of one seed.

    broken   oracle, or "crash" where a core raised -> sentences
    opened   how many incidents of each kind; faults: how many of each
    seconds  simulated, times nodes
    """

    seed: int
    broken: dict[str, list[str]]
    opened: dict[str, int]
    faults: dict[str, int]
    node_seconds: float


def scenario_of(base: Scenario, seed: int, *, faults: bool) -> Scenario:
    """The scenario of one seed: with `faults` a mixture that it draws, else the base itself."""
    scenario = msgspec.structs.replace(base, seed=seed)
    return drawn(scenario) if faults else scenario


def held(scenario: Scenario, *, again: bool) -> tuple[Result, dict[str, list[str]]]:
    """Simulate, `again` once more for the same bytes, and ask the oracles."""
    result = simulate(scenario)
    if again:
        result.again = simulate(scenario).raw
    return result, broken(result)


def run_seed(base: Scenario, seed: int, *, faults: bool) -> Ran:
    """Simulate one seed; every few once more."""
    scenario = scenario_of(base, seed, faults=faults)
    kinds = dict(Counter(fault.what for fault in scenario.faults))
    try:
        result, wrong = held(scenario, again=seed % again_each == 0)
    except BUGS as bug:
        return Ran(seed, {"crash": [crashed(bug)]}, {}, kinds, 0.0)
    opened = Counter(str(story[0][1].kind) for story in result.incidents())
    return Ran(seed, wrong, dict(opened), kinds, scenario.seconds * scenario.nodes)


def many(base: Scenario, seeds: Sequence[int], *, faults: bool, jobs: int = 0) -> Iterator[Ran]:
    """All of these seeds, as they are done. `jobs`: processes, 0 for one each processor."""
    yield from over_processes(partial(_run, base, faults), seeds, jobs=jobs)


def _run(base: Scenario, faults: bool, seed: int) -> Ran:  # noqa: FBT001 - what a pool can call
    return run_seed(base, seed, faults=faults)
