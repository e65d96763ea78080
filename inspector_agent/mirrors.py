"""CORE. In which order config centers are asked: as they are configured, but one that failed lets others go first.

How long it does so grows with each failure in a row, and is drawn by lot, so that a fleet does not come back to a
center all at once. While no other one answers it is asked all the same, last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from inspector_agent import limits


class Mirrors:
    """What is remembered of each center.

    Args:
        centers: base URLs, in their configured order.
        chance: gives random numbers from 0 to 1.
    """

    def __init__(self, centers: Sequence[str], chance: Callable[[], float]) -> None:
        self._centers = tuple(dict.fromkeys(centers))
        self._chance = chance
        self._failures: dict[str, int] = {}
        self._rests_until: dict[str, float] = {}

    def order(self, now: float, look: int = 0) -> tuple[str, ...]:
        """All centers, those that rest last. now: seconds of any clock that goes on.

        look: how many looks for news there were before. Now and then another center than the first one goes first: what
        says that nothing is new may lag behind, or lie.
        """
        turn, is_not_its = divmod(look + 1, limits.looks_at_one_max)
        ahead = 0 if is_not_its or not self._centers else 1 + turn % max(1, len(self._centers) - 1)
        turned = (*self._centers[ahead : ahead + 1], *self._centers[:ahead], *self._centers[ahead + 1 :])
        return tuple(sorted(turned, key=lambda center: self._rests_until.get(center, now) > now))

    def failed(self, center: str, now: float) -> None:
        """It gave nothing that could be used."""
        failures = self._failures[center] = self._failures.get(center, 0) + 1
        rest_s = min(limits.mirror_rest_s_min * 2.0 ** min(failures - 1, 32), limits.mirror_rest_s_max)
        self._rests_until[center] = now + rest_s * (1 - limits.mirror_jitter * self._chance())

    def answered(self, center: str) -> None:
        """It gave what it should."""
        self._failures.pop(center, None)
        self._rests_until.pop(center, None)
