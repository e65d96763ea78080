"""CORE. A fleet to simulate: its members, ring by ring, and the releases that say what each of them should be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from config_center.match import Term, Terms
from config_center.pointer import Canary, Pointer
from config_center.release import Layer, LayerItem, Release, build
from config_center.resolve import Baseline, Resolver
from inspector_coord.current import Current, prefix_of
from inspector_lab.simulated.scenario import Scenario

__all__ = ["Fleet", "Place"]

CREATED = "2027-01-15T08:00:00Z"
NUMBER = 12
UNCOVERED = "printer"  # a role that no layer matches
ROLES = ("web", "web", "db", "cache")


@dataclass(frozen=True, slots=True)
class Place:
    """One member of a ring, before anything happens."""

    name: str
    address: str
    zone: str
    tags: Mapping[str, str]


class Fleet:
    """Members by ring, and what they should be.

    rings: ring name -> places. current: what is asked for. old: the release before.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._tags: dict[tuple[str, str], Mapping[str, str]] = {}
        self.rings = self._rings()
        self.old = _release(NUMBER - 1, scenario.items)
        main = _release(NUMBER, scenario.items)
        canary = _release(NUMBER + 1, scenario.items + 1) if scenario.canary else None
        self.current = Current(main, _pointer(main, canary), canary)
        self._resolvers = {**self.current.resolvers, prefix_of(self.old): Resolver(self.old)}
        self._baselines: dict[tuple[bytes, str, str], Baseline] = {}

    def wanted(self, place: Place) -> Baseline:
        """What the pointer assigns to this member. Members that should be the same share one baseline."""
        return self._baseline(self.current.wants(place.name, place.tags, {}), place)

    def before(self, place: Place) -> Baseline:
        """What the release before wants of it."""
        return self._baseline(prefix_of(self.old), place)

    def _baseline(self, prefix: bytes, place: Place) -> Baseline:
        key = (prefix, place.zone, place.tags["role"])
        if key not in self._baselines:
            self._baselines[key] = self._resolvers[prefix].baseline(place.name, place.tags)
        return self._baselines[key]

    def _rings(self) -> dict[str, tuple[Place, ...]]:
        scenario = self._scenario
        each, more = divmod(scenario.nodes, scenario.rings)
        digits = max(3, len(str(scenario.nodes)))
        rings: dict[str, tuple[Place, ...]] = {}
        first = 0
        for ring in range(scenario.rings):
            size = each + (ring < more)
            base = 0 if scenario.same_names else first
            name = "main" if scenario.rings == 1 else f"ring-{ring + 1:02}"
            rings[name] = tuple(self._place(ring, index, base, digits) for index in range(size))
            first += size
        return rings

    def _place(self, ring: int, index: int, base: int, digits: int) -> Place:
        zone = chr(ord("a") + index % self._scenario.zones)
        role = UNCOVERED if index % 41 == 17 else ROLES[index // self._scenario.zones % len(ROLES)]
        if (zone, role) not in self._tags:
            self._tags[zone, role] = {"zone": zone, "role": role}
        host = index + 1
        address = f"10.{ring + 1}.{host // 250}.{host % 250 + 1}"
        return Place(f"n{base + index + 1:0{digits}}", address, zone, self._tags[zone, role])


def _release(number: int, items: int) -> Release:
    """Everybody but printers is checked for all items; zone b has one of its own, over that of the fleet."""
    roles: Terms = {"role": Term(any=tuple(sorted(set(ROLES))))}
    fleet = {f"sysctl:sim.key{index}": _item(index + 1, "10") for index in range(items)}
    zone_b: Terms = {"zone": Term(any=("b",)), **roles}
    layers = (
        Layer(name="00-fleet", file="layers/00-fleet.yml", match=roles, items=fleet),
        Layer(name="20-zone-b", file="layers/20-zone-b.yml", match=zone_b, items={"sysctl:sim.key0": _item(1, "20")}),
    )
    return build(layers, [], number=number, created=CREATED)


def _item(line: int, value: str) -> LayerItem:
    return LayerItem(line=line, expect={"value": {"equals": value}}, with_={}, severity="major", timeout_s=2.0)


def _pointer(main: Release, canary: Release | None) -> Pointer:
    trial = None if canary is None else Canary(canary.number, canary.digest, {"zone": Term(any=("a",))})
    return Pointer(serial=5, number=main.number, digest=main.digest, created=CREATED, canary=trial)
