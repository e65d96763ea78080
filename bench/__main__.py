"""`make bench`: every budget measured, printed, and written to docs/benchmarks.md and .json.

With `--only` some parts alone; their figures take the place of the old ones in both files only with `--write`.
"""

from __future__ import annotations

import argparse
import sys
import time

from rich.console import Console
from rich.table import Table

from bench import record
from bench.figures import Figure, Results, Section, machine
from bench.parts import PARTS, measured


def table(results: Results) -> Table:
    """The figures as they are printed."""
    grid = Table(title=machine(), title_justify="left")
    for column in ("what", "median", "spread", "runs", "budget", ""):
        grid.add_column(column)
    for figure in results:
        if isinstance(figure, Figure):
            style = {"met": "green", "missed": "red"}.get(figure.verdict, "")
            grid.add_row(
                figure.title,
                f"{record.quantity(figure.median)} {figure.unit}",
                f"{min(figure.values):,.3g} – {max(figure.values):,.3g}",
                str(len(figure.values)),
                figure.budget,
                figure.verdict,
                style=style,
            )
    return grid


def options() -> argparse.Namespace:
    """What the command line says; `only` holds the parts to run, `write` whether docs/ gets them."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few runs, and docs/ is left alone: to try the benchmark")
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help="these parts alone")
    parser.add_argument("--write", action="store_true", help="with --only: put their figures into docs/")
    parser.add_argument("--list", action="store_true", help="name the parts and end")
    given = parser.parse_args()
    if given.write and given.quick:
        parser.error("--quick measures too little for docs/: leave it out, or --write")
    given.write = given.write or not (given.only or given.quick)
    given.only = given.only or [name for name, part in PARTS.items() if not part.apart]
    return given


def main() -> int:
    """Run benchmarks; 0 if every budget is met and every part ended well, else 1."""
    given = options()
    if given.list:
        for name, part in PARTS.items():
            print(f"{name:13} {part.what}{' (only when named)' if part.apart else ''}")
        return 0
    progress = Console(stderr=True, highlight=False)
    everything = record.read(record.DOCS)
    results: list[Figure | Section] = []
    broken = []
    for name in given.only:
        progress.print(f"{name}: {PARTS[name].what} …")
        began = time.monotonic()
        found = measured(name, quick=given.quick)
        took_s = time.monotonic() - began
        outcome = "broke" if found is None else "done" if found else "not measured here"
        progress.print(f"{name}: {outcome} after {took_s:.0f} s")
        if found is None:
            broken.append(name)
        if not found:
            continue
        results += found
        record.enter(everything, name, found, took_s)
        if given.write:  # after each part: hours of measuring survive a power cut
            record.write(everything, PARTS, record.DOCS)
    Console().print(table(results))
    if given.write:
        progress.print("written: docs/benchmarks.md, docs/benchmarks.json")
    if broken:
        progress.print(f"[red]these parts broke, their figures are missing or old:[/red] {' '.join(broken)}")
    return int(bool(broken) or any(isinstance(one, Figure) and one.verdict == "missed" for one in results))


if __name__ == "__main__":
    sys.exit(main())
