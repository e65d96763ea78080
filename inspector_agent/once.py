"""A baseline looked at once, here and now, without any ring: what `inspector-agent check` does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from config_center.resolve import Item, resolve
from config_center.traits import traits_of
from inspector_agent.bundled import checks_dir
from inspector_agent.defer import Guard
from inspector_agent.errors import SourceError
from inspector_agent.findings import Finding
from inspector_agent.runner.run import CheckRunner
from inspector_agent.runs import day_of
from inspector_agent.sources import Source
from inspector_agent.tally import OUTCOMES, outcome_of


@dataclass(frozen=True)
class Question:
    """What is asked about which node.

    Attributes:
        facts: what the node is, by `facts.flat_facts`.
        patterns: of item ids, shell-style; none means all items.
        root: the directory below which all checks look.
        deadline_s: for all checks together.
        defer_load: load average a CPU above which items that start programs are held back; 0: they never are.
    """

    node: str
    tags: Mapping[str, str]
    facts: Mapping[str, str]
    patterns: tuple[str, ...]
    root: str
    deadline_s: float
    defer_load: float = 0.0

    @property
    def traits(self) -> dict[str, str]:
        """What layers match on, besides the name."""
        return traits_of(self.tags, self.facts)


@dataclass(frozen=True)
class Run:
    """What came of it.

    Attributes:
        items: those that were looked at, by number.
        found: their findings, by number; every item has one.
        today: the day by which waivers hold, "YYYY-MM-DD" in UTC.
        seconds: wall time of the checks.
    """

    source: Source
    node: str
    items: tuple[Item, ...]
    found: Mapping[int, Finding]
    today: str
    seconds: float

    def counts(self) -> dict[str, int]:
        """How many items ended in each outcome."""
        outcomes = [self.outcome(item) for item in self.items]
        return {outcome: outcomes.count(outcome) for outcome in (*OUTCOMES, "waived")}

    def outcome(self, item: Item) -> str:
        """What an item ended in, waivers applied."""
        return outcome_of(item, self.found[item.number], self.today)


def choose(source: Source, question: Question) -> tuple[Item, ...]:
    """The items that are asked about. Raises SourceError where a pattern is idle."""
    items = resolve(source.release, question.node, question.traits).items
    for pattern in question.patterns:
        if not any(_covers(pattern, item) for item in items):
            raise SourceError(f"--item {pattern}: this node has no such item{_nearest(pattern, items)}")
    return tuple(item for item in items if not question.patterns or any(_covers(p, item) for p in question.patterns))


def _covers(pattern: str, item: Item) -> bool:
    return item.id == pattern or fnmatchcase(item.id, pattern)


def _nearest(pattern: str, items: Iterable[Item]) -> str:
    from config_center.mistakes import did_you_mean

    hint = did_you_mean(pattern, [item.id for item in items])
    return f"; {hint}" if hint else ""


async def look(
    source: Source,
    question: Question,
    items: tuple[Item, ...],
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    say: Callable[[str], None] = lambda _text: None,
) -> Run:
    """Run the checks on chosen items.

    progress: is told how many of how many items have a finding; say: why some wait.
    """
    runner = CheckRunner(
        checks_dir=checks_dir(),
        parts_dir=source.parts_dir,
        root=question.root,
        facts={"name": question.node, "tags": dict(question.tags), **question.facts},
        guard=Guard(question.root, question.defer_load, say),
    )
    found: dict[int, Finding] = {}

    def emit(finding: Finding) -> None:
        found[finding.number] = finding
        progress(len(found), len(items))

    began = time.perf_counter()
    await runner.run(items, emit, deadline_s=question.deadline_s)
    return Run(source, question.node, items, found, day_of(time.time()), time.perf_counter() - began)
