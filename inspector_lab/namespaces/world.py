"""The world of a lab in namespaces: who has which address, and the lines for `ip -batch` that lay its cables. CORE.

The world is one network namespace that routes, and no more. A cable leads from it to each node: a pair of veths with a
/32 at either end, so a node knows one neighbour, the world, and the world knows each node. Bridges would let the nodes
of a rack see each other, and 40 of them 1,560 neighbours: the kernel holds 1,024, of all namespaces together.
One more cable leads to the machine itself, by which coordinators, Ansible and the config center's readers come in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network

from inspector_lab import limits as lab_limits
from inspector_lab.errors import PlanError
from inspector_lab.namespaces import limits
from inspector_lab.plan import Node, Plan, Wish
from inspector_lab.plan import lay_out as lay_out_on_loopback

OUTSIDE = "outside"  # the world's end of the cable to the machine


@dataclass(frozen=True)
class World:
    """The `number`th of the worlds that one machine can hold, from 0."""

    number: int

    @property
    def network(self) -> IPv4Network:
        """All addresses of its nodes and its own."""
        size = 1 << (32 - limits.world_bits)
        first = int(IPv4Network("198.18.0.0/15").network_address) + self.number * size
        return IPv4Network((first, limits.world_bits))

    def address(self, rack: int, place: int) -> str:
        """Of a node: its rack's number and its place in there, both from 1."""
        return str(self.network[256 * rack + place])

    @property
    def gateway(self) -> str:
        """The world's own address: every node's next hop, and where the config center listens."""
        return str(self.network[-2])

    @property
    def host(self) -> str:
        """The machine's address on its cable to the world."""
        return str(self.network[-3])

    @property
    def cable(self) -> str:
        """The machine's end of its cable: the only thing of a lab that a machine's network shows."""
        return f"insp-lab{self.number}"


@dataclass(frozen=True)
class WorldPlan(Plan):
    """A fleet in namespaces. `octet` is the number of its world."""

    @property
    def world(self) -> World:
        """Where it lives."""
        return World(self.octet)

    @property
    def center(self) -> str:
        """host:port of the fleet's config center, which runs in the world."""
        return f"{self.world.gateway}:{lab_limits.center_port}"

    @property
    def network(self) -> str:
        """Its addresses, in words."""
        return str(self.world.network)

    @property
    def entries(self) -> tuple[Node, ...]:
        """One a zone: a coordinator then sees a cut from both of its sides."""
        first_of_zone = {node.zone: node for node in reversed(self.nodes)}
        return tuple(sorted(first_of_zone.values(), key=lambda node: node.name))


def lay_out(wish: Wish, number: int) -> WorldPlan:
    """The fleet for a wish, in the world of this number; raises PlanError naming what cannot be."""
    if wish.nodes > limits.nodes_max:
        raise PlanError(f"nodes must be 1 to {limits.nodes_max} with --namespaces, not {wish.nodes}")
    planned = lay_out_on_loopback(wish, 0)
    if (racks := len({node.rack for node in planned.nodes})) > limits.racks_max:
        raise PlanError(f"at most {limits.racks_max} racks in all with --namespaces, not {racks}")
    return WorldPlan(wish=wish, octet=number, nodes=tuple(addressed(planned.nodes, World(number))))


def addressed(nodes: Sequence[Node], world: World) -> list[Node]:
    """The nodes with their addresses in a world: the third octet numbers the rack, the fourth the place in it."""
    racks = {rack: number for number, rack in enumerate(dict.fromkeys(node.rack for node in nodes), 1)}
    places: dict[str, int] = {}
    found = []
    for node in nodes:
        places[node.rack] = places.get(node.rack, 0) + 1
        found.append(replace(node, address=world.address(racks[node.rack], places[node.rack])))
    return found


# --- cables, as lines for `ip -batch` ---------------------------------------------------------------------------------


def machine_cable(world: World, pid: int) -> list[str]:
    """To be run in the machine's network: a cable to the world, whose first process has this id."""
    return [
        f"link add {world.cable} type veth peer name {OUTSIDE} netns {pid}",
        f"address add {world.host} peer {world.gateway} dev {world.cable}",
        f"link set {world.cable} up",
        f"route add {world.network} via {world.gateway} dev {world.cable}",
    ]


def world_links(world: World) -> list[str]:
    """To be run in the world once its cable to the machine is there.

    What is sent to a node without power vanishes, as it does where a switch still knows the port of a dead machine.
    """
    return [
        "link set lo up",
        f"link set {OUTSIDE} up",
        f"address add {world.gateway} peer {world.host} dev {OUTSIDE}",
        f"route add blackhole {world.network}",
    ]


def plug(node: Node, world: World, pid: int) -> list[str]:
    """To be run in the world: a cable to the node whose first process has this id."""
    return [
        f"link add {node.name} type veth peer name eth0 netns {pid}",
        f"address add {world.gateway} peer {node.address} dev {node.name}",
        f"link set {node.name} up",
    ]


def unplug(node: Node) -> list[str]:
    """To be run in the world: the cable is gone at once, with both ends."""
    return [f"link delete {node.name}"]


def node_links(node: Node, world: World) -> list[str]:
    """To be run in the node's network."""
    return [
        "link set lo up",
        "link set eth0 up",
        f"address add {node.address} peer {world.gateway} dev eth0",
        f"route add default via {world.gateway} dev eth0",
    ]


def hosts_file(plan: WorldPlan) -> str:
    """/etc/hosts of every node."""
    lines = ["127.0.0.1 localhost", f"{plan.world.gateway} center"]
    return "\n".join([*lines, *(f"{node.address} {node.name}" for node in plan.nodes)]) + "\n"
