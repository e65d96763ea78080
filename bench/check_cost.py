"""What 500 items of all kinds cost one node: CPU of the child and all that it starts, its peak memory, the agent's own.

The items are what the kinds list on this machine, and the examples of those that list nothing: so they grow with the
tree, and are what this very machine has. Kinds take turns until there are 500, or all is taken.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import trio

import inspector_agent.agent  # noqa: F401 - what is measured is a fork of this process, which has to be like an agent
from bench.figures import Figure, Results, Section
from config_center.resolve import Item
from inspector_agent.bundled import checks_dir
from inspector_agent.findings import Finding
from inspector_agent.once import Question, choose
from inspector_agent.runner.run import CheckRunner
from inspector_agent.sources import open_source

ITEMS = 500
KINDS_MIN = 30
SHOWN_KINDS = 12

# In a process of its own, because this one must not have the kinds in memory. Prints {kind: {key: body as in a layer}}.
LISTS = """
import json, sys
sys.path.insert(0, sys.argv[1])
import batch
from checklib.contract import decode_request
from checklib.errors import NotApplicable
from checklib.node import Node

found = {}
node = Node(decode_request({"items": []}))
for kind in batch.kinds():
    try:
        keys = list(kind.discover(node)) if kind.discover else []
    except NotApplicable:
        keys = []
    any_ = {"any": True} if "value" == kind.main else {"expect": {kind.main: {"any": True}}}
    found[kind.name] = dict.fromkeys(keys, any_) or kind.example
json.dump(found, sys.stdout)
"""


def listed(directory: Path) -> dict[str, dict[str, Any]]:
    """Bodies of all items that could be asked for here, by kind and key."""
    done = subprocess.run([sys.executable, "-c", LISTS, str(directory)], stdout=subprocess.PIPE, check=True)
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


def taken(kinds: Mapping[str, Mapping[str, Any]], count: int) -> dict[str, dict[str, Any]]:
    """So many of them: the first of each kind, the second of each, and so on."""
    rounds = zip_longest(*([(kind, key) for key in items] for kind, items in kinds.items()))
    turns = [turn for turns in rounds for turn in turns if turn]
    chosen: dict[str, dict[str, Any]] = {}
    for kind, key in turns[:count]:
        chosen.setdefault(kind, {})[key] = kinds[kind][key]
    return chosen


def resolved(items: Mapping[str, Mapping[str, Any]]) -> tuple[Item, ...]:
    """The same as a baseline has them, by way of a layer."""
    with TemporaryDirectory() as fleet:
        Path(fleet, "layers").mkdir()
        Path(fleet, "layers/10-all.yml").write_text(json.dumps({"items": items}), encoding="utf-8")  # JSON is YAML
        question = Question("bench", {}, {}, (), "/", 120)
        with open_source(Path(fleet), question.node, question.traits) as source:
            return choose(source, question)


class Measured(msgspec.Struct):
    """What the measuring process tells: one value a run, the agent's memory before and after, and the last findings."""

    cpu_ms: list[float]
    wall_ms: list[float]
    before_mb: float
    after_mb: float
    peak_mb: float
    found: list[Finding]


def rss_mb() -> float:
    """Memory of this process, which stands for the agent, MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def children_cpu_s() -> float:
    """CPU seconds of all processes that this one started and has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def run_all(items: Sequence[Item], runs: int) -> Measured:
    """`runs` runs over all items, after one of a single item and one to warm up."""
    with TemporaryDirectory() as parts:
        runner = CheckRunner(checks_dir=checks_dir(), parts_dir=Path(parts), root="/", facts={"name": "bench"})
        await runner.run([item for item in items if item.check == "sysctl"][:1], lambda _: None, deadline_s=120)
        told = Measured([], [], rss_mb(), 0.0, 0.0, [])
        for _ in range(runs + 1):
            told.found = []
            cpu_s, began = children_cpu_s(), time.perf_counter()
            await runner.run(items, told.found.append, deadline_s=120)
            told.wall_ms.append(1000 * (time.perf_counter() - began))
            told.cpu_ms.append(1000 * (children_cpu_s() - cpu_s))
    del told.wall_ms[0], told.cpu_ms[0]
    told.after_mb = rss_mb()
    told.peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return told


def main() -> None:
    """Items on stdin, `Measured` on stdout. A process that has never done anything else, as an agent's is."""
    items = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Item])
    sys.stdout.buffer.write(msgspec.json.encode(trio.run(run_all, items, int(sys.argv[1]))))


def measure(*, runs: int) -> Results:
    """`runs` runs after one to warm up."""
    items = resolved(taken(listed(checks_dir()), ITEMS))
    kinds = len({item.check for item in items})
    if kinds < KINDS_MIN:
        raise SystemExit(f"only {kinds} kinds have items here")
    command = [sys.executable, "-m", "bench.check_cost", str(runs)]
    done = subprocess.run(command, input=msgspec.json.encode(items), stdout=subprocess.PIPE, check=True)
    told = msgspec.json.decode(done.stdout, type=Measured)
    if len(told.found) != len(items):
        raise SystemExit(f"{len(told.found)} findings for {len(items)} items")
    what = f"{len(items)} items of {kinds} kinds on one node"
    return [
        Figure(
            "checks_500_cpu_ms", f"{what}, CPU", "ms", tuple(told.cpu_ms), 400,
            note="what the kinds list on this machine; the child's, with that of every program which checks start",
        ),
        Figure("checks_500_ms", "  the same, wall time", "ms", tuple(told.wall_ms)),
        Figure(
            "checks_500_child_mb", "  the same, peak RSS of the child", "MB", (told.peak_mb,), 60,
            note=f"the largest of all runs, with what it shares with the agent, which has {told.before_mb:.1f} MB",
        ),
        Figure(
            "checks_500_agent_mb", "  the same, growth of the agent", "MB", (told.after_mb - told.before_mb,), 0.5,
            note=f"RSS after {runs + 1} such runs, less RSS after a run of one item",
        ),
        Section("Checks by kind", by_kind(items, {finding.id: finding for finding in told.found})),
    ]  # fmt: skip


def by_kind(items: Sequence[Item], found: Mapping[str, Finding]) -> str:
    """A table of the kinds that took longest. A program that several items share counts for the first of them."""
    took_ms: dict[str, float] = defaultdict(float)
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    for item in items:
        took_ms[item.check] += found[item.id].ms
        outcomes[item.check][found[item.id].outcome] += 1
    kinds = sorted(took_ms, key=lambda kind: -took_ms[kind])
    lines = ["Of the last run, by the wall time that its findings tell.", "", "| kind | items | ms |", "|---|---|---|"]
    for kind in kinds[:SHOWN_KINDS]:
        said = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes[kind].items()))
        lines.append(f"| {kind} | {said} | {took_ms[kind]:.1f} |")
    others = kinds[SHOWN_KINDS:]
    return "\n".join([*lines, f"| {len(others)} others | | {sum(took_ms[kind] for kind in others):.1f} |"])


if __name__ == "__main__":
    main()
