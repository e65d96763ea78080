"""CORE. Suspects: who is one, since when, what is known of each, and when it is looked at next.

A suspect is looked at in a series of up to `looks_max` looks. What a series has found is forgotten when the next
begins: a node that answered a minute ago may have died since.
"""

from __future__ import annotations

from enum import Enum, auto

from inspector_agent.witness.messages import Reach, Sight
from inspector_coord.watch import limits
from inspector_coord.watch.agenda import NEVER, Agenda

__all__ = ["Cause", "Glimpse", "Suspect", "Suspicion"]


class Cause(Enum):
    """Why a node is suspected."""

    SERF = auto()  # Serf lists it as failed
    SILENT = auto()  # Serf lists it as alive, but it neither acknowledges nor answers
    REVIEW = auto()  # it is in an incident, and is looked at again


class Glimpse:
    """What one witness saw, and through which vantage it said so."""

    __slots__ = ("at", "closed", "reached", "refused", "vantage")

    def __init__(self, sight: Sight, vantage: int, at: float) -> None:
        self.reached = sight.reached
        self.refused = Reach.REFUSED in (sight.gossip, sight.ssh)
        self.closed = sight.gossip is Reach.REFUSED
        self.vantage = vantage
        self.at = at


class Suspect:
    """One suspect.

    seen      by witness, of this series;  answers, acks: through which vantages it has said something in this series
    looks     of this series;  series: how many before it brought nothing
    looking   the look it is in, 0: none;  looked_at: when the last one began
    """

    __slots__ = (
        "acks", "answers", "asked_beside", "cause", "heard_beside", "looked_at", "looking", "looks", "name", "seen",
        "series", "since",
    )  # fmt: skip

    def __init__(self, name: str, cause: Cause, since: float) -> None:
        self.name = name
        self.cause = cause
        self.since = since
        self.series = 0
        self.looking = 0
        self.begin(since)

    def begin(self, now: float) -> None:
        """A new series."""
        self.looked_at = now
        self.looks = 0
        self.seen: dict[str, Glimpse] = {}
        self.answers: dict[int, None] = {}
        self.acks: dict[int, None] = {}
        self.asked_beside = self.heard_beside = False

    def saw(self, witness: str, sight: Sight, vantage: int, at: float) -> None:
        """A witness has looked. Once it has reached the suspect in a series, a lost packet does not change that."""
        before = self.seen.get(witness)
        if before is None or not before.reached or sight.reached:
            self.seen[witness] = Glimpse(sight, vantage, at)


class Suspicion:
    """All suspects of a ring. Those that were never judged are looked at before those that are looked at again.

    collect_s  those that fail within this time are looked at together
    """

    def __init__(self, collect_s: float) -> None:
        self._collect_s = collect_s
        self._suspects: dict[str, Suspect] = {}
        self._fresh = Agenda()
        self._others = Agenda()
        self._unjudged: dict[str, None] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._suspects

    def get(self, name: str) -> Suspect | None:
        """The suspect of that name."""
        return self._suspects.get(name)

    def waiting(self) -> list[Suspect]:
        """Those that wait for their first look."""
        found = [self._suspects[name] for name in self._unjudged]
        return [one for one in found if not one.looking and not one.looks]

    @property
    def unjudged(self) -> int:
        """How many wait for their first verdict."""
        return len(self._unjudged)

    def begin(self, name: str, cause: Cause, since: float, now: float) -> None:
        """A node is suspected. What Serf says takes over from another cause."""
        known = self._suspects.get(name)
        if known is not None and (
            known.cause is cause or (cause is not Cause.SERF and known.cause is not Cause.REVIEW)
        ):
            return
        self.drop(name)
        suspect = self._suspects[name] = Suspect(name, cause, since)
        suspect.begin(now)
        if cause is not Cause.REVIEW:
            self._unjudged[name] = None
            self._plan(suspect, now + self._collect_s)
        else:
            self._plan(suspect, (now // limits.review_collect_s + 1) * limits.review_collect_s)

    def drop(self, name: str) -> None:
        """It is suspected no more, or has a finding."""
        if self._suspects.pop(name, None) is not None:
            self._fresh.drop(("look", name))
            self._others.drop(("look", name))
            self._unjudged.pop(name, None)

    def clear(self) -> None:
        """Nobody is suspected: the watcher itself sees too little."""
        for name in list(self._suspects):
            self.drop(name)

    def restart(self, now: float) -> None:
        """What was being looked at is looked at anew."""
        for suspect in self._suspects.values():
            suspect.looking = 0
            suspect.begin(now)
            self._plan(suspect, now + self._collect_s)

    def judged(self, suspect: Suspect) -> None:
        """Something has been concluded, even if only that nothing is wrong."""
        self._unjudged.pop(suspect.name, None)

    def again(self, suspect: Suspect, now: float) -> None:
        """Look once more: at once in this series, and in a moment in a new one."""
        suspect.looking = 0
        if suspect.looks < limits.looks_max:
            self._plan(suspect, now)
        else:
            self.later(suspect, now, now)

    def later(self, suspect: Suspect, now: float, latest: float = NEVER) -> None:
        """Nothing is to be told of it now; look at it in a new series, ever later, but not after `latest`."""
        suspect.looking = 0
        self.judged(suspect)
        at = min(now + min(limits.again_s * 2**suspect.series, limits.again_s_max), max(now + limits.again_s, latest))
        suspect.series = min(suspect.series + 1, limits.series_max)
        suspect.begin(now)
        self._plan(suspect, at)

    def postponed(self, suspect: Suspect, at: float) -> None:
        """The look could not be begun, or not be judged yet."""
        suspect.looking = 0
        self._plan(suspect, at)

    def batch(self, now: float) -> list[Suspect]:
        """Those that are due, the fresh ones first, as many as one question may have targets."""
        due: list[Suspect] = []
        for agenda in (self._fresh, self._others):
            if agenda.next_at > now or len(due) == limits.targets_max:
                continue
            for _, name in agenda.due(now):
                due.append(self._suspects[str(name)])
                if len(due) == limits.targets_max:
                    break
        return due

    @property
    def next_at(self) -> float:
        """When a look is due."""
        return min(self._fresh.next_at, self._others.next_at) if self._suspects else NEVER

    def _plan(self, suspect: Suspect, at: float) -> None:
        agenda = self._fresh if suspect.name in self._unjudged else self._others
        agenda.put(("look", suspect.name), at)
