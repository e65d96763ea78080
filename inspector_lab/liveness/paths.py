"""CORE. Who reaches whom: cuts between groups of hosts, each in its own direction, and what gossip makes of them.

Hosts that no cut tells apart are one side. A cut stops what is sent from one group to another; another cut may stop the
way back. Gossip goes by way of others, so it passes wherever a chain of sides does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

__all__ = ["Paths"]


class Paths:
    """How it is from one moment to the next change. Never changed once it is made.

    side    of each host, a number; sizes: members on each side
    core    the sides in contact both ways with the side that has so most members
    """

    __slots__ = ("_blocks", "_direct", "_gossip", "core", "sharp", "side", "sizes")

    def __init__(self, count: int, blocks: Iterable[tuple[Iterable[int], Iterable[int] | None]] = ()) -> None:
        """`blocks`: (from these hosts, to those; None: to all but the former) pairs of what is stopped."""
        self.side = [0] * count
        self._blocks = 0
        self.sharp = list[bool]()
        for number, (sources, targets) in enumerate(blocks):
            self._blocks += 1
            self.sharp.append(targets is not None)
            for host in sources:
                self.side[host] |= 1 << 2 * number
            for host in targets or ():
                self.side[host] |= 2 << 2 * number
        self.sizes = Counter(self.side)
        self._direct: dict[tuple[int, int], bool] = {}
        self._gossip: dict[int, frozenset[int]] = {}
        self.core = self._core()

    def sides_pass(self, source: int, target: int) -> bool:
        """Whether a packet gets from side to side."""
        known = self._direct.get((source, target))
        if known is None:
            known = self._direct[source, target] = not any(
                source >> 2 * number & 1
                and (target >> 2 * number & 2 if self.sharp[number] else not target >> 2 * number & 1)
                for number in range(self._blocks)
            )
        return known

    def passes(self, source: int, target: int) -> bool:
        """Whether a packet gets from host to host."""
        return self.sides_pass(self.side[source], self.side[target])

    def connects(self, one: int, other: int) -> bool:
        """Whether TCP does: packets have to get there and back."""
        return self.passes(one, other) and self.passes(other, one)

    def hearers(self, side: int) -> frozenset[int]:
        """The sides that hear what is gossiped on this one."""
        known = self._gossip.get(side)
        if known is None:
            found, fresh = {side}, [side]
            while fresh:
                source = fresh.pop()
                more = [each for each in self.sizes if each not in found and self.sides_pass(source, each)]
                found.update(more)
                fresh += more
            known = self._gossip[side] = frozenset(found)
        return known

    def apart(self, host: int) -> bool:
        """Whether it is out of contact with the core, in one direction or both."""
        return self.side[host] not in self.core

    def hears_core(self, host: int) -> bool:
        """Whether what the core gossips gets to it."""
        return any(self.side[host] in self.hearers(side) for side in self.core)

    def one_way(self) -> bool:
        """Whether somebody out of contact still hears the core, or is still heard by it, but not both."""
        return any(
            any(side in self.hearers(each) for each in self.core) != bool(self.hearers(side) & self.core)
            for side in self.sizes
            if side not in self.core
        )

    def _core(self) -> frozenset[int]:
        def mates(side: int) -> frozenset[int]:
            both = (each for each in self.sizes if self.sides_pass(side, each) and self.sides_pass(each, side))
            return frozenset({side, *both})

        best = max(sorted(self.sizes), key=lambda side: sum(self.sizes[each] for each in mates(side)))
        return mates(best)
