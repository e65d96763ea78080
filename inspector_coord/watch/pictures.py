"""CORE. Whether a vantage hears the majority of the ring: a small sample of all that are expected, asked through it.

Serf in a cut-off minority lists the others as alive for minutes, so a list proves nothing. An answer does, and so does
an acknowledgement: where every inspection agent is being restarted, the Serf agents still acknowledge.
"""

from __future__ import annotations

from collections import deque

from inspector_coord.watch import limits
from inspector_coord.watch.asks import Open

__all__ = ["Pictures"]


class Pictures:
    """The last pictures of every vantage."""

    def __init__(self) -> None:
        self._taken: dict[int, deque[Open]] = {}

    def add(self, one: Open) -> None:
        """A picture has been asked for."""
        self._taken.setdefault(one.vantage, deque(maxlen=limits.pictures_kept)).append(one)

    def discard(self, one: Open) -> None:
        """It could not be asked for."""
        if one in self._taken.get(one.vantage, ()):
            self._taken[one.vantage].remove(one)

    def forget(self, vantage: int) -> None:
        """The connection is gone, and the next one may be to an agent that has restarted."""
        self._taken.pop(vantage, None)

    def share(self, vantage: int, since: float) -> float | None:
        """Of the nodes asked in the last picture since then, how many said anything; None: no picture is over.

        A picture counts before its end once it shows the majority.
        """
        for one in reversed(self._taken.get(vantage, ())):
            share = _share(one)
            if one.at >= since and (one.over or share >= limits.majority_share):
                return share
        return None

    def majority(self, vantage: int, since: float) -> bool | None:
        """Whether a vantage hears at least half of the ring; None: not known."""
        share = self.share(vantage, since)
        return None if share is None else share >= limits.majority_share

    def minority(self, vantage: int, since: float) -> bool:
        """Whether two pictures in a row, at `since` or later, were those of a minority."""
        low = [
            _share(one) < limits.majority_share for one in self._taken.get(vantage, ()) if one.over and one.at >= since
        ]
        return len(low) >= limits.pictures_low and all(low[-limits.pictures_low :])

    def latest(self, vantage: int) -> Open | None:
        """The picture asked for last."""
        taken = self._taken.get(vantage)
        return taken[-1] if taken else None


def _share(one: Open) -> float:
    return len(one.answered.keys() | one.acked.keys()) / max(1, len(one.names))
