"""CORE. Questions that are out: who was asked what through which vantage, and who has said anything since.

Gossip carries every question to everybody, so there are never more than a few a second, whatever happens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum, auto
from hashlib import blake2b

import msgspec

from inspector_agent.witness import limits as witness_limits
from inspector_coord.watch import limits
from inspector_coord.watch.model import Ask

__all__ = ["Asks", "Open", "Purpose", "fitting"]


class Purpose(Enum):
    """What a question is asked for."""

    ROLL = auto()  # is everybody there?
    PICTURE = auto()  # does this vantage hear the majority, and whose gossip reaches whom?
    LOOK = auto()  # who reaches these suspects?
    CROSS = auto()  # who reaches whom, from place to place?
    MASS = auto()  # who of very many suspects lives, and on which side?
    NAMED = auto()  # those that were missing from the roll call, and those that seem slow


class Open(msgspec.Struct):
    """A question. names: () for everybody; said: who acked or answered, where it was asked by name."""

    number: int
    purpose: Purpose
    vantage: int
    names: dict[str, None]
    targets: tuple[str, ...]
    at: float
    over_at: float
    id: bytes
    relay: int
    key: int
    over: bool = False
    answered: dict[str, float] = {}
    acked: dict[str, float] = {}

    @property
    def complete(self) -> bool:
        """Everybody who was asked by name has answered."""
        return bool(self.names) and len(self.answered) == len(self.names)

    def said(self, name: str) -> bool:
        """Whether a node has acked or answered."""
        return name in self.answered or name in self.acked


class Asks:
    """All questions of a ring; the last ones are kept a while, as answers come late and speak of older questions."""

    def __init__(self, ring: str, ring_id: int) -> None:
        digest = blake2b(f"{ring} {ring_id}".encode(), digest_size=8).digest()
        self._salt = int.from_bytes(digest, "big")
        self._count = 0
        self._open: dict[int, Open] = {}
        self._by_id: dict[bytes, Open] = {}
        self._tokens: dict[int, tuple[float, float]] = {}  # vantage -> questions it may start, as of when

    @property
    def luck(self) -> float:
        """0 … 1, another one for each question and each watcher.

        Serf overwrites a question by one that another program asks through the same agent at the same moment. Watchers
        of one ring hear of everything at the same moment, and would ask then, again and again.
        """
        return ((self._count * limits.id_step + self._salt) % 2**32) / 2**32

    def free_at(self, vantage: int, now: float, spare: int = 0) -> float:
        """When the next question may be started through a vantage, so that `spare` are left: `now`, or later."""
        tokens, at = self._tokens.get(vantage, (limits.asks_burst, now))
        missing = 1.0 + spare - (tokens + (now - at) * limits.asks_per_s)
        return now if missing <= 0 else now + missing / limits.asks_per_s

    def send(  # noqa: PLR0913  each is a field of a question
        self,
        purpose: Purpose,
        vantage: int,
        names: Sequence[str],
        now: float,
        *,
        wait_s: float,
        targets: tuple[str, ...] = (),
        spread_s: float = 0.0,
        relay: int = 0,
        key: int = 0,
        patient_s: float = 0.0,
    ) -> Ask:
        """Make a question. Nobody is waited for after `wait_s`; what comes within `patient_s` is brought at least."""
        tokens, at = self._tokens.get(vantage, (limits.asks_burst, now))
        tokens = min(limits.asks_burst, tokens + (now - at) * limits.asks_per_s)
        self._tokens[vantage] = (tokens - 1.0, now)
        self._count += 1
        wire = ((self._count * limits.id_step + self._salt) % 2**32).to_bytes(4, "big")
        one = Open(
            self._count, purpose, vantage, dict.fromkeys(names), targets, now, now + wait_s, wire, relay, key,
        )  # fmt: skip
        self._open[one.number] = one
        self._by_id[wire] = one
        self._forget(now)
        within_s = max(limits.answer_within_s + spread_s, patient_s)
        return Ask(one.number, vantage, tuple(names), targets, within_s, spread_s, bool(names), wire, relay)

    def get(self, number: int) -> Open | None:
        """A question that is out, or was lately."""
        return self._open.get(number)

    def known(self, number: int) -> Open:
        """A question that was just made."""
        return self._open[number]

    def heard(self, ids: Iterable[bytes]) -> Iterator[Open]:
        """Our questions among those that a node says it has heard."""
        for wire in ids:
            one = self._by_id.get(wire)
            if one is not None:
                yield one

    def recent(self, since: float) -> Iterator[Open]:
        """Questions started at `since` or later, the newest first."""
        for one in reversed(self._open.values()):
            if one.at < since:
                return
            yield one

    def tired(self, now: float) -> frozenset[str]:
        """Who has been asked to look as often as a witness takes within a second: more is refused."""
        counts = Counter(name for one in self.recent(now - limits.rest_s) if one.targets for name in one.names)
        return frozenset(name for name, count in counts.items() if count >= witness_limits.looks_per_s_max)

    def _forget(self, now: float) -> None:
        while self._open:
            number, one = next(iter(self._open.items()))
            if len(self._open) <= limits.asks_kept_max and now - one.over_at < limits.asks_kept_s:
                return
            del self._open[number]
            del self._by_id[one.id]


def fitting(names: Iterable[str], room: int, count: int) -> list[str]:
    """As many of the names as fit into `room` bytes of a question, `count` at most."""
    taken: list[str] = []
    for name in names:
        room -= len(name.encode()) + limits.name_overhead_bytes
        if room < 0 or len(taken) == count:
            break
        taken.append(name)
    return taken
