"""CORE. What a simulated watch leaves behind: what was told, and the truth that oracles hold it against."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import msgspec

from inspector_coord.watch.conclusions import Action, Happening
from inspector_coord.watch.model import Ask
from inspector_lab.liveness.hosts import Hosts
from inspector_lab.liveness.land import Land
from inspector_lab.liveness.paths import Paths
from inspector_lab.liveness.scenario import Fault, Scenario

__all__ = ["Result", "Told"]

Told = tuple[float, Happening]
AWAY = frozenset({"off", "serf-dead", "gone"})


@dataclass(eq=False)
class Result:
    """A whole simulated watch.

    told, asked, learned, reads, starts  as `Watching` has them
    routes   the paths from each moment on; hosts: what each host was
    turns    every change in the list of a vantage: (when, vantage, host, status)
    links    when each vantage was connected and when it no longer was: (when, vantage, whether)
    roster   name -> status as the watcher has it at the end; rosters: as each vantage that is connected has it
    overwritten  when questions were, at the entry, by those of another program
    meant    the hosts of each fault; again: the bytes of the same scenario, simulated once more
    """

    scenario: Scenario
    land: Land
    hosts: Hosts
    routes: Sequence[tuple[float, Paths]]
    told: Sequence[Told]
    asked: Sequence[tuple[float, Ask]]
    learned: Sequence[tuple[float, int, str, str]]
    turns: Sequence[tuple[float, int, int, str]]
    links: Sequence[tuple[float, int, bool]]
    reads: Sequence[tuple[float, int]]
    starts: Sequence[float]
    counted: Counter[str]
    meant: Mapping[int, tuple[int, ...]]
    overwritten: Sequence[float] = ()
    roster: Mapping[str, str] | None = None
    rosters: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    again: bytes | None = None
    _away: dict[tuple[int, int], frozenset[int]] = field(default_factory=dict)

    @cached_property
    def raw(self) -> bytes:
        """All that was told and asked, as bytes: the same scenario gives the same ones."""
        return msgspec.json.encode(
            (self.told, [(at, ask.number, ask.names, ask.targets) for at, ask in self.asked], self.counted)
        )

    @cached_property
    def open_at_end(self) -> Mapping[int, Happening]:
        """Number -> the last that was told of each incident that is still open."""
        last = {each.number: each for _, each in self.told}
        return {number: each for number, each in last.items() if each.action is not Action.CLOSED}

    def paths_in(self, first: float, last: float) -> list[Paths]:
        """Each that held at some time from `first` to `last`."""
        begin = bisect_right(self.routes, first, key=lambda route: route[0]) - 1
        return [paths for at, paths in self.routes[begin:] if at <= last]

    def away(self, first: float, last: float) -> frozenset[int]:
        """Hosts that were not there at some time from `first` to `last`: of them nobody can hear anything."""
        key = round(first), round(last)
        known = self._away.get(key)
        if known is None:
            known = self._away[key] = frozenset(
                host for host in self.hosts.changes if any(words & AWAY for words in self.hosts.were(host, *key))
            )
        return known

    def reachable(self, host: int, first: float, last: float) -> bool:
        """Whether more than half of the ring could connect to it all the time from `first` to `last`."""
        if any("off" in words for words in self.hosts.were(host, first, last)):
            return False
        if not self.scenario.ssh and any(words & {"serf-dead", "gone"} for words in self.hosts.were(host, first, last)):
            return False
        for paths in self.paths_in(first, last):
            side = paths.side[host]
            reach = sum(
                count
                for other, count in paths.sizes.items()
                if other == side or (paths.sides_pass(other, side) and paths.sides_pass(side, other))
            )
            if 2 * reach <= len(paths.side):
                return False
        return True

    def hears_core(self, vantage: int, first: float, last: float) -> bool:
        """Whether the list of a vantage was that of the core all that time."""
        entry = self.land.vantages[vantage]
        return all(paths.hears_core(entry) for paths in self.paths_in(first, last))

    def up_throughout(self, vantage: int, first: float, last: float) -> bool:
        """Whether the watcher was connected to it all that time."""
        up = False
        for at, number, is_up in self.links:
            if number == vantage:
                if at > first and at <= last and not (is_up and up):
                    return False
                if at <= first:
                    up = is_up
        return up

    def incidents(self) -> Iterator[list[Told]]:
        """All that was told of each incident, in order of their numbers."""
        by: dict[int, list[Told]] = defaultdict(list)
        for told in self.told:
            by[told[1].number].append(told)
        yield from (by[number] for number in sorted(by))

    def faults(self, *kinds: str) -> Iterator[tuple[Fault, tuple[int, ...]]]:
        """The faults of these kinds, each with its hosts."""
        for number, fault in enumerate(self.scenario.faults):
            if fault.what in kinds:
                yield fault, self.meant.get(number, fault.nodes)
