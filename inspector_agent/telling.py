"""CORE. When the config center is to be told what this node is: name, tags and facts, as one signed record.

Once they have changed, soon; else once a day, so that the center knows who is still there. While no center takes the
record the pauses grow, and lots are drawn everywhere, so that a fleet does not come to its center all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b

import msgspec

from inspector_agent import limits

TOLD_FILE = "told.json"  # in the cache

Draw = Callable[[float, float], float]

_encode = msgspec.json.Encoder(order="deterministic").encode


class TellJob(msgspec.Struct, frozen=True):
    """What the telling child is to do.

    Attributes:
        cache: the directory that holds the node's key, and what was told last.
        centers: base URLs, in the order in which they are tried.
        mark: of this record, to be kept once a center has taken it.
        sent: Unix time in seconds.
        deadline_s: the child is done by then.
        parent: the agent's process id, with which the child ends; 0 to run it by hand.
    """

    cache: str
    centers: tuple[str, ...]
    name: str
    tags: dict[str, str]
    facts: dict[str, str]
    mark: str
    sent: int
    deadline_s: float
    parent: int = 0


class TellOutcome(msgspec.Struct, frozen=True):
    """What came of it.

    Attributes:
        taken: a center has the record now.
        refused: a center knows this node by another key, or has a newer record of it (409).
        problem: why no center took it; "" if one did.
        retry_after_s: the earliest that a busy center wants to be asked again.
    """

    taken: bool = False
    refused: bool = False
    problem: str = ""
    retry_after_s: float = 0.0


class Told(msgspec.Struct, frozen=True):
    """What a center took last: the mark of the record, and when, in Unix time."""

    mark: str
    at: float


def mark_of(name: str, tags: Mapping[str, str], facts: Mapping[str, str], centers: Sequence[str]) -> str:
    """Stands for a record and for whom it is meant for: with another mark it has to be told again."""
    return blake2b(_encode([name, tags, facts, centers]), digest_size=16).hexdigest()


class Telling:
    """The state of it. `draw(low, high)` draws a lot; `now` is any steadily growing time, `clock` Unix time."""

    def __init__(self, told: Told | None, draw: Draw) -> None:
        self._told = told
        self._draw = draw
        self._mark = ""
        self._due_at = float("inf")
        self._failures = 0

    @property
    def due_at(self) -> float:
        """The `now` at which the record is to be told; infinity while there is none."""
        return self._due_at

    @property
    def mark(self) -> str:
        """Of the record to be told."""
        return self._mark

    def know(self, mark: str, now: float, clock: float) -> None:
        """The record is this one now."""
        if mark == self._mark:
            return
        first, self._mark = not self._mark, mark
        told = self._told
        if told is None or told.mark != mark:
            self._due_at = now + self._draw(0.0, limits.tell_spread_s)
        elif first:  # the agent was restarted, and nothing has changed
            age_s = min(max(clock - told.at, 0.0), limits.tell_again_s)
            self._due_at = now + self._day() - age_s + self._draw(0.0, limits.tell_spread_s)
        else:  # changed and changed back
            self._due_at = now + self._day()

    def ended(self, outcome: TellOutcome, mark: str, now: float, clock: float) -> None:
        """The record of that mark was told, or not."""
        if outcome.taken:
            self._failures = 0
            self._told = Told(mark, clock)
            self._due_at = now + (self._day() if mark == self._mark else self._draw(0.0, limits.tell_spread_s))
            return
        pause_s = min(limits.tell_retry_s_min * 2.0 ** min(self._failures, 32), limits.tell_retry_s_max)
        asked_s = min(max(outcome.retry_after_s, 0.0), limits.tell_retry_s_max)
        self._failures += 1
        self._due_at = now + asked_s + self._draw(0.5, 1.0) * pause_s

    def _day(self) -> float:
        return self._draw(1 - limits.tell_jitter, 1.0) * limits.tell_again_s
