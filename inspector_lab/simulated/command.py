"""`inspector-lab simulate`: one seed told, or many of them counted. Data on stdout, progress on stderr."""

from __future__ import annotations

import difflib
import gc
import sys
import time
from collections import Counter
from typing import Annotated

import typer

from inspector_coord import limits as coord_limits
from inspector_lab import processes
from inspector_lab.console import plain_errors, say, show
from inspector_lab.errors import PlanError
from inspector_lab.simulated import limits
from inspector_lab.simulated.scenario import Scenario

__all__ = ["BROKEN", "DEFAULTS", "EPILOG", "seeds_of", "simulate_command"]

BROKEN = 1
DEFAULTS = (100, 1, 0.0, 1, coord_limits.timeout_s)  # nodes, rings, loss, seed, timeout

EPILOG = (
    "Examples:\n\n  inspector-lab simulate --nodes 10000 --loss 0.05 --seed 7\n\n"
    "  inspector-lab simulate --nodes 40 --loss 0.2 --faults --seeds 1-2000\n\n"
    "  inspector-lab simulate --nodes 100000 --rings 20 --loss 0.05 --json\n\n"
    "  inspector-lab simulate --scenario mute-entry\n\n"
    "  inspector-lab simulate --liveness --nodes 10000 --scenario rack-off\n\n"
    "  inspector-lab simulate --liveness --nodes 200 --faults --seeds 1-500\n\n"
    "Ends with 0 if all oracles hold, 1 if one is broken (with the command that shows it again), 2 for bad usage."
)


def simulate_command(  # noqa: PLR0913 - one option each
    *,
    nodes: Annotated[int, typer.Option(help="How many, over all rings.")] = DEFAULTS[0],
    rings: Annotated[int, typer.Option(help="Serf rings, each with its own entries.")] = DEFAULTS[1],
    loss: Annotated[float, typer.Option(help="Share of all packets that is lost, 0 to 1.")] = DEFAULTS[2],
    seed: Annotated[int, typer.Option(help="Draws everything; the same seed gives the same bytes.")] = DEFAULTS[3],
    faults: Annotated[bool, typer.Option("--faults", help="Draw faults of all kinds, too.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds until the ledger is closed.")] = DEFAULTS[4],
    seeds: Annotated[str, typer.Option(help="Many: FIRST-LAST, or how many from --seed on.", show_default=False)] = "",
    scenario: Annotated[str, typer.Option(help="One that has a name.", show_default=False)] = "",
    scenarios: Annotated[bool, typer.Option("--scenarios", help="List those with a name.")] = False,
    jobs: Annotated[int, typer.Option(help="Processes for many seeds; 0: one a processor.")] = 0,
    liveness: Annotated[
        bool, typer.Option("--liveness", help="Simulate `inspector watch` instead of a sweep.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")] = False,
) -> None:
    """Simulate sweeps, or a watch: the real cores of coordinator and agents on a simulated Serf ring."""
    with plain_errors():
        if liveness:
            from inspector_lab.liveness.command import Wanted, simulate_liveness

            if (rings, timeout) != (DEFAULTS[1], DEFAULTS[4]):
                raise PlanError("--liveness watches one ring and has no deadline: leave out --rings and --timeout")
            wanted_watch = Wanted(nodes, loss, seed, seeds, scenario, faults=faults, jobs=jobs, as_json=as_json)
            if simulate_liveness(wanted_watch, scenarios=scenarios):
                raise typer.Exit(BROKEN)
            return
        if scenarios:
            _list(as_json=as_json)
            return
        if scenario:
            # All of it is written down: an option that changed nothing would be taken for one that did.
            if seeds or faults or (nodes, rings, loss, seed, timeout) != DEFAULTS:
                raise PlanError(f"--scenario {scenario} is whole by itself: leave out all but --json")
            broke = _one(_named(scenario), faults=False, as_json=as_json)
        else:
            from inspector_lab.simulated.many import processes_for, scenario_of

            base = _base(nodes, rings, loss, seed, timeout)
            wanted = seeds_of(seeds, seed)
            if jobs < 0:
                raise PlanError(f"--jobs {jobs}: it is a number of processes, 0 for one a processor")
            at_once = processes_for(jobs, len(wanted))
            _refuse_poverty(nodes, at_once, faults=faults)
            if seeds:
                broke = _many(base, wanted, faults=faults, jobs=jobs, as_json=as_json)
            else:
                broke = _one(scenario_of(base, seed, faults=faults), faults=faults, as_json=as_json)
    if broke:
        raise typer.Exit(BROKEN)


def _one(scenario: Scenario, *, faults: bool, as_json: bool) -> bool:
    """Simulate one; whether an oracle is broken."""
    from inspector_lab.simulated import told
    from inspector_lab.simulated.many import held

    began = time.monotonic()
    gc.disable()  # what a simulation makes lives to its end: looking through it costs a fifth of the time
    try:
        result, broken = held(scenario, again=scenario.nodes <= limits.same_nodes_max)
    finally:
        gc.enable()
    command = told.replay(scenario, faults=faults)
    if as_json:
        show(told.document(result, broken, command))
    else:
        for line in (*told.lines(result), *told.verdict_lines(broken, command)):
            sys.stdout.write(f"{line}\n")
    say(f"simulated in {time.monotonic() - began:.1f} s")
    return bool(broken)


