"""A real entry, hollow members, the real `inspector sweep`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector_lab.down import leave_nothing
from tests.support.lab import SCRIPTS, Lab, gone
from tests.support.waiting import wait_until

MEMBERS = 200


def sweep(lab: Lab, *words: str) -> dict[str, Any]:
    """The report of one sweep, with time for a busy machine."""
    command = [str(SCRIPTS / "inspector"), "--config", str(lab.layout.coordinator), "sweep"]
    options = ["--no-escalate", "--json", "--timeout", "60", *words]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode in (0, 1, 3), done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def counted(lab: Lab) -> dict[str, int]:
    """What the members' process has counted."""
    figures: dict[str, int] = lab.status()["hollow"]["counted"]
    return figures


@pytest.fixture(scope="module")
def lossy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A ring that loses, doubles and delays packets."""
    lab = Lab(tmp_path_factory.mktemp("hollow") / "lossy")
    try:
        weather = ["--loss", "0.05", "--duplicate", "0.05", "--delay", "5", "--drift", "0.01", "--seed", "3"]
        lab.run("hollow", "--members", str(MEMBERS), *weather)
        yield lab
    finally:
        leave_nothing(lab.layout)


def test_a_lossy_ring_is_swept_whole(lossy: Lab) -> None:
    """Every node ends with its verdict; what was lost came with a re-ask."""
    report = sweep(lossy)
    ledger = report["ledger"]
    assert ledger["targets"] == MEMBERS == sum(count for state, count in ledger.items() if state != "targets")
    assert ledger["pass"] + ledger["fail"] == MEMBERS, ledger
    assert ledger["fail"] > 0
    assert report["groups"], "who has drifted fails by items with names"
    assert [ring["members"] for ring in report["rings"]] == [MEMBERS]
    wait_until(lambda: counted(lossy).get("answers", 0) >= MEMBERS - 1, "the figures are written")
    figures = counted(lossy)
    assert figures["lost"] > 0
    assert figures["duplicated"] > 0
    assert figures["unicast_bytes"] > MEMBERS * 50
    assert figures["gossip_messages"] > 0
    assert "malformed" not in figures


def test_drift_is_the_same_twice(lossy: Lab) -> None:
    """The second sweep finds the same nodes failing."""
    failing = [
        {node["name"] for node in sweep(lossy, "role=web")["nodes"] if node["state"] == "fail"} for _ in range(2)
    ]
    assert failing[0] == failing[1]


def test_status_and_help_tell(lossy: Lab) -> None:
    """One line for the hollow members; examples in the help."""
    assert "199 hollow members running, settled" in lossy.run("status").stdout
    hollow = lossy.status()["hollow"]
    assert (hollow["members"], hollow["phase"], hollow["state"]) == (MEMBERS - 1, "settled", "running")
    assert set(hollow["seconds"]) == {"starting", "joining", "draining"}
    text = subprocess.run([str(SCRIPTS / "inspector-lab"), "hollow", "--help"], capture_output=True, check=True).stdout
    assert b"--members 10000" in text


def test_few_members_make_way_for_nobody(lossy: Lab) -> None:
    """They cost hardly anything, and beside busy processes none of their acknowledgements would be in time."""
    assert os.getpriority(os.PRIO_PROCESS, lossy.status()["hollow"]["pid"]) == os.getpriority(os.PRIO_PROCESS, 0)


def test_an_encrypted_ring_its_silent_members_and_its_end(tmp_path: Path) -> None:
    """Silent ones are named so. With the members' process killed, the sweep still names all; down ends what is left."""
    lab = Lab(tmp_path / "sealed")
    try:
        lab.run("hollow", "--members", "60", "--encrypt", "--silent", "2", "--drift", "0")
        ledger = sweep(lab)["ledger"]
        assert {state: count for state, count in ledger.items() if count} == {"targets": 60, "pass": 58, "silent": 2}
        os.kill(lab.status()["hollow"]["pid"], signal.SIGKILL)
        wait_until(lambda: lab.status()["hollow"]["state"] == "ended", "the keeper has seen it")
        ledger = sweep(lab, "--timeout", "8")["ledger"]  # nothing else ends it
        assert ledger["pass"] == 1, "the entry itself is real"
        assert ledger["silent"] + ledger["down"] == 59
        everybody = lab.pids()
        assert "60 nodes ended" in lab.run("down").stdout
        wait_until(lambda: gone(everybody), "every process of the lab")
    finally:
        leave_nothing(lab.layout)


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    """One sentence, exit code 2, nothing started."""
    lab = Lab(tmp_path / "none")
    for words, reason in (
        (["--members", "1"], "members must be 2 to 60,000, not 1"),
        (["--delay", "-1"], "delay in ms must be 0 to 10,000, not -1"),
        (["--loss", "1.5"], "loss is a share"),
        (["--profile", "wan"], "unknown profile"),
        (["--members", "10", "--silent", "10"], "silent must be"),
    ):
        done = lab.run("hollow", *words, check=False)
        assert done.returncode == 2
        assert reason in done.stderr
    assert not lab.home.exists()
