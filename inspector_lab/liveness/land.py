"""CORE. Who is there: hosts with their names, addresses and tags, by zone and rack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from inspector_agent.ring import Member
from inspector_agent.ring.records import Status
from inspector_lab.liveness.scenario import ALL, Scenario

__all__ = ["Land"]

ROLES = ("web", "web", "db", "cache")
PORT = 7946


class Land:
    """All hosts, spare ones last. names, zones: by index; vantages: the host of each entry."""

    def __init__(self, scenario: Scenario) -> None:
        count = scenario.nodes + scenario.spare
        racks = -(-count // scenario.rack_nodes)
        zones = min(scenario.zones, racks)
        digits = max(3, len(str(count)))
        self.names = tuple(f"n{index + 1:0{digits}}" for index in range(count))
        self.index = {name: index for index, name in enumerate(self.names)}
        self.zones = tuple(_letter(index // scenario.rack_nodes % zones) for index in range(count))
        self.racks = tuple(
            f"{zone}{index // scenario.rack_nodes // zones + 1}" for index, zone in enumerate(self.zones)
        )
        shared: dict[tuple[str, str], dict[str, str]] = {}
        tags = []
        for index, (zone, rack) in enumerate(zip(self.zones, self.racks, strict=True)):
            role = ROLES[index % len(ROLES)]
            tags.append(shared.setdefault((rack, role), {"zone": zone, "rack": rack, "role": role}))
        self.members = [
            Member(name, f"10.{index // 62_500}.{index // 250 % 250}.{index % 250 + 1}", PORT, tags[index], "alive")
            for index, name in enumerate(self.names)
        ]
        self._others: dict[tuple[int, str], Member] = {}
        self.vantages = self._entries(scenario)
        self.watcher = self._first(scenario.watcher) if scenario.watcher else None

    def __len__(self) -> int:
        return len(self.names)

    def member(self, host: int, status: Status) -> Member:
        """It, as a Serf agent lists it."""
        if status == "alive":
            return self.members[host]
        known = self._others.get((host, status))
        if known is None:
            known = self._others[host, status] = msgspec.structs.replace(self.members[host], status=status)
        return known

    def retag(self, host: int, tags: Mapping[str, str]) -> None:
        """It has other tags from now on."""
        self.members[host] = msgspec.structs.replace(self.members[host], tags={**self.members[host].tags, **tags})
        for key in [key for key in self._others if key[0] == host]:
            del self._others[key]

    def hosts(self, domain: str) -> tuple[int, ...]:
        """The hosts of "zone=a", "rack=b2", "role=db" or "all". Raises KeyError for a word that is none."""
        if domain == ALL:
            return tuple(range(len(self)))
        tag, _, value = domain.partition("=")
        by: dict[str, Sequence[str]] = {"zone": self.zones, "rack": self.racks}
        words = by[tag] if tag in by else [member.tags[tag] for member in self.members]
        return tuple(index for index, word in enumerate(words) if word == value)

    def _entries(self, scenario: Scenario) -> tuple[int, ...]:
        """Each in its zone, and each in a rack of its own while there are enough."""
        chosen: list[int] = []
        for zone in scenario.vantages:
            free = [host for host in self._of(zone)[: scenario.nodes] if host not in chosen]
            racks = {self.racks[host] for host in chosen}
            chosen.append(next((host for host in free if self.racks[host] not in racks), free[0]))
        return tuple(chosen)

    def _of(self, zone: str) -> list[int]:
        """The hosts of a zone; of all zones where the ring is too small to have it."""
        return [host for host, word in enumerate(self.zones) if word == zone] or list(range(len(self)))

    def _first(self, zone: str) -> int:
        return self._of(zone)[0]


def _letter(number: int) -> str:
    return chr(ord("a") + number)