def _many(base: Scenario, seeds: range, *, faults: bool, jobs: int, as_json: bool) -> bool:
    """Simulate many; whether an oracle is broken with any of them."""
    from inspector_lab.simulated import told
    from inspector_lab.simulated.many import many, scenario_of
    from inspector_lab.simulated.oracles import ORACLES

    began = shown = time.monotonic()
    states: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    failing: dict[int, dict[str, list[str]]] = {}
    done = node_sweeps = 0
    for ran in many(base, seeds, faults=faults, jobs=jobs):
        done += 1
        node_sweeps += ran.node_sweeps
        states.update(ran.states)
        kinds.update(ran.faults)
        if ran.broken:
            failing[ran.seed] = ran.broken
            command = told.replay(scenario_of(base, ran.seed, faults=faults), faults=faults)
            for line in told.verdict_lines(ran.broken, command):
                say(line)
        if time.monotonic() - shown > limits.progress_s:
            shown = time.monotonic()
            say(f"{done:,} of {len(seeds):,} seeds, {len(failing)} broken, {shown - began:.0f} s")
    if as_json:
        replay = {
            str(seed): told.replay(scenario_of(base, seed, faults=faults), faults=faults) for seed in sorted(failing)
        }
        show(
            {
                "seeds": done,
                "node_sweeps": node_sweeps,
                "states": dict(states.most_common()),
                "faults": dict(kinds.most_common()),
                "oracles": list(ORACLES),
                "broken": {str(seed): failing[seed] for seed in sorted(failing)},
                "replay": replay,
            }
        )
    else:
        sys.stdout.write(
            f"{told.number(done, 'seed')} of {told.where(base)}{', with faults' if faults else ''}: "
            f"{told.number(node_sweeps, 'node')} swept in {time.monotonic() - began:.0f} s\n"
        )
        for word, counted in (("states", states), ("faults", kinds)):
            if counted:
                told_of = ", ".join(f"{count:,} {name}" for name, count in counted.most_common())
                sys.stdout.write(f"{word}   {told_of}\n")
        held = (
            f"all {len(ORACLES)} hold with every seed"
            if not failing
            else f"broken with {told.number(len(failing), 'seed')}"
        )
        sys.stdout.write(f"oracles  {held}\n")
    return bool(failing)


def _list(*, as_json: bool) -> None:
    """What has a name."""
    from inspector_lab.simulated.scenarios import SCENARIOS

    if as_json:
        show({name: each.about for name, each in SCENARIOS.items()})
        return
    for name, each in SCENARIOS.items():
        sys.stdout.write(f"{name:<22} {each.about}\n")


def _named(name: str) -> Scenario:
    from inspector_lab.simulated.scenarios import SCENARIOS, named

    if name in SCENARIOS:
        return named(name)
    close = difflib.get_close_matches(name, SCENARIOS, 1)
    advice = f"did you mean {close[0]}?" if close else "inspector-lab simulate --scenarios lists them"
    raise PlanError(f"there is no scenario {name!r}: {advice}")


def _base(nodes: int, rings: int, loss: float, seed: int, timeout: float) -> Scenario:
    """What the options ask for. Raises PlanError, which says what to do."""
    if not 1 <= nodes <= limits.nodes_max:
        raise PlanError(f"--nodes {nodes}: simulate 1 to {limits.nodes_max:,}")
    if not 1 <= rings <= min(nodes, limits.rings_max):
        raise PlanError(f"--rings {rings}: 1 to {limits.rings_max:,}, and each needs a node: there are {nodes}")
    if seed < 0:
        raise PlanError(f"--seed {seed}: a whole number from 0 on")
    if not 0 <= loss <= 1:
        raise PlanError(f"--loss {loss:g}: a share from 0 to 1; 0.05 is 5 %")
    if not coord_limits.timeout_s_min <= timeout <= coord_limits.timeout_s_max:
        raise PlanError(
            f"--timeout {timeout:g}: {coord_limits.timeout_s_min:g} to {coord_limits.timeout_s_max:g} seconds"
        )
    return Scenario(nodes=nodes, rings=rings, loss=loss, seed=seed, timeout_s=timeout)


def _refuse_poverty(nodes: int, at_once: int, *, faults: bool) -> None:
    """Raise PlanError where this machine has not enough free memory: the kernel would end us in the middle."""
    node_kb = limits.memory_per_node_faults_kb if faults else limits.memory_per_node_kb
    room_mb, needed_mb = processes.free_memory_mb(), at_once * (limits.memory_base_mb + nodes * node_kb // 1000)
    if room_mb >= needed_mb:
        return
    fitting = max(0, (room_mb // at_once - limits.memory_base_mb) * 1000 // node_kb)
    fewer = f"wish for {fitting:,} nodes or fewer" if fitting else "free some memory"
    few = f", in {at_once} processes at once," if at_once > 1 else ""
    raise PlanError(
        f"--nodes {nodes:,}{few} may need {needed_mb:,} MB, {room_mb:,} MB are free: {fewer}"
        f"{' or for fewer --jobs' if at_once > 1 else ''}"
    )


def seeds_of(words: str, first: int) -> range:
    """FIRST-LAST, or how many. Raises PlanError."""
    if not words:
        return range(first, first + 1)
    low, dash, high = words.partition("-")
    if not (low.isdecimal() and (high.isdecimal() if dash else not high)):
        raise PlanError(f"--seeds {words!r} is neither FIRST-LAST nor a count, for example 1-2000 or 500")
    wanted = range(int(low), int(high) + 1) if dash else range(first, first + int(low))
    if not 1 <= len(wanted) <= limits.seeds_max:
        raise PlanError(f"--seeds {words}: 1 to {limits.seeds_max:,} of them, the first one first")
    return wanted
