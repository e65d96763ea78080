"""Book-keeping of one lane of items: what has a finding, what is in progress, who is to blame. Pure, time comes in.

A lane is worked on by one process after the other: whenever one has to be killed, or dies, the item it was busy with
gets an error, and the next process goes on with the rest. So one process costs at most one item, except where it ends
without ever having said what it was doing: then nothing distinguishes its items, and all of them err.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from config_center.resolve import Item
from inspector_agent.findings import Finding, Garbage, Left, Line, LineReader, Reported, Started, printable
from inspector_agent.runner import limits
from inspector_agent.veil import SECRET, Veil


class Progress:
    """The state of a lane. Every method returns the findings that its news settle; each item is settled once.

    Args:
        veil: for a lane of secret items. Of what their check says, on whatever way, only outcomes are told.
        may_leave: the check was told to leave some items; else leaving one is no better than garbage.

    Attributes:
        left: items that the check left.
        garbage: lines that were no finding, or one for an item that nobody asked about.
        duplicates: findings for an item that already had one; the first counts.
        kept: what checks want to be told at the next look, JSON by item id; of no secret item.
    """

    def __init__(self, items: Iterable[Item], veil: Veil | None = None, *, may_leave: bool = False) -> None:
        self._pending = {item.id: item for item in items}
        self._veil = veil
        self._may_leave = may_leave
        self.left: list[Item] = []
        self._settled: set[str] = set()
        self._started: str | None = None
        self._spoke = False  # this process has said at least once which item it works on
        self._garbled = False  # its last line was garbage: ten lines of a stray banner cost one item, not ten
        self._since = 0.0
        self._grace_s = 0.0
        self._reader = LineReader(0)
        self.garbage = 0
        self.duplicates = 0
        self.kept: dict[str, bytes] = {}

    @property
    def pending(self) -> Sequence[Item]:
        """Items without a finding, in the order in which they were asked."""
        return tuple(self._pending.values())

    @property
    def flooded(self) -> bool:
        """The present process has printed more than it may."""
        return self._reader.flooded

    def begin(self, now: float) -> None:
        """A process starts on all that is pending."""
        self._reader = LineReader(limits.output_bytes_floor + limits.output_bytes_per_item * len(self._pending))
        self._started = None
        self._spoke = self._garbled = False
        self._since = now
        self._grace_s = limits.start_grace_s + limits.timeout_grace_s

    @property
    def overdue_at(self) -> float:
        """When the item in progress will have taken too long."""
        item = self._in_progress()
        return self._since + (item.timeout_s if item else 0.0) + self._grace_s

    def feed(self, data: bytes, now: float) -> list[Finding]:
        """Output of the present process."""
        return [finding for line in self._reader.feed(data) for finding in self._take(line, now)]

    def _take(self, line: Line, now: float) -> list[Finding]:
        """One line. Any line at all shows that the process is alive."""
        self._since, self._grace_s = now, limits.timeout_grace_s
        garbled, self._garbled = self._garbled, False
        match line:
            case Started(id=item_id) if item_id in self._pending:
                self._started, self._spoke = item_id, True
            case Left(id=item_id) if item_id in self._pending and self._may_leave:
                self.left.append(self._pending.pop(item_id))
            case Reported(id=item_id) if item_id in self._pending:
                if line.keep and not self._veil:
                    self.kept[item_id] = line.keep
                return [self._settle(self._pending[item_id], *(self._veil.over(line) if self._veil else (line, b"")))]
            case Started(id=item_id) | Reported(id=item_id) if item_id in self._settled:
                self.duplicates += 1
            case Started(id=item_id) | Left(id=item_id) | Reported(id=item_id):
                self.garbage += 1
                return self._blame(f"the check reported on {self._quote(item_id)}, which was not asked")
            case Garbage(text=text):
                self.garbage += 1
                self._garbled = True
                said = f"the check printed a line that is no finding: {self._quote(text)}"
                return [] if garbled else self._blame(said)
        return []

    def _quote(self, text: str) -> str:
        """The check's own words, in few; none of them behind a veil."""
        return SECRET if self._veil else printable(text, 60)

    def flood(self) -> list[Finding]:
        """The present process was ended because it printed too much."""
        return self._blame(f"the check printed more than {self._reader.bytes_max} bytes and was ended")

    def greedy(self, bytes_max: int) -> list[Finding]:
        """The present process was ended because it read too much. One that names no item would do so for each."""
        why = f"the check read more than {bytes_max >> 20} MiB: ended by budget"
        return self._blame(why) if self._spoke else self.give_up(why)

    def timed_out(self) -> list[Finding]:
        """The item in progress took too long."""
        item = self._in_progress()
        return self._blame(f"timeout after {item.timeout_s:g} s") if item else []

    def ended(self, how: str, complaint: str, *, clean: bool) -> list[Finding]:
        """The process has ended by itself; only a crash in the midst of named items leaves the rest a chance.

        Args:
            how: e.g. "exit 77".
            complaint: the last line it wrote to stderr, or "".
            clean: it ended with exit code 0.
        """
        found = [finding for line in self._reader.end() for finding in self._take(line, self._since)]
        why = f"check ended ({how}) without a finding" + (f": {complaint}" if complaint and not self._veil else "")
        if not clean and self._spoke:
            return found + self._blame(why)
        return found + self.give_up(why)

    def give_up(self, why: str) -> list[Finding]:
        """Nothing more will be done: all that is pending errs."""
        return [self._error(item, why) for item in tuple(self._pending.values())]

    def _in_progress(self) -> Item | None:
        if self._started is not None and self._started in self._pending:
            return self._pending[self._started]
        return next(iter(self._pending.values()), None)

    def _blame(self, why: str) -> list[Finding]:
        item = self._in_progress()
        return [self._error(item, why)] if item else []

    def _error(self, item: Item, why: str) -> Finding:
        return self._settle(item, Reported(item.id, "error", "", printable(why, limits.message_chars_max), 0.0))

    def _settle(self, item: Item, said: Reported, mark: bytes = b"") -> Finding:
        del self._pending[item.id]
        self._settled.add(item.id)
        if self._started == item.id:
            self._started = None
        message = said.message
        if not message and said.outcome in ("na", "error"):
            message = "the check gives no reason"
        return Finding(item.number, item.id, said.outcome, said.observed, message, said.ms, mark)
