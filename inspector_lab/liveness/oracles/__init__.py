"""What must hold in every simulated watch, whatever happens in it. One file each, `check(result) -> sentences`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from inspector_lab.liveness.oracles import (
    alone,
    bursts,
    cuts,
    ended,
    form,
    found,
    innocent,
    once,
    rates,
    resumed,
    roster,
)
from inspector_lab.liveness.result import Result
from inspector_lab.simulated.oracles import same

__all__ = ["ORACLES", "broken"]

ORACLES: Mapping[str, Callable[[Result], list[str]]] = {
    "innocent": innocent.check,
    "found": found.check,
    "cuts": cuts.check,
    "alone": alone.check,
    "ended": ended.check,
    "once": once.check,
    "bursts": bursts.check,
    "form": form.check,
    "resumed": resumed.check,
    "roster": roster.check,
    "rates": rates.check,
    "same": same.check,
}


def broken(result: Result) -> dict[str, list[str]]:
    """The oracles that do not hold, and what they say; {} where all do."""
    return {name: sentences for name, check in ORACLES.items() if (sentences := check(result))}
