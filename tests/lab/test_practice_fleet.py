"""The practice layers and the practice nodes belong together: what is fresh passes, what is broken shows."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from config_center.describe import bundled_checks, catalogue_of
from config_center.drafting import draft
from config_center.layers import load_fleet
from config_center.resolve import Resolver
from inspector_lab import drift, rootfs
from inspector_lab.breaking import apply
from inspector_lab.cli import PRACTICE
from inspector_lab.plan import Node, Wish, lay_out
from inspector_lab.writing import write_tree

NODES = lay_out(Wish(nodes=20, roles={"n020": "printer"}), octet=1).nodes


@pytest.fixture(scope="module")
def resolver() -> Resolver:
    """The practice layers, as a release."""
    return Resolver(draft(PRACTICE, catalogue_of(bundled_checks())))


def findings(resolver: Resolver, node: Node, root: Path, *, hanging: str = "") -> dict[str, dict[str, Any]]:
    """Run all checks of a node's baseline below a root, as its agent would; findings by item.

    hanging: the item whose time has to run out. All others have time enough on any machine.
    """
    baseline = resolver.baseline(node.name, node.tags).items
    items = [item.request if item.id == hanging else item.request | {"timeout_s": 60.0} for item in baseline]
    request = {"contract": 1, "root": str(root), "facts": {"name": node.name, "tags": node.tags}, "items": items}
    command = [sys.executable, str(bundled_checks() / "batch.py")]
    done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, check=True, timeout=120)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["id"]: line for line in lines if "outcome" in line}


def test_the_layers_are_a_good_example() -> None:
    """Sound, of every kind, over fleet, zone, rack and role; what fails is explained; nothing matches everybody."""
    fleet = load_fleet(PRACTICE, catalogue_of(bundled_checks()))
    assert fleet.mistakes == ()
    items = {item for layer in fleet.layers for item in layer.items}
    assert len(items) >= 40
    kinds = {item.partition(":")[0] for item in items}
    assert kinds >= {
        "sysctl", "kernel", "os", "package", "file", "service", "process", "disk", "command", "nagios",
    }  # fmt: skip
    assert all(layer.match for layer in fleet.layers)
    assert {tag for layer in fleet.layers for tag in layer.match} == {"zone", "rack", "role"}


def test_a_fresh_node_of_every_kind_passes(resolver: Resolver, tmp_path: Path) -> None:
    """Nothing fails and nothing errs; na is only what needs a running systemd."""
    seen = set()
    for node in NODES[:-1]:
        kind = (node.zone, node.rack, node.role)
        if kind in seen:
            continue
        seen.add(kind)
        root = tmp_path / node.name
        write_tree(root, rootfs.tree(node))
        found = findings(resolver, node, root)
        assert len(found) >= 40
        assert {name: line for name, line in found.items() if line["outcome"] in {"fail", "error"}} == {}
        assert Counter(line["outcome"] for line in found.values())["na"] == 1
    assert len(seen) >= 10


def test_a_role_nobody_has_thought_about_gets_no_items(resolver: Resolver) -> None:
    """Such a node is uncovered, which is not a pass."""
    assert resolver.baseline("n020", NODES[-1].tags).items == ()


@pytest.mark.parametrize("change", drift.POSSIBLE, ids=lambda change: change.item)
def test_every_prepared_drift_shows_as_its_own_item(change: drift.Change, resolver: Resolver, tmp_path: Path) -> None:
    """And as no other. A pipe in place of a file hangs the check, which is an error, not a fail."""
    node = NODES[0]
    write_tree(tmp_path, rootfs.tree(node))
    apply(tmp_path, change)
    found = findings(resolver, node, tmp_path, hanging="" if change.edit else change.item)
    wrong = {name: line["outcome"] for name, line in found.items() if line["outcome"] in {"fail", "error"}}
    assert wrong == {change.item: "error" if change.edit is None else "fail"}
