"""A comparison as lines (core: no I/O): side by side, as a unified diff as clush users know it, CSV, and Markdown."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from inspector_coord.drift.comparing import Comparison, Entry, Side
from inspector_coord.drift.faces.csv_face import csv_line
from inspector_coord.drift.faces.markdown import cell, code
from inspector_coord.drift.figures import NodeSetTold
from inspector_coord.drift.sentences import many
from inspector_coord.plain import plain

__all__ = ["csv_lines", "diff_lines", "lines", "markdown_lines"]

NODES_CHARS = 400
_EXITS = {
    ("times", 0): "nothing{severe} has come", ("times", 1): "something{severe} has come",
    ("nodes", 0): "no difference{severe}", ("nodes", 1): "there are differences{severe}",
}  # fmt: skip


def lines(found: Comparison) -> Iterator[str]:
    """Widest first, both sides of each."""
    yield f"A  {_side(found.a)}"
    yield f"B  {_side(found.b)}"
    for entry in found.entries:
        yield ""
        yield f"{plain(entry.severity)}  {plain(entry.outcome)}  {_item(entry)}"
        for mark, nodes, side in (("A", entry.a, found.a), ("B", entry.b, found.b)):
            if nodes.count or found.of == "nodes":
                yield f"  {mark}{_word(found, mark)}  {_nodes(found, nodes, side)}"
    yield ""
    yield from _end(found)


def diff_lines(found: Comparison) -> Iterator[str]:
    """A unified diff of what each side says: `-` is A's, `+` is B's; and as comments, what it cannot tell."""
    before = [_diffable(found, entry, entry.a, found.a) for entry in found.entries if entry.a.count]
    after = [_diffable(found, entry, entry.b, found.b) for entry in found.entries if entry.b.count]
    yield from difflib.unified_diff(
        sorted(before), sorted(after), plain(found.a.name), plain(found.b.name), found.a.at, found.b.at, lineterm=""
    )
    for line in _not_told(found):
        yield f"# {line}"


def csv_lines(found: Comparison) -> Iterator[str]:
    """One line an entry."""
    yield csv_line(("item", "outcome", "severity", "expected", "observed", "a_count", "a_nodes", "b_count", "b_nodes"))
    for one in found.entries:
        said = (one.item, one.outcome, one.severity, one.expected, one.observed)
        yield csv_line((*said, one.a.count, one.a.nodes, one.b.count, one.b.nodes))


def markdown_lines(found: Comparison) -> Iterator[str]:
    """For a ticket."""
    yield f"A: {code(_side(found.a))}"
    yield ""
    yield f"B: {code(_side(found.b))}"
    yield ""
    if found.entries:
        yield f"| severity | outcome | item | expected | observed | A{_word(found, 'A')} | B{_word(found, 'B')} |"
        yield "|---|---|---|---|---|---|---|"
    for one in found.entries:
        sides = [_cell(found, *side) for side in ((one.a, found.a), (one.b, found.b))]
        said = [cell(plain(text)) for text in (one.item, one.expected, one.observed)]
        yield f"| {plain(one.severity)} | {plain(one.outcome)} | {' | '.join([*said, *sides])} |"
    yield ""
    for line in _end(found):
        yield f"- {code(line)}"


def _side(side: Side) -> str:
    return f"{plain(side.name)}: sweep {side.sweep} at {side.at}, {many(side.judged, 'judged node')}"


def _item(entry: Entry) -> str:
    observed = plain(entry.observed) or "(not told)"
    return f"{plain(entry.item)} = {observed}   expected {plain(entry.expected)}"


def _word(found: Comparison, mark: str) -> str:
    if found.of == "nodes":
        return ""
    return " gone" if mark == "A" else " come"


def _nodes(found: Comparison, nodes: NodeSetTold, side: Side) -> str:
    of = f" of {side.judged}" if found.of == "nodes" else ""
    return f"{nodes.count}{of}  {plain(nodes.nodes, NODES_CHARS)}".rstrip()


def _cell(found: Comparison, nodes: NodeSetTold, side: Side) -> str:
    of = f" of {side.judged}" if found.of == "nodes" else ""
    return f"{nodes.count}{of} {cell(plain(nodes.nodes, NODES_CHARS))}".strip()


def _diffable(found: Comparison, entry: Entry, nodes: NodeSetTold, side: Side) -> str:
    # Of two times the nodes make the difference, of two sets of nodes their share does.
    who = f"{nodes.count} of {side.judged} nodes" if found.of == "nodes" else plain(nodes.nodes, 10_000)
    said = f"{plain(entry.outcome)}: {plain(entry.observed)} (expected {plain(entry.expected)})"
    return f"{plain(entry.item)}: {said}: {who}"


def _end(found: Comparison) -> Iterator[str]:
    if not found.entries:
        yield "no difference"
    if found.same:
        yield f"{many(found.same, 'deviation')} the same on both sides"
    yield from _not_told(found)
    yield f"exit {found.exit_code}: {_exit(found)}"


def _not_told(found: Comparison) -> Iterator[str]:
    for mark, side in (("A", found.a), ("B", found.b)):
        if side.unknown.count:
            unknown = plain(side.unknown.nodes, 2_000)
            yield f"{many(side.unknown.count, 'node')} could not be judged, or not wholly, in {mark}: {unknown}"
        if side.no_members.count:
            were = "was no member" if side.no_members.count == 1 else "were no members"
            nodes = plain(side.no_members.nodes, 2_000)
            yield f"{many(side.no_members.count, 'node')} {were} in {mark}: {nodes}"
    if found.unknown:
        yield f"{many(found.unknown, 'deviation')} of such nodes: neither come nor gone, nobody knows"
    if found.left:
        yield f"… and {many(found.left, 'more difference')}: narrow it by TARGET or --item"
    yield from (plain(note, 1_000) for note in found.notes)


def _exit(found: Comparison) -> str:
    severe = "" if found.fail_on == "info" else f" of severity {found.fail_on} or worse"
    words = _EXITS.get((found.of, found.exit_code), "some nodes cannot be compared: nobody knows of them")
    return words.format(severe=severe)
