"""CORE. What happens to one packet between two members: it is lost, late, doubled, overtaken or cut off.

Reordering comes of lateness: a packet that is held back is overtaken by later ones.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["Network", "Place"]

_UNIT = 1.0 / 65_536.0


class Place(Protocol):
    """Where a packet comes from or goes to."""

    @property
    def name(self) -> str:
        """The member."""

    @property
    def zone(self) -> str:
        """The zone it is in."""


class Network:
    """Everything may be changed while a simulation runs. Shares are from 0 to 1, times in seconds.

    selective         it matters who sends to whom: something is cut
    loss              of every packet, each independently
    duplicate         of the packets that come, so many come twice
    delay_s           one way, for every packet; up to `jitter_s` more, evenly
    reorder           so many are held back by up to `reorder_s`
    """

    __slots__ = ("_cuts", "delay_s", "duplicate", "jitter_s", "loss", "reorder", "reorder_s", "selective")

    def __init__(
        self,
        *,
        loss: float = 0.0,
        duplicate: float = 0.0,
        delay_s: float = 0.000_2,  # between two racks of one data centre
        jitter_s: float = 0.000_3,
        reorder: float = 0.0,
        reorder_s: float = 0.05,
    ) -> None:
        self.loss = loss
        self.duplicate = duplicate
        self.delay_s = delay_s
        self.jitter_s = jitter_s
        self.reorder = reorder
        self.reorder_s = reorder_s
        self._cuts: set[tuple[str, str]] = set()
        self.selective = False

    def cut(self, from_zone: str, to_zone: str) -> None:
        """Nothing sent in one zone reaches the other any more; the other way is another cut."""
        self._cuts.add((from_zone, to_zone))
        self.selective = True

    def heal(self, from_zone: str, to_zone: str) -> None:
        """The end of a cut."""
        self._cuts.discard((from_zone, to_zone))
        self.selective = bool(self._cuts)

    def zones_pass(self, from_zone: str, to_zone: str) -> bool:
        """Not cut."""
        return (from_zone, to_zone) not in self._cuts

    def passes(self, source: Place, target: Place) -> bool:
        """Nothing between the two is cut."""
        return (source.zone, target.zone) not in self._cuts

    def lost(self, chance: int) -> bool:
        """Lost by bad luck; `chance` is 16 even bits."""
        return chance * _UNIT < self.loss

    def doubled(self, chance: int) -> bool:
        """Arrives twice; `chance` is 16 even bits."""
        return chance * _UNIT < self.duplicate

    def travel_s(self, chance: int) -> float:
        """How long a packet takes; `chance` is 48 even bits."""
        taken = self.delay_s + self.jitter_s * (chance & 0xFFFF) * _UNIT
        if self.reorder and (chance >> 16 & 0xFFFF) * _UNIT < self.reorder:
            taken += self.reorder_s * (chance >> 32 & 0xFFFF) * _UNIT
        return taken
