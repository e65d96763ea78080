"""Arrival curves of a real ring and of the simulated one, held against each other. Pure: seconds in, numbers out."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence, Sized
from typing import NamedTuple, TypeVar

from bench.figures import Figure

WITHIN = 0.2  # by so much the simulated curve may be off
Arrivals = Sequence[float]
Run = TypeVar("Run", bound=Sized)


class Agreement(NamedTuple):
    """One number of both curves, in seconds: medians over the runs."""

    real: float
    simulated: float

    @property
    def ratio(self) -> float:
        """Simulated ÷ real."""
        return self.simulated / self.real


class Comparison(NamedTuple):
    """Runs on a ring of `nodes`, each a sorted list of seconds with one arrival a node.

    key      goes into the keys of figures
    title    for the table and the plot
    missing  real runs that lacked somebody, and were left out
    machine  what of a node's time was the machine's, for the table
    """

    key: str
    title: str
    nodes: int
    real: Sequence[Arrivals]
    simulated: Sequence[Arrivals]
    missing: int = 0
    machine: str = ""

    @property
    def median(self) -> Agreement:
        """When half of the ring was heard."""
        return self._agree(statistics.median)

    @property
    def last(self) -> Agreement:
        """When all of the ring was heard."""
        return self._agree(max)

    def _agree(self, number: Callable[[Arrivals], float]) -> Agreement:
        return Agreement(
            statistics.median(number(run) for run in self.real),
            statistics.median(number(run) for run in self.simulated),
        )

    def figures(self) -> list[Figure]:
        """How far the simulation is off, of both numbers; and the real ones in seconds."""
        told = []
        for name, number, of in (("median", self.median, statistics.median), ("last", self.last, max)):
            told.append(
                Figure(
                    f"calibration_{self.key}_{name}",
                    f"simulated ring, {self.title}: {name} off by",
                    "",
                    (abs(number.ratio - 1),),
                    WITHIN,
                    note=f"|simulated {number.simulated:.3f} s ÷ real {number.real:.3f} s - 1|, medians of "
                    f"{len(self.simulated)} seeds and {len(self.real)} real runs",
                )
            )
            real = tuple(of(run) for run in self.real)
            told.append(Figure(f"calibration_{self.key}_{name}_s", f"  {name}, real", "s", real))
        return told


def whole(runs: Sequence[Run], nodes: int) -> list[Run]:
    """The runs in which everybody was heard."""
    return [run for run in runs if len(run) == nodes]


def table(compared: Sequence[Comparison]) -> str:
    """All comparisons as Markdown."""
    lines = [
        "| ring | real runs | median: real | simulated | ratio | last: real | simulated | ratio | the machine |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in compared:
        numbers = " | ".join(
            f"{number.real:.3f} s | {number.simulated:.3f} s | {number.ratio:.2f}" for number in (one.median, one.last)
        )
        runs = f"{len(one.real)}" + (f" (and {one.missing} that lacked somebody)" if one.missing else "")
        lines.append(f"| {one.title} | {runs} | {numbers} | {one.machine or '–'} |")
    return "\n".join(lines)
