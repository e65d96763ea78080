"""What an entry's Serf swallows with only a line in its log, counted.

From Serf's `handleQueryResponse` and `sendResponse`: an answer to a query that is over is logged and dropped, and so is
one for which the query's channel is full. (Duplicates within one query it drops without a word.) From memberlist's
`handleCommand`: so is any message while the queue of those not handled yet is full. And from `handleQueryResponse` once
more: where a query has taken the place of another one that started at the same moment, the answers to that one do not
fit its id.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

import trio

from inspector_agent.ring import RingClient, RingError
from inspector_coord import limits

__all__ = ["EntryLog", "overwritten", "swallowed"]

_LATE = re.compile(r"\[WARN\] serf: reply for non-running query \(LTime: (\d{1,20})\b")
_FULL = re.compile(
    r"\[WARN\] (?:serf: Failed to deliver query (?:response|ack)|memberlist: handler queue full), dropping"
)
_COLLIDED = re.compile(r"\[WARN\] serf: query reply ID mismatch \(Local: \d{1,20}, Response: (\d{1,20})\)")


def swallowed(line: str, since: int) -> str | None:
    """What a log line says was dropped: `late` or `entry`, as the report counts it; None: nothing.

    since: the Lamport time of the first query that matters; what answers older ones is not of this sweep.
    """
    late = _LATE.search(line)
    if late is not None:
        return "late" if int(late[1]) >= since else None
    return "entry" if _FULL.search(line) else None


def overwritten(line: str) -> int | None:
    """The id of a query to which an answer came in vain, because another one has taken its place; else None."""
    found = _COLLIDED.search(line)
    return int(found[1]) if found is not None else None


class EntryLog:
    """Follows one entry's log. Begun well before the question, because Serf first sends the lines that it remembers.

    `problem` says why it could not be followed to the end, "" where it could.
    """

    def __init__(self) -> None:
        self.problem = ""
        self._dropped: Counter[str] | None = None
        self._since = 0
        self._collided: Callable[[], None] = lambda: None
        self._overwritten: set[int] = set()

    def count(self, dropped: Counter[str], since: int, collided: Callable[[], None]) -> None:
        """From now on lines count; see `swallowed`. `collided` is called for each query that was overwritten."""
        self._dropped, self._since, self._collided = dropped, since, collided

    def note(self, line: str) -> None:
        """One line, if lines count yet."""
        if self._dropped is None:
            return
        word, lost = swallowed(line, self._since), overwritten(line)
        if word is not None:
            self._dropped[word] += 1
        if lost is not None and lost not in self._overwritten and len(self._overwritten) < limits.collisions_seen_max:
            self._overwritten.add(lost)
            self._collided()

    async def follow(self, client: RingClient, task_status: trio.TaskStatus[None]) -> None:
        """Read lines until cancelled. Never raises for what the entry does."""
        begun = False
        try:
            async with client.monitor("WARN") as lines:
                begun = True
                task_status.started()
                async for line in lines:
                    self.note(line)
        except RingError as problem:
            self.problem = f"what {client.address} logs was not counted to the end: {problem}"
            if not begun:
                task_status.started()
