"""What became wrong in a fleet, and by what: a real lab, real sweeps, and one drift report that has to tell them apart.

Set `TRANSCRIPT` to a file's name to have what was typed and what came written there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.lab import Lab, running_lab
from tests.support.terminal import Terminal
from tests.support.waiting import wait_until

DIRTY = "sysctl:vm.dirty_ratio"
FIN = "sysctl:net.ipv4.tcp_fin_timeout"
SWAP = "sysctl:vm.swappiness"
FILES = "sysctl:fs.file-max"
RACK = "30-rack-b2.yml"
REBOOT_SEEN_S = 31.0  # boots that are nearer to each other may be one, told by two clocks


class Story:
    """The lab's fleet, and a person at a terminal."""

    def __init__(self, lab: Lab, terminal: Terminal) -> None:
        self.lab, self.terminal = lab, terminal
        nodes = lab.status()["nodes"]
        self.names = sorted(nodes)
        self.rack = sorted(name for name in nodes if nodes[name]["tags"]["rack"] == "b2")

    def expect(self, layer: str, old: str, new: str, why: str) -> int:
        """Publish a change of one line; where that line is."""
        path = self.lab.layout.fleet / "layers" / layer
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))
        self.terminal.publish("publish", "-m", why)
        return text[: text.index(old)].count("\n") + 1

    def set(self, item: str, value: str, *names: str) -> None:
        """Somebody writes a value on these nodes by hand."""
        words = ["break", *names, "--how", "drift", "--set", f"{item}={value}", "--dir", str(self.lab.home)]
        self.terminal.type("inspector-lab", *words)

    def sweep(self, exits: int) -> dict[str, Any]:
        """A sweep, which is booked."""
        return self.terminal.sweep(exits)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The whole story, and the drift report after it, by item. `story` has what it was held to."""
    with running_lab(tmp_path_factory.mktemp("drift") / "lab", 12) as lab, Terminal(lab) as terminal:
        began = time.time()
        yield told(Story(lab, terminal), began)


def told(story: Story, began: float) -> dict[str, Any]:
    """A release that is meant, a bad one on a rack, a hand, a reboot, a death; then the report."""
    terminal = story.terminal
    assert story.sweep(0)["ledger"]["pass"] == len(story.names)

    terminal.remark("a release that is meant: all nodes but one are made to follow it")
    line = story.expect("10-fleet.yml", "vm.dirty_ratio: {at_most: 10,", "vm.dirty_ratio: {at_most: 8,", "write early")
    story.set(DIRTY, "8", *story.names[:-1])
    story.sweep(1)

    terminal.remark("a bad release on one rack, and back again")
    bad = story.expect(
        RACK, "items:\n  sysctl:\n", "items:\n  sysctl:\n    net.ipv4.tcp_fin_timeout: 5\n", "for the old cards"
    )
    story.sweep(1)
    terminal.publish("rollback", "-m", "that was wrong")
    story.sweep(1)

    terminal.remark("somebody writes a value on two nodes by hand")
    hands = story.names[1:3]
    story.set(SWAP, "90", *hands)
    story.sweep(1)

    terminal.remark("a node boots: what was set while it ran is gone, and the old value is back")
    booted = story.names[3]
    wait_until(lambda: time.time() - began > REBOOT_SEEN_S, "the node has run for a while")
    terminal.type("inspector-lab", "break", booted, "--how", "kill", "--dir", str(story.lab.home))
    story.set(FILES, "65536", booted)
    terminal.type("inspector-lab", "break", booted, "--how", "kill", "--undo", "--dir", str(story.lab.home))
    wait_until(lambda: _alive(story, booted), f"{booted} is a member again")
    story.sweep(1)

    terminal.remark("and one dies")
    dead = story.names[4]
    terminal.type("inspector-lab", "break", dead, "--how", "kill", "--dir", str(story.lab.home))
    story.sweep(3)

    config = ["--config", str(story.lab.layout.coordinator)]
    terminal.type("inspector", *config, "drift", "--since", "1h", "--verbose", exits=3)
    document: dict[str, Any] = json.loads(
        terminal.type("inspector", *config, "drift", "--since", "1h", "--json", exits=3)
    )
    document["story"] = {
        "line": line,
        "bad": bad + 2,
        "hands": hands,
        "booted": booted,
        "dead": dead,
        "rack": story.rack,
    }
    document["story"]["late"] = story.names[-1]
    return document


def _alive(story: Story, name: str) -> bool:
    """Whether the ring lists it as alive again, by the command."""
    config = ["--config", str(story.lab.layout.coordinator)]
    shown = story.terminal.type("inspector", *config, "nodes", name, "--json")
    listed = json.loads(shown[shown.index("[") :].partition("\n1 members")[0])  # the sums go to stderr, at any time
    return bool(listed[0]["status"] == "alive")


def group(report: dict[str, Any], item: str) -> dict[str, Any]:
    """The one group of an item."""
    (found,) = [one for one in report["groups"] if one["item"] == item]
    return dict(found)


def test_a_node_that_does_not_follow_a_release_is_no_drift(report: dict[str, Any]) -> None:
    found, story = group(report, DIRTY), report["story"]
    assert (found["class"], found["origin"], found["nodes"]) == ("new", "intended", story["late"])
    assert [(one["kind"], one["source"]) for one in found["before"]][:1] == [
        ("release", f"layers/10-fleet.yml:{story['line']}")
    ]


def test_a_bad_release_is_told_with_its_line_and_is_back(report: dict[str, Any]) -> None:
    found, story = group(report, FIN), report["story"]
    assert (found["class"], found["origin"], found["count"]) == ("back", "intended", len(story["rack"]))
    assert found["ended"] == {"pass": len(story["rack"])}
    assert found["causes"][0]["tag"] == "rack=b2"
    assert ("release", f"layers/{RACK}:{story['bad']}") in [(one["kind"], one["source"]) for one in found["before"]]


def test_a_hand_is_drift_with_its_first_node(report: dict[str, Any]) -> None:
    found, story = group(report, SWAP), report["story"]
    assert (found["class"], found["origin"], found["count"]) == ("new", "drift", 2)
    assert found["first"]["node"] in story["hands"]
    assert (found["observed"], found["severity"]) == ("90", "major")
    assert "reboot" not in [one["kind"] for one in found["before"]]


def test_a_reboot_that_brings_an_old_value_back_is_told(report: dict[str, Any]) -> None:
    found, story = group(report, FILES), report["story"]
    assert (found["class"], found["origin"], found["nodes"]) == ("new", "drift", story["booted"])
    assert "reboot" in [one["kind"] for one in found["before"]]


def test_a_dead_node_is_unknown_and_nothing_of_it_is_back(report: dict[str, Any]) -> None:
    assert report["coverage"]["unknown"]["nodes"] == report["story"]["dead"]
    assert report["exit_code"] == 3
    assert sorted({one["item"] for one in report["groups"]}) == sorted([DIRTY, FIN, SWAP, FILES])
