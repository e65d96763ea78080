"""What an entry's Serf swallows with only a line in its log, counted.

From Serf's `handleQueryResponse` and `sendResponse`: an answer to a query that is over is logged and dropped, and so is
one for which the query's channel is full. (Duplicates within one query it drops without a word.)
"""

from __future__ import annotations

import re
from collections import Counter

import trio

from inspector_agent.ring import RingClient, RingError

__all__ = ["EntryLog", "swallowed"]

_LATE = re.compile(r"\[WARN\] serf: reply for non-running query \(LTime: (\d{1,20})\b")
_FULL = re.compile(r"\[WARN\] serf: Failed to deliver query (?:response|ack), dropping")


def swallowed(line: str, since: int) -> str | None:
    """What a log line says was dropped: `late` or `entry`, as the report counts it; None: nothing.

    since: the Lamport time of the first query that matters; what answers older ones is not of this sweep.
    """
    late = _LATE.search(line)
    if late is not None:
        return "late" if int(late[1]) >= since else None
    return "entry" if _FULL.search(line) else None


class EntryLog:
    """Follows one entry's log. Begun well before the question, because Serf first sends the lines that it remembers.

    `problem` says why it could not be followed to the end, "" where it could.
    """

    def __init__(self) -> None:
        self.problem = ""
        self._dropped: Counter[str] | None = None
        self._since = 0

    def count(self, dropped: Counter[str], since: int) -> None:
        """From now on lines count; see `swallowed`."""
        self._dropped, self._since = dropped, since

    async def follow(self, client: RingClient, task_status: trio.TaskStatus[None]) -> None:
        """Read lines until cancelled. Never raises for what the entry does."""
        begun = False
        try:
            async with client.monitor("WARN") as lines:
                begun = True
                task_status.started()
                async for line in lines:
                    word = swallowed(line, self._since)
                    if word is not None and self._dropped is not None:
                        self._dropped[word] += 1
        except RingError as problem:
            self.problem = f"what {client.address} logs was not counted to the end: {problem}"
            if not begun:
                task_status.started()
