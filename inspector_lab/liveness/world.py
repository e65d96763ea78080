"""CORE. One simulated watch, from a scenario to its result."""

from __future__ import annotations

from collections import Counter

from inspector_coord.watch.model import Event, VantageDown, VantageUp
from inspector_lab.liveness.playing import Player
from inspector_lab.liveness.questions import Questions
from inspector_lab.liveness.result import Result
from inspector_lab.liveness.ring import Ring
from inspector_lab.liveness.scenario import Scenario
from inspector_lab.liveness.sights import Sights
from inspector_lab.liveness.vantages import Vantages
from inspector_lab.liveness.watching import Watching

__all__ = ["simulate"]


def simulate(scenario: Scenario) -> Result:
    """Simulate one scenario to its end. It draws everything from the scenario, and touches nothing."""
    return _World(scenario).run()


class _World:
    def __init__(self, scenario: Scenario) -> None:
        self._ring = ring = Ring(scenario, self._told)
        self._watching = Watching(ring.timeline, ring.land)
        self._links: list[tuple[float, int, bool]] = []
        self._vantages = Vantages(ring, self._bring)
        self._questions = Questions(ring, Sights(ring), self._vantages, self._watching.feed)
        self._watching.ask = self._questions.ask
        self._watching.read = self._vantages.read
        self._watching.start = self._start
        self._player = Player(ring, self._vantages, self._watching)

    def run(self) -> Result:
        """To the end of the scenario."""
        ring, watching, scenario = self._ring, self._watching, self._ring.scenario
        self._player.arrange()
        ring.timeline.at(0.0, watching.begin)
        ring.timeline.run_until(scenario.seconds)
        counted = Counter(self._questions.counted)
        counted.update(watching.events)
        counted["lost batches"] = self._vantages.lost_batches
        return Result(
            scenario=scenario,
            land=ring.land,
            hosts=ring.hosts,
            routes=ring.routes,
            told=watching.told,
            asked=watching.asked,
            learned=watching.learned,
            reads=watching.reads,
            starts=watching.starts,
            turns=ring.views.turns,
            links=self._links,
            counted=+counted,
            meant={number: self._player.meant(fault) for number, fault in enumerate(scenario.faults)},
            overwritten=self._questions.overwritten,
            roster=getattr(watching.core, "roster", None),
            rosters=self._rosters(),
        )

    def _rosters(self) -> dict[int, dict[str, str]]:
        """As each vantage that is connected lists the members now."""
        return {
            number: {
                name: status
                for host, name in enumerate(self._ring.land.names)
                if (status := view.status(host)) != "none"
            }
            for number, view in enumerate(self._ring.views.vantages)
            if self._vantages.works(number)
        }

    def _start(self) -> None:
        self._questions.forget()
        for number in range(len(self._ring.land.vantages)):
            self._links.append((self._ring.timeline.now, number, False))
        self._vantages.start()

    def _told(self, vantage: int, kind: str, host: int) -> None:
        self._vantages.told(vantage, kind, host)

    def _bring(self, event: Event) -> None:
        if isinstance(event, VantageUp | VantageDown):
            self._links.append((self._ring.timeline.now, event.vantage, isinstance(event, VantageUp)))
        self._watching.bring(event)
