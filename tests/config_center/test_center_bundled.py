"""The config center and the bundled checks, which never import each other, fit together."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest
import yaml

from config_center.catalogue import Catalogue
from config_center.describe import bundled_checks, catalogue_of
from config_center.expectation import MATCHERS
from config_center.layers import load_fleet
from config_center.publishing import draft
from config_center.release import LayerItem, build
from config_center.resolve import resolve
from config_center.traits import traits_of
from tests.support.center import write_fleet

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
EXAMPLE = EXAMPLES / "layers-minimal"
TODAY = date(2030, 1, 1)


@pytest.fixture(scope="module")
def bundled() -> Catalogue:
    return catalogue_of(bundled_checks())


def test_both_sides_know_the_same_matchers(bundled: Catalogue) -> None:
    """What can be said of an expectation here is what the checks can compare."""
    assert set(bundled.matchers) == set(MATCHERS)


def test_every_kinds_own_example_is_valid(bundled: Catalogue, tmp_path: Path) -> None:
    """The example a kind prints can be pasted into a layer."""
    assert {"sysctl", "kernel", "os", "package", "file", "service", "process", "disk", "command", "nagios"} <= set(
        bundled.kinds
    )
    examples = {name: kind.example for name, kind in bundled.kinds.items()}
    fleet = load_fleet(write_fleet(tmp_path, {"a.yml": yaml.safe_dump({"items": examples})}), bundled)
    assert [str(mistake) for mistake in fleet.mistakes] == []
    expected = {f"{name}:{key}" for name, example in examples.items() for key in example}
    assert set(fleet.layers[0].items) == expected


def test_the_example_to_start_from_is_valid_and_says_what_it_claims(bundled: Catalogue, tmp_path: Path) -> None:
    """It validates without a mistake, and its comments about who wins are true."""
    shutil.copytree(EXAMPLE, tmp_path / "fleet")
    release = draft(tmp_path / "fleet", bundled)
    swapping = {
        node: [item.expect for item in resolve(release, node, tags).items if item.id == "sysctl:vm.swappiness"]
        for node, tags in {"db1": {"role": "db"}, "web7": {"role": "web"}, "web02": {"role": "web"}}.items()
    }
    assert swapping == {
        "db1": [{"value": {"at_most": 60}}],
        "web7": [{"value": {"at_most": 10}}],
        "web02": [{"value": {"between": [0, 1]}}],
    }


NODES = {
    "worker": ({"zone": "a", "role": "worker", "purpose": "shop"}, {}),
    "control-plane": ({"zone": "b", "role": "control-plane", "purpose": "platform"}, {}),
    "ingress": ({"zone": "c", "role": "ingress", "purpose": "payments"}, {"model": "H12SSL", "vendor": "Supermicro"}),
    "storage": (
        {"zone": "c", "role": "storage", "purpose": "platform", "rack": "b7"},
        {"model": "PowerEdge R650xs", "driver.mlx5_core": "5.7-1.0.2"},
    ),
}


@pytest.mark.parametrize("role", NODES)
def test_the_example_of_container_hosts_gives_every_role_its_baseline(bundled: Catalogue, role: str) -> None:
    """Without a mistake or a warning; 200 kernel parameters and more each; nothing is left open on a node."""
    fleet = load_fleet(EXAMPLES / "container-hosts", bundled, TODAY).sound()
    assert fleet.warnings == ()
    release = build(fleet.layers, [], number=1, created="2030-01-01T00:00:00Z", waivers=fleet.waivers)
    tags, facts = NODES[role]
    items = {item.id: item for item in resolve(release, f"{role}1", traits_of(tags, facts)).items}
    assert {name: item.problem for name, item in items.items() if item.problem} == {}
    assert sum(item.check == "sysctl" for item in items.values()) >= 200
    assert {item.check for item in items.values()} >= {"os", "kernel", "package", "file", "service", "disk", "process"}
    zone = {"a": "1.31.4-1.1", "b": "1.31.4-1.1", "c": "1.30.8-1.1"}[tags["zone"]]
    assert items["package:kubelet"].expect["version"] == {"equals": zone}


def test_what_the_comments_of_the_example_say_is_true(bundled: Catalogue) -> None:
    """Appends stack up, an unset item is gone, an old driver is found, a waiver holds, a secret names its file."""
    fleet = load_fleet(EXAMPLES / "container-hosts", bundled, TODAY).sound()
    release = build(fleet.layers, [], number=1, created="2030-01-01T00:00:00Z", waivers=fleet.waivers)
    tags, facts = NODES["storage"]
    storage = {item.id: item for item in resolve(release, "n001", traits_of(tags, facts)).items}
    words = storage["kernel:cmdline"].expect["value"]["contains"]
    assert words == [
        "systemd.unified_cgroup_hierarchy=1", "cgroup_enable=memory", "hugepagesz=1G", "hugepages=8",
        "intel_iommu=on", "iommu=pt",
    ]  # fmt: skip
    assert "package:mlnx-ofed-kernel-dkms" in storage
    assert storage["kernel:release"].is_waived("2035-01-31")
    assert storage["kernel:release"].expect == {"value": {"at_least": "6.1.0-28"}}
    secret = storage["file:/etc/containerd/registry-token"]
    assert (secret.secret, secret.from_file) == (
        True,
        {"content": {"equals": "/etc/inspector/secrets/registry-token"}},
    )
    tags = {"zone": "a", "role": "worker", "purpose": "batch"}
    batch = {item.id: item for item in resolve(release, "n900", traits_of(tags, {"driver.mlx5_core": "5.10"})).items}
    assert "disk:/var/lib/containerd" not in batch
    assert "package:mlnx-ofed-kernel-dkms" not in batch
    assert batch["file:/etc/motd"].expect["content"] == {"contains": ["purpose: batch", "zone: a"]}


def _read(bundled: Catalogue, directory: Path, items: str) -> tuple[list[str], dict[str, LayerItem]]:
    """Mistakes, without their places, and items of one layer in flow style."""
    fleet = load_fleet(write_fleet(directory, {"a.yml": f"items: {items}"}), bundled)
    return [mistake.text for mistake in fleet.mistakes], fleet.layers[0].items if fleet.layers else {}


@pytest.mark.parametrize(
    ("written", "operand"),
    [
        ("644", "0644"),
        ('"644"', "0644"),
        ('"0644"', "0644"),
        ("4755", "4755"),
        ("{at_most: 640}", "0640"),
        ("{between: [600, '644']}", ["0600", "0644"]),
        ("{one_of: [600, '0644']}", ["0600", "0644"]),
    ],
)
def test_a_mode_is_normalised(bundled: Catalogue, tmp_path: Path, written: str, operand: object) -> None:
    """With and without its leading zero it is the same mode, and a release has it with the zero."""
    mistakes, items = _read(bundled, tmp_path, f"{{file: {{/etc/motd: {{expect: {{mode: {written}}}}}}}}}")
    assert mistakes == []
    assert list(items["file:/etc/motd"].expect["mode"].values()) == [operand]


@pytest.mark.parametrize(
    ("written", "mistake"),
    [
        ('"0689"', "equals takes a mode, not '0689'; write three or four octal digits, such as \"0644\""),
        ("u=rw", "equals takes a mode, not 'u=rw'; write three or four octal digits, such as \"0644\""),
        ("{at_most: 6.44}", "at_most takes a mode, not '6.44'; write three or four octal digits, such as \"0644\""),
        ("{lacks: '6'}", "lacks cannot be used here: a mode has no parts; use equals, one_of or between"),
        ("{contains: '6'}", "contains cannot be used here: a mode has no parts; use equals, one_of or between"),
        ("{between: ['0644', '0600']}", "between can never hold: 0644 has bits that 0600 has not; write [least, most]"),
        (
            "0644",
            '0644 is an octal number to one YAML reader and a decimal one to the next; quote it: "0644"',
        ),
    ],
)
def test_what_is_no_mode_is_a_mistake(bundled: Catalogue, tmp_path: Path, written: str, mistake: str) -> None:
    """And no hint leads to a decimal number."""
    assert _read(bundled, tmp_path, f"{{file: {{/etc/motd: {{expect: {{mode: {written}}}}}}}}}")[0] == [mistake]


@pytest.mark.parametrize(
    ("kind", "property_"),
    [
        ("file", "sha256"), ("file", "owner"), ("file", "group"), ("file", "type"), ("file", "target"),
        ("file", "content"), ("process", "user"), ("service", "active"), ("service", "enabled"), ("package", "status"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("matcher", ["at_least: '5'", "at_most: 10", "between: [1, 2]"])
def test_what_has_no_order_is_not_compared_in_one(
    bundled: Catalogue, tmp_path: Path, kind: str, property_: str, matcher: str
) -> None:
    """On a node it could only ever be an error, or a pass by accident."""
    mistakes, _ = _read(bundled, tmp_path, f"{{{kind}: {{/x: {{expect: {{{property_}: {{{matcher}}}}}}}}}}}")
    name = matcher.partition(":")[0]
    assert mistakes == [f"{name} cannot be used here: text of this sort has no order; use equals, one_of or contains"]


@pytest.mark.parametrize(
    ("items", "mistake"),
    [
        ("{kernel: {relaese: {any: true}}}", "kernel has no key 'relaese'; did you mean release?"),
        ("{file: {etc/motd: true}}", "a key of file begins with /, not so 'etc/motd'; write /etc/motd"),
        ("{disk: {srv: {at_most: 80}}}", "a key of disk begins with /, not so 'srv'; write /srv"),
        ('{http: {"ftp://x/": 200}}', "a key of http begins with http, not so 'ftp://x/'"),
        ("{kubelet: {verison: {any: true}}}", "kubelet has no key 'verison'; did you mean version?"),
        ("{disk: {/: {at_most: 80%}}}", "at_most (in percent) takes a number, not '80%'"),
        (
            "{module: {bonding: true}}",
            'equals takes text, not a true or false; quote it: "true", or write any: true for whatever it is',
        ),
        (
            "{module: {bonding: false}}",
            'equals takes text, not a true or false; quote it: "false", or write absent: true if it is not to be there',
        ),
    ],
)
def test_a_key_that_could_only_err_is_a_mistake(bundled: Catalogue, tmp_path: Path, items: str, mistake: str) -> None:
    """On every node it would be an error, sweep after sweep."""
    assert _read(bundled, tmp_path, items)[0] == [mistake]
