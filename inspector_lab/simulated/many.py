"""Many seeds over the processors, each held against the oracles. Children die with us, and by Ctrl-C."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TypeVar

import msgspec

from inspector_agent.errors import WireError
from inspector_lab import processes
from inspector_lab.simulated import limits
from inspector_lab.simulated.faults import drawn
from inspector_lab.simulated.oracles import broken
from inspector_lab.simulated.result import Result
from inspector_lab.simulated.scenario import Scenario
from inspector_lab.simulated.world import simulate

__all__ = ["BUGS", "Ran", "crashed", "held", "many", "over_processes", "processes_for", "run_seed", "scenario_of"]

T = TypeVar("T")

BUGS = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError, WireError)
"""What a mistake in a core raises. With many seeds it is the result of one of them; a single one shows all of it."""


class Ran(msgspec.Struct, frozen=True):
    """What came of one seed.

    broken      oracle, or "crash" where a core raised -> sentences
    node_sweeps nodes of all its ledgers; states: of the sweep that was asked for
    faults      how many of each kind
    """

    seed: int
    broken: dict[str, list[str]]
    node_sweeps: int
    states: dict[str, int]
    faults: dict[str, int]


def scenario_of(base: Scenario, seed: int, *, faults: bool) -> Scenario:
    """The scenario of one seed."""
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
    try:
        result, wrong = held(scenario, again=seed % limits.again_each == 0)
    except BUGS as bug:
        return Ran(seed, {"crash": [crashed(bug)]}, 0, {}, {})
    return Ran(
        seed=seed,
        broken=wrong,
        node_sweeps=sum(len(sweep.ledger) for sweep in result.sweeps),
        states=dict(Counter(str(node.state) for node in result.sweep.ledger)),
        faults=dict(Counter(fault.what for fault in scenario.faults)),
    )


def crashed(bug: BaseException) -> str:
    """What a core raised, and where."""
    place = traceback.extract_tb(bug.__traceback__)[-1]
    return f"{type(bug).__name__}: {bug} ({Path(place.filename).name}:{place.lineno})"


def processes_for(jobs: int, seeds: int) -> int:
    """How many processes work at once. `jobs`: as many as wished for, 0 for one each processor."""
    return min(jobs or len(os.sched_getaffinity(0)), seeds)


def many(base: Scenario, seeds: Sequence[int], *, faults: bool, jobs: int = 0) -> Iterator[Ran]:
    """All of these seeds, as they are done. `jobs`: processes, 0 for one each processor."""
    yield from over_processes(partial(_run, base, faults), seeds, jobs=jobs)


def over_processes(run: Callable[[int], T], seeds: Sequence[int], *, jobs: int = 0) -> Iterator[T]:
    """What `run` makes of each seed, as they are done; it is pickled. `jobs`: processes, 0 for one each processor."""
    count = processes_for(jobs, len(seeds))
    if count <= 1:
        yield from map(run, seeds)
        return
    # Spawned, not forked: whoever calls may have threads. Children inherit what is blocked: Ctrl-C is for us alone.
    resource_tracker.ensure_running()  # which unblocks it when it starts, until Python 3.12
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with multiprocessing.get_context("spawn").Pool(count, _settle, (os.getpid(),)) as pool:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            chunk = max(1, min(limits.seeds_a_chunk, len(seeds) // (4 * count)))
            yield from pool.imap_unordered(run, seeds, chunk)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run(base: Scenario, faults: bool, seed: int) -> Ran:  # noqa: FBT001 - what a pool can call
    return run_seed(base, seed, faults=faults)


def _settle(parent: int) -> None:
    """A child of the pool: it ends with its parent."""
    processes.die_with(parent)
    gc.freeze()
    gc.set_threshold(limits.gc_threshold)
