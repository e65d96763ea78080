"""Which entry of a ring to use: one that answers, sees the whole ring, and is not backed up.

A Serf agent that was restarted and has not found its ring again answers as well as any other, and lists one member. So
all entries are asked at once what they see, and one that sees far fewer members than another is not believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import trio

from inspector_agent.ring import RingError, connect
from inspector_coord import limits

__all__ = ["Looks", "Seen", "advised_once", "look_at"]


class Seen(msgspec.Struct, frozen=True):
    """What one entry says of itself: its node, how many members it sees alive, how many queries wait there."""

    node: str
    alive: int
    queue: int


class Looks(msgspec.Struct):
    """What is known of the entries of a ring, by index: what those say that answered, why others cannot be used."""

    addresses: tuple[str, ...]
    seen: dict[int, Seen]
    problems: dict[int, str]

    @property
    def names(self) -> dict[int, str]:
        """Of the nodes behind the entries that answered."""
        return {index: seen.node for index, seen in self.seen.items()}

    def ranked(self) -> list[int]:
        """All entries: good ones as configured, then those with something against them, then the rest."""
        places = range(len(self.addresses))
        return sorted(places, key=lambda index: (index in self.problems, bool(self.doubt(index)), index))

    def doubt(self, index: int) -> str:
        """What speaks against using an entry that answered; "" if nothing does."""
        seen = self.seen.get(index)
        if seen is None:
            return ""
        best = max(self.seen, key=lambda other: (self.seen[other].alive, -other))
        most = self.seen[best].alive
        if seen.alive < limits.entry_sees_share * most:
            told = f"sees {seen.alive} member{'' if seen.alive == 1 else 's'} alive, {self.addresses[best]} sees {most}"
            return f"{self.addresses[index]} {told}: it is cut off, or has just joined"
        calm = any(other.queue <= limits.query_queue_max for other in self.seen.values())
        if calm and seen.queue > limits.query_queue_max:
            return f"{self.addresses[index]} is backed up: {seen.queue} queries wait in its queue"
        return ""

    def against(self, places: Iterable[int]) -> tuple[str, ...]:
        """Why these entries were not used."""
        found = (self.problems.get(index) or self.doubt(index) for index in places)
        return tuple(text for text in found if text)


def advised_once(problems: Iterable[str]) -> str:
    """Problems, each `what; what to do`, as one text: those with the same advice together, and it once, behind them."""
    alike: dict[str, list[str]] = {}
    for problem in problems:
        what, _, advice = problem.rpartition("; ")
        alike.setdefault(advice if what else "", []).append(what or advice)
    return "; ".join("; ".join([*several, *([advice] if advice else [])]) for advice, several in alike.items())


async def look_at(addresses: Sequence[str], key: str | None, skip: Mapping[int, str]) -> Looks:
    """Ask all entries what they see, but those to `skip`; once one has answered, the others have little time left.

    A single one is not asked: there is no choice.
    """
    looks = Looks(tuple(addresses), {}, dict(skip))
    left = [index for index in range(len(addresses)) if index not in skip]
    if len(left) < 2:
        return looks
    places = trio.CapacityLimiter(limits.entries_looked_at_max)
    async with trio.open_nursery() as nursery:

        async def look(index: int) -> None:
            async with places:
                try:
                    looks.seen[index] = await _look(addresses[index], key)
                except (RingError, trio.TooSlowError) as problem:
                    silent = f"{addresses[index]} does not answer: is its Serf agent frozen?"
                    looks.problems[index] = str(problem) if isinstance(problem, RingError) else silent
                else:
                    soon = trio.current_time() + limits.entries_wait_s
                    nursery.cancel_scope.deadline = min(nursery.cancel_scope.deadline, soon)

        for index in left:
            nursery.start_soon(look, index)
    for index in left:
        if index not in looks.seen:
            looks.problems.setdefault(index, f"{addresses[index]} was slow to answer: is its Serf agent frozen?")
    return looks


async def _look(address: str, key: str | None) -> Seen:
    with trio.fail_after(limits.connect_s):
        async with connect(address, auth_key=key, timeout_s=limits.connect_s) as client:
            stats = await client.stats()
    serf = stats.get("serf", {})
    members, failed, left, queue = (_whole(serf.get(word, "")) for word in ("members", "failed", "left", "query_queue"))
    return Seen(stats.get("agent", {}).get("name", ""), members - failed - left, queue)


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() else 0
