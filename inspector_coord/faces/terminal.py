"""The report for a person on call, in a terminal: what is wrong first, the rest in the order it is needed.

Every text of a node comes as plain text objects, never as markup: a node named `[bold red]` is shown so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

from rich.console import Console, RenderableType
from rich.console import Group as RichGroup
from rich.live import Live
from rich.padding import Padding
from rich.segment import Segment, Segments
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from inspector_coord.faces.view import Group, Missing, Second, View, Waived, view
from inspector_coord.faces.words import LEDGER_STATES

__all__ = ["Progress", "render"]

GROUPS_SHOWN = 40
LINES_SHOWN = 25
RINGS_SHOWN = 60
NODES_CHARS_SHOWN = 400
BAR_CELLS_MAX = 40

STYLES = {
    "pass": "green",
    "fail": "bold red",
    "error": "bold magenta",
    "uncovered": "yellow",
    "stale": "yellow",
    "stalled": "bold yellow",
    "silent": "bold yellow",
    "down": "bold yellow",
    "left": "dim",
    "critical": "bold white on red",
    "major": "bold red",
    "minor": "yellow",
    "info": "cyan",
    "confirmed": "red",
    "disagrees": "bold magenta",
    "recovered": "green",
    "unreachable": "bold yellow",
    "skipped": "dim",
}
TONES = {"good": "bold green", "bad": "bold red", "incomplete": "bold yellow"}


def render(report: Mapping[str, Any], console: Console) -> None:
    """Print the whole report on a console, as wide as the console is."""
    seen = view(report)
    _print(console, Text(seen.headline, style=TONES[seen.tone]))
    _print(console, Text(seen.subtitle, style="dim"))
    for title, parts in _sections(seen, console.width):
        if parts:
            console.print()
            _print(console, Text(title, style="bold"))
            for index, part in enumerate(parts):
                if index and isinstance(part, RichGroup):
                    console.print()
                _print(console, Padding(part, (0, 0, 0, 2)))
    console.print()
    _print(console, Text(seen.exit, style=TONES[seen.tone]))
    if seen.next:
        _print(console, _pairs([("" if index else "next", Text(text)) for index, text in enumerate(seen.next)]))


def _print(console: Console, part: RenderableType) -> None:
    """Print without the blanks that rich fills its columns up with: they are in the way of whoever copies a line."""
    for line in console.render_lines(part, pad=False):
        while line and not line[-1].text.strip():
            line.pop()
        if line:
            line[-1] = Segment(line[-1].text.rstrip(), line[-1].style)
        console.print(Segments([*line, Segment.line()]), end="", soft_wrap=True)


def _sections(seen: View, width: int) -> Iterable[tuple[str, list[RenderableType]]]:
    yield f"Ledger: {seen.targets} targets, each in one state", [_ledger(seen, width)] if seen.states else []
    yield (
        f"What is wrong: {_many(len(seen.groups), 'group')}",
        [
            *(_group(group) for group in seen.groups[:GROUPS_SHOWN]),
            *_more(len(seen.groups), GROUPS_SHOWN, "groups"),
        ],
    )
    yield (
        "Without a verdict on their items",
        [
            *([_missing(seen.missing[:LINES_SHOWN])] if seen.missing else []),
            *_more(len(seen.missing), LINES_SHOWN, "lines"),
        ],
    )
    yield (
        f"Second pass: {seen.second_counts}",
        [
            *([_second(seen.second[:LINES_SHOWN])] if seen.second else []),
            *_more(len(seen.second), LINES_SHOWN, "lines"),
        ],
    )
    yield (
        f"Waived: {_many(len(seen.waived), 'waiver')} in use",
        [
            *([_waived(seen.waived[:LINES_SHOWN])] if seen.waived else []),
            *_more(len(seen.waived), LINES_SHOWN, "waivers"),
        ],
    )
    yield (
        "Rings",
        [*(Text(line) for line in seen.rings[:RINGS_SHOWN]), *_more(len(seen.rings), RINGS_SHOWN, "rings")],
    )
    yield "Asked again", [Text(seen.again, style="dim")] if seen.again else []
    yield (
        "Notes",
        [*(Text(note) for note in seen.notes[:LINES_SHOWN]), *_more(len(seen.notes), LINES_SHOWN, "notes")],
    )
    yield "Dropped on the way", [Text(seen.dropped, style="yellow")] if seen.dropped else []


def _ledger(seen: View, width: int) -> Table:
    """One line a state: its count, a bar, what it means where there is room."""
    cells = max(8, min(BAR_CELLS_MAX, width // 3))
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    if width >= 100:
        table.add_column(overflow="fold")
    for state in seen.states:
        style = STYLES[state.name]
        # Every state that occurs has a bar, however big the others are.
        bar = "█" * max(1, round(cells * state.count / seen.targets))
        row = [Text(state.name, style=style), Text(str(state.count), style=style), Text(bar, style=style)]
        table.add_row(*row, *([Text(state.meaning, style="dim")] if width >= 100 else []))
    return table


def _group(group: Group) -> RenderableType:
    head = Text.assemble(
        (group.severity, STYLES.get(group.severity, "bold")),
        "  ",
        (group.outcome, STYLES.get(group.outcome, "bold")),
        "  ",
        (group.item, "bold"),
        "  ",
        _many(group.count, "node"),
    )
    lines = [
        ("nodes", Text(_names(group.nodes), style="bold")),
        ("expected", Text(group.expected)),
        ("observed", Text(group.observed, style=STYLES.get(group.outcome, ""))),
        ("cause", Text("\n".join(group.causes))),
        ("source", Text(", ".join(group.sources))),
        ("fix", Text(group.remediation, style="green")),
        ("second", Text(group.second)),
    ]
    pairs = _pairs([(label, text) for label, text in lines if text.plain])
    return RichGroup(head, Padding(pairs, (0, 0, 0, 2)))


def _missing(missing: Sequence[Missing]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for each in missing:
        table.add_row(
            Text(each.state, style=STYLES.get(each.state, "")),
            Text(_names(each.nodes), style="bold"),
            Text(each.evidence, style="dim"),
        )
    return table


def _second(lines: Sequence[Second]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold", ratio=1)
    for line in lines:
        table.add_row(
            Text(line.outcome, style=STYLES.get(line.outcome, "")),
            Text(_names(line.nodes), style="bold"),
            Text(line.message),
        )
    return table


def _waived(waived: Sequence[Waived]) -> Table:
    """Known, and borne for a while: nothing to act on now, so nothing is loud."""
    table = Table.grid(padding=(0, 2))
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    table.add_column(overflow="fold", ratio=1)
    for each in waived:
        table.add_row(
            Text(each.items, style="dim"), Text(_names(each.nodes), style="dim"), Text(each.waiver, style="dim")
        )
    return table


def _pairs(pairs: Sequence[tuple[str, Text]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in pairs:
        table.add_row(label, text)
    return table


def _more(count: int, shown: int, what: str) -> list[RenderableType]:
    return [Text(f"… and {count - shown} more {what}: see --json", style="yellow")] if count > shown else []


def _names(nodes: str) -> str:
    """A node set as far as a screen bears it: hundreds that have nothing in common would fill it."""
    if len(nodes) <= NODES_CHARS_SHOWN:
        return nodes
    head = nodes[:NODES_CHARS_SHOWN].rpartition(",")[0]
    return f"{head or nodes[:NODES_CHARS_SHOWN]},… all in --json"


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


class Progress:
    """One live line on standard error while a sweep runs; nothing at all where standard error is no terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._live: Live | None = None
        self._spinner = Spinner("dots")

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            # No thread of its own: it is redrawn when there is something new.
            self._live = Live(console=self._console, transient=True, auto_refresh=False)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def update(self, states: Mapping[str, int], targets: int, elapsed_s: float, phase: str) -> None:
        """Show how many targets are in which state, after elapsed_s seconds, in this phase."""
        if self._live is None:
            return
        answered = sum(states.values())
        line = Text.assemble((f"{phase} ", "bold"), f"{answered}/{targets}  {elapsed_s:.1f} s ")
        for state in LEDGER_STATES:
            if states.get(state):
                line.append(f"  {states[state]} {state}", style=STYLES[state])
        self._spinner.update(text=line)
        self._live.update(self._spinner, refresh=True)
