"""What a practice fleet is: names, addresses, zones, racks, roles, who joins through whom, and when. Pure.

Everything drawn by chance is a hash of the seed and of what it is drawn for, so that one node's draw never depends
on how many draws came before it: the same seed gives the same fleet, with one node more or less.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from inspector_lab import limits
from inspector_lab.errors import PlanError

PROFILES = ("lan", "local")
# How often each role occurs: of five nodes of a rack three are web servers, one is a database, one a cache.
ROLES = ("web", "db", "web", "cache", "web")


@dataclass(frozen=True)
class Wish:
    """What the user asked for.

    `racks` counts per zone. `drift` is the share of (node, possible drift) pairs that are drawn to be wrong, 0 to 1.
    `rack_sizes` gives some racks, by name, so many nodes; the others share the rest. `roles` overrides the role of
    nodes by name. `encrypt` turns gossip encryption on, `namespaces` gives every node a network, host name, process
    table and disk of its own.
    """

    nodes: int
    zones: int = 3
    racks: int = 2
    profile: str = "lan"
    seed: int = 1
    drift: float = 0.0
    roles: Mapping[str, str] = field(default_factory=dict)
    encrypt: bool = False
    namespaces: bool = False
    rack_sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class SerfAgent:
    """One Serf agent and where it listens."""

    name: str
    address: str

    @property
    def rpc(self) -> str:
        """host:port of its RPC."""
        return f"{self.address}:{limits.rpc_port}"

    @property
    def gossip(self) -> str:
        """host:port other Serf agents reach it at."""
        return f"{self.address}:{limits.gossip_port}"


@dataclass(frozen=True)
class Node(SerfAgent):
    """One node of the fleet: its Serf agent, and what its tags say."""

    zone: str
    rack: str
    role: str

    @property
    def tags(self) -> dict[str, str]:
        """Its Serf tags: static, since every change is gossiped before any question."""
        return {"zone": self.zone, "rack": self.rack, "role": self.role}


@dataclass(frozen=True)
class Plan:
    """A whole fleet on the loopback addresses 127.`octet`.x.y."""

    wish: Wish
    octet: int
    nodes: tuple[Node, ...]

    @property
    def center(self) -> str:
        """host:port of the fleet's config center."""
        return f"127.{self.octet}.255.1:{limits.center_port}"

    @property
    def center_url(self) -> str:
        """Where agents and coordinators fetch releases."""
        return f"http://{self.center}"

    @property
    def network(self) -> str:
        """Its addresses, in words."""
        return f"127.{self.octet}.x.y"

    @property
    def entries(self) -> tuple[Node, ...]:
        """Nodes that coordinators attach to: several, spread over the racks, as one may be broken on purpose."""
        first_of_rack = {node.rack: node for node in reversed(self.nodes)}
        return tuple(sorted(first_of_rack.values(), key=lambda node: node.name))


def claim_address(octet: int) -> tuple[str, int]:
    """(host, port) that a lab listens on for no other purpose than to hold its octet."""
    return f"127.{octet}.255.254", limits.claim_port


def draw(seed: int, *what: str) -> float:
    """A number in [0, 1), always the same for the same seed and words."""
    text = "\x1f".join((str(seed), *what)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") / 2**64


def node_names(count: int) -> list[str]:
    """n001, n002, …; of 1,000 and more n0001, …: all of one length, which fold to one range."""
    width = max(3, len(str(count)))
    return [f"n{number:0{width}d}" for number in range(1, count + 1)]


def lay_out(wish: Wish, octet: int) -> Plan:
    """The fleet for a wish; raises PlanError naming what cannot be."""
    refuse_impossible(wish)
    names = node_names(wish.nodes)
    strangers = sorted(set(wish.roles) - set(names))
    if strangers:
        raise PlanError(f"no node {', '.join(strangers)} to give a role: the nodes are {names[0]} to {names[-1]}")
    return placed(wish, octet, names)


def placed(wish: Wish, octet: int, names: Sequence[str]) -> Plan:
    """Nodes of these names in zones and racks."""
    racks = [
        (zone, f"{zone}{number}")
        for zone in "abcdefghijklmnopqrstuvwxyz"[: wish.zones]
        for number in range(1, wish.racks + 1)
    ]
    places = dealt(wish, racks, len(names))
    nodes = []
    for index, name in enumerate(names):
        zone, rack = places[index]
        role = wish.roles.get(name, ROLES[index % len(ROLES)])
        nodes.append(Node(name=name, address=address(octet, index), zone=zone, rack=rack, role=role))
    return Plan(wish=wish, octet=octet, nodes=tuple(nodes))


def dealt(wish: Wish, racks: Sequence[tuple[str, str]], count: int) -> list[tuple[str, str]]:
    """Zone and rack of each of so many nodes, in contiguous blocks: a rack's nodes fold to a range."""
    sizes = wish.rack_sizes
    if strangers := sorted(set(sizes) - {rack for _, rack in racks}):
        raise PlanError(f"no rack {', '.join(strangers)} to fill: there are {', '.join(rack for _, rack in racks)}")
    sharing = [rack for _, rack in racks if rack not in sizes]
    left = count - sum(sizes.values())
    if min([left, *sizes.values()]) < 0 or (left and not sharing):
        raise PlanError(f"{count} nodes do not fill {len(racks)} racks, of which {len(sizes)} hold {count - left}")
    shares = Counter(sharing[index * len(sharing) // left] for index in range(left))
    return [(zone, rack) for zone, rack in racks for _ in range(sizes.get(rack, shares[rack]))]


def refuse_impossible(wish: Wish) -> None:
    """Raise PlanError where a number or a name of the wish has no meaning."""
    bounds = {
        "nodes": (wish.nodes, limits.nodes_max),
        "zones": (wish.zones, limits.zones_max),
        "racks": (wish.racks, limits.racks_max),
    }
    for name, (value, most) in bounds.items():
        if not 1 <= value <= most:
            raise PlanError(f"{name} must be 1 to {most}, not {value}")
    if not 0.0 <= wish.drift <= 1.0:
        raise PlanError(f"drift is a share between 0 and 1, not {wish.drift}")
    if wish.profile not in PROFILES:
        raise PlanError(f"unknown profile {wish.profile!r}: one of {', '.join(PROFILES)}")


def address(octet: int, index: int) -> str:
    """Loopback address of the node with this index, counted from 0."""
    block, place = divmod(index, limits.nodes_a_block)
    return f"127.{octet}.{block}.{place + 1}"


def join_through(plan: Plan, index: int) -> Node | None:
    """The earlier node a node joins through, drawn by the seed; None for the first.

    Joining through one and the same node makes it the bottleneck of every start (its push/pull state of the whole
    ring goes out once per joiner).
    """
    if index == 0:
        return None
    return plan.nodes[int(draw(plan.wish.seed, "join", plan.nodes[index].name) * index)]


def serf_start_s(index: int) -> float:
    """Seconds after the beginning at which a node's Serf agent is started."""
    return index / limits.serf_starts_per_s
