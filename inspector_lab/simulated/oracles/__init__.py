"""What must hold in every simulated sweep, whatever happens in it. One file each, `check(result) -> sentences`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from inspector_lab.simulated.oracles import (
    counted,
    deadline,
    duplicates,
    evidence,
    healthy,
    rates,
    same,
    sums,
    verdicts,
)
from inspector_lab.simulated.result import Result

__all__ = ["ORACLES", "broken"]

ORACLES: Mapping[str, Callable[[Result], list[str]]] = {
    "sums": sums.check,
    "verdicts": verdicts.check,
    "healthy": healthy.check,
    "deadline": deadline.check,
    "evidence": evidence.check,
    "counted": counted.check,
    "rates": rates.check,
    "duplicates": duplicates.check,
    "same": same.check,
}


def broken(result: Result) -> dict[str, list[str]]:
    """The oracles that do not hold, and what they say; {} where all do."""
    return {name: sentences for name, check in ORACLES.items() if (sentences := check(result))}
