"""CORE. A simulated watch, told: what the watcher said, for a person and as JSON."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from inspector_lab.liveness.oracles import ORACLES
from inspector_lab.liveness.result import Result
from inspector_lab.liveness.scenario import Fault, Scenario
from inspector_lab.simulated.told import number

__all__ = ["document", "lines", "replay", "where"]

Broken = Mapping[str, Sequence[str]]
NAMES_MAX = 4


def replay(scenario: Scenario, *, faults: bool) -> str:
    """The command that simulates the same again. A scenario without a name that is no mixture has nothing but loss."""
    words = ["inspector-lab", "simulate", "--liveness", "--nodes", str(scenario.nodes)]
    if scenario.name:
        words += ["--scenario", shlex.quote(scenario.name)]
    words += ["--loss", f"{scenario.loss:g}", "--seed", str(scenario.seed)]
    return " ".join([*words, "--faults"] if faults else words)


def document(result: Result, broken: Broken, command: str) -> dict[str, Any]:
    """All of it. The same scenario gives the same document."""
    return {
        "schema": "inspector.liveness-simulation/1",
        "seed": result.scenario.seed,
        "nodes": result.scenario.nodes,
        "loss": result.scenario.loss,
        "scenario": msgspec.to_builtins(result.scenario),
        "told": [msgspec.to_builtins(each) for _, each in result.told],
        "open": sorted(result.open_at_end),
        "questions": len(result.asked),
        "counted": dict(sorted(result.counted.items())),
        "oracles": {"held": [name for name in ORACLES if name not in broken], "broken": broken},
        "replay": command,
    }


def lines(result: Result) -> list[str]:
    """What was simulated, and what the watcher said."""
    scenario = result.scenario
    failed = Counter(status for _, _, _, status in result.learned)
    told = [
        f"simulated  {where(scenario)}, {scenario.seconds:.0f} s, seed {scenario.seed}",
        f"entries    in {', '.join(scenario.vantages)}",
        *(f"fault      {_fault(fault)}" for fault in scenario.faults),
    ]
    for at, each in result.told:
        who = each.domain or ", ".join(each.nodes[:NAMES_MAX])
        size = f"{len(each.nodes)} of {each.of}" if each.of else number(len(each.nodes), "node")
        more = "".join(
            (
                f", {each.direction}" if each.direction else "",
                f", {each.count} times" if each.count else "",
                f", {len(each.back)} back" if each.back else "",
                f", is now {each.closed_by}" if each.closed_by is not None else "",
            )
        )
        told.append(
            f"{at:8.1f} s {each.number:>4} {each.action:<7} {each.kind:<8} {who} ({size}){more}: {each.evidence}"
        )
    told.append(
        f"counted    {number(len(result.asked), 'question')}, {result.counted['answers']:,} answers, Serf said failed "
        f"{failed['failed']:,} times"
    )
    return told


def where(scenario: Scenario) -> str:
    """What is watched: `40 nodes, 5 % of packets lost`."""
    return f"{number(scenario.nodes, 'node')}, {scenario.loss * 100:.3g} % of packets lost"


def _fault(fault: Fault) -> str:
    words = [fault.what]
    if fault.amount:
        words.append(f"{fault.amount:g}")
    if fault.domain:
        words.append(f"of {fault.domain}")
    if fault.nodes:
        more = "" if len(fault.nodes) <= NAMES_MAX else f" and {len(fault.nodes) - NAMES_MAX} more"
        words.append(f"at {', '.join(map(str, fault.nodes[:NAMES_MAX]))}{more}")
    if fault.what == "cut":
        words.append({"both": "both ways", "in": "cannot hear", "out": "cannot send"}[fault.way])
        words += [f"from zone {fault.other}"] if fault.other else []
    until = "" if fault.until_s is None else f" to {fault.until_s:g} s"
    return f"{' '.join(words)}, from {fault.at_s:g} s{until}"
