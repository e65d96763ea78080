"""CORE. A simulated sweep, told: the ordinary report with `simulation` beside it, and lines for a person."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from inspector_coord.ledger import DROPPED
from inspector_coord.verdict import State
from inspector_lab.simulated.oracles import ORACLES
from inspector_lab.simulated.result import Result
from inspector_lab.simulated.scenario import Fault, Scenario

__all__ = ["document", "lines", "replay", "verdict_lines"]

Broken = Mapping[str, Sequence[str]]
NOBODY = "none: no entry gave its roster, nobody could be asked"
WAYS = {"both": "both ways", "in": "what goes in", "out": "what comes out"}
SENTENCES_MAX = 5  # of one oracle, on a terminal


def replay(scenario: Scenario, *, faults: bool) -> str:
    """The command that simulates the same again."""
    if scenario.name:
        return f"inspector-lab simulate --scenario {shlex.quote(scenario.name)}"
    words = ["inspector-lab", "simulate", "--nodes", str(scenario.nodes)]
    if scenario.rings != 1:
        words += ["--rings", str(scenario.rings)]
    words += ["--loss", f"{scenario.loss:g}", "--seed", str(scenario.seed)]
    if scenario.timeout_s != Scenario(nodes=1).timeout_s:
        words += ["--timeout", f"{scenario.timeout_s:g}"]
    return " ".join([*words, "--faults"] if faults else words)


def document(result: Result, broken: Broken, command: str) -> dict[str, Any]:
    """The report of `inspector sweep`, with one key more. The same scenario gives the same document."""
    scenario, sweep = result.scenario, result.sweep
    heard = [line.heard for line in sweep.coordinator.lines]
    simulation = {
        "seed": scenario.seed,
        "nodes": scenario.nodes,
        "rings": scenario.rings,
        "loss": scenario.loss,
        "scenario": msgspec.to_builtins(scenario),
        "rounds": rounds(result),
        "questions": sum(len(each.asks) for each in heard),
        "records": dict(sorted(sum((each.events for each in heard), Counter[str]()).items())),
        "wire": dict(sorted(result.wire.items())),
        "oracles": {"held": [name for name in ORACLES if name not in broken], "broken": broken},
        "replay": command,
    }
    return {**result.report, "simulation": simulation}


def rounds(result: Result) -> int:
    """How often anybody was asked: the highest round of an answer, counted from 1."""
    return max((node.round + 1 for node in result.sweep.ledger if node.round is not None), default=0)


def lines(result: Result) -> list[str]:
    """What was simulated and what came of it, for a person."""
    scenario, sweep, wire = result.scenario, result.sweep, result.wire
    heard = [line.heard for line in sweep.coordinator.lines]
    asked = sum(len(each.asks) for each in heard)
    final = Counter(str(node.state) for node in sweep.ledger)
    dropped = {word: sweep.ledger.dropped[word] for word in DROPPED if sweep.ledger.dropped[word]}
    told = [
        f"simulated  {where(scenario)}, seed {scenario.seed}",
        *(f"fault      {fault_words(fault)}" for fault in scenario.faults),
        f"sweep      closed after {sweep.seconds:.2f} s, {number(asked, 'question')}",
        "states     " + (", ".join(f"{final[state]:,} {state}" for state in State if final[state]) or NOBODY),
    ]
    if wire:
        told.append("counted    " + ", ".join(f"{word.replace('_', ' ')} {wire[word]:,}" for word in sorted(wire)))
    if dropped:
        told.append("dropped    " + ", ".join(f"{count:,} {word}" for word, count in dropped.items()))
    return told


def number(count: int, word: str) -> str:
    """`1 ring`, `1,200 nodes`."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def where(scenario: Scenario) -> str:
    """What is swept: `40 nodes in 1 ring, 5 % of packets lost`."""
    fleet = f"{number(scenario.nodes, 'node')} in {number(scenario.rings, 'ring')}"
    return f"{fleet}, {scenario.loss * 100:.3g} % of packets lost"


def fault_words(fault: Fault) -> str:
    """One fault in a line."""
    words = [fault.what]
    if fault.amount:
        words.append(f"{fault.amount:g}")
    if fault.zone:
        words.append(f"of zone {fault.zone}, {WAYS[fault.way]},")
    if fault.nodes:
        more = "" if len(fault.nodes) <= 4 else f" and {len(fault.nodes) - 4} more"
        words.append(f"at member {', '.join(map(str, fault.nodes[:4]))}{more}")
    words.append("in all rings" if fault.ring < 0 else f"of ring {fault.ring + 1}")
    until = "" if fault.until_s is None else f" to {fault.until_s:g} s"
    return f"{' '.join(words)}, from {fault.at_s:g} s{until}"


def verdict_lines(broken: Broken, command: str, oracles: Collection[str] = ORACLES) -> list[str]:
    """Whether the oracles hold; if not, what they say and how to see it again."""
    if not broken:
        return [f"oracles    all {len(oracles)} hold: {', '.join(oracles)}"]
    told = []
    for name, sentences in broken.items():
        told += [f"BROKEN     {name}: {sentence}" for sentence in sentences[:SENTENCES_MAX]]
        if len(sentences) > SENTENCES_MAX:
            told.append(f"           {name}: {len(sentences) - SENTENCES_MAX} more")
    return [*told, f"replay     {command}"]
