"""CORE. Which way a line around a place is cut, from what was heard where since its nodes failed.

Serf goes on gossiping to those whom it lists as failed for a while only. After that nothing is heard on either side,
whichever way the cut is; what was known by then stays.
"""

from __future__ import annotations

from itertools import islice

from inspector_coord.watch import limits
from inspector_coord.watch.conclusions import Kind
from inspector_coord.watch.cuts import UNKNOWN, direction_around
from inspector_coord.watch.state import State
from inspector_coord.watch.suspicion import Suspect

__all__ = ["Directions"]


class Directions:
    """See the module's text."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._found: dict[str, tuple[float, str]] = {}  # by place, as found at a time

    def of(self, place: str, suspect: Suspect, now: float) -> str:
        """Which way a line around a place is cut; what its open incident says, where that is not to be seen now."""
        known = self._found.get(place)
        if known is not None and known[0] == now:
            return known[1]
        found = self._seen(place, self._failed_at(suspect.name, suspect.since), now)
        if found == UNKNOWN:
            found = self._state.gathering.direction((place,)) or UNKNOWN
        self._found[place] = (now, found)
        return found

    def tell(self, now: float) -> bool:
        """The direction of cuts that were told without one, as soon as it is known; whether any may still be."""
        gathering, waits = self._state.gathering, False
        for one in gathering:
            if one.kind is not Kind.CUT_OFF or len(one.parted) != 1 or one.direction != UNKNOWN:
                continue
            some = islice(one.entries, limits.targets_max)
            since = min((self._failed_at(name, one.since) for name in some), default=one.since)
            found = self._seen(one.parted[0], since, now)
            if found != UNKNOWN:
                gathering.directed(one, found, now)
            waits |= found == UNKNOWN and now <= since + limits.gossip_to_dead_s
        return waits

    def _failed_at(self, name: str, since: float) -> float:
        """Since when home lists it as failed, which it may have done before it was home."""
        home = self._state.vantages.home
        return since if home is None else min(since, self._state.vantages[home].mirror.failed.get(name, since))

    def _seen(self, place: str, since: float, now: float) -> str:
        state = self._state
        if now > since + limits.gossip_to_dead_s:
            return UNKNOWN
        since = max(since - 1.0, now - limits.hearing_s)

        def inside(name: str) -> bool:
            return state.at_place(name, place)

        def outside(name: str) -> bool:
            node = state.members.nodes.get(name)
            return node is not None and node.status == "alive" and place not in node.places

        def vantage_inside(number: int) -> bool:
            return number in state.vantages and inside(state.vantages[number].node)

        def vantage_outside(number: int) -> bool:
            return not vantage_inside(number) and state.with_home(number, now)

        said, asks = state.hearing.since(since), list(state.asks.recent(since))
        return direction_around(said, asks, inside, outside, (vantage_inside, vantage_outside), state.settle_s(now))
