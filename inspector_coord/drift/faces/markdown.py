"""The drift report as Markdown, for a ticket or a chat (core: no I/O). Foreign text is no markup there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from inspector_coord.drift.document import CLASSES, Document, Group
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
from inspector_coord.plain import plain

__all__ = ["cell", "code", "escaped", "lines"]

GROUPS_SHOWN = 25  # of a class: a ticket is read by people
NODES_CHARS = 300
_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~&])")

TITLES = {"new": "New", "flapping": "Flapping", "open": "Still open", "back": "Back to normal"}


def escaped(text: str) -> str:
    """Words of ours: every mark is escaped."""
    return _MARKS.sub(r"\\\1", text)


def code(text: str) -> str:
    """Foreign text, as code: there `@name` calls nobody, and no address is a link."""
    harmless = text.replace("`", "'")
    return f"`{harmless}`" if harmless.strip() else ""


def cell(text: str) -> str:
    """The same in a table, where a `|` would end the cell: nowhere else is it escaped in code."""
    return code(text).replace("|", "\\|")


def lines(document: Document, *, verbose: bool = False) -> Iterator[str]:
    """The report, line by line; `verbose` with the details of each group."""
    yield f"## {escaped(headline(document))}"
    yield ""
    yield escaped(subtitle(document))
    for class_ in CLASSES:
        groups = [group for group in document.groups if group.class_ == class_]
        if groups:
            yield from _table(document, TITLES[class_], groups)
            if verbose:
                yield from _details(groups[:GROUPS_SHOWN])
    for line in left_told(document):
        yield ""
        yield line
    yield from _list("Not judged", coverage_told(document))
    yield from _list("Notes", (plain(note, 1_000) for note in document.notes))
    yield ""
    yield escaped(exit_told(document))


def _table(document: Document, title: str, groups: list[Group]) -> Iterator[str]:
    yield ""
    yield f"### {title}"
    yield ""
    yield "| severity | origin | item | observed | expected | nodes | when | why |"
    yield "|---|---|---|---|---|---|---|---|"
    for group in groups[:GROUPS_SHOWN]:
        unknown = f", {group.unknown_count} not judged now" if group.unknown_count else ""
        cells = (
            escaped(group.severity), group.origin, cell(plain(group.item)), cell(observed_told(group)),
            cell(plain(group.expected)), f"{group.count}: {cell(plain(group.nodes, NODES_CHARS))}{unknown}",
            since_told(group, document.until), cell(why_told(group)),
        )  # fmt: skip
        yield f"| {' | '.join(cells)} |"
    if len(groups) > GROUPS_SHOWN:
        yield ""
        yield f"… and {many(len(groups) - GROUPS_SHOWN, 'more group')}"


def _details(groups: list[Group]) -> Iterator[str]:
    for group in groups:
        yield ""
        yield f"#### {code(plain(group.item))}"
        yield ""
        for what, text in group_details(group):
            yield f"- {what}: {code(text)}"


def _list(title: str, entries: Iterator[str]) -> Iterator[str]:
    for index, entry in enumerate(entries):
        if not index:
            yield ""
            yield f"### {title}"
            yield ""
        yield f"- {code(entry)}"
