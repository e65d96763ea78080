"""CORE. What is to be done later, by the tick: cheap enough for twenty thousand answers a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inspector_lab.hollow import limits

Step = tuple[Callable[..., None], tuple[Any, ...]]


class Schedule:
    """Steps by the time they are due, in ticks of `limits.tick_s`; within a tick in the order they were put in."""

    def __init__(self) -> None:
        self._ticks: dict[int, list[Step]] = {}
        self._next = 0

    def __len__(self) -> int:
        return sum(map(len, self._ticks.values()))

    def put(self, at: float, call: Callable[..., None], *arguments: Any) -> None:
        """Call `call(*arguments)` at that time, or at the next tick if it has passed."""
        tick = max(int(at / limits.tick_s), self._next)
        self._ticks.setdefault(tick, []).append((call, arguments))

    def run(self, now: float) -> None:
        """Take every step that is due by now."""
        current = int(now / limits.tick_s)
        if not self._ticks:
            self._next = max(self._next, current)
            return
        while self._next <= current:
            due = self._ticks.pop(self._next, None)
            self._next += 1
            for call, arguments in due or ():
                call(*arguments)
            if not self._ticks:
                self._next = max(self._next, current + 1)
