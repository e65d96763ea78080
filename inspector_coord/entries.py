"""CORE. The entries of one ring: which one is in use, whether it is heard, and what to do if it is not.

A Serf agent that has just joined a big ring takes questions and is not heard for minutes: its membership broadcasts
go first. Two questions that start together at one entry can overwrite each other, and nobody's answer comes. Slow
checks look like either.

    acks to a question that no agent sees   the entry is heard
    no acks, its queue does not drain       it is backed up: the next entry is asked
    no acks, its queue is empty             it is cut off, or mute: the next entry is asked
    others answer through the next entry    as above, and nothing more needs to be waited for
    a verdict that was ready long before    two questions collided (`rounds` notices that): all are asked again at once
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from inspector_coord import limits
from inspector_coord.patience import Timing

__all__ = ["Entries", "Entry", "Step"]

NEVER = float("inf")


class Entry(msgspec.Struct, frozen=True):
    """An RPC address, and the name of the Serf agent behind it ("" where it could not be learned)."""

    address: str
    node: str = ""


class Step(msgspec.Struct, frozen=True):
    """Ask everybody once more; test through `entry` whether `names` hear it; look at the queue of entry `look`."""

    everybody: bool = False
    entry: int = 0
    names: tuple[str, ...] = ()
    look: int | None = None


@dataclass(slots=True, eq=False)
class _Standing:
    usable_at: float = 0.0
    heard: bool = False  # by anybody but its own node
    own_heard: bool = False
    complained: bool = False
    asked_at: float = NEVER  # when it was first to ask everybody
    queues: tuple[int | None, ...] = ()  # its newest two, as it was tested and when the test was over
    mute: bool = False
    said: bool = False  # that it is
    then: str = ""  # what was done about it


class Entries:
    """See the module's text."""

    def __init__(self, entries: Sequence[Entry], members: Sequence[str], timing: Timing) -> None:
        self.home = 0
        self.notes: list[str] = []
        self._due_at = NEVER
        self._look_at = NEVER  # the second look at the entry that was `_tested`
        self._tested = 0
        self._entries = entries
        self._members = members
        self._timing = timing
        self._standing = [_Standing() for _ in entries]
        self._answers = 0
        self._testing = False
        self._slow = False
        self._repeats = 0
        self._again = False

    @property
    def due_at(self) -> float:
        """When a step is due."""
        return min(self._due_at, self._look_at)

    @property
    def address(self) -> str:
        """Of the entry in use."""
        return self._entries[self.home].address

    def take(self, now: float, after: int | None = None, *, lot_s: float = 0.0) -> int | None:
        """The entry to ask everybody through now, or the next one `after` that; None: none is usable yet.

        `lot_s`: how much later than others this sweep looks whether it is heard.
        """
        start = self.home if after is None else after + 1
        for step in range(len(self._entries)):
            index = (start + step) % len(self._entries)
            if self._standing[index].usable_at <= now:
                if after is None:
                    self._adopt(index, now, lot_s)
                return index
        if after is None:
            self._again = True
            self._due_at = min(standing.usable_at for standing in self._standing)
        return None

    def heard(self, entry: int, name: str, *, answer: bool) -> None:
        """Something has come through an entry; `answer`: it was one to a question that asked everybody."""
        standing = self._standing[entry]
        self._answers += answer
        if not (standing.heard and standing.own_heard):
            own = name == self._entries[entry].node
            standing.own_heard |= own
            standing.heard |= not own

    def lost(self, entry: int, reason: str, now: float, *, whole: bool) -> None:
        """An entry hung up or could not be reached. `whole`: everybody is to be asked again."""
        standing = self._standing[entry]
        standing.usable_at = now + limits.entry_retry_s
        if not standing.complained:
            standing.complained = True
            self._note(f"entry {self._entries[entry].address} was lost: {reason}")
        if whole or entry == self.home:
            self._again = True
            self._due_at = now

    def seen(self, entry: int, queue: int | None) -> None:
        """How many queries wait at an entry; None if that could not be read."""
        standing = self._standing[entry]
        standing.queues = (*standing.queues, queue)[-2:]
        if standing.mute and len(standing.queues) > 1:
            self._say(standing)

    def slow(self) -> None:
        """An agent has said that it is still checking: that nobody answers is nothing to wonder about."""
        self._slow = True

    def step(self, now: float) -> Step | None:
        """What the entries need now, if anything."""
        step = self._decide(now) if now >= self._due_at else None
        if now >= self._look_at:
            self._look_at = NEVER
            return msgspec.structs.replace(step or Step(), look=self._tested)
        return step

    def _decide(self, now: float) -> Step | None:
        home = self._standing[self.home]
        others = tuple(name for name in self._members if name != self._entries[self.home].node)
        if self._again:
            self._again = False
            return Step(everybody=True)
        if home.heard or not others:
            return self._unanswered()
        if not self._testing:
            self._testing = True
            self._tested = self.home
            self._due_at = self._look_at = now + self._timing.hear_s + limits.answer_slack_s
            stride = max(1, len(others) // limits.hearing_nodes_max)
            names = others[::stride][: limits.hearing_nodes_max]
            return Step(entry=self.home, names=names, look=self.home)
        self._leave((self.home + 1) % len(self._entries), now)
        return Step(everybody=True)

    def _leave(self, index: int, now: float) -> None:
        """The entry in use is not heard: ask through that one."""
        home = self._standing[self.home]
        home.mute = True
        if index == self.home:
            home.then = "; asked again, there is no other entry"
        else:
            home.usable_at = now + self._timing.hear_s * 2
            home.then = f"; asked through {self._entries[index].address} instead"
            self.home = index

    def outdone(self, entry: int, now: float) -> bool:
        """Others than its own node answered through `entry`. Whether only the entry in use was not heard so far."""
        others = entry != self.home and self._standing[entry].heard and not self._standing[self.home].heard
        if others:
            self._leave(entry, now)
        return others

    def collided(self) -> bool:
        """The answers to the question to everybody go nowhere. Whether everybody is to be asked again."""
        self._note(
            f"verdicts that were ready did not come as answers to the question through {self.address}: "
            "did another one start at the same moment? asked again at once"
        )
        return self._repeat()

    def end(self, now: float) -> None:
        """The ring is closed: an entry that was not heard is named, also where others made up for it."""
        for index, standing in enumerate(self._standing):
            others = any(name != self._entries[index].node for name in self._members)
            asked = now - standing.asked_at >= self._timing.hear_s
            if standing.mute or (others and not standing.heard and asked):
                self._say(standing)

    def _adopt(self, index: int, now: float, lot_s: float) -> None:
        """Everybody is asked through this entry now: look again whether it is heard, `lot_s` later than others."""
        self.home = index
        self._standing[index].asked_at = min(now, self._standing[index].asked_at)
        self._testing = self._again = self._slow = False
        self._answers = 0
        self._due_at = now + self._timing.spread_s + self._timing.hear_s + limits.mute_s + lot_s

    def _repeat(self) -> bool:
        self._repeats += 1
        return self._repeats <= limits.collisions_max

    def _unanswered(self) -> Step | None:
        """The entry is heard, but only a test told so: slow checks, or a collision. Everybody is asked once more."""
        self._due_at = NEVER
        if self._answers or self._slow or not self._testing or not self._repeat():
            return None
        self._note(f"nobody answered the question through {self.address} although it is heard: asked again")
        return Step(everybody=True)

    def _say(self, standing: _Standing) -> None:
        """Why an entry is not heard, and what was done about it."""
        if standing.said:
            return
        standing.said = True
        address = self._entries[self._standing.index(standing)].address
        before, after = standing.queues if len(standing.queues) > 1 else (0, 0)
        if after and after >= (before or 0):
            what, why = "backed up", f"{after} queries wait in its queue and do not drain"
            why += " (it has just joined, or membership is churning)"
        elif standing.own_heard:
            what = "not heard"
            why = "only its own node is; has it just joined a big ring? its membership messages go out first"
        else:
            what = "not heard"
            why = "not even its own node answered; did another question start at the same moment?"
        self._note(f"entry {address} is {what}: {why}{standing.then}")

    def _note(self, text: str) -> None:
        if text not in self.notes and len(self.notes) < limits.notes_max:
            self.notes.append(text)
