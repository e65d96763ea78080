"""CORE. How much may go at a time: bytes of questions through gossip, and answers into one entry.

Answers that are more than an entry takes are dropped by the kernel in front of it, without a word. How many, the
arrivals tell: of those who were meant by a question without names, the share that has come. Where it is far less than
loss explains, the entry took about so much of the rate, so the next answers are wanted as much slower; where enough
come, the rate grows again step by step. It never falls below a part of the plan's: nodes that have stopped look alike.
"""

from __future__ import annotations

from inspector_coord import limits

__all__ = ["Pace"]


class Pace:
    """The two rates of one ring's re-asks. `share`: of the plan's rate of answers, what the entry is trusted with."""

    def __init__(self) -> None:
        self.share = 1.0
        self._meant = 0  # by the newest question without names
        self._recent: list[tuple[float, int]] = []  # when how many bytes of questions were sent to the missing
        self._busy_until = 0.0  # the answers asked for so far are spread until then

    def fits(self, size: int, now: float) -> bool:
        """Whether gossip carries so many bytes of questions more, now."""
        self._recent = [(at, sent) for at, sent in self._recent if at > now - limits.reask_pace_s]
        return not self._recent or sum(sent for _, sent in self._recent) + size <= limits.reask_bytes_max

    def sent(self, size: int, now: float) -> None:
        """A question of so many bytes is on its way."""
        self._recent.append((now, size))

    def next_at(self, now: float) -> float:
        """When gossip has passed on the oldest of what it carries."""
        return (self._recent[0][0] if self._recent else now) + limits.reask_pace_s

    def spread(self, spread_s: float, now: float) -> float:
        """Seconds over which answers are to be spread from now on, behind those that were asked for before."""
        spread_s += max(0.0, self._busy_until - now)
        self._busy_until = now + spread_s
        return spread_s

    def meant(self, silent: int) -> None:
        """A question without names goes to so many of whom nothing was heard."""
        self._meant = silent

    def learn(self, silent: int) -> None:
        """So many of those who were meant have still said nothing, and are to be asked once more."""
        if not self._meant:
            return
        came, self._meant = 1 - silent / self._meant, 0
        if came < limits.came_share_min:
            self.share = max(limits.pace_share_min, self.share * max(0.0, came))
        else:
            self.share = min(1.0, self.share + limits.pace_share_step)
