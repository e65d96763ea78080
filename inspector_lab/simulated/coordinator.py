"""CORE. One coordinator in simulated time: the real rounds of all rings over simulated Serf, and one line of records.

What a coordinator can hear is noted beside the rounds (`Heard`), so that states can be held against it.
As in the trio shell each record takes its time to book, for all rings together, while the others wait.
"""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from inspector_coord.ledger import Node
from inspector_coord.rounds import RingRounds
from inspector_coord.signals import (
    Acked,
    Answered,
    Ask,
    Begin,
    Effect,
    EntrySeen,
    Event,
    LookAtEntry,
    MembersRead,
    MembersUnread,
    Phantom,
    QueryLost,
    QueryOver,
    ReadMembers,
    Stop,
    Tick,
)
from inspector_lab.simulated import limits

if TYPE_CHECKING:
    from inspector_lab.simulated.serf_ring import SerfRing
    from inspector_lab.simulated.timeline import Timeline

STANDING = ("answer", "answered_s", "acked_s", "status", "asked", "round")

__all__ = ["GARBLED", "Coordinator", "Heard", "Line"]

GARBLED = b"\x01\x00\xc1"
"""How bytes begin that look like an answer and are none: what a broken agent sends here."""


@dataclass(eq=False)
class Heard:
    """What reached the coordinator from one ring.

    asks      (when, question) in order; answers_at: when each record with an answer came out of the entry
    acked     names that acknowledged a question; garbled: under which bytes came that are no answer
    statuses  the newest word of membership on each node
    events    how many of each kind
    changed   what a record did that came a second time, in words (only where every record is given twice)
    """

    asks: list[tuple[float, Ask]] = field(default_factory=list)
    answers_at: array[float] = field(default_factory=lambda: array("d"))
    acked: set[str] = field(default_factory=set)
    garbled: set[str] = field(default_factory=set)
    statuses: dict[str, str] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    changed: list[str] = field(default_factory=list)


@dataclass(eq=False)
class Line:
    """One ring of one coordinator. entries: those of Serf, in the order of the plan's."""

    name: str
    entries: tuple[int, ...]
    serf: SerfRing
    rounds: RingRounds
    nodes: Mapping[str, Node]
    heard: Heard = field(default_factory=Heard)
    closed_at: float | None = None
    tick_at: float = -1.0


class Coordinator:
    """See the module's text. `client` tells coordinators apart that share a Serf ring."""

    def __init__(
        self, timeline: Timeline, lines: Sequence[Line], *, record_s: float, client: int = 0, twice: bool = False
    ) -> None:
        self.lines = lines
        self.record_s = record_s
        self._timeline = timeline
        self._client = client
        self._twice = twice
        self._waiting: deque[tuple[Line, Event]] = deque()
        self._busy_until = 0.0
        self._draining = False
        self._open = len(lines)

    @property
    def closed(self) -> bool:
        """Whether all rings are."""
        return not self._open

    def begin(self) -> None:
        """Ask all rings."""
        for line in self.lines:
            line.heard.statuses.update((name, node.status) for name, node in line.nodes.items())
            self._take(line, Begin())

    def bring(self, line: Line, event: Event) -> None:
        """A record comes out of an entry: it is booked when those before it are."""
        if isinstance(event, Answered):
            line.heard.answers_at.append(self._timeline.now)
        if self._waiting or self._timeline.now < self._busy_until:
            self._waiting.append((line, event))
            if not self._draining:
                self._draining = True
                self._timeline.at(self._busy_until, self._drain)
        else:
            self._busy_until = self._timeline.now + self.record_s
            self._take(line, event)

    def _drain(self) -> None:
        line, event = self._waiting.popleft()
        self._busy_until = self._timeline.now + self.record_s
        self._draining = bool(self._waiting)
        if self._waiting:
            self._timeline.at(self._busy_until, self._drain)
        self._take(line, event)

    # ---- the rounds -------------------------------------------------------------------------------------------------

    def _take(self, line: Line, event: Event) -> None:
        if line.closed_at is not None and not isinstance(event, Answered):
            return
        now = self._timeline.now
        _note(line.heard, event)
        effects = line.rounds.handle(event, now)
        for effect in effects:
            self._do(line, effect)
        if line.rounds.closed and line.closed_at is None:
            line.closed_at = now
            self._open -= 1
        self._wake(line, now)
        if self._twice and isinstance(event, Answered | Acked):
            later_s = limits.second_s * (line.heard.events.total() % 3)
            self._timeline.at(now + later_s, self._repeat, line, event)

    def _repeat(self, line: Line, event: Answered | Acked) -> None:
        """The same record once more, after whatever is due by now: nothing may come of it."""
        self._take(line, Tick())
        if line.closed_at is not None:
            return
        now, node = self._timeline.now, line.nodes.get(event.name)
        before = _standing(node)
        _note(line.heard, event)
        effects = line.rounds.handle(event, now)
        after = _standing(node)
        if effects or line.rounds.closed or before != after:
            other = [f"{word} {before[word]} -> {after[word]}" for word in before if before[word] != after[word]]
            line.heard.changed.append(f"{type(event).__name__} of {event.name} at {now:.3f} s: {effects or other}")

    def _wake(self, line: Line, now: float) -> None:
        at = line.rounds.wake_at
        if line.closed_at is None and at != float("inf") and not now < line.tick_at <= at:
            line.tick_at = max(at, now)
            self._timeline.at(line.tick_at, self._tick, line, line.tick_at)

    def _tick(self, line: Line, at: float) -> None:
        if line.closed_at is None and line.tick_at == at:
            line.tick_at = -1.0
            if line.rounds.wake_at <= self._timeline.now:
                self._take(line, Tick())
            else:
                self._wake(line, self._timeline.now)

    def _do(self, line: Line, effect: Effect) -> None:
        sink = self._sink(line)
        match effect:
            case Ask(entry=entry):
                line.heard.asks.append((self._timeline.now, effect))
                line.serf.ask(msgspec.structs.replace(effect, entry=line.entries[entry]), sink, self._client)
            case Stop(query=query):
                line.serf.stop(query, self._client)
            case ReadMembers(entry=entry):
                line.serf.read_members(line.entries[entry], sink)
            case LookAtEntry(entry=entry):
                line.serf.look_at_entry(line.entries[entry], partial(self._seen, line, entry))

    def _sink(self, line: Line) -> Callable[[Event], None]:
        return partial(self.bring, line)

    def _seen(self, line: Line, entry: int, event: Event) -> None:
        """What was seen of an entry, which the rounds know by its place in their plan."""
        if isinstance(event, EntrySeen):
            event = msgspec.structs.replace(event, entry=entry)
        self.bring(line, event)


def _note(heard: Heard, event: Event) -> None:
    match event:
        case Answered(name=name, payload=payload):
            heard.events["answers"] += 1
            if payload.startswith(GARBLED):
                heard.garbled.add(name)
        case Acked(name=name):
            heard.events["acks"] += 1
            heard.acked.add(name)
        case Phantom():
            heard.events["phantoms"] += 1
        case MembersRead(statuses=statuses):
            heard.events["rosters"] += 1
            heard.statuses.update((name, word) for name, word in statuses.items() if name in heard.statuses)
        case QueryLost():
            heard.events["lost"] += 1
        case MembersUnread() | EntrySeen() | QueryOver():
            heard.events[type(event).__name__] += 1


def _standing(node: Node | None) -> dict[str, object]:
    """What is known of a node, but for counts of what was dropped."""
    return {} if node is None else {word: getattr(node, word) for word in STANDING}
