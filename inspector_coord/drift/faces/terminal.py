"""The drift report for a person on call, in a terminal: one line a group, the newest and widest first.

Every text of a node comes as plain text objects, never as markup.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from inspector_coord.drift.document import CLASSES, Document, Group
from inspector_coord.drift.period import told_for
from inspector_coord.drift.sentences import (
    coverage_told,
    exit_told,
    group_details,
    headline,
    left_told,
    many,
    observed_told,
    since_told,
    subtitle,
    why_told,
)
from inspector_coord.faces.terminal import STYLES, TONES
from inspector_coord.plain import plain

__all__ = ["print_lines", "render"]

GROUPS_SHOWN = 40  # of a class; --verbose shows all of the document
LINES_SHOWN = 10
NODES_CHARS = 40

TITLES = {
    "new": "New: not there before, and there now",
    "flapping": "Flapping: comes and goes",
    "open": "Still open",
    "back": "Back to normal",
}
ORIGIN_STYLES = {"drift": "bold red", "intended": "cyan", "first": "yellow", "unknown": "yellow"}


def render(document: Document, console: Console, *, verbose: bool = False) -> None:
    """Print the report, as wide as the console is."""
    tone = {0: "good", 1: "bad"}.get(document.exit_code, "incomplete")
    console.print(Text(headline(document), style=TONES[tone]), soft_wrap=True)
    console.print(Text(subtitle(document), style="dim"), soft_wrap=True)
    for class_ in CLASSES:
        groups = [group for group in document.groups if group.class_ == class_]
        if groups:
            _title(console, f"{TITLES[class_]} ({many(len(groups), 'group')})")
            _groups(console, document, groups, verbose=verbose)
    for line in left_told(document):
        console.print(Text(line, style="yellow"), soft_wrap=True)
    print_lines(console, "Not judged", coverage_told(document))
    if verbose:
        _figures(console, document)
    print_lines(console, "Notes", (plain(note, 1_000) for note in document.notes))
    console.print()
    console.print(Text(exit_told(document), style=TONES[tone]), soft_wrap=True)


def _title(console: Console, text: str) -> None:
    console.print()
    console.print(Text(text, style="bold"), soft_wrap=True)


def print_lines(console: Console, title: str, lines: Iterable[str]) -> None:
    """A section of plain lines; nothing where there are none."""
    for index, line in enumerate(lines):
        if not index:
            _title(console, title)
        console.print(Text(f"  {line}"), soft_wrap=True)


def _groups(console: Console, document: Document, groups: list[Group], *, verbose: bool) -> None:
    shown = groups if verbose else groups[:GROUPS_SHOWN]
    if verbose:
        for group in shown:
            _row_alone(console, document, group)
            for what, text in group_details(group):
                console.print(Text.assemble((f"      {what:9} ", "dim"), text), soft_wrap=True)
    else:
        table = Table.grid(padding=(0, 2))
        for index in range(7):
            table.add_column(no_wrap=True, overflow="ellipsis", justify="right" if index == 4 else "left")
        for group in shown:
            table.add_row(Text("", end=""), *_cells(document, group))
        _print_table(console, table)
    if len(groups) > len(shown):
        console.print(Text(f"  … and {many(len(groups) - len(shown), 'more group')}: see --verbose", style="yellow"))


def _print_table(console: Console, table: Table) -> None:
    """Without the blanks at line ends, which are in the way of whoever copies a line."""
    for line in console.render_lines(table, pad=False):
        text = Text.assemble(*((segment.text, segment.style or "") for segment in line))
        text.rstrip()
        console.print(text, soft_wrap=True)


def _cells(document: Document, group: Group) -> list[Text]:
    count = f"{group.count}" + (f" ({group.unknown_count}?)" if group.unknown_count else "")
    return [
        Text(plain(group.severity), style=STYLES.get(group.severity, "")),
        Text(group.origin, style=ORIGIN_STYLES[group.origin]),
        Text(f"{plain(group.item, 80)} = {observed_told(group)[:60]}", style="bold"),
        Text(count, style="bold"),
        Text(plain(group.nodes, NODES_CHARS)),
        Text(f"{since_told(group, document.until)}  {why_told(group)}".rstrip(), style="dim"),
    ]


def _row_alone(console: Console, document: Document, group: Group) -> None:
    cells = _cells(document, group)
    console.print(Text("  ").join([Text(" "), *cells]), soft_wrap=True)


def _figures(console: Console, document: Document) -> None:
    """The rest of the document, shortly."""
    points = document.compliance
    if points:
        told = [
            f"{one.at}  {one.nodes_pass} of {one.nodes_judged} judged pass, {one.nodes - one.nodes_judged} unknown"
            for one in (points[0], points[-1])
        ]
        print_lines(console, "Compliance, first and last whole sweep", told)
    fixed = document.corrections
    if fixed.count and fixed.mean_s is not None and fixed.median_s is not None:
        line = f"{fixed.count}: mean {told_for(fixed.mean_s)}, median {told_for(fixed.median_s)}"
        if fixed.longest is not None:
            far = fixed.longest
            line += f"; longest {told_for(far.seconds)}: {plain(far.item)} on {plain(far.node)}"
        print_lines(console, "Put right", [line])
    again, drifting = document.offenders[:LINES_SHOWN], document.drifters[:LINES_SHOWN]
    print_lines(
        console, "Nodes that deviate again and again",
        (f"{plain(one.node)}: {one.openings} times, {many(one.items, 'item')}" for one in again),
    )  # fmt: skip
    print_lines(
        console, "Items that drift most",
        (f"{plain(one.item)}: {one.openings} times on {many(one.nodes, 'node')}" for one in drifting),
    )  # fmt: skip
    for dimension, shares in document.by.items():
        print_lines(
            console, f"By {plain(dimension)}",
            (
                f"{plain(one.value) or '(none)'}: {one.new} new, {one.flapping} flapping, {one.open} open, "
                f"{one.back} back, {one.unknown} unknown"
                for one in shares[:LINES_SHOWN]
            ),
        )  # fmt: skip
