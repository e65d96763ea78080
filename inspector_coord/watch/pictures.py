"""CORE. Whether a vantage hears the majority of the ring: a small sample of all that are expected, asked through it.

Serf in a cut-off minority lists the others as alive for minutes, so a list proves nothing. An answer does, and so does
an acknowledgement: where every inspection agent is being restarted, the Serf agents still acknowledge.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Set
from itertools import takewhile

from inspector_coord.watch import limits
from inspector_coord.watch.asks import Open

__all__ = ["Picture", "Pictures"]


class Picture:
    """One picture. heard: who has said anything.

    spare  of those asked, who has been told as down: if they say something they count, and if not, they do not
    beside  the pictures of the same sample through other vantages, and this one
    """

    def __init__(self, asked: Open, spare: Set[str], beside: list[Picture]) -> None:
        self.asked, self.spare, self.beside = asked, spare, beside
        beside.append(self)

    @property
    def heard(self) -> set[str]:
        """Who has answered or acknowledged."""
        return self.asked.answered.keys() | self.asked.acked.keys()

    @property
    def share(self) -> float:
        """Of those that were asked."""
        return self._share(self.heard)

    @property
    def share_together(self) -> float:
        """The same through all vantages together."""
        return self._share(set().union(*(one.heard for one in self.beside)))

    def _share(self, heard: Set[str]) -> float:
        return len(heard) / max(1, len(self.asked.names) - len(self.spare - heard))


class Pictures:
    """The last pictures of every vantage."""

    def __init__(self) -> None:
        self._taken: dict[int, deque[Picture]] = {}

    def add(self, one: Picture) -> None:
        """A picture has been asked for."""
        self._taken.setdefault(one.asked.vantage, deque(maxlen=limits.pictures_kept)).append(one)

    def discard(self, one: Open) -> None:
        """It could not be asked for."""
        kept = [picture for picture in self._taken.get(one.vantage, ()) if picture.asked is not one]
        self._taken[one.vantage] = deque(kept, maxlen=limits.pictures_kept)

    def forget(self, vantage: int) -> None:
        """The connection is gone, and the next one may be to an agent that has restarted."""
        self._taken.pop(vantage, None)

    def last(self, vantage: int, since: float) -> Picture | None:
        """The last one asked for at `since` or later that is over, or clearly shows the majority before its end."""
        for one in reversed(self._taken.get(vantage, ())):
            clear = limits.majority_share + limits.majority_margin
            if one.asked.at >= since and (one.asked.over or one.share > clear):
                return one
        return None

    def twice(self, vantage: int, since: float) -> bool:
        """Whether the last two pictures, at `since` or later, have shown no more than half.

        One in which nobody at all has said anything proves nothing until there are several: the question may have been
        overwritten at the entry by another program's.
        """
        over = [one for one in self._taken.get(vantage, ()) if one.asked.over]
        mute = len(list(takewhile(lambda one: not one.heard, reversed(over))))
        low = [one for one in over if one.asked.at >= since][-limits.pictures_low :]
        half = limits.majority_share + limits.majority_margin
        return (
            mute in (0, limits.pictures_kept)
            and len(low) == limits.pictures_low
            and all(one.share <= half for one in low)
        )

    def latest(self, vantage: int) -> Open | None:
        """The picture asked for last."""
        taken = self._taken.get(vantage)
        return taken[-1].asked if taken else None
