"""The pure part of a lab: who is where, who joins through whom, what drifts, and what the files say."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
import yaml
from ClusterShell.NodeSet import NodeSet
from hypothesis import given
from hypothesis import strategies as st

from inspector_coord import config as coordinator_config
from inspector_lab import configs, drift, rootfs
from inspector_lab.cli import roles_of, sizes_of
from inspector_lab.errors import BreakError, PlanError
from inspector_lab.layout import Layout
from inspector_lab.plan import Wish, draw, join_through, lay_out

HOST = configs.Host(user="ops", python="/usr/bin/python3", sshd={})
KEYS = {"rpc": "secret", "gossip": "c2VjcmV0"}


@given(nodes=st.integers(1, 300), zones=st.integers(1, 5), racks=st.integers(1, 4), seed=st.integers())
def test_every_fleet_is_dealt_in_blocks(nodes: int, zones: int, racks: int, seed: int) -> None:
    """Addresses are unique, racks contiguous and nearly of one size; everybody joins through an earlier node."""
    plan = lay_out(Wish(nodes=nodes, zones=zones, racks=racks, seed=seed), octet=7)
    assert len({node.address for node in plan.nodes}) == nodes
    by_rack: dict[str, list[int]] = {}
    for index, node in enumerate(plan.nodes):
        assert node.rack.startswith(node.zone)
        by_rack.setdefault(node.rack, []).append(index)
        first = join_through(plan, index)
        assert first is None if index == 0 else first in plan.nodes[:index]
    assert all(places == list(range(places[0], places[-1] + 1)) for places in by_rack.values())
    sizes = [len(places) for places in by_rack.values()]
    assert max(sizes) - min(sizes) <= 1
    assert len(by_rack) == min(nodes, zones * racks)


def test_a_rack_may_be_bigger_than_the_others() -> None:
    """Its size is given, the others share the rest, blocks stay contiguous."""
    plan = lay_out(Wish(nodes=20, rack_sizes=sizes_of(["b1=8", "c2=0"])), octet=1)
    racks = {rack: NodeSet.fromlist(n.name for n in plan.nodes if n.rack == rack) for rack in ("a1", "b1", "c1", "c2")}
    assert [str(nodes) for nodes in racks.values()] == ["n[001-003]", "n[007-014]", "n[018-020]", ""]


def test_racks_of_the_usual_fleet_fold_to_ranges() -> None:
    """Twenty nodes over three zones with two racks each: what the demo and the examples speak of."""
    plan = lay_out(Wish(nodes=20), octet=1)
    racks = {rack: str(NodeSet.fromlist(n.name for n in plan.nodes if n.rack == rack)) for rack in ("a1", "b2", "c2")}
    assert racks == {"a1": "n[001-004]", "b2": "n[011-014]", "c2": "n[018-020]"}
    assert plan.nodes[0].rpc == "127.1.0.1:7373"
    assert plan.center_url == "http://127.1.255.1:8080"


@pytest.mark.parametrize(
    ("wish", "what"),
    [
        (Wish(nodes=0), "nodes must be 1 to 300, not 0"),
        (Wish(nodes=301), "nodes must be 1 to 300, not 301"),
        (Wish(nodes=3, zones=27), "zones must be 1 to 26"),
        (Wish(nodes=3, racks=0), "racks must be 1 to 99"),
        (Wish(nodes=3, drift=1.5), "drift is a share between 0 and 1, not 1.5"),
        (Wish(nodes=3, rack_sizes={"z9": 1}), "no rack z9 to fill: there are a1, a2, b1"),
        (Wish(nodes=3, rack_sizes={"a1": 4}), "3 nodes do not fill 6 racks, of which 1 hold 4"),
        (Wish(nodes=3, racks=1, zones=1, rack_sizes={"a1": 2}), "3 nodes do not fill 1 racks, of which 1 hold 2"),
        (Wish(nodes=3, profile="moon"), "unknown profile 'moon': one of lan, local"),
        (Wish(nodes=3, roles={"n004": "db"}), "no node n004 to give a role: the nodes are n001 to n003"),
    ],
)
def test_an_impossible_wish_is_refused_by_name(wish: Wish, what: str) -> None:
    """The message says which number or name, and what would be allowed."""
    with pytest.raises(PlanError, match=what.replace("(", r"\(")):
        lay_out(wish, octet=1)


@pytest.mark.parametrize(
    ("setting", "what"), [("n020", "is not NODE=ROLE"), ("n[=db", r"'n\[' is no node set such as n\[001-003\]")]
)
def test_a_role_that_makes_no_sense_is_refused(setting: str, what: str) -> None:
    """In a sentence, also where the brackets do not close."""
    assert roles_of(["n[001-002]=db"]) == {"n001": "db", "n002": "db"}
    with pytest.raises(PlanError, match=what):
        roles_of([setting])


def test_draws_do_not_depend_on_each_other() -> None:
    """One node more changes no other node's drift: every draw is a hash of what it is for."""
    small = lay_out(Wish(nodes=20, zones=1, racks=1, seed=3, drift=0.1), octet=1)
    large = lay_out(Wish(nodes=40, zones=1, racks=1, seed=3, drift=0.1), octet=1)
    drifted = {(node.name, change.item) for node, change in drift.seeded(small)}
    assert drifted
    assert drifted == {(node.name, change.item) for node, change in drift.seeded(large) if node.name <= "n020"}
    assert 0.0 <= draw(1, "x") < 1.0
    assert draw(1, "x", "y") != draw(1, "xy")


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (1.0, 4 * len(drift.DRAWN))])
def test_the_share_of_drift_is_a_share(share: float, expected: int) -> None:
    """None at 0, all at 1."""
    assert len(list(drift.seeded(lay_out(Wish(nodes=4, drift=share), octet=1)))) == expected


