"""CORE. What the rounds of one ring remember of each question, and of each target that may still answer."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from inspector_agent.wire import Answer, Serving
from inspector_coord import limits
from inspector_coord.ledger import Node
from inspector_coord.verdict import Worth

__all__ = ["NEVER", "Query", "Wait"]

NEVER = float("inf")


class Query(msgspec.Struct, frozen=True):
    """One question on its way, sent `at`. `whole`: it asked everybody who was waited for."""

    number: int
    entry: int
    round: int
    within_s: float
    at: float
    whole: bool
    hearing: bool = False


@dataclass(slots=True, eq=False)
class Wait:
    """One target that may still answer.

    at        when its next step is due
    asks      questions since anything was heard of it, the first to everybody not counted
    broad     of these, by filter
    asked_at  when it was last asked, by `query`
    patient   it has answered, but not all: next time it gets much of the time that is left
    heard     the newest question to it when it said so last: what it says to those up to there is the same excuse
    retries   of answers that excuse the node; partial: how many were incomplete
    """

    node: Node
    at: float = NEVER
    asks: int = 0
    broad: int = 0
    asked_at: float = -NEVER
    query: int = -1
    patient: bool = False
    heard: int = -1
    retries: int = 0
    partial: int = 0

    def acked(self, until: float) -> float:
        """Its next step, now that its Serf agent has heard the question, which gives it that long."""
        if not self.patient:
            return min(self.at, until)
        self.asks = 0
        return until

    def unfinished(self, answer: Answer, worth: Worth, now: float) -> float | None:
        """When to ask a node again that lives but has not said all; None: it has had its chances."""
        self.patient, self.asks, self.broad = True, 0, 0
        if worth is Worth.INCOMPLETE or answer.incomplete:
            self.partial += 1
            gap_s = limits.reask_gap_s * (1 + limits.partial_gap_growth * (self.partial - 1))
            return max(now + limits.reask_batch_s, self.asked_at + gap_s)
        self.retries += 1
        if answer.state is Serving.BUSY and self.retries <= limits.busy_retries_max:
            return now + limits.busy_retry_s
        if worth is Worth.OTHER_RELEASE and self.retries <= limits.release_retries_max:
            return now + limits.release_retry_s
        return None
