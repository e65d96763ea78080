"""CORE. What happens to packets on request: lost, late, twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

Draw = Callable[[], float]
"""Numbers in [0, 1), each one new."""

CALM = (0.0,)


class Weather:
    """Decides for each packet. `counted`: lost, duplicated."""

    def __init__(self, draw: Draw, counted: Counter[str], *, loss: float, delay_s: float, duplicate: float) -> None:
        """Shares of packets from 0 to 1; `delay_s` is the longest delay, evenly drawn."""
        self.loss = loss
        self.draw = draw
        self._counted = counted
        self._delay_s = delay_s
        self._duplicate = duplicate
        self._calm = not (loss or delay_s or duplicate)

    def copies(self, hops: int = 1) -> tuple[float, ...]:
        """After how many seconds a packet arrives over so many hops, once for each copy; (): it is lost."""
        if self._calm:
            return CALM
        for _ in range(hops):
            if self.loss and self.draw() < self.loss:
                self._counted["lost"] += 1
                return ()
        first = self._late(hops)
        if self._duplicate and self.draw() < self._duplicate:
            self._counted["duplicated"] += 1
            return first, self._late(hops)
        return (first,)

    def _late(self, hops: int) -> float:
        return sum(self._delay_s * self.draw() for _ in range(hops)) if self._delay_s else 0.0
