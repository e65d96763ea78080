"""CORE. What each host really is, now and before: the truth that oracles hold the watcher against.

Faults overlap: each reason is counted, and a host is well again when none is left.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict

__all__ = ["SILENT", "Hosts"]

REASONS = ("off", "serf-dead", "serf-frozen", "agent-dead", "agent-frozen", "gone", "slow", "late", "unwell")
SILENT = frozenset({"off", "serf-dead", "serf-frozen", "gone"})
MUTE = SILENT | {"agent-dead", "agent-frozen"}
WELL: frozenset[str] = frozenset()


class Hosts:
    """Hosts by index.

    ill         host -> the reasons that hold now; who is well is not in it
    amounts     (host, reason) -> how much, of the newest
    changes     host -> (when, the reasons that hold from then on), oldest first
    agent_from  when an inspection agent that was started a moment ago is ready
    """

    def __init__(self) -> None:
        self.ill: dict[int, frozenset[str]] = {}
        self.amounts: dict[tuple[int, str], float] = {}
        self.changes: dict[int, list[tuple[float, frozenset[str]]]] = defaultdict(list)
        self.agent_from: dict[int, float] = {}
        self._counts: Counter[tuple[int, str]] = Counter()

    def set(self, host: int, reason: str, at: float, amount: float = 0.0) -> None:
        """One reason more."""
        self._counts[host, reason] += 1
        self.amounts[host, reason] = amount
        self._note(host, at)

    def lift(self, host: int, reason: str, at: float) -> None:
        """One reason less."""
        if self._counts[host, reason] > 0:
            self._counts[host, reason] -= 1
            self._note(host, at)

    def is_(self, host: int, reason: str) -> bool:
        """Whether this is one of its reasons now."""
        return reason in self.ill.get(host, WELL)

    def gossips(self, host: int) -> bool:
        """Its Serf agent runs."""
        words = self.ill.get(host)
        return words is None or words.isdisjoint(SILENT)

    def answers(self, host: int, now: float) -> bool:
        """Its inspection agent does, and Serf with it."""
        words = self.ill.get(host)
        return (words is None or words.isdisjoint(MUTE)) and self.agent_from.get(host, 0.0) <= now

    def were(self, host: int, first: float, last: float) -> list[frozenset[str]]:
        """Each set of reasons that held at some time from `first` to `last`."""
        known = self.changes.get(host)
        if not known:
            return [WELL]
        begin = bisect_right(known, first, key=_when)
        found = [known[begin - 1][1] if begin else WELL]
        found += [words for at, words in known[begin:] if at <= last]
        return found

    def _note(self, host: int, at: float) -> None:
        words = frozenset(reason for reason in REASONS if self._counts[host, reason])
        if words:
            self.ill[host] = words
        else:
            self.ill.pop(host, None)
        changes = self.changes[host]
        if changes and changes[-1][0] == at:
            changes.pop()
        changes.append((at, words))


def _when(change: tuple[float, frozenset[str]]) -> float:
    return change[0]