def test_every_prepared_drift_changes_what_it_says() -> None:
    """Each edit turns the file of a fresh node into another one, and doing it twice changes nothing more."""
    node = lay_out(Wish(nodes=1), octet=1).nodes[0]
    tree = rootfs.tree(node)
    for change in drift.DRAWN:
        assert change.edit is not None
        before = tree[change.path].text
        after = change.edit(before)
        assert after != before, change.item
        assert change.edit(after) == after, change.item


def test_package_edits_touch_one_stanza() -> None:
    """The version of one package, or its whole stanza: the neighbours stay byte for byte."""
    before = rootfs.stanza("a", "1") + rootfs.stanza("openssl", "3") + rootfs.stanza("z", "9")
    newer, removed = drift.wished("package:openssl=4").edit, drift.wished("package:openssl=").edit
    assert newer is not None
    assert removed is not None
    assert newer(before) == rootfs.stanza("a", "1") + rootfs.stanza("openssl", "4") + rootfs.stanza("z", "9")
    assert removed(before) == rootfs.stanza("a", "1") + rootfs.stanza("z", "9")


@pytest.mark.parametrize(
    ("setting", "what"),
    [
        ("sysctl", "is not ITEM=VALUE"),
        ("sysctl:=1", "is not ITEM=VALUE"),
        ("moon:phase=full", "'moon' cannot be set on a practice node: one of sysctl, kernel"),
        ("kernel:taste=sweet", "kernel:taste cannot be set on a practice node: one of cmdline, release"),
        ("file:/../../etc/passwd=x", "leaves the node's root"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(setting: str, what: str) -> None:
    """And what would is named."""
    with pytest.raises(BreakError, match=what):
        drift.wished(setting)


def test_an_unprepared_item_is_refused_with_the_prepared_ones() -> None:
    """A person who mistypes an item sees the list."""
    with pytest.raises(BreakError, match=r"nothing is prepared for sysctl:vm\.swap: .*sysctl:vm\.swappiness"):
        drift.known("sysctl:vm.swap")


def test_a_coordinator_accepts_the_file_written_for_it(tmp_path: Path) -> None:
    """One entry a rack, the roles as groups, paths relative to the file."""
    plan = lay_out(Wish(nodes=20), octet=9)
    layout = Layout(tmp_path)
    layout.coordinator.write_text(configs.coordinator(plan, layout))
    loaded = coordinator_config.load(layout.coordinator)
    assert loaded.rings["main"].entries[:2] == ("127.9.0.1:7373", "127.9.0.5:7373")
    assert len(loaded.rings["main"].entries) == 6
    assert loaded.config_center == "http://127.9.255.1:8080"
    assert sorted(loaded.groups) == ["cache", "db", "web"]


def test_an_inventory_lets_ansible_in_with_nothing_of_the_users_own(tmp_path: Path) -> None:
    """Own key, own known_hosts, and the tags as groups. A space in the path is quoted for ssh itself."""
    plan = lay_out(Wish(nodes=4), octet=9)
    layout = Layout(tmp_path / "my lab")
    document = yaml.safe_load(configs.inventory(plan, layout, HOST))["all"]
    assert document["hosts"]["n003"]["ansible_host"] == "127.9.0.3"
    assert document["hosts"]["n003"]["inspector_root"] == f"{tmp_path}/my lab/nodes/n003/root"
    assert document["vars"]["ansible_ssh_private_key_file"] == f"{tmp_path}/my lab/ssh/id_ed25519"
    words = shlex.split(document["vars"]["ansible_ssh_common_args"])  # as Ansible does
    assert f'UserKnownHostsFile="{tmp_path}/my lab/ssh/known_hosts"' in words
    assert set(document["children"]) >= {"zone_a", "rack_a1", "role_web"}


@pytest.mark.parametrize("encrypt", [True, False])
def test_gossip_is_encrypted_only_when_wished(encrypt: bool) -> None:
    """The RPC is always behind a key: a loopback port is open to every user of the machine."""
    plan = lay_out(Wish(nodes=2, encrypt=encrypt), octet=9)
    config = json.loads(configs.serf(plan, plan.nodes[1], plan.nodes[0], KEYS))
    assert config["rpc_auth"] == "secret"
    assert ("encrypt_key" in config) is encrypt
    assert config["retry_join"] == ["127.9.0.1:7946"]
