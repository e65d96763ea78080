"""CORE. The curve of first answers: when its tail has ended, so that who is still missing is asked again.

    looks at           finds                                                      asks again
    -----------------  ---------------------------------------------------------  -------------------------------------
    each step, once    the curve falls so fast that it explains only a third of   the missing
    half have come     the missing, or there was a gap of its own scale
    own node's turn    nobody at all has answered                                 the node of the entry
    everybody's turn   less than half have come: slow checks, or stopped agents   a sample, by name
    then               most of the sample have their verdict: answers got lost    the missing
    after the sample   most of the sample have said nothing either                the missing

Theory of the fall: `limits`, under "the tail". A look that comes late finds a quiet curve because this process was
held up, so it looks again after a window.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

from inspector_coord import limits
from inspector_coord.patience import Arrivals, Timing
from inspector_coord.waiting import NEVER, Wait

__all__ = ["Look", "Tail"]


class Look(enum.Enum):
    """Who is to be asked again."""

    NOBODY = "nobody"
    OWN = "own"
    SAMPLE = "sample"
    MISSING = "missing"


class Tail:
    """The answers to one question to everybody: `expected` of them, from `began` on; `own_s` until the own node's.

    `lot_s`: how much later than others this sweep asks again because of silence.
    """

    def __init__(self, timing: Timing, began: float, expected: int, own_s: float, lot_s: float = 0.0) -> None:
        self._timing = timing
        self._began = began
        self._expected = expected
        self._arrivals = Arrivals()
        self._half = max(1, round(limits.quiet_arrived_share * expected + 0.499))
        self._own_at = began + own_s + limits.own_s + lot_s
        self._sample_at = began + timing.spread_s + timing.hear_s + limits.mute_s + lot_s
        self._falls_at = began + timing.spread_s + limits.tail_hear_share * timing.hear_s
        self._gap_at = began + timing.spread_s + limits.quiet_hear_share * timing.hear_s
        self._judge_at = NEVER
        self._sample: list[Wait] = []
        self._quiet = False
        self._due_at = NEVER
        self._hold_at = 0.0

    @property
    def heard(self) -> int:
        """Answers that have come."""
        return len(self._arrivals)

    def add(self, now: float) -> bool:
        """One more node has answered for the first time. True: from now on the curve is worth a look."""
        self._arrivals.add(now)
        return len(self._arrivals) == self._half

    def meant(self, look: Look, waits: Mapping[str, Wait], own: str, now: float) -> list[Wait]:
        """Those of `waits` that a look means: of who has said nothing, and was not asked again a moment ago."""
        if look is Look.OWN:
            return [waits[own]] if own in waits else []
        since = max(self._began, now - self._timing.hear_s / 2)
        silent = [wait for wait in waits.values() if wait.node.answer is None and wait.asked_at <= since]
        if look is Look.SAMPLE:
            silent = self._sample = silent[:: max(1, len(silent) // limits.filter_names_max)]
        return silent

    def look(self, now: float) -> Look:
        """Who is to be asked again now; each answer but NOBODY is given once."""
        if now > self._due_at + limits.stall_s:
            self._hold_at = now + limits.tail_window_s
        if now < self._hold_at:
            return Look.NOBODY
        if not self._quiet and self._ended(now):
            self._quiet, self._sample_at, self._judge_at = True, NEVER, NEVER
            return Look.MISSING
        if self._judge_at < NEVER and self._told(now):
            self._quiet, self._judge_at = True, NEVER
            return Look.MISSING
        if now >= self._own_at:
            self._own_at = NEVER
            if not len(self._arrivals):
                return Look.OWN
        if not self._quiet and now >= self._sample_at:
            self._sample_at = NEVER
            self._judge_at = now + self._timing.hear_s + limits.probe_within_s + limits.answer_slack_s
            return Look.SAMPLE
        return Look.NOBODY

    def next(self, now: float) -> float:
        """When to look again."""
        self._due_at = NEVER if len(self._arrivals) else self._own_at
        if self._judge_at < NEVER:
            self._due_at = min(self._due_at, self._judge_at, now + limits.tail_window_s)
        if not self._quiet:
            quiet_at = self._arrivals.quiet_at(self._expected)
            self._due_at = min(
                self._due_at, self._sample_at, NEVER if quiet_at is None else max(quiet_at, self._gap_at)
            )
            if quiet_at is not None and self._telling:
                self._due_at = min(self._due_at, max(now + limits.tail_step_s, self._falls_at))
        self._due_at = max(self._due_at, self._hold_at)
        return self._due_at

    def _told(self, now: float) -> bool:
        """Whether the sample says that waiting brings no more: not slow checks, but lost answers or stopped agents."""
        answers = [wait.node.answer for wait in self._sample if wait.node.answer is not None]
        most = limits.sample_heard_share * len(self._sample)
        slow = sum(answer.incomplete for answer in answers)
        if now >= self._judge_at:
            self._judge_at = NEVER
            return len(answers) < most
        return len(answers) - slow >= most

    @property
    def _missing(self) -> int:
        return self._expected - len(self._arrivals)

    @property
    def _telling(self) -> bool:
        """Whether there are enough arrivals, and missing ones, for the fall of the curve to be more than chance."""
        return self._expected >= limits.tail_expected_min and self._missing >= limits.tail_missing_min

    def _ended(self, now: float) -> bool:
        quiet_at = self._arrivals.quiet_at(self._expected)
        if quiet_at is None:
            return False
        early = now >= self._falls_at and self._telling
        return now >= max(quiet_at, self._gap_at) or (
            early and self._arrivals.to_come(now) <= self._missing * limits.tail_share_max
        )
