"""CORE. A simulated ring: its hosts, what they are, what passes between them, and who lists whom as what."""

from __future__ import annotations

from collections.abc import Callable

from inspector_lab.liveness.hosts import Hosts
from inspector_lab.liveness.land import Land
from inspector_lab.liveness.opinions import Opinions
from inspector_lab.liveness.paths import Paths
from inspector_lab.liveness.scenario import Scenario
from inspector_lab.liveness.views import Views
from inspector_lab.simulated.chance import Chance
from inspector_lab.simulated.timeline import Timeline

__all__ = ["Ring"]


class Ring:
    """Everything that the watcher, its connections and its questions meet.

    loss    share of packets that is lost now
    routes  the paths from each moment on, oldest first
    told    called with (vantage, kind, host) when a vantage's Serf agent has a member event
    """

    def __init__(self, scenario: Scenario, told: Callable[[int, str, int], None]) -> None:
        self.scenario = scenario
        self.timeline = Timeline()
        self.timeline.now = min([0.0, *(fault.at_s for fault in scenario.faults)])
        self.chance = Chance(scenario.seed)
        self.land = Land(scenario)
        self.hosts = Hosts()
        self.views = Views(
            self.timeline,
            self.chance.part("views"),
            self.hosts,
            scenario.nodes,
            scenario.spare,
            self.land.vantages,
            told,
        )
        self.opinions = Opinions(self.timeline, self.chance.part("opinions"), self.views)
        self.loss = scenario.loss
        self.routes: list[tuple[float, Paths]] = [(float("-inf"), self.views.paths)]

    @property
    def paths(self) -> Paths:
        """What passes now."""
        return self.views.paths

    def reroute(self, paths: Paths) -> None:
        """Other packets pass from now on."""
        self.routes.append((self.timeline.now, paths))
        self.opinions.rerouted(paths)
        self.views.rerouted(paths)
