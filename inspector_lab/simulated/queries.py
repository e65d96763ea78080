"""CORE. A query in the ring: whom it is for, until when it may be answered, who has acknowledged and answered."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping

from inspector_coord.signals import Ask, Event

__all__ = ["Query", "RingQueries"]

ANSWERED = -1.0
NOT_HEARD = 0.0


class Query:
    """One messageQuery, and the QueryResponse that its entry keeps of it.

    number      its id in this ring, told to those who hear it
    entry       index of the entry; `ltime` its Lamport time, under which the entry keeps it
    deadlines   by member: until when an answer may be given there, NOT_HEARD or ANSWERED
    sink        who asked; None once they have hung up
    """

    __slots__ = ("acked", "answered", "ask", "client", "deadline", "deadlines", "entry", "ltime", "names", "number",
                 "sink", "tags")  # fmt: skip

    def __init__(self, number: int, ask: Ask, client: int, sink: Callable[[Event], None], members: int) -> None:
        self.number = number
        self.ask = ask
        self.client = client
        self.sink: Callable[[Event], None] | None = sink
        self.entry = ask.entry
        self.ltime = 0
        self.deadline = 0.0
        self.names = frozenset(ask.names)
        self.tags = tuple(sorted(ask.tags.items()))
        self.deadlines = array("d", bytes(8 * members))
        self.acked: set[str] = set()
        self.answered: set[str] = set()

    def asks(self, name: str, tags: Mapping[str, str]) -> bool:
        """Serf's own filters let this member through: query.go shouldProcessQuery (literal tag values)."""
        if self.names and name not in self.names:
            return False
        return all(tags.get(tag, "") == value for tag, value in self.tags)


class RingQueries:
    """Those that an entry keeps, by Lamport time: serf.go queryResponse. Two of the same time overwrite each other."""

    __slots__ = ("_kept", "clock", "started_at", "started_by")

    def __init__(self) -> None:
        self.clock = 1
        self.started_at = -1.0
        self.started_by = -1
        self._kept: dict[int, Query] = {}

    def witness(self, ltime: int) -> None:
        """lamport.go Witness: a clock is always ahead of what it has seen."""
        self.clock = max(self.clock, ltime + 1)

    def keep(self, query: Query, *, at_once_with_last: bool) -> None:
        """A query starts. Together with another one: both read the clock before either has moved it."""
        query.ltime = self.clock - 1 if at_once_with_last else self.clock
        self._kept[query.ltime] = query
        self.witness(query.ltime)

    def end(self, query: Query) -> None:
        """Its time is up: whatever is kept under its Lamport time goes, be it another query."""
        self._kept.pop(query.ltime, None)

    def find(self, query: Query, now: float) -> str:
        """What becomes of a response to this query: "" (it counts), "late" or "mismatched"."""
        kept = self._kept.get(query.ltime)
        if kept is None:
            return "late"
        if kept is not query:
            return "mismatched"
        return "late" if now > query.deadline else ""

    def clear(self) -> None:
        """The agent has ended."""
        self._kept.clear()
