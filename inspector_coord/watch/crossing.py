"""CORE. Who reaches whom, from place to place: finds the path that is broken although Serf lists everybody as alive.

Serf asks three others to look before it calls anybody failed, and gossip finds its way round. So where zone a and zone
c do not reach each other but zone b reaches both, nobody fails, and yet everything between a and c is down. A few nodes
of each place connect to a few of each other place; a pair of places between which nothing comes through, twice, while
another place reaches both, is a broken line.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

import msgspec

from inspector_agent.witness.messages import Sight
from inspector_coord.watch import limits
from inspector_coord.watch.agenda import NEVER
from inspector_coord.watch.asks import Open
from inspector_coord.watch.members import Members, Node
from inspector_coord.watch.witnesses import landmarks

__all__ = ["Broken", "Crossing", "Pair"]

Pair = tuple[str, str]
"""Two places in order, e.g. ("zone=a", "zone=c")."""


class Broken(msgspec.Struct, frozen=True):
    """A line between two places. bridges: places that reach both; tries: connections that all failed, since then."""

    pair: Pair
    bridges: tuple[str, ...]
    tries: int
    since: float


class _Count(msgspec.Struct):
    tries: int = 0
    reached: int = 0


class _Doubt(msgspec.Struct):
    """rounds: in a row in which nothing came through, since the first was asked for; idle: that told nothing of it."""

    rounds: int = 0
    since: float = NEVER
    idle: int = 0


class Crossing:
    """What is known of the paths between places. broken: the lines that are; focus: a pair to be looked at closely."""

    def __init__(self, members: Members) -> None:
        self._members = members
        self._counts: dict[int, dict[Pair, _Count]] = {}  # by question, of those that are out
        self._failed: dict[Pair, _Doubt] = {}
        self._passed: dict[Pair, int] = {}  # of broken ones: rounds in a row in which most came through
        self._rounds = 0
        self.broken: dict[Pair, Broken] = {}

    @property
    def level(self) -> int | None:
        """The widest place tag with enough values for one to bridge two others; None: there is none."""
        found = (level for level in range(self._members.levels) if len(self._members.groups(level)) >= 3)
        return next(found, None)

    @property
    def open_doubts(self) -> bool:
        """Whether a pair waits for its second round."""
        return bool(self._failed)

    @property
    def doubted(self) -> bool:
        """Whether a pair waits for its second round, or a line is open."""
        return bool(self._failed or self.broken)

    def doubt(self, parted: tuple[str, ...]) -> None:
        """Witnesses have told that a line runs between two places."""
        pair = (min(parted), max(parted))
        level = self.level
        known = level is not None and all(place in self._members.groups(level) for place in pair)
        if known and pair not in self.broken:
            self._failed.setdefault(pair, _Doubt())

    def resume(self, pair: Pair) -> None:
        """A line that was told before."""
        self.broken[pair] = Broken(pair, (), 0, -NEVER)

    def vanished(self) -> list[Pair]:
        """Lines to places that are no more."""
        level = self.level
        known = [] if level is None else self._members.groups(level)
        for pair in [pair for pair in self._failed if not all(place in known for place in pair)]:
            del self._failed[pair]
        gone = [pair for pair in self.broken if not all(place in known for place in pair)]
        for pair in gone:
            del self.broken[pair]
        return gone

    def names(self) -> list[str]:
        """Who is asked next, and about whom: nodes of the pair that is doubted and of a bridge, or of all places."""
        level = self.level
        if level is None:
            return []
        self._rounds += 1
        values = self._members.groups(level)
        pairs = [*self._failed, *self.broken]
        if pairs:
            pair = pairs[self._rounds % len(pairs)]
            bridges = [value for value in values if value not in pair]
            values = [value for value in pair if value in values]
            values += bridges[self._rounds % len(bridges) :][:1]
        elif len(values) > limits.targets_max:
            start = self._rounds * limits.targets_max % len(values)
            values = [*values, *values][start : start + limits.targets_max]
        return landmarks(self._members, f"cross {self._rounds}", level, values, limits.targets_max)

    def note(self, one: Open, witness: Node, sights: Sequence[Sight | None]) -> None:
        """A witness has told whom it reaches."""
        level = self.level
        if level is None:
            return
        counts = self._counts.setdefault(one.number, {})
        for target, sight in zip(one.targets, sights, strict=False):
            node = self._members.nodes.get(target)
            if sight is None or node is None or node is witness:
                continue
            here, there = sorted((witness.places[level], node.places[level]))
            count = counts.setdefault((here, there), _Count())
            count.tries += 1
            count.reached += sight.reached

    def over(self, one: Open) -> tuple[list[Broken], list[Pair]]:
        """A round has ended: lines that are broken now, and pairs that were and are not any more."""
        counts = self._counts.pop(one.number, {})
        passing = {pair for pair, count in counts.items() if count.reached * 2 >= count.tries and count.reached}
        self._tire(counts)
        broken, healed = [], []
        for pair, count in counts.items():
            if pair in self.broken:
                self._passed[pair] = self._passed.get(pair, 0) + 1 if pair in passing else 0
                if self._passed[pair] >= limits.cross_rounds:
                    self._passed.pop(pair)
                    healed.append(pair)
                    del self.broken[pair]
                continue
            bridges = self._bridges(pair, passing)
            if count.reached or not bridges or pair[0] == pair[1]:
                self._failed.pop(pair, None)
                continue
            doubt = self._failed.setdefault(pair, _Doubt())
            doubt.rounds, doubt.since = doubt.rounds + 1, min(doubt.since, one.at)
            if doubt.rounds >= limits.cross_rounds and count.tries >= limits.cross_tries_min:
                del self._failed[pair]
                broken.append(Broken(pair, bridges, count.tries, doubt.since))
                self.broken[pair] = broken[-1]
            elif doubt.rounds > limits.cross_rounds_max:  # too few to try: not to be told apart from loss
                del self._failed[pair]
        return broken, healed

    def _tire(self, counts: Container[Pair]) -> None:
        """A doubt that round after round tells nothing of is dropped: nobody at one of its places can be asked."""
        turns = len(self._failed) + len(self.broken)
        for pair, doubt in list(self._failed.items()):
            doubt.idle = 0 if pair in counts else doubt.idle + 1
            if doubt.idle > limits.cross_rounds_max * turns:
                del self._failed[pair]

    def forget(self) -> None:
        """Nothing is known any more, but what is told stays told."""
        self._counts.clear()
        self._failed.clear()
        self._passed.clear()

    @staticmethod
    def _bridges(pair: Pair, passing: set[Pair]) -> tuple[str, ...]:
        """Places that reach both."""
        beside = [{other for one in passing if end in one for other in one if other != end} for end in pair]
        return tuple(sorted(beside[0] & beside[1]))
