"""The world as planned: addresses, neighbours, entries. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_lab.errors import PlanError
from inspector_lab.namespaces import limits, world
from inspector_lab.plan import Wish

NEIGHBOURS_MAX = 1024  # net.ipv4.neigh.default.gc_thresh3, of all namespaces of a machine together


@given(nodes=st.integers(1, 100), zones=st.integers(1, 6), racks=st.integers(1, 10), number=st.integers(0, 7))
def test_everybody_has_an_address_that_names_the_rack(nodes: int, zones: int, racks: int, number: int) -> None:
    """Unique, in the lab's own network; one third octet a rack, and none of them the world's."""
    plan = world.lay_out(Wish(nodes=nodes, zones=zones, racks=racks), number)
    addresses = [IPv4Address(node.address) for node in plan.nodes]
    assert len(set(addresses)) == nodes
    assert all(address in plan.world.network for address in addresses)
    thirds = {(node.rack, int(address) >> 8) for node, address in zip(plan.nodes, addresses, strict=True)}
    assert len(thirds) == len({rack for rack, _ in thirds}) == len({third for _, third in thirds})
    assert int(IPv4Address(plan.world.gateway)) >> 8 not in {third for _, third in thirds}
    assert IPv4Address(plan.world.host) in plan.world.network


def test_addresses_can_be_read() -> None:
    """The third octet is the rack, the fourth the place in it."""
    plan = world.lay_out(Wish(nodes=12), 0)
    assert [node.address for node in plan.nodes[:3]] == ["198.18.1.1", "198.18.1.2", "198.18.2.1"]
    assert plan.center == "198.18.63.254:8080"
    assert world.lay_out(Wish(nodes=1), 7).nodes[0].address == "198.19.193.1"


def test_worlds_share_no_address() -> None:
    """All in the network that is kept for tests."""
    networks = [world.World(number).network for number in range(limits.worlds_max)]
    assert all(network.subnet_of(IPv4Network("198.18.0.0/15")) for network in networks)
    assert not any(one.overlaps(other) for one in networks for other in networks if one is not other)
    assert len({world.World(number).cable for number in range(limits.worlds_max)}) == limits.worlds_max


def test_a_hundred_nodes_leave_room_in_the_neighbour_table() -> None:
    """Two neighbours a cable, however the racks are: the table is one for all namespaces of the machine."""
    plan = world.lay_out(Wish(nodes=limits.nodes_max, zones=1, racks=1), 0)
    ends = [
        line for node in plan.nodes for line in (*world.plug(node, plan.world, 1), *world.node_links(node, plan.world))
    ]
    assert 2 * len(plan.nodes) < NEIGHBOURS_MAX / 2
    assert sum(" peer " in line and line.startswith("address") for line in ends) == 2 * len(plan.nodes)


def test_there_is_one_entry_a_zone() -> None:
    """Its first node."""
    plan = world.lay_out(Wish(nodes=12), 0)
    assert [node.name for node in plan.entries] == ["n001", "n005", "n009"]


@pytest.mark.parametrize(
    ("wish", "what"),
    [
        (Wish(nodes=101), "nodes must be 1 to 100 with --namespaces, not 101"),
        (Wish(nodes=100, zones=10, racks=10), "at most 62 racks in all with --namespaces, not 100"),
        (Wish(nodes=0), "nodes must be 1 to 300, not 0"),
    ],
)
def test_what_a_world_cannot_hold_is_refused(wish: Wish, what: str) -> None:
    """In a sentence that says what it can."""
    with pytest.raises(PlanError, match=what):
        world.lay_out(wish, 0)
