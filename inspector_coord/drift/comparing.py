"""CORE. Two sweeps, two times or two sets of nodes side by side, `inspector.compare/1` (docs/drift.md).

Of two times: what is wrong in B and was not in A has come, what was wrong in A and is not in B has gone; a value that
is another one has done both. Of two sets of nodes: what is wrong on another share of the one than of the other. What
cannot be judged on a side is neither: it is counted, and never told as come or gone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final, Literal, NamedTuple

import msgspec

from inspector_coord.drift import limits
from inspector_coord.drift.figures import NodeSetTold
from inspector_coord.fold import fold_names
from inspector_coord.verdict import SEVERITY_RANK

__all__ = ["SCHEMA", "Comparison", "Entry", "Said", "Side", "Wrong", "compared"]

SCHEMA: Final = "inspector.compare/1"


class Said(NamedTuple):
    """One way to be wrong; texts as they came."""

    item: str
    outcome: str
    severity: str
    expected: str
    observed: str


class Wrong(NamedTuple):
    """A node that is wrong in one way."""

    node: int
    said: Said


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """A or B. name: as it was written; at, sweep: of the sweep it is told from; `judged` of its nodes, at least partly.

    unknown     its nodes that could not be judged, or not wholly: the coverage is incomplete
    no_members  its nodes that were not there yet, or had left, or were removed or renamed; not those of both times
    """

    name: str
    at: str
    sweep: str
    judged: int
    unknown: NodeSetTold = NodeSetTold()
    no_members: NodeSetTold = NodeSetTold()


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One way to be wrong; a, b: the nodes that are so on one side (of two times: on this one alone)."""

    item: str
    outcome: str
    severity: str
    expected: str
    observed: str
    a: NodeSetTold
    b: NodeSetTold


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The whole. same: deviations that are on both sides; left: entries that were too many; unknown: not comparable."""

    schema: Literal["inspector.compare/1"] = SCHEMA
    of: Literal["times", "nodes"]
    a: Side
    b: Side
    entries: list[Entry] = []
    same: int = 0
    unknown: int = 0
    left: int = 0
    fail_on: str = "info"
    exit_code: int
    notes: list[str] = []


def compared(
    of: Literal["times", "nodes"], a: Side, b: Side, wrong: tuple[Iterable[Wrong], Iterable[Wrong]],
    name: Callable[[int], str], counts: tuple[int, int],
    notes: Iterable[str] = (), fail_on: str = "info",
) -> Comparison:  # fmt: skip
    """wrong: of times what is on one side alone, of nodes all there is. counts: (same, unknown) deviations of times.

    fail_on: what is less severe does not make the exit code 1.
    """
    by_said: dict[Said, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for side, several in enumerate(wrong):
        for one in several:
            by_said[one.said][side].append(name(one.node))
    same, unknown = counts
    if of == "nodes":
        alike = [said for said, (left, right) in by_said.items() if len(left) * b.judged == len(right) * a.judged]
        same = sum(len(by_said[said][0]) + len(by_said[said][1]) for said in alike)
        for said in alike:
            del by_said[said]
    entries = [_entry(said, *names) for said, names in sorted(by_said.items(), key=_rank)]
    new = any(
        SEVERITY_RANK[entry.severity] <= SEVERITY_RANK[fail_on] and (entry.b.count or of == "nodes")
        for entry in entries
    )  # fmt: skip
    hidden = any(side.unknown.count or not side.judged for side in (a, b))
    return Comparison(
        of=of, a=a, b=b, entries=entries[: limits.entries_max], same=same, unknown=unknown,
        left=max(0, len(entries) - limits.entries_max), fail_on=fail_on,
        exit_code=3 if hidden else 1 if new else 0, notes=list(notes),
    )  # fmt: skip


def _entry(said: Said, left: list[str], right: list[str]) -> Entry:
    return Entry(
        **said._asdict(),
        a=NodeSetTold(nodes=fold_names(left), count=len(left)),
        b=NodeSetTold(nodes=fold_names(right), count=len(right)),
    )


def _rank(one: tuple[Said, tuple[list[str], list[str]]]) -> tuple[int, int, Said]:
    said, (left, right) = one
    return -max(len(left), len(right)), SEVERITY_RANK[said.severity], said
