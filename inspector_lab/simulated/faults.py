"""CORE. Faults drawn from a seed: which ones, whom they hit, when, and how hard.

Each kind draws from dice of its own: one kind more in this file changes nothing about the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from inspector_lab.simulated.chance import Chance
from inspector_lab.simulated.scenario import Fault, Scenario
from inspector_lab.simulated.serf_ring import RETAGS_MAX

__all__ = ["Dice", "drawn"]

T = TypeVar("T")
Draw = Callable[["Dice", Scenario], list[Fault]]


class Dice:
    """Draws for one purpose, one after the other."""

    def __init__(self, seed: int, purpose: str) -> None:
        self._chance = Chance(seed).part("faults", purpose)
        self._drawn = 0

    def unit(self) -> float:
        """0 … 1."""
        self._drawn += 1
        return self._chance.real(self._drawn)

    def yes(self, share: float) -> bool:
        """Happens, with this probability."""
        return self.unit() < share

    def between(self, low: float, high: float) -> float:
        """Even over low … high, to the millisecond."""
        return round(low + (high - low) * self.unit(), 3)

    def below(self, count: int) -> int:
        """0 … count - 1."""
        return min(count - 1, int(self.unit() * count))

    def one_of(self, choices: Sequence[T]) -> T:
        """One of them."""
        return choices[self.below(len(choices))]

    def some_of(self, count: int, share: float) -> tuple[int, ...]:
        """At least one, on average this share, of 0 … count - 1."""
        found = tuple(index for index in range(count) if self.unit() < share)
        return found or ((self.below(count),) if count else ())


def drawn(scenario: Scenario) -> Scenario:
    """The same scenario with the network's other troubles, and faults, that its seed draws."""
    dice = Dice(scenario.seed, "scenario")
    entries = dice.one_of((1, 1, 2, 3))
    scenario = msgspec.structs.replace(
        scenario,
        duplicates=dice.one_of((0.0, 0.0, 0.05, 0.3)),
        reorder=dice.one_of((0.0, 0.1, 0.5)),
        entries=max(scenario.entries, min(entries, scenario.nodes // scenario.rings)),
        targets=dice.one_of(("", "", "", "zone=b", "half")),
        canary=dice.yes(0.2),
        same_names=dice.yes(0.5),
        twice=dice.yes(0.25),
        profile=dice.one_of((scenario.profile, scenario.profile, "local")),
    )
    faults: list[Fault] = []
    for what, (share, draw) in DRAWS.items():
        own = Dice(scenario.seed, what)
        if own.yes(share):
            faults += draw(own, scenario)
    return msgspec.structs.replace(scenario, faults=tuple(faults))


def _size(scenario: Scenario, ring: int) -> int:
    each, more = divmod(scenario.nodes, scenario.rings)
    return each + (ring < more)


def _hitting(
    what: str, *, share: float, at: tuple[float, float] = (0.0, 0.0), lasts: tuple[float, float] | None = None,
    ever: float = 1.0, amounts: Sequence[float] = (0.0,), spare_entries: bool = False,
) -> Draw:  # fmt: skip
    """Some nodes of a ring: from a moment in `at`, for a time in `lasts`, or, with probability 1 - `ever`, for ever."""

    def draw(dice: Dice, scenario: Scenario) -> list[Fault]:
        ring = dice.below(scenario.rings)
        first = scenario.entries if spare_entries else 0
        nodes = tuple(first + index for index in dice.some_of(_size(scenario, ring) - first, share))
        at_s = dice.between(*at)
        until_s = round(at_s + dice.between(*lasts), 3) if lasts is not None and dice.yes(ever) else None
        return [Fault(what, ring, nodes, at_s, until_s, dice.one_of(amounts))] if nodes else []

    return draw


def _network(what: str, amounts: Sequence[float]) -> Draw:
    """All packets of a ring, or of all rings, for a while."""

    def draw(dice: Dice, scenario: Scenario) -> list[Fault]:
        at_s = dice.between(-1.0, 3.0)
        ring = dice.one_of((-1, dice.below(scenario.rings)))
        until_s = round(at_s + dice.between(0.1, 4.0), 3)
        return [Fault(what, ring, at_s=at_s, until_s=until_s, amount=dice.one_of(amounts))]

    return draw


def _cut(dice: Dice, scenario: Scenario) -> list[Fault]:
    at_s = dice.between(-20.0, 3.0)
    until_s = round(at_s + dice.between(0.3, 30.0), 3) if dice.yes(0.6) else None
    zone = chr(ord("a") + dice.below(scenario.zones))
    way = dice.one_of(("in", "out", "both"))
    return [Fault("cut", dice.below(scenario.rings), at_s=at_s, until_s=until_s, zone=zone, way=way)]


def _retag(dice: Dice, scenario: Scenario) -> list[Fault]:
    ring = dice.below(scenario.rings)
    size = _size(scenario, ring)
    nodes = dice.some_of(size, dice.one_of((0.1, 0.5, 1.0)))[: RETAGS_MAX // size]
    return [Fault("retag", ring, nodes, dice.between(-1.0, 0.5))] if nodes else []


def _entry_down(dice: Dice, scenario: Scenario) -> list[Fault]:
    entry = dice.below(scenario.entries)
    at_s = dice.between(0.0, 3.0)
    until_s = round(at_s + dice.between(0.2, 4.0), 3) if dice.yes(0.6) else None
    return [Fault("entry-down", dice.below(scenario.rings), (entry,), at_s, until_s)]


def _slow_entry(dice: Dice, scenario: Scenario) -> list[Fault]:
    return [Fault("slow-entry", -1, (dice.below(scenario.entries),), amount=dice.one_of((0.0005, 0.005)))]


def _joined(dice: Dice, scenario: Scenario) -> list[Fault]:
    """Often an entry, whose questions nobody then hears."""
    ring = dice.below(scenario.rings)
    node = dice.below(scenario.entries) if dice.yes(0.6) else dice.below(_size(scenario, ring))
    return [Fault("joined", ring, (node,), dice.between(-3.0, -0.1))]


def _rivals(dice: Dice, scenario: Scenario) -> list[Fault]:
    """One that comes at any time, or a burst of them, sometimes at the very same moment."""
    count = dice.one_of((1, 1, 3, 10))
    times = [dice.one_of((0.0, 0.0005, dice.between(0.0, 2.0))) for _ in range(count)]
    return [Fault("rival", -1, (dice.below(scenario.entries),), at_s) for at_s in times]


def _counted(what: str, low: int, high: int) -> Draw:
    def draw(dice: Dice, scenario: Scenario) -> list[Fault]:
        ring = dice.below(scenario.rings)
        count = low + dice.below(high - low)
        return [Fault(what, ring, (dice.below(_size(scenario, ring)),), dice.between(0.0, 1.5), amount=count)]

    return draw


def _slow_coordinator(dice: Dice, _: Scenario) -> list[Fault]:
    return [Fault("slow-coordinator", -1, amount=dice.one_of((0.001, 0.01, 0.05)))]


DRAWS: dict[str, tuple[float, Draw]] = {
    "loss": (0.15, _network("loss", (0.1, 0.3, 0.9))),
    "delay": (0.15, _network("delay", (0.02, 0.2, 1.0))),
    "cut": (0.12, _cut),
    "crash": (0.2, _hitting("crash", share=0.1, at=(-30.0, 4.0), lasts=(0.3, 20.0), ever=0.5)),
    "serf-restart": (0.12, _hitting("serf-restart", share=0.1, at=(0.0, 2.0), lasts=(0.1, 2.0))),
    "freeze": (0.12, _hitting("freeze", share=0.1, at=(-10.0, 2.0), lasts=(0.2, 15.0), ever=0.7)),
    "leave": (0.1, _hitting("leave", share=0.05, at=(-2.0, 4.0), spare_entries=True)),
    "retag": (0.1, _retag),
    "joined": (0.1, _joined),
    "agent-crash": (0.2, _hitting("agent-crash", share=0.1, at=(-1.0, 3.0), lasts=(0.1, 5.0), ever=0.6)),
    "agent-hang": (0.15, _hitting("agent-hang", share=0.1, at=(-1.0, 3.0), lasts=(0.1, 8.0), ever=0.6)),
    "slow": (0.3, _hitting("slow", share=0.2, amounts=(0.5, 1.5, 3.0, 6.0))),
    "hung": (0.15, _hitting("hung", share=0.1)),
    "skew": (0.15, _hitting("skew", share=0.2, amounts=(-400.0, -250.0, 30.0, 290.0, 1000.0))),
    "stale": (0.2, _hitting("stale", share=0.2, amounts=(0.0, 0.3, 2.0, 4.0))),
    "bare": (0.1, _hitting("bare", share=0.1, amounts=(0.0, 0.3, 3.0))),
    "drift": (0.6, _hitting("drift", share=0.15)),
    "erring": (0.2, _hitting("erring", share=0.1)),
    "na": (0.1, _hitting("na", share=0.1)),
    "garbage": (0.1, _hitting("garbage", share=0.08)),
    "other-sweep": (0.1, _hitting("other-sweep", share=0.08)),
    "impostor": (0.12, _counted("impostor", 1, 30)),
    "entry-down": (0.12, _entry_down),
    "slow-entry": (0.08, _slow_entry),
    "phantoms": (0.1, _counted("phantoms", 1, 20)),
    "rival": (0.12, _rivals),
    "slow-coordinator": (0.1, _slow_coordinator),
}
"""How often a kind is drawn, and how."""
