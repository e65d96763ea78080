"""What a benchmark gives: measured figures, and sections of text with tables and plots."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path

import msgspec


class Figure(msgspec.Struct, frozen=True):
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


class Section(msgspec.Struct, frozen=True):
    """What one figure cannot say: Markdown below a title of its own. A plot is an SVG in docs/ that the text shows.

    A benchmark returns sections beside its figures, in the same list. `page`: in docs/, without its ending, where it is
    too long for benchmarks.md.
    """

    title: str
    text: str
    page: str = ""


Results = Sequence[Figure | Section]


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
