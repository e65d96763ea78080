"""`inspector-lab simulate --liveness`: one watch told, or many of them counted. Data on stdout, progress on stderr."""

from __future__ import annotations

import difflib
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace

import msgspec

from inspector_lab import processes
from inspector_lab.console import say, show
from inspector_lab.errors import PlanError
from inspector_lab.liveness import limits, told
from inspector_lab.liveness.many import held, many, scenario_of
from inspector_lab.liveness.oracles import ORACLES
from inspector_lab.liveness.scenario import Scenario
from inspector_lab.liveness.scenarios import SCENARIOS, named
from inspector_lab.simulated.command import DEFAULTS, seeds_of
from inspector_lab.simulated.limits import progress_s, same_nodes_max
from inspector_lab.simulated.many import processes_for
from inspector_lab.simulated.told import number, verdict_lines

__all__ = ["Wanted", "simulate_liveness"]

EVERY = "all"
"""Instead of a scenario's name: each of them, one after the other."""


@dataclass(frozen=True)
class Wanted:
    """The options, as they were given."""

    nodes: int
    loss: float
    seed: int
    seeds: str
    scenario: str
    faults: bool
    jobs: int
    as_json: bool


def simulate_liveness(wanted: Wanted, *, scenarios: bool) -> bool:
    """Do what the options ask for; whether an oracle is broken. Raises PlanError, which says what to do."""
    if scenarios:
        _list(as_json=wanted.as_json)
        return False
    if wanted.scenario == EVERY:
        broken = [simulate_liveness(replace(wanted, scenario=name), scenarios=False) for name in SCENARIOS]
        return any(broken)
    base = _base(wanted)
    seeds = seeds_of(wanted.seeds, wanted.seed)
    at_once = processes_for(wanted.jobs, len(seeds))
    _refuse_poverty(wanted.nodes, at_once)
    return _many(base, seeds, wanted) if wanted.seeds else _one(base, wanted)


def _one(base: Scenario, wanted: Wanted) -> bool:
    began = time.monotonic()
    scenario = scenario_of(base, wanted.seed, faults=wanted.faults)
    result, broken = held(scenario, again=scenario.nodes <= same_nodes_max)
    command = told.replay(scenario, faults=wanted.faults)
    if wanted.as_json:
        show(told.document(result, broken, command))
    else:
        for line in (*told.lines(result), *verdict_lines(broken, command, ORACLES)):
            sys.stdout.write(f"{line}\n")
    say(f"simulated in {time.monotonic() - began:.1f} s")
    return bool(broken)


def _many(base: Scenario, seeds: range, wanted: Wanted) -> bool:
    began = shown = time.monotonic()
    opened: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    failing: dict[int, dict[str, list[str]]] = {}
    replays: dict[str, str] = {}
    done, node_hours = 0, 0.0
    for ran in many(base, seeds, faults=wanted.faults, jobs=wanted.jobs):
        done += 1
        node_hours += ran.node_seconds / 3600
        opened.update(ran.opened)
        kinds.update(ran.faults)
        if ran.broken:
            failing[ran.seed] = ran.broken
            scenario = scenario_of(base, ran.seed, faults=wanted.faults)
            replays[str(ran.seed)] = command = told.replay(scenario, faults=wanted.faults)
            for line in verdict_lines(ran.broken, command, ORACLES):
                say(line)
        if time.monotonic() - shown > progress_s:
            shown = time.monotonic()
            say(f"{done:,} of {len(seeds):,} seeds, {len(failing)} broken, {shown - began:.0f} s")
    if wanted.as_json:
        show(
            {
                "seeds": done,
                "node_hours": round(node_hours, 3),
                "incidents": dict(opened.most_common()),
                "faults": dict(kinds.most_common()),
                "oracles": list(ORACLES),
                "broken": {str(seed): failing[seed] for seed in sorted(failing)},
                "replay": {seed: replays[seed] for seed in sorted(replays, key=int)},
            }
        )
        return bool(failing)
    name = f"{base.name}: " if base.name else ""
    sys.stdout.write(
        f"{name}{number(done, 'seed')} of {told.where(base)}{', with faults' if wanted.faults else ''}: "
        f"{node_hours:,.0f} hours of nodes watched in {time.monotonic() - began:.0f} s\n"
    )
    for word, counted in (("incidents", opened), ("faults", kinds)):
        if counted:
            sys.stdout.write(f"{word:<10} {', '.join(f'{count:,} {name}' for name, count in counted.most_common())}\n")
    holds = f"broken with {number(len(failing), 'seed')}" if failing else f"all {len(ORACLES)} hold with every seed"
    sys.stdout.write(f"oracles    {holds}\n")
    return bool(failing)


def _list(*, as_json: bool) -> None:
    """What has a name."""
    if as_json:
        show({name: each.about for name, each in SCENARIOS.items()})
        return
    for name, each in SCENARIOS.items():
        sys.stdout.write(f"{name:<25} {each.about}\n")


def _base(wanted: Wanted) -> Scenario:
    """What the options ask for. Raises PlanError."""
    nodes, loss = wanted.nodes, wanted.loss
    if not limits.nodes_min <= nodes <= limits.nodes_max:
        raise PlanError(f"--nodes {nodes}: a watch is simulated of {limits.nodes_min} to {limits.nodes_max:,}")
    if wanted.seed < 0:
        raise PlanError(f"--seed {wanted.seed}: a whole number from 0 on")
    if not 0 <= loss <= limits.loss_max:
        raise PlanError(f"--loss {loss:g}: a share from 0 to {limits.loss_max:g}; 0.05 is 5 %")
    if wanted.jobs < 0:
        raise PlanError(f"--jobs {wanted.jobs}: it is a number of processes, 0 for one a processor")
    if not wanted.scenario:
        return Scenario(nodes=nodes, loss=loss)
    if wanted.faults:
        raise PlanError(f"--scenario {wanted.scenario} says what happens: leave out --faults")
    if wanted.scenario not in SCENARIOS:
        close = difflib.get_close_matches(wanted.scenario, SCENARIOS, 1)
        advice = f"did you mean {close[0]}?" if close else "inspector-lab simulate --liveness --scenarios lists them"
        raise PlanError(f"there is no scenario {wanted.scenario!r}: {advice}")
    if nodes < limits.scenario_nodes_min:
        raise PlanError(f"--nodes {nodes}: a scenario with a name wants {limits.scenario_nodes_min} at least")
    scenario = named(wanted.scenario, nodes)
    return msgspec.structs.replace(scenario, loss=loss) if loss != DEFAULTS[2] else scenario


def _refuse_poverty(nodes: int, at_once: int) -> None:
    """Raise PlanError where this machine has not enough free memory: the kernel would end us in the middle."""
    needed_mb = at_once * (limits.memory_base_mb + nodes * limits.memory_per_node_kb // 1000)
    room_mb = processes.free_memory_mb()
    if room_mb < needed_mb:
        raise PlanError(
            f"--nodes {nodes:,} in {number(at_once, 'process')} may need {needed_mb:,} MB, {room_mb:,} MB are free: "
            "wish for fewer nodes, or fewer --jobs"
        )
