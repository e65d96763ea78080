"""CORE. Who the members of a hollow ring are: names, addresses and tags as in any practice fleet, only more of them.

The first node is real: a Serf agent, the entry, and an inspection agent beside it. All others are hollow.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from ipaddress import IPv4Address

import msgspec

from inspector_lab.errors import PlanError
from inspector_lab.hollow import limits
from inspector_lab.hollow.packets import Address, push_pull, state
from inspector_lab.hollow.questions import local_state, sender, tags_meta
from inspector_lab.limits import gossip_port
from inspector_lab.plan import PROFILES, Node, Plan, Wish, node_names, placed


class HollowWish(msgspec.Struct, frozen=True, kw_only=True):
    """What is wished of a hollow ring.

    members   all members, the real entry among them
    loss      share of packets lost, each packet, either way, at each member; also of the gossip between members
    delay_ms  every packet takes up to so long, evenly drawn
    duplicate share of packets that arrive twice
    drift     share of (node, possible drift) pairs that are wrong
    gogc      Go's GOGC for the entry: how much garbage it gathers before it collects, in % of what lives
    silent    so many members whose Serf answers pings and hears no question
    churn     so many percent of the members go in a minute, and come back
    """

    members: int
    zones: int = 3
    racks: int = 2
    profile: str = "lan"
    seed: int = 1
    drift: float = 0.001
    loss: float = 0.0
    delay_ms: float = 0.0
    duplicate: float = 0.0
    silent: int = 0
    churn: float = 0.0
    encrypt: bool = False
    gogc: int = 100

    def refuse_impossible(self) -> None:
        """Raise PlanError where a number or a name has no meaning."""
        bounds = {
            "members": (self.members, limits.members_min, limits.members_max),
            "zones": (self.zones, 1, 26),
            "racks": (self.racks, 1, 99),
            "silent": (self.silent, 0, self.members - 1),
            "gogc": (self.gogc, 1, limits.gogc_max),
            "churn in % a minute": (self.churn, 0, limits.churn_percent_max),
            "delay in ms": (self.delay_ms, 0, limits.delay_ms_max),
        }
        for name, (value, least, most) in bounds.items():
            if not least <= value <= most:
                raise PlanError(f"{name} must be {least:,.10g} to {most:,.10g}, not {value:,.10g}")
        for name, share in {"loss": self.loss, "duplicate": self.duplicate, "drift": self.drift}.items():
            if not 0.0 <= share <= 1.0:
                raise PlanError(f"{name} is a share between 0 and 1, not {share:g}")
        if self.profile not in PROFILES:
            raise PlanError(f"unknown profile {self.profile!r}: one of {', '.join(PROFILES)}")


def lay_out(wish: HollowWish, octet: int) -> Plan:
    """All nodes of a hollow ring on 127.`octet`.x.y. Raises PlanError."""
    wish.refuse_impossible()
    as_wished = Wish(
        nodes=wish.members,
        zones=wish.zones,
        racks=wish.racks,
        profile=wish.profile,
        seed=wish.seed,
        drift=wish.drift,
        encrypt=wish.encrypt,
    )
    return placed(as_wished, octet, node_names(wish.members))


ALIVE, LEAVING, LEFT, FAILED = "alive", "leaving", "left", "failed"
"""Serf's words for a member's status."""


class Life(Enum):
    """Whether a member is there; FAILED: it stands still, or its machine is dead."""

    ALIVE = ALIVE
    FAILED = FAILED
    LEFT = LEFT


class Member:
    """One member.

    `index` counts all nodes of the plan; `sender` is how its answers say who they are from; `hears` questions or not.
    `life` is the truth about it, `listed` its status in the other members' lists, in Serf's word.
    """

    __slots__ = ("address", "hears", "incarnation", "index", "life", "listed", "meta", "name", "sender")

    def __init__(self, index: int, node: Node, port: int, meta: bytes) -> None:
        self.index = index
        self.name = node.name
        self.address: Address = (IPv4Address(node.address).packed, port)
        self.sender = sender(node.name)
        self.meta = meta
        self.incarnation = 1
        self.hears = index > 0  # number 0 is real
        self.life = Life.ALIVE
        self.listed = ALIVE

    @property
    def up(self) -> bool:
        """Whether it does anything at all."""
        return self.life is Life.ALIVE


def members_of(plan: Plan, port: int) -> list[Member]:
    """All nodes as members: the real entry at Serf's own port, the others at `port`."""
    metas = {node.zone + node.rack + node.role: tags_meta(node.tags) for node in plan.nodes}
    return [
        Member(index, node, port if index else gossip_port, metas[node.zone + node.rack + node.role])
        for index, node in enumerate(plan.nodes)
    ]


def joining(members: Sequence[Member], size: int) -> list[bytes]:
    """Push/pull messages by which all members make themselves known, `size` at a time."""
    return [
        push_pull(
            [state(member.name, member.address, member.meta, member.incarnation) for member in chunk],
            local_state(member.name for member in chunk),
            join=True,
        )
        for at in range(0, len(members), size)
        for chunk in [members[at : at + size]]
    ]
