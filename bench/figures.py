"""A measured figure, the table of them, and the two files in docs/ that only this program writes."""

from __future__ import annotations

import json
import os
import platform
import statistics
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


@dataclass(frozen=True)
class Figure:
    """One budgeted figure.

    key     name in docs/benchmarks.json
    title   what was measured, for the table
    unit    "" for a ratio, else "MB", "ms", "%", "s"
    values  one value a run, in the order they were taken
    bound   the budget; `at_most` tells its side; None: reported without a budget
    note    how it was measured, or why it falls short
    """

    key: str
    title: str
    unit: str
    values: tuple[float, ...]
    bound: float | None = None
    at_most: bool = True
    note: str = ""

    @property
    def median(self) -> float:
        """The figure to quote."""
        return statistics.median(self.values)

    @property
    def verdict(self) -> str:
        """ "met", "missed", or "reported" where there is no budget."""
        if self.bound is None:
            return "reported"
        met = self.median <= self.bound if self.at_most else self.median >= self.bound
        return "met" if met else "missed"

    @property
    def budget(self) -> str:
        """The budget as text."""
        if self.bound is None:
            return "–"
        return f"{'≤' if self.at_most else '≥'} {self.bound:g} {self.unit}".strip()


def machine() -> str:
    """The machine in one line: figures of different machines are not to be compared."""
    model = "unknown CPU"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory_kb = int(Path("/proc/meminfo").read_text(encoding="utf-8").split()[1])
    cores = len(os.sched_getaffinity(0))
    system = f"Linux {platform.release()}, Python {platform.python_version()}"
    return f"{cores} × {model}, {memory_kb / 2**20:.0f} GiB, {system}"


def row(figure: Figure) -> str:
    """One line of the Markdown table."""
    spread = f"{min(figure.values):.4g} – {max(figure.values):.4g}"
    value = f"**{figure.median:.3g}** {figure.unit}".strip()
    return f"| {figure.title} | {value} | {spread} | {len(figure.values)} | {figure.budget} | {figure.verdict} |"


def markdown(figures: list[Figure], when: datetime) -> str:
    """docs/benchmarks.md, whole."""
    lines = [
        "# Benchmarks",
        "",
        f"Written by `make bench` on {when:%Y-%m-%d %H:%M} UTC; every figure below comes from that one run.",
        f"Machine: {machine()}. It is small and shared: trust the ratios, not the seconds.",
        "",
        "| what | median | spread | runs | budget | |",
        "|---|---|---|---|---|---|",
        *[row(figure) for figure in figures],
        "",
        "## How each was measured",
        "",
        *[f"- **{figure.title.strip()}** (`{figure.key}`): {figure.note}" for figure in figures if figure.note],
        "",
    ]
    return "\n".join(lines)


def write(figures: list[Figure]) -> None:
    """Write docs/benchmarks.md and docs/benchmarks.json."""
    now = datetime.now(UTC)
    (DOCS / "benchmarks.md").write_text(markdown(figures, now), encoding="utf-8")
    document = {
        "measured": now.isoformat(timespec="seconds"),
        "machine": machine(),
        "figures": {
            figure.key: {
                "median": round(figure.median, 4),
                "min": round(min(figure.values), 4),
                "max": round(max(figure.values), 4),
                "runs": len(figure.values),
                "unit": figure.unit,
                "budget": figure.budget,
                "verdict": figure.verdict,
            }
            for figure in figures
        },
    }
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    (DOCS / "benchmarks.json").write_text(text, encoding="utf-8")
