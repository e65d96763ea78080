"""CORE. What happens, drawn from a seed: which faults, whom they hit, when, how hard; and who watches from where.

Each kind draws from dice of its own: one kind more in this file changes nothing about the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from inspector_lab.liveness import limits
from inspector_lab.liveness.scenario import ALL, WAYS, Fault, Scenario
from inspector_lab.simulated.faults import Dice

__all__ = ["DRAWS", "drawn"]

Draw = Callable[[Dice, Scenario], list[Fault]]


def drawn(scenario: Scenario) -> Scenario:
    """The same scenario with what its seed draws. Whatever happens has ended, or holds, long before the end."""
    dice = Dice(scenario.seed, "liveness")
    count = scenario.nodes
    zones = dice.one_of((2, 3, 3, 4))
    rack_nodes = max(2, min(dice.one_of((5, 10, 20, 40)), count // (2 * zones)))
    letters = "abcd"[:zones]
    vantages = tuple(letters[(number + dice.below(zones)) % zones] for number in range(dice.one_of((1, 2, 2, 3, 3))))
    scenario = msgspec.structs.replace(
        scenario,
        zones=zones,
        rack_nodes=rack_nodes,
        spare=dice.one_of((0, 0, 1, 3)),
        vantages=vantages,
        watcher=dice.one_of(("", "", "", vantages[0], letters[-1])),
        ssh=dice.yes(0.7),
        ping=dice.yes(0.4),
    )
    faults: list[Fault] = []
    for what, (share, draw) in DRAWS.items():
        own = Dice(scenario.seed, f"liveness {what}")
        if own.yes(share):
            faults += draw(own, scenario)
    ends = [fault.until_s if fault.until_s is not None else fault.at_s for fault in faults]
    first_s, settled_s = limits.first_s, limits.settled_s
    if scenario.nodes >= limits.big_nodes:
        first_s, settled_s = limits.first_big_s, limits.settled_big_s
    return msgspec.structs.replace(
        scenario, faults=tuple(faults), seconds=float(int(max([first_s, *ends]) + settled_s))
    )


def _moment(dice: Dice, scenario: Scenario) -> float:
    """When something begins: mostly when the watcher knows the ring, at times as it starts, or before."""
    return dice.one_of((dice.between(-20.0, 5.0), *(dice.between(20.0, _last_s(scenario)) for _ in range(5))))


def _last_s(scenario: Scenario) -> float:
    """Nothing begins later. Big rings are watched for a shorter time: more of them say more."""
    return limits.last_big_s if scenario.nodes >= limits.big_nodes else limits.last_s


def _few(
    what: str, *, share: float, lasts: tuple[float, float], ever: float = 1.0, amounts: Sequence[float] = (0.0,)
) -> Draw:  # fmt: skip
    """Some hosts; with probability 1 - `ever` for ever."""

    def draw(dice: Dice, scenario: Scenario) -> list[Fault]:
        nodes = dice.some_of(scenario.nodes, share)[: limits.hit_max]
        at_s = _moment(dice, scenario)
        until_s = round(at_s + dice.between(*lasts), 3) if dice.yes(ever) else None
        return [Fault(what, nodes, at_s=at_s, until_s=until_s, amount=dice.one_of(amounts))]

    return draw


def _off(dice: Dice, scenario: Scenario) -> list[Fault]:
    """Single hosts, or a rack, or a zone."""
    at_s = _moment(dice, scenario)
    until_s = round(at_s + dice.between(4.0, 120.0), 3) if dice.yes(0.7) else None
    domain = dice.one_of(("", "", _rack(dice, scenario), _rack(dice, scenario), _zone(dice, scenario)))
    nodes = () if domain else dice.some_of(scenario.nodes, 0.05)[: limits.hit_max]
    return [Fault("off", nodes, domain, at_s, until_s)]


def _cut(dice: Dice, scenario: Scenario) -> list[Fault]:
    """Mostly a zone, at times a rack or a host; mostly from all others, at times from one zone only."""
    at_s = _moment(dice, scenario)
    until_s = round(at_s + dice.between(5.0, 150.0), 3) if dice.yes(0.8) else None
    zone = _zone(dice, scenario)
    domain = dice.one_of((zone, zone, zone, _rack(dice, scenario), ""))
    nodes = () if domain else (dice.below(scenario.nodes),)
    others = [letter for letter in "abcd"[: scenario.zones] if zone != f"zone={letter}"]
    other = dice.one_of(others) if domain == zone and scenario.zones > 2 and dice.yes(0.25) else ""
    return [Fault("cut", nodes, domain, at_s, until_s, way=dice.one_of(WAYS), other=other)]


def _flap(dice: Dice, scenario: Scenario) -> list[Fault]:
    at_s = _moment(dice, scenario)
    period_s = dice.between(6.0, 25.0)
    until_s = round(at_s + period_s * (3 + dice.below(15)), 3)
    return [Fault("flap", (dice.below(scenario.nodes),), at_s=at_s, until_s=until_s, amount=period_s)]


def _churn(dice: Dice, scenario: Scenario) -> list[Fault]:
    at_s = _moment(dice, scenario)
    until_s = round(at_s + dice.between(30.0, 180.0), 3)
    return [Fault("churn", at_s=at_s, until_s=until_s, amount=dice.one_of((0.01, 0.01, 0.05)))]


def _loss(dice: Dice, scenario: Scenario) -> list[Fault]:
    at_s = _moment(dice, scenario)
    return [
        Fault("loss", at_s=at_s, until_s=round(at_s + dice.between(5, 120), 3), amount=dice.one_of((0.02, 0.05, 0.1)))
    ]


def _busy(dice: Dice, scenario: Scenario) -> list[Fault]:
    at_s = _moment(dice, scenario)
    until_s = round(at_s + dice.between(5.0, 90.0), 3)
    return [Fault("busy", at_s=at_s, until_s=until_s, amount=dice.one_of((1.0, 2.0, 3.0)))]


def _agents(dice: Dice, scenario: Scenario) -> list[Fault]:
    """All inspection agents are restarted: an upgrade."""
    at_s = _moment(dice, scenario)
    return [Fault("agent-dead", domain=ALL, at_s=at_s, until_s=round(at_s + dice.between(0.5, 30.0), 3))]


def _entry(what: str, amounts: Sequence[float]) -> Draw:
    def draw(dice: Dice, scenario: Scenario) -> list[Fault]:
        at_s = _moment(dice, scenario)
        nodes = dice.some_of(len(scenario.vantages), 0.5)
        return [
            Fault(what, nodes, at_s=at_s, until_s=round(at_s + dice.between(1, 90), 3), amount=dice.one_of(amounts))
        ]

    return draw


def _false(dice: Dice, scenario: Scenario) -> list[Fault]:
    """One or several, at one moment or at many."""
    return [
        Fault("false", (dice.below(scenario.nodes),), at_s=_moment(dice, scenario), amount=dice.between(0.2, 12.0))
        for _ in range(1 + dice.below(6))
    ]


def _join(dice: Dice, scenario: Scenario) -> list[Fault]:
    spare = tuple(range(scenario.nodes, scenario.nodes + scenario.spare))
    return [Fault("join", spare, at_s=abs(_moment(dice, scenario)))] if spare else []


def _prune(dice: Dice, scenario: Scenario) -> list[Fault]:
    """A host that has been off for a while is forgotten; at times it comes back all the same."""
    at_s = abs(_moment(dice, scenario))
    nodes = (dice.below(scenario.nodes),)
    back_s = round(at_s + 90.0, 3) if dice.yes(0.5) else None
    return [Fault("off", nodes, at_s=at_s, until_s=back_s), Fault("prune", nodes, at_s=at_s + 45.0)]


def _once(what: str) -> Draw:
    def draw(dice: Dice, scenario: Scenario) -> list[Fault]:
        return [Fault(what, dice.some_of(scenario.nodes, 0.03)[: limits.hit_max], at_s=abs(_moment(dice, scenario)))]

    return draw


def _restart(dice: Dice, scenario: Scenario) -> list[Fault]:
    return [
        Fault("watcher-restart", at_s=dice.between(20.0, _last_s(scenario) + 60.0)) for _ in range(1 + dice.below(2))
    ]


def _zone(dice: Dice, scenario: Scenario) -> str:
    return "zone=" + "abcd"[dice.below(scenario.zones)]


def _rack(dice: Dice, scenario: Scenario) -> str:
    letter = "abcd"[dice.below(scenario.zones)]
    racks = max(1, scenario.nodes // scenario.rack_nodes // scenario.zones)
    return f"rack={letter}{1 + dice.below(racks)}"


DRAWS: dict[str, tuple[float, Draw]] = {
    "off": (0.35, _off),
    "cut": (0.35, _cut),
    "loss": (0.2, _loss),
    "busy": (0.1, _busy),
    "flap": (0.15, _flap),
    "churn": (0.12, _churn),
    "slow": (0.15, _few("slow", share=0.1, lasts=(30.0, 200.0), amounts=(0.1, 0.3, 0.8))),
    "late": (0.12, _few("late", share=0.03, lasts=(30.0, 250.0), ever=0.7, amounts=(0.3, 1.0, 1.3, 3.0))),
    "unwell": (0.12, _few("unwell", share=0.03, lasts=(30.0, 250.0), ever=0.7, amounts=(1.0, 3.0, 6.0))),
    "serf-frozen": (0.15, _few("serf-frozen", share=0.03, lasts=(3.0, 100.0), ever=0.7)),
    "serf-dead": (0.15, _few("serf-dead", share=0.03, lasts=(1.0, 60.0), ever=0.8)),
    "agent-frozen": (0.15, _few("agent-frozen", share=0.03, lasts=(10.0, 250.0), ever=0.7)),
    "agent-dead": (0.15, _few("agent-dead", share=0.05, lasts=(1.0, 200.0), ever=0.8)),
    "agents": (0.1, _agents),
    "false": (0.3, _false),
    "leave": (0.12, _few("leave", share=0.02, lasts=(5.0, 100.0), ever=0.5)),
    "join": (0.5, _join),
    "retag": (0.08, _once("retag")),
    "prune": (0.08, _prune),
    "entry-down": (0.15, _entry("entry-down", (0.0,))),
    "overflow": (0.12, _entry("overflow", (0.3, 1.0))),
    "watcher-restart": (0.15, _restart),
}
"""How often a kind is drawn, and how."""
