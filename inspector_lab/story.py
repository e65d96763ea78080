"""What the demo breaks on purpose, and whether a sweep found it. Pure: a report in, rows out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ClusterShell.NodeSet import NodeSet

NODES = 20
# A role that no layer is for: whoever added the machine forgot to say what it should be.
STRANGE_ROLES = {"n020": "printer"}


@dataclass(frozen=True)
class Fault:
    """One thing broken on purpose.

    `nodes` is a node set; `how`, `items` and `settings` are those of `inspector-lab break`, `how` is "" for what is so
    from the beginning. `state` is what the ledger has to call these nodes, `item` what must be found on them.
    """

    nodes: str
    what: str
    state: str
    how: str = ""
    items: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    item: str = ""
    cause: str = ""


# The killed one first: the ring needs seconds to be sure that it is dead.
FAULTS: tuple[Fault, ...] = (
    Fault("n019", "killed, as by a power cut", "down", how="kill"),
    Fault("n016", "its inspection agent stopped", "stalled", how="stop-agent"),
    Fault(
        "n[011-014]",
        "vm.swappiness is 60 on every node of rack b2",
        "fail",
        how="drift",
        settings=("sysctl:vm.swappiness=60",),
        item="sysctl:vm.swappiness",
        cause="rack=b2",
    ),
    Fault("n003", "an old kernel", "fail", how="drift", items=("kernel:release",), item="kernel:release"),
    Fault(
        "n006",
        "sshd takes passwords again",
        "fail",
        how="drift",
        items=("file:/etc/ssh/sshd_config",),
        item="file:/etc/ssh/sshd_config",
    ),
    Fault(
        "n009",
        "a check that hangs, on a dead mount",
        "error",
        how="drift",
        items=("command:backup-finished",),
        item="command:backup-finished",
    ),
    Fault("n020", "a role that no layer is for", "uncovered"),
)

EXIT_CODES = {
    0: "every node passed",
    1: "some nodes fail or could not be evaluated",
    2: "wrong usage or configuration",
    3: "not every node was covered: some are down, silent, stalled, stale or uncovered (this wins over 1)",
    4: "no entry to the ring could be reached",
}


@dataclass(frozen=True)
class Row:
    """One line of the comparison: what was broken, what the sweep says, and whether that is it."""

    nodes: str
    what: str
    said: str
    found: bool


def compare(report: Mapping[str, Any], faults: Sequence[Fault] = FAULTS) -> list[Row]:
    """Hold a report against what was broken. The last row is about all nodes that nobody touched."""
    by_name = {node["name"]: node for node in report["nodes"]}
    rows = [judge(report, by_name, fault) for fault in faults]
    touched = NodeSet(",".join(fault.nodes for fault in faults))
    rest = NodeSet.fromlist(name for name in by_name if name not in touched)
    states = sorted({by_name[name]["state"] for name in rest})
    rows.append(Row(f"{len(rest)} others", "nothing", " and ".join(states), found=states == ["pass"]))
    return rows


def judge(report: Mapping[str, Any], by_name: Mapping[str, Any], fault: Fault) -> Row:
    """One fault against the report."""
    nodes = [by_name.get(name, {"state": "missing", "findings": []}) for name in NodeSet(fault.nodes)]
    states = sorted({node["state"] for node in nodes})
    said = " and ".join(states)
    found = states == [fault.state]
    if fault.item:
        group = group_of(report, fault)
        found = found and group is not None
        if group is not None:
            said += f": {group['item']}"
            causes = [cause["tag"] for cause in group["causes"]]
            if fault.cause:
                found = found and causes[:1] == [fault.cause]
                said += f", because of {causes[0] if causes else 'nothing known'}"
    return Row(fault.nodes, fault.what, said, found=found)


def group_of(report: Mapping[str, Any], fault: Fault) -> Mapping[str, Any] | None:
    """The group of equal findings that is about a fault: its item, on exactly its nodes."""
    for group in report["groups"]:
        if group["item"] == fault.item and NodeSet(group["nodes"]) == NodeSet(fault.nodes):
            found: Mapping[str, Any] = group
            return found
    return None
