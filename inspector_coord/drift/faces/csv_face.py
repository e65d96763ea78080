"""The groups of a drift report as CSV (core: no I/O): one line a group, for a spreadsheet.

A cell that a spreadsheet would take for a formula (`=`, `+`, `-`, `@` first) gets an apostrophe before it: nodes choose
what they print.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import Final

from inspector_coord.drift.document import Document, Group
from inspector_coord.drift.sentences import before_told, cause_told
from inspector_coord.plain import plain

__all__ = ["COLUMNS", "csv_line", "lines"]

COLUMNS: Final = (
    "class", "origin", "severity", "outcome", "item", "expected", "observed", "values", "source", "owner", "count",
    "nodes", "nodes_left", "unknown", "opened", "newest", "confirmed", "closed", "openings", "first_node", "causes",
    "before",
)  # fmt: skip
CELL_CHARS_MAX: Final = 32_000  # what a spreadsheet takes


class _Line:
    """What csv writes to: keeps the one line."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        """Take what was written."""
        self.text = text


def lines(document: Document) -> Iterator[str]:
    """The header and one line a group, without line ends."""
    yield csv_line(COLUMNS)
    for group in document.groups:
        yield csv_line(_cells(group))


def csv_line(cells: Iterable[object]) -> str:
    """One line of CSV."""
    line = _Line()
    csv.writer(line, lineterminator="").writerow([_harmless(plain(cell, CELL_CHARS_MAX)) for cell in cells])
    return line.text


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _cells(group: Group) -> list[object]:
    return [
        group.class_, group.origin, group.severity, group.outcome, group.item, group.expected, group.observed,
        group.values, group.source, group.owner, group.count, group.nodes, group.nodes_left,
        group.unknown, group.opened, group.newest, group.confirmed, group.closed or "", group.openings,
        group.first.node,
        "; ".join(cause_told(cause) for cause in group.causes), "; ".join(before_told(each) for each in group.before),
    ]  # fmt: skip
