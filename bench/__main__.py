"""`make bench`: every budget measured in one run, printed, and written to docs/benchmarks.md and .json."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console
from rich.table import Table

from bench import against_ansible, agent_size, brain, center_load, sweep_overhead, sysctl_speed
from bench.figures import Figure, machine, write
from bench.fleet import fleet


def table(figures: list[Figure]) -> Table:
    """The figures as they are printed."""
    grid = Table(title=machine(), title_justify="left")
    for column in ("what", "median", "spread", "runs", "budget", ""):
        grid.add_column(column)
    for figure in figures:
        style = {"met": "green", "missed": "red"}.get(figure.verdict, "")
        grid.add_row(
            figure.title,
            f"{figure.median:.3g} {figure.unit}",
            f"{min(figure.values):.3g} – {max(figure.values):.3g}",
            str(len(figure.values)),
            figure.budget,
            figure.verdict,
            style=style,
        )
    return grid


def main() -> int:
    """Run all benchmarks; 0 if every budget is met, else 1."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few runs, and docs/ is left alone: to try the benchmark")
    quick = parser.parse_args().quick
    runs = 3 if quick else 15
    progress = Console(stderr=True)
    progress.print("300 sysctl items …")
    figures = sysctl_speed.measure(runs=runs)
    progress.print("the config center: validate, resolve, publish, take …")
    figures += brain.measure(runs=runs)
    progress.print("the config center: a fleet comes to fetch …")
    agents, spread_s = (1_000, 1.0) if quick else (10_000, center_load.SPREAD_S)
    figures += center_load.measure(agents=agents, spread_s=spread_s, processes=2)
    with fleet(50) as big:
        progress.print("50 nodes: sweep overhead …")
        figures += sweep_overhead.measure(big, runs=runs)
        progress.print("50 nodes: Ansible, several minutes …")
        figures += against_ansible.measure(big, runs=1 if quick else 3)
    with fleet(3) as small:
        progress.print("3 nodes: memory of the agent …")
        figures += agent_size.measure(small, sweeps=10 if quick else 100, idle_s=5 if quick else 60)
    Console().print(table(figures))
    if not quick:
        write(figures)
        progress.print("written: docs/benchmarks.md, docs/benchmarks.json")
    return int(any(figure.verdict == "missed" for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
