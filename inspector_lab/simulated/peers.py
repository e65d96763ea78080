"""CORE. Whom a member sends gossip to: some others at random, all different (memberlist/util.go kRandomNodes)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from inspector_lab.simulated.network import Network, Place

__all__ = ["LUCK_MASK", "PACKET_BITS", "PICK_BITS", "PICK_MASK", "Peers"]

PACKET_BITS = 40  # of chance for one packet: 24 for whom it goes to, 16 for whether it is lost
PICK_BITS, PICK_MASK = 24, (1 << 24) - 1
LUCK_MASK = (1 << 16) - 1


class Peers:
    """`targets` are the members that others send to, in ascending order."""

    __slots__ = ("_members", "_network", "targets")

    def __init__(self, members: Sequence[Place], network: Network) -> None:
        self.targets: Sequence[int] = list(range(len(members)))
        self._members = members
        self._network = network

    def others(self, member: int, luck: int, packets: int) -> Iterator[tuple[int, bool]]:
        """So many others, fewer if there are not so many, and whether the packet to each is lost."""
        targets, network = self.targets, self._network
        count = len(targets)
        loss, selective = network.loss * (LUCK_MASK + 1), network.selective
        taken = [member]
        for _ in range(packets if count else 0):
            peer = targets[(luck & PICK_MASK) * count >> PICK_BITS]
            if peer in taken:
                peer = self.neighbour(peer, taken)
            if peer != member:
                taken.append(peer)
                lost = (luck >> PICK_BITS & LUCK_MASK) < loss
                yield peer, lost or (selective and not network.passes(self._members[member], self._members[peer]))
            luck >>= PACKET_BITS

    def neighbour(self, peer: int, taken: Sequence[int]) -> int:
        """The next target after this one that is not yet taken; the first of those taken if there is none."""
        targets = self.targets
        place = bisect_left(targets, peer)
        for step in range(1, min(len(targets), len(taken) + 1)):
            other = targets[(place + step) % len(targets)]
            if other not in taken:
                return other
        return taken[0]
