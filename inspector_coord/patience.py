"""CORE. How long to wait for what: times of one sweep, and when the tail of arrivals is quiet."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left

import msgspec

from inspector_coord import limits

__all__ = ["Arrivals", "Freshness", "Timing", "timing"]


class Timing(msgspec.Struct, frozen=True):
    """The times of one sweep of one ring, in seconds.

    deadline_s       from the first question to the closed ledger, at the latest
    answer_within_s  what a node has from hearing the first question
    spread_s         over which the first answers are spread
    hear_s           until the last member of the ring has heard a question
    rate_per_s       answers a second that the questions of this ring may cause
    """

    deadline_s: float
    answer_within_s: float
    spread_s: float
    hear_s: float
    rate_per_s: float = limits.answer_rate_per_s


def timing(
    targets: int,
    members: int,
    timeout_s: float,
    fleet: int = 0,
    answers_per_s: float | None = None,
) -> Timing:
    """Times for so many targets in a ring of so many members; `fleet`: targets of all rings that are asked together.

    `answers_per_s` is what the ring's entry takes, if it is not the usual.
    Half of the time is for the first answers, so that the other half is left for asking again. The spread keeps what
    one entry takes, and what the coordinator books of all rings together, while that half is long enough for it.
    """
    taken_per_s = limits.answer_rate_per_s if answers_per_s is None else answers_per_s
    rate_per_s = min(taken_per_s, limits.booking_rate_per_s * targets / max(1, targets, fleet))
    spread_s = targets / max(1.0, rate_per_s)
    longest_s = max(limits.answer_within_s_min, timeout_s / 2)
    answer_within_s = min(longest_s, max(limits.answer_within_s, limits.spread_factor * spread_s))
    return Timing(
        deadline_s=timeout_s,
        answer_within_s=answer_within_s,
        spread_s=0.0 if spread_s < limits.spread_s_min else min(spread_s, answer_within_s),
        hear_s=limits.hear_s_base + limits.hear_s_decade * math.log10(members + 1),
        rate_per_s=max(1.0, rate_per_s),
    )


class Arrivals:
    """When answers came, in order."""

    def __init__(self) -> None:
        self._at = array("d")

    def __len__(self) -> int:
        return len(self._at)

    def add(self, at: float) -> None:
        """One more answer; times never go back."""
        self._at.append(at)

    def quiet_at(self, expected: int) -> float | None:
        """When the tail counts as quiet if nothing else arrives; None while the curve says nothing yet.

        Half of the expected must have arrived. The gap to wait for grows with the tail itself: the distance from the
        median arrival to the last one.
        """
        if not self._at or len(self._at) < limits.quiet_arrived_share * expected:
            return None
        last = self._at[-1]
        tail_s = last - self._at[len(self._at) // 2]
        return last + min(limits.quiet_s_max, max(limits.quiet_s_min, limits.quiet_tail_share * tail_s))

    def to_come(self, now: float) -> float:
        """How many more the curve promises: the sum of a series that goes on as the last two windows fell."""
        newer_at = bisect_left(self._at, now - limits.tail_window_s)
        older = newer_at - bisect_left(self._at, now - 2 * limits.tail_window_s) + 1
        newer = len(self._at) - newer_at + 1  # one more each, so that an empty window is no promise of nothing
        ratio = min(limits.tail_ratio_max, newer / older)
        return newer * ratio / (1 - ratio)


class Freshness:
    """How old the newest membership is, and whether a newer one is on its way."""

    def __init__(self, now: float) -> None:
        self._due_at: float | None = None
        self._read_at = now

    def begin(self, now: float) -> bool:
        """Whether to read membership now: it is too old to decide a node's state, and no reading is under way."""
        wanted = self._due_at is None and now - self._read_at > limits.members_fresh_s
        if wanted:
            self._due_at = now + limits.members_read_s
        return wanted

    def end(self, now: float) -> None:
        """A reading has come, or cannot: either way another one would say no more."""
        self._read_at, self._due_at = now, None

    def pending(self, now: float) -> float | None:
        """When a reading that is under way is given up; None: none is worth waiting for."""
        if self._due_at is not None and now >= self._due_at:
            self.end(now)
        return self._due_at
