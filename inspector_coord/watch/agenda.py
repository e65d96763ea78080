"""CORE. What is due when: one entry a key, the newest time counts, each in O(log n)."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

__all__ = ["NEVER", "Agenda", "Key"]

NEVER = float("inf")

Key = tuple[str, int | str]
"""(what is due, of which)."""


class Agenda:
    """Keys and their times. A key that is put again has only its newest time."""

    def __init__(self) -> None:
        self._at: dict[Key, float] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._count = 0  # keys of one time come in the order in which they were put

    def put(self, key: Key, at: float) -> None:
        """The key is due at `at`, and at no other time."""
        if self._at.get(key) == at:
            return
        self._at[key] = at
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, key))
        if len(self._heap) > 4 * len(self._at) + 64:  # times that no longer hold
            kept = [entry for entry in self._heap if self._at.get(entry[2]) == entry[0]]
            heapq.heapify(kept)
            self._heap = kept

    def sooner(self, key: Key, at: float) -> None:
        """The key is due at `at`, unless it is due before."""
        if at < self._at.get(key, NEVER):
            self.put(key, at)

    def drop(self, key: Key) -> None:
        """The key is not due any more."""
        self._at.pop(key, None)

    def at(self, key: Key) -> float:
        """When the key is due."""
        return self._at.get(key, NEVER)

    def due(self, now: float) -> Iterator[Key]:
        """Take what is due, in order; what is put meanwhile for now or before comes, too."""
        while self._heap and self._heap[0][0] <= now:
            at, _, key = heapq.heappop(self._heap)
            if self._at.get(key) == at:
                del self._at[key]
                yield key

    @property
    def next_at(self) -> float:
        """When the next key is due."""
        while self._heap and self._at.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else NEVER
