"""NUMA nodes: how many, their memory and processors, and whether the kernel balances; from /sys below the root."""

from __future__ import annotations

from checklib import measured
from checklib.errors import CannotTell, NotApplicable
from checklib.kernelfs import MIB, format_ranges, numbered, parse_meminfo, parse_ranges, read
from checklib.kinds import Kind, Property
from checklib.several import decide
from checklib.values import Observed, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from checklib.contract import Item
    from checklib.node import Node
    from checklib.values import Observation

NODES = "/sys/devices/system/node"
BALANCING = "/proc/sys/kernel/numa_balancing"
PROC_SYS = "/proc/sys"
PROPERTIES = ("value", "cpus", "memory_mib", "free_mib", "distances")


def observe(item: Item, node: Node) -> Observed:
    """What there is of one key: a number, or what a node, or each of them, has."""
    if item.key == "balancing":
        return _balancing(item, node)
    nodes = numbered(node, NODES, "node")
    if not nodes:
        raise NotApplicable(f"there are no NUMA nodes to be seen: no {NODES}{node.root.whereabouts()}")
    if item.key == "nodes":
        _only_value(item)
        return Observed({"value": len(nodes)})
    number = item.key[len("node") :]
    if item.key[: len("node")] != "node" or not (number == "*" or (number.isascii() and number.isdigit())):
        raise CannotTell(f"numa has no {item.key[:80]!r}: known are nodes, balancing, node* and node0")
    wanted = [one for one in nodes if number in {"*", str(one)}]
    if not wanted:
        return Observed(dict.fromkeys(PROPERTIES), exists=False)
    values: dict[str, Observation] = {}
    shown = {}
    for name, expected in item.expect.items():
        things = [(f"node{one}", _of(node, one, name)) for one in wanted]
        values[name], shown[name] = decide(things, expected, tell=_roughly if name == "free_mib" else show)
    return Observed(values, shown=shown)


def _roughly(value: object) -> str:
    return measured.about_mib(value) if isinstance(value, int) else show(value)


def _only_value(item: Item) -> None:
    strange = [name for name in item.expect if name != "value"]
    if strange:
        raise CannotTell(f"{item.key} has no {strange[0]}: only nodes have")


def _balancing(item: Item, node: Node) -> Observed:
    _only_value(item)
    value = read(node, BALANCING)
    if value is None and not node.root.names(PROC_SYS):
        raise NotApplicable(f"there is nothing in {PROC_SYS}{node.root.whereabouts()}")
    return Observed({"value": value}, exists=value is not None)


def _of(node: Node, number: int, name: str) -> Observation:
    directory = f"{NODES}/node{number}"
    if name == "distances":
        return (read(node, f"{directory}/distance") or "").split() or None
    if name in {"value", "cpus"}:
        text = read(node, f"{directory}/cpulist")
        if text is None:
            return NotApplicable(f"node{number} does not say which processors it has")
        cpus = parse_ranges(text)
        return len(cpus) if name == "cpus" else format_ranges(cpus)
    meminfo = node.once(f"{directory}/meminfo", lambda: parse_meminfo(read(node, f"{directory}/meminfo") or ""))
    size = meminfo.get("MemTotal" if name == "memory_mib" else "MemFree")
    return NotApplicable(f"node{number} does not say what memory it has") if size is None else size // MIB


def discover(node: Node) -> Iterator[str]:
    """The nodes, all of them together, and balancing where this kernel can."""
    nodes = numbered(node, NODES, "node")
    if nodes:
        yield from ("nodes", "node*")
    yield from (f"node{number}" for number in nodes)
    if node.root.exists(BALANCING):
        yield "balancing"


KIND = Kind(
    "numa",
    title="NUMA nodes, their memory and processors",
    chapter="hardware",
    key="nodes (how many), balancing (as kernel.numa_balancing), a node such as node0, or node* for each of them",
    keys=("nodes", "balancing", "node[0-9]*", "node[*]"),
    main="value",
    properties={
        "value": Property("text", "how many nodes; 0, 1 or 2 of balancing; of a node its processors, as `0-15,32-47`"),
        "cpus": Property("number", "how many processors a node has"),
        "memory_mib": Property("number", "a node's memory, whole MiB", unit="MiB"),
        "free_mib": Property("number", "what is free of it, whole MiB; shown roughly", unit="MiB"),
        "distances": Property("list", "how far it is to each node, itself included; 10 is near"),
    },
    example={"node*": {"expect": {"memory_mib": {"at_least": 128000}}}},
    outcomes=(
        "node* holds where it holds of every node; those that deviate are named. A node that is not there is absent. "
        "na where there is no /sys/devices/system/node. Any root with a /sys can be looked at."
    ),
    reads=[NODES, BALANCING],
    cost="one small read a node",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
