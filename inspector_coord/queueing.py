"""CORE. Whether questions get out of an entry at all, which is to be known before a silent node is given up.

Serf sends membership messages first. After all nodes of a ring have changed a tag, questions wait behind them in the
broadcast queue of every member, for seconds in a ring of 60 and for tens of seconds in a ring of 300. Whoever was
asked meanwhile has not heard it, so it is no sign of anything that nothing came. The queue of the entry stands for
those of all: it has the same messages to pass on.
"""

from __future__ import annotations

from collections.abc import Iterable

from inspector_coord import limits
from inspector_coord.waiting import NEVER, Wait

__all__ = ["Queueing"]


class Queueing:
    """What is known of the query queue of the entry in use."""

    def __init__(self) -> None:
        self._seen_at = -NEVER
        self._stuck_at = -NEVER  # when questions were last seen to wait
        self._since = 0.0  # and from when on
        self._longest_s = 0.0
        self._due_at = -NEVER  # a look that has brought nothing by then is made again
        self._held: list[Wait] = []

    @property
    def stuck(self) -> bool:
        """Questions waited when the queue was last seen."""
        return self._stuck_at == self._seen_at > -NEVER

    def notes(self, address: str) -> list[str]:
        """What a person should know, if nodes were waited for longer. `address`: of the entry."""
        if self._longest_s < limits.queue_said_s:
            return []
        note = (
            f"questions waited in the queue of entry {address} for {self._longest_s:.1f} s, behind membership messages "
            "(have many nodes just changed tags, or joined?): nobody was given up meanwhile"
        )
        if self.stuck:
            note += "; they were not out when time was up: sweep again in a minute, or with a longer --timeout"
        return [note]

    def seen(self, queue: int | None, now: float) -> list[Wait]:
        """So many queries wait; None: that could not be read. Returns those whose next step waited for it."""
        if queue:
            self._since = self._since if self.stuck else now
            self._stuck_at = now
            self._longest_s = max(self._longest_s, now - self._since)
        self._seen_at = self._due_at = now
        held, self._held = self._held, []
        return held

    def sorted(self, waits: Iterable[Wait], reasks: int, now: float) -> tuple[list[Wait], list[Wait]]:
        """Of those whose step is due: whom to ask once more now, and whom to give up. The others wait on."""
        ask: list[Wait] = []
        over: list[Wait] = []
        for wait in waits:
            if wait.asks >= reasks:
                self._hold(wait, now)
            if wait.asks < reasks:
                ask.append(wait)
            elif wait.at <= now:
                over.append(wait)
        return ask, over

    def _hold(self, wait: Wait, now: float) -> None:
        """A node that was asked as often as it is worth: what the queue says of it."""
        if now - self._seen_at > limits.queue_fresh_s:
            self._held.append(wait)
            wait.at = now + limits.queue_look_s
        elif self.stuck:
            wait.at = now + limits.queue_gap_s
        elif wait.asked_at <= self._stuck_at:  # its questions may not have been out: from the beginning
            wait.asks = wait.broad = 0

    def look(self, now: float) -> bool:
        """Whether to look at the queue now: somebody waits for it."""
        wanted = bool(self._held) and now >= self._due_at
        if wanted:
            self._due_at = now + limits.queue_look_s
        return wanted
