"""A change on its way through a real fleet: written, validated, tried on one rack, promoted, taken back. Real commands.

Set `TRANSCRIPT` to a file's name to have what was typed and what came written there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from config_center.publishing import open_store
from tests.support.lab import Lab, running_lab
from tests.support.terminal import Terminal
from tests.support.waiting import wait_until

MISTAKES = ("0777", "{at_mots: 1}", "{at_most: 1, severity: majro}", "1_000", "*swap")
EVERYBODY = [f"n{number:03d}" for number in range(1, 9)]
DIRTY = "vm.dirty_ratio: {at_most: 10,"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Eight nodes, of which rack a1 has two; all have told the center what they are."""
    with running_lab(tmp_path_factory.mktemp("story") / "lab", len(EVERYBODY)) as lab:
        with closing(open_store(str(lab.layout.store))) as database:
            wait_until(lambda: sorted(row.name for row in database.nodes()) == EVERYBODY, "all nodes have told")
        yield lab


@pytest.fixture(scope="module")
def terminal(lab: Lab) -> Iterator[Terminal]:
    """One terminal for the whole story."""
    with Terminal(lab) as terminal:
        yield terminal


def failing(report: dict[str, Any]) -> list[str]:
    """Names of the nodes that fail."""
    return [node["name"] for node in report["nodes"] if node["state"] == "fail"]


def test_a_new_fleet_is_written_and_its_mistakes_are_told_at_once(terminal: Terminal, tmp_path: Path) -> None:
    """init, five planted mistakes in one validate, each with its line and what to do; then none, and a release."""
    fleet = tmp_path / "fleet"
    terminal.type("config-center", "init", str(fleet))
    terminal.type("config-center", "validate", str(fleet))
    path = fleet / "include" / "memory.yml"
    text = path.read_text()
    lines = text.splitlines(keepends=True)
    spoilt = [index for index, line in enumerate(lines) if re.match(r" +vm\.\w+: ", line)][: len(MISTAKES)]
    for index, wrong in zip(spoilt, MISTAKES, strict=True):
        lines[index] = f"{lines[index].partition(': ')[0]}: {wrong}\n"
    path.write_text("".join(lines))
    said = terminal.type("config-center", "validate", str(fleet), exits=1)
    for index in spoilt:
        assert f"{path}:{index + 1}:" in said
    assert "did you mean at_most?" in said
    assert "did you mean major?" in said
    path.write_text(text)
    terminal.type("config-center", "validate", str(fleet))
    assert "release 1" in terminal.type("config-center", "publish", str(fleet), "--yes", "-m", "the first one")


def test_a_change_is_tried_promoted_and_taken_back(terminal: Terminal, lab: Lab) -> None:
    """A canary reaches its rack and nobody else, promotion everybody, a rollback restores: four sweeps tell so."""
    assert terminal.sweep(0)["release"]["number"] == 1
    layer = lab.layout.fleet / "layers" / "10-fleet.yml"
    text = layer.read_text()
    assert text.count(DIRTY) == 1
    layer.write_text(text.replace(DIRTY, DIRTY.replace("10", "1")))
    said = terminal.publish("publish", "--canary", "rack=a1", "-m", "write early")
    assert "touches 2 of 8" in said
    report = terminal.sweep(1)
    assert failing(report) == ["n001", "n002"]
    assert report["ledger"]["pass"] == 6
    assert report["release"]["canary"]["number"] == 2
    terminal.type("config-center", "status", str(lab.layout.fleet), "--ring", str(lab.layout.coordinator))
    terminal.publish("promote", "-m", "rack a1 was well")
    assert failing(terminal.sweep(1)) == EVERYBODY
    terminal.publish("rollback", "-m", "it was not")
    report = terminal.sweep(0)
    assert report["release"]["number"] == 3
    trail = terminal.type("config-center", "log", str(lab.layout.fleet))
    assert [line.split()[1] for line in trail.splitlines()] == ["rollback", "promote", "canary", "publish"]


def test_the_nodes_told_what_they_are(terminal: Terminal, lab: Lab) -> None:
    """What agents told the center can be asked for, and is an inventory for others."""
    store = ["--store", str(lab.layout.store)]
    found = json.loads(terminal.type("config-center", "nodes", "zone = a", *store, "--json"))
    assert sorted(found["nodes"]) == EVERYBODY[:3]
    assert "0 of 8 nodes" in terminal.type("config-center", "nodes", "kernel < 6.1", *store)
    listed = json.loads(terminal.type("config-center", "inventory", "--list", *store))
    assert listed["rack_a1"]["hosts"] == ["n001", "n002"]
