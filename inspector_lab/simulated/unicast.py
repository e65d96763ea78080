"""CORE. Single packets from one member to another: lost, late, doubled, or there; every one is accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from inspector_lab.simulated.gossip import DOWN
from inspector_lab.simulated.network import Network, Place
from inspector_lab.simulated.timeline import Timeline

__all__ = ["Unicast"]

_LUCK = (1 << 16) - 1
_TRAVEL = (1 << 48) - 1


class Unicast:
    """One ring's. Counts unicast_packets, unicast_bytes, duplicated, lost and in_flight."""

    __slots__ = ("_counted", "_handling_s", "_members", "_network", "_states", "_timeline")

    def __init__(
        self,
        timeline: Timeline,
        handling_s: float,
        members: Sequence[Place],
        states: bytearray,
        network: Network,
        counted: Counter[str],
    ) -> None:
        self._timeline = timeline
        self._handling_s = handling_s
        self._members = members
        self._states = states
        self._network = network
        self._counted = counted

    def send(self, source: int, target: int, size: int, luck: int, arrive: Callable[..., object], *args: Any) -> None:
        """A packet; `luck` are 128 even bits of its own. `arrive(*args)` is called if and when its target is there."""
        counted, network = self._counted, self._network
        counted["unicast_packets"] += 1
        counted["unicast_bytes"] += size
        blocked = network.selective and not network.passes(self._members[source], self._members[target])
        if blocked or network.lost(luck & _LUCK):
            counted["lost"] += 1
            return
        counted["in_flight"] += 1
        at = self._timeline.now + self._handling_s
        self._timeline.at(at + network.travel_s(luck >> 16 & _TRAVEL), self._there, target, arrive, args)
        if network.duplicate and network.doubled(luck >> 64 & _LUCK):
            counted["duplicated"] += 1
            counted["in_flight"] += 1
            later = network.travel_s(luck >> 20 & _TRAVEL) + network.travel_s(luck >> 48 & _TRAVEL)
            self._timeline.at(at + later, self._there, target, arrive, args)

    def _there(self, target: int, arrive: Callable[..., object], args: tuple[Any, ...]) -> None:
        self._counted["in_flight"] -= 1
        if self._states[target] == DOWN:
            self._counted["lost"] += 1
        else:
            arrive(*args)
