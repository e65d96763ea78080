"""CORE. Whether a vantage hears the majority of the ring: a small sample of all that are expected, asked through it.

Serf in a cut-off minority lists the others as alive for minutes, so a list proves nothing. An answer does, and so does
an acknowledgement: where every inspection agent is being restarted, the Serf agents still acknowledge. Whatever comes
after a picture was asked for counts for it, also where an older question brought it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Set
from itertools import takewhile
from math import sqrt

from inspector_coord.watch import limits
from inspector_coord.watch.asks import Open

__all__ = ["Picture", "Pictures"]


class Picture:
    """One picture. heard: who of those asked has said anything through that vantage since.

    spare  of those asked, who has been told as down: if they say something they count, and if not, they do not
    sides   where those asked stand, by the widest place tag
    beside  the pictures of the same sample through other vantages, and this one
    """

    def __init__(self, asked: Open, spare: Set[str], sides: Mapping[str, str], beside: list[Picture]) -> None:
        self.asked, self.spare, self.sides, self.beside = asked, spare, sides, beside
        self.heard: set[str] = set()
        beside.append(self)

    @property
    def clear(self) -> bool:
        """It shows the majority, whatever else comes."""
        return self.share > limits.majority_share + limits.majority_margin

    @property
    def told(self) -> bool:
        """Nothing that changes it is waited for."""
        return self.asked.over or self.clear

    @property
    def low(self) -> bool:
        """All vantages together do not show the majority. Of two living halves each shows a half."""
        return self.share_together <= limits.majority_share + limits.majority_margin

    @property
    def one_sided(self) -> bool:
        """All who were heard stand at one place, where no majority does, and not by chance: nobody else will come.

        Where others are heard through another vantage, and not clearly the majority, it takes a whole count.
        """
        heard = {self.sides[name] for name in self.heard}
        if len(heard) != 1 or any(self.apart(one) and not one.clear for one in self.beside):
            return False
        share = sum(1 for side in self.sides.values() if side in heard) / len(self.sides)
        chance: float = share ** (len(self.heard) - 1)
        return share <= limits.majority_share + limits.majority_margin and chance < limits.one_sided_chance

    @property
    def share(self) -> float:
        """Of those that were asked."""
        return self._share(self.heard)

    @property
    def share_together(self) -> float:
        """The same through all vantages together."""
        return self._share(set().union(*(one.heard for one in self.beside)))

    def apart(self, other: Picture) -> bool:
        """Whether another one of the same sample heard others: hardly any of the fewer is among the more."""
        both = len(self.heard & other.heard)
        return both < limits.both_share_max * min(len(self.heard), len(other.heard))

    def _share(self, heard: Set[str]) -> float:
        return len(heard) / max(1, len(self.asked.names) - len(self.spare - heard))


class Pictures:
    """The last pictures of every vantage."""

    def __init__(self) -> None:
        self._taken: dict[int, deque[Picture]] = {}

    def add(self, one: Picture) -> None:
        """A picture has been asked for."""
        self._taken.setdefault(one.asked.vantage, deque(maxlen=limits.pictures_kept)).append(one)

    def said(self, vantage: int, name: str) -> bool:
        """A node has said something through a vantage; whether one of its pictures is clear by that."""
        cleared = False
        for one in self._taken.get(vantage, ()):
            if name in one.asked.names and name not in one.heard:
                before = one.clear
                one.heard.add(name)
                cleared |= one.clear and not before
        return cleared

    def discard(self, one: Open) -> None:
        """It could not be asked for."""
        kept = [picture for picture in self._taken.get(one.vantage, ()) if picture.asked is not one]
        self._taken[one.vantage] = deque(kept, maxlen=limits.pictures_kept)

    def forget(self, vantage: int) -> None:
        """The connection is gone, and the next one may be to an agent that has restarted."""
        self._taken.pop(vantage, None)

    def last(self, vantage: int, since: float) -> Picture | None:
        """The last one that is over and ended at `since` or later, or shows the majority and was asked for since."""
        for one in reversed(self._taken.get(vantage, ())):
            if one.asked.at >= since and one.clear:
                return one
            if one.asked.over and one.asked.over_at >= since:
                return one
        return None

    def asked(self, vantage: int, since: float) -> bool:
        """Whether there is one that was asked for since then, and to which nothing comes that changes it."""
        return any(one.told and one.asked.at >= since for one in self._taken.get(vantage, ()))

    def low(self, vantage: int) -> int:
        """How many in a row, the last ones that are over, have not shown the majority."""
        over = [one for one in self._taken.get(vantage, ()) if one.asked.over or not one.low]
        return sum(1 for _ in takewhile(lambda one: one.low, reversed(over)))

    def mute(self, vantage: int) -> int:
        """The same: to how many nobody at all has said anything."""
        over = [one for one in self._taken.get(vantage, ()) if one.asked.over or one.heard]
        return sum(1 for _ in takewhile(lambda one: not one.heard, reversed(over)))

    def proven(self, vantage: int, count: int) -> bool:
        """Whether the last `count` pictures have shown no majority, however long they were waited for.

        One in which nobody at all has said anything proves nothing until there are several: the question may have been
        overwritten at the entry by another program's.
        """
        over = [one for one in self._taken.get(vantage, ()) if one.asked.over]
        enough = limits.pictures_mute if self.mute(vantage) else count
        waited_s = over[-1].asked.over_at - over[-1].asked.at if over else 0.0
        return self.low(vantage) >= max(count, enough) and waited_s >= limits.doubt_patience_s

    def pairs(self, vantage: int, other: int) -> Iterator[tuple[Picture, Picture]]:
        """Pictures of the same samples through two vantages, the last first: those that show most of the ring."""
        for theirs in reversed(self._taken.get(other, ())):
            ours = next((one for one in theirs.beside if one.asked.vantage == vantage), None)
            if ours is None or ours.low or not (ours.told and theirs.told):
                continue
            if ours.heard and theirs.heard:
                yield ours, theirs

    def more(self, vantage: int, than: int, deviations: float, members: int) -> bool:
        """Whether one vantage hears more of so many members than another, and not by chance: by their last pictures."""
        only, others = 0, 0
        for ours, theirs in self.pairs(vantage, than):
            only += len(ours.heard - theirs.heard)
            others += len(theirs.heard - ours.heard)
            drawn = max(0.0, 1.0 - len(ours.asked.names) / max(1, members))  # all of them: nothing is left to chance
            chance = deviations * sqrt((only + others) * drawn)
            if only - others > max(chance, 2 * limits.majority_margin * (only + others)):
                return True
        return False

    @property
    def waiting(self) -> bool:
        """Whether there is one that is not over and shows no majority yet."""
        return any(not one.told for taken in self._taken.values() for one in taken)

    def decided(self) -> Iterator[Open]:
        """The questions of pictures that are not over and to which nothing will come that changes them."""
        for taken in self._taken.values():
            yield from (one.asked for one in taken if not one.asked.over and one.one_sided)

    def latest(self, vantage: int) -> Open | None:
        """The picture asked for last."""
        taken = self._taken.get(vantage)
        return taken[-1].asked if taken else None
