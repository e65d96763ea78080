"""The faults in force in a lab in namespaces, and the packet filter that makes those of the network. CORE.

The keeper holds a list of these and renders all of it anew after every change: no rule is ever patched, so what is in
force and what is told to be are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from inspector_lab.namespaces import limits

CUT, BLACK_HOLE, LOSS = "cut", "black-hole", "loss"
SLOW_CPU, FILL_DISK, SKEW_CLOCK = "slow-cpu", "fill-disk", "skew-clock"
DIRECTIONS = ("both", "in", "out")
TABLE = "inet inspector_lab"


@dataclass(frozen=True)
class Fault:
    """One fault.

    nodes      who has it, sorted
    others     of a cut: the nodes on the other side of it, sorted
    rest       of a cut: those are all others, and not a side that was named
    direction  of a cut, seen from `nodes`: `in` and they cannot hear, `out` and they cannot send
    amount     of loss the share of packets, of a slow CPU the share of one that is left, of a clock seconds ahead
    """

    how: str
    nodes: tuple[str, ...]
    others: tuple[str, ...] = ()
    rest: bool = False
    direction: str = ""
    amount: float = 0.0

    def told(self) -> dict[str, Any]:
        """For `status`."""
        told: dict[str, Any] = {"how": self.how, "nodes": list(self.nodes)}
        if self.how == CUT:
            told |= {"others": list(self.others), "direction": self.direction}
        return told | ({"amount": self.amount} if self.amount else {})


def added(faults: Iterable[Fault], new: Fault) -> list[Fault]:
    """With one more. Of any kind but a cut a node has one: the last."""
    if new.how != CUT:
        return [*relieved(faults, new.nodes, new.how), new]
    return [*(fault for fault in faults if fault != new), new]


def relieved(faults: Iterable[Fault], nodes: Iterable[str], how: str = "") -> list[Fault]:
    """Without what these nodes have, of one kind or (without `how`) of any. A cut with an empty side is over.

    A cut between two that were named is both's. One that parts nodes from all others is not the others'.
    """
    well = set(nodes)
    left = []
    for fault in faults:
        if how and fault.how != how:
            left.append(fault)
            continue
        ill = tuple(node for node in fault.nodes if node not in well)
        others = tuple(node for node in fault.others if fault.rest or node not in well)
        if ill and (others or fault.how != CUT):
            left.append(replace(fault, nodes=ill, others=others))
    return left


def amounts(faults: Iterable[Fault], how: str) -> dict[str, float]:
    """Who has a fault of this kind, and how much of it."""
    return {node: fault.amount for fault in faults if fault.how == how for node in fault.nodes}


# --- the packet filter ------------------------------------------------------------------------------------------------


def ruleset(faults: Iterable[Fault], addresses: Mapping[str, str]) -> str:
    """The whole table, for `nft -f -`, which changes all of it at one moment. `addresses`: of all nodes, by name.

    Only a black hole takes the way from the machine into a node: cuts and losses are the ring's, so that a coordinator
    keeps an entry on each side.
    """
    rules = [rule for fault in faults for rule in rules_of(fault, addresses)]
    holes = [rule for fault in faults if fault.how == BLACK_HOLE for rule in rules_of(fault, addresses)]
    chains = {"forward": rules, "input": holes, "output": holes}
    body = "".join(
        f"  chain {hook} {{\n    type filter hook {hook} priority 0; policy accept;\n"
        + "".join(f"    {line}\n" for line in lines)
        + "  }\n"
        for hook, lines in chains.items()
    )
    return f"table {TABLE}\ndelete table {TABLE}\ntable {TABLE} {{\n{body}}}\n"


def rules_of(fault: Fault, addresses: Mapping[str, str]) -> list[str]:
    """What the packet filter has to do for one fault."""
    ill = group(fault.nodes, addresses)
    if fault.how == BLACK_HOLE:
        return [f"ip saddr {ill} counter drop", f"ip daddr {ill} counter drop"]
    if fault.how == CUT:
        others = group(fault.others, addresses)
        away = [f"ip saddr {ill} ip daddr {others} counter drop"] if fault.direction != "in" else []
        home = [f"ip saddr {others} ip daddr {ill} counter drop"] if fault.direction != "out" else []
        return away + home
    if fault.how == LOSS:
        ring = group(addresses, addresses)
        drawn = f"numgen random mod {limits.loss_steps} < {round(fault.amount * limits.loss_steps)} counter drop"
        # A packet between two of them is drawn for once, not twice.
        return [f"ip saddr {ill} ip daddr {ring} {drawn}", f"ip saddr != {ill} ip saddr {ring} ip daddr {ill} {drawn}"]
    return []


def group(names: Iterable[str], addresses: Mapping[str, str]) -> str:
    """A set of nodes as nft writes it."""
    return "{ " + ", ".join(addresses[name] for name in names) + " }"
