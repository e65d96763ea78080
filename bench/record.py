"""docs/benchmarks.json and docs/benchmarks.md: what was measured, when, and on which machine. Only `make bench` writes.

The JSON holds everything; the Markdown is made of it. So a few parts can be measured anew and the others stay. Sections
too long for benchmarks.md have pages of their own in docs/, made of it, too.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bench.figures import Figure, Results, Section, machine
from config_center.files import write_whole

DOCS = Path(__file__).parent.parent / "docs"
PAGES = {
    "liveness-transcripts": """# What a watch says

Transcripts of `inspector watch` on [labs in namespaces](lab-namespaces.md), where the ring, the deaths and the cuts are
real. Lines with `#` are what was done, and what Serf said; all others are the watch's own, at the second at which it
printed them. The benchmarks write this page: `python -m bench --only PART --write`, as root, makes its section anew.
How long each took, and whether that is within its budget, is in [benchmarks.md](benchmarks.md).
"""
}
"""The head of each page of its own."""


class Told(msgspec.Struct):
    """A figure as the record keeps it. `runs`: how many values; `part`: the benchmark that measured it."""

    part: str
    title: str
    median: float
    min: float
    max: float
    runs: int
    unit: str
    budget: str
    verdict: str
    note: str = ""

    @property
    def row(self) -> str:
        """One line of the Markdown table."""
        value = f"**{quantity(self.median)}** {self.unit}".strip()
        spread = f"{self.min:,.4g} – {self.max:,.4g}"
        return f"| {self.title} | {value} | {spread} | {self.runs} | {self.budget} | {self.verdict} |"


class Part(msgspec.Struct):
    """One benchmark's last run: when, where, how long it took, and its text. `measured`: RFC 3339."""

    measured: str
    machine: str
    seconds: float
    sections: list[Section] = []


class Record(msgspec.Struct):
    """docs/benchmarks.json. `measured` and `machine`: of the newest part."""

    measured: str = ""
    machine: str = ""
    parts: dict[str, Part] = {}
    figures: dict[str, Told] = {}


def quantity(value: float) -> str:
    """Three digits, thousands in full."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def read(folder: Path) -> Record:
    """What was measured so far; an empty record where there is none."""
    try:
        raw = (folder / "benchmarks.json").read_bytes()
    except FileNotFoundError:
        return Record()
    return msgspec.json.decode(raw, type=Record)


def enter(record: Record, part: str, results: Results, seconds: float) -> None:
    """Put a part's results in the place of those it gave before."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    record.measured, record.machine = now, machine()
    sections = [result for result in results if isinstance(result, Section)]
    record.parts[part] = Part(now, record.machine, round(seconds, 1), sections)
    record.figures = {key: told for key, told in record.figures.items() if told.part != part}
    for figure in results:
        if isinstance(figure, Figure):
            record.figures[figure.key] = Told(
                part, figure.title, round(figure.median, 4), round(min(figure.values), 4),
                round(max(figure.values), 4), len(figure.values), figure.unit, figure.budget, figure.verdict,
                figure.note,
            )  # fmt: skip


def write(record: Record, order: Collection[str], folder: Path) -> None:
    """Write both files; parts stand in their `order`, those that are not in it any more go."""
    record.parts = {name: record.parts[name] for name in order if name in record.parts}
    record.figures = {
        key: told for name in record.parts for key, told in record.figures.items() if told.part == name
    }  # fmt: skip
    write_whole(folder / "benchmarks.json", msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
    write_whole(folder / "benchmarks.md", markdown(record).encode())
    for page in PAGES:
        write_whole(folder / f"{page}.md", page_of(record, page).encode())


def markdown(record: Record) -> str:
    """docs/benchmarks.md, whole."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. The machine is small and shared: trust the ratios, not the seconds.",
        "",
        "| what | median | spread | runs | budget | |",
        "|---|---|---|---|---|---|",
        *[told.row for told in record.figures.values()],
        "",
    ]
    for part in record.parts.values():
        lines += sections_of(part, "")
    lines += ["## How each was measured", ""]
    lines += [f"- **{told.title.strip()}** (`{key}`): {told.note}" for key, told in record.figures.items() if told.note]
    lines += ["", "## When and where", "", "`make bench` measures every part in one run, but for those told apart by "]
    lines[-1] += "`python -m bench --list`; `python -m bench --only PART --write` measures one anew."
    lines += ["", "| part | measured (UTC) | took | machine |", "|---|---|---|---|"]
    for name, part in record.parts.items():
        when = datetime.fromisoformat(part.measured)
        lines.append(f"| {name} | {when:%Y-%m-%d %H:%M} | {part.seconds:,.0f} s | {part.machine} |")
    return "\n".join([*lines, ""])


def sections_of(part: Part, page: str) -> list[str]:
    """The lines of its sections on a page, "" for benchmarks.md."""
    chosen = [section for section in part.sections if section.page == page]
    return [line for section in chosen for line in (f"## {section.title}", "", section.text.strip(), "")]


def page_of(record: Record, page: str) -> str:
    """A page of its own, whole: what each part has for it, and when that was."""
    lines = [PAGES[page]]
    for name, part in record.parts.items():
        if found := sections_of(part, page):
            when = datetime.fromisoformat(part.measured)
            lines += [*found, f"(`{name}`, {when:%Y-%m-%d %H:%M} UTC)", ""]
    return "\n".join(lines)
