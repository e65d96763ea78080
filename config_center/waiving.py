"""CORE. Which waiver holds for an item on a node: of all that do, the one that lasts longest."""

from __future__ import annotations

from collections.abc import Mapping

from config_center.match import Match, Term
from config_center.model import Release
from config_center.selection import Choice, Selection, bits_of
from config_center.terms import compiled


class Waiving:
    """The waivers of a release. waivers: the one that lasts longest first; keys: of the traits they look at."""

    def __init__(self, release: Release) -> None:
        self.waivers = sorted(release.waivers, key=lambda waiver: waiver.expires, reverse=True)
        self._nodes = Selection([Match(waiver.match) for waiver in self.waivers])
        self._items = Choice([compiled(Term(any=waiver.items)) for waiver in self.waivers])
        self.keys = self._nodes.keys

    def mask(self, name: str, traits: Mapping[str, str]) -> int:
        """The waivers for a node, one bit each."""
        return self._nodes.mask(name, traits)

    def best(self, item: str, waivers: int) -> int | None:
        """The number of the one that holds for an item, of those in the mask."""
        return next(bits_of(waivers & self._items.mask(item)), None)
