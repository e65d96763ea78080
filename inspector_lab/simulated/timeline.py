"""CORE. The one clock of a simulation, and what is due when.

Calls that are due at the same moment are made in the order in which they were put in: nothing depends on identity,
hashing or the machine.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

__all__ = ["Timeline"]

T = TypeVar("T")


class Timeline:
    """`now` is in seconds of simulated time, 0 at the start."""

    __slots__ = ("_heap", "_order", "_until", "now")

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []
        self._order = 0
        self._until = float("-inf")

    def __len__(self) -> int:
        """Calls still to be made."""
        return len(self._heap)

    @property
    def next_at(self) -> float:
        """When the next call is due; infinite: never."""
        return self._heap[0][0] if self._heap else float("inf")

    def at(self, when: float, call: Callable[..., object], *args: Any) -> None:
        """Make this call then; a time already past means now, after all that is due now."""
        self._order += 1
        heapq.heappush(self._heap, (when if when > self.now else self.now, self._order, call, args))

    def flow(self, calls: Sequence[tuple[float, T]], call: Callable[[T], object]) -> None:
        """Make call(what) for each (when, what), sorted: like `at` for each of them, for a tenth of its price."""
        if calls:
            self.at(calls[0][0], self._flow, calls, call, 0)

    def _flow(self, calls: Sequence[tuple[float, T]], call: Callable[[T], object], first: int) -> None:
        """Make those that are due before anything else is; the first one is due now."""
        heap, until = self._heap, self._until
        call(calls[first][1])
        for index in range(first + 1, len(calls)):
            when, what = calls[index]
            if when > until or (heap and heap[0][0] <= when):
                self.at(when, self._flow, calls, call, index)
                return
            self.now = max(self.now, when)
            call(what)

    def step(self) -> bool:
        """Make the next call. False: there is none."""
        if not self._heap:
            return False
        self.now, _, call, args = heapq.heappop(self._heap)
        call(*args)
        return True

    def run_until(self, when: float) -> None:
        """Make all calls due by then, those included that they put in; the clock stands at `when` afterwards."""
        heap, self._until = self._heap, when
        while heap and heap[0][0] <= when:
            self.now, _, call, args = heapq.heappop(heap)
            call(*args)
        self.now, self._until = max(self.now, when), float("-inf")
