"""CORE. How members that are no entries see the ring: like the core, as long as they hear it."""

from __future__ import annotations

from inspector_lab.liveness import limits
from inspector_lab.liveness.paths import Paths
from inspector_lab.liveness.view import Listed, View
from inspector_lab.liveness.views import PROFILE, Views
from inspector_lab.simulated.chance import Chance
from inspector_lab.simulated.timeline import Timeline

__all__ = ["Opinions"]


class Opinions:
    """`deaf_from`: who hears nothing of the core -> since when, and (alive, failed) as it last knew."""

    def __init__(self, timeline: Timeline, chance: Chance, views: Views) -> None:
        self._timeline = timeline
        self._chance = chance
        self._views = views
        self._own = {view.host: view for view in views.vantages}
        self.deaf_from: dict[int, tuple[float, int, int]] = {}

    def rerouted(self, paths: Paths) -> None:
        """Other packets pass than before: who hears nothing any more keeps what it knows."""
        core = self._views.core
        known = (self._timeline.now, len(paths.side) - core.away - core.failed, core.failed)
        deaf_sides = {
            side
            for side in paths.sizes
            if side not in paths.core and not any(side in paths.hearers(each) for each in paths.core)
        }
        if deaf_sides or self.deaf_from:
            deaf = (host for host, side in enumerate(paths.side) if side in deaf_sides)
            self.deaf_from = {host: self.deaf_from.get(host, known) for host in deaf}

    def common(self, host: int) -> tuple[int, int] | None:
        """(alive, failed) as all list them but entries and who hears nothing of the core: None for these."""
        if host in self._own or host in self.deaf_from:
            return None
        core = self._views.core
        return len(self._views.paths.side) - core.away - core.failed, core.failed

    def picture(self, host: int) -> tuple[int, int]:
        """(alive, failed) as this host lists them."""
        paths, core = self._views.paths, self._views.core
        own = self._own.get(host)
        if own is None and host in self.deaf_from:
            since, alive, failed = self.deaf_from[host]
            if self._timeline.now - since < self._doubts_s(host):
                return alive, failed
            mates = paths.sizes[paths.side[host]]
            return mates, max(0, alive + failed - mates)
        view: View = own or core
        return len(paths.side) - view.away - view.failed, view.failed

    def listed(self, witness: int, host: int) -> Listed:
        """What a witness has a host as."""
        own = self._own.get(witness)
        if own is not None:
            return own.status(host)
        deaf = self.deaf_from.get(witness)
        status = self._views.core.status(host)
        if deaf is None or status not in ("alive", "failed"):
            return status
        if self._timeline.now - deaf[0] > self._doubts_s(witness):
            return "alive" if self._views.paths.connects(witness, host) else "failed"
        return status if self._views.core.since.get(host, 0.0) <= deaf[0] else "alive"

    def shunned(self, host: int, by: int) -> bool:
        """Whether gossip is no longer sent to it: members held failed get it for a while only."""
        views = self._views
        if views.core.status(host) != "failed" or by in self.deaf_from or by == host:
            return False
        if views.refutes_inside and views.paths.side[by] == views.paths.side[host]:
            return False
        return self._timeline.now - views.core.since[host] > PROFILE.gossip_to_dead_s

    def _doubts_s(self, host: int) -> float:
        return limits.doubts_s * (1 + self._chance.real(host))
