"""The demo tells the truth about what it broke, and leaves nothing behind, however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from inspector_lab.story import FAULTS, compare
from tests.support.lab import belonging_to
from tests.support.waiting import wait_until


@contextmanager
def demo(directory: Path, *, background: bool = False) -> Iterator[subprocess.Popen[str]]:
    """The demo, in a process group of its own as a terminal would give it; killed if the test fails.

    background: with interrupts ignored, as a script's shell starts what it does not wait for.
    """
    command = [sys.executable, "-m", "inspector_lab.demo", str(directory)]
    if background:
        command = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *command]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def read_until(process: subprocess.Popen[str], words: str) -> None:
    """Read what it prints up to a line with these words."""
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return
    raise AssertionError(f"it never said {words!r}")


def test_the_demo_finds_everything_that_was_broken(tmp_path: Path) -> None:
    """Exit 0, the ledger adds up, each fault under its own state, the files are written, nothing runs any more."""
    with demo(tmp_path) as process:
        told, _ = process.communicate(timeout=250)
    assert process.returncode == 0, told
    assert "NOT FOUND" not in told
    assert "The sweep's own exit code is 3: not every node was covered" in told
    report = json.loads((tmp_path / "report.json").read_text())
    ledger = report["ledger"]
    assert ledger["targets"] == 20 == sum(count for state, count in ledger.items() if state != "targets")
    assert {state: count for state, count in ledger.items() if count} == {
        "targets": 20, "pass": 10, "fail": 6, "error": 1, "uncovered": 1, "stalled": 1, "down": 1,
    }  # fmt: skip
    seconds = {node["name"]: node["second_pass"]["outcome"] for node in report["nodes"] if node.get("second_pass")}
    assert seconds["n019"] == "unreachable"
    assert seconds["n003"] == seconds["n016"] == "confirmed"
    assert "<html" in (tmp_path / "report.html").read_text()
    assert "rack=b2" in (tmp_path / "sweep.svg").read_text()
    assert belonging_to(tmp_path) == []


@pytest.mark.parametrize(("number", "moment"), [(signal.SIGTERM, "ring: "), (signal.SIGINT, "$ inspector --config")])
def test_an_interrupted_demo_leaves_nothing(tmp_path: Path, number: signal.Signals, moment: str) -> None:
    """While the fleet starts, and while it is swept: everything is ended before the demo itself ends."""
    with demo(tmp_path, background=number is signal.SIGTERM) as process:
        read_until(process, moment)
        if number is signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does: to the sweep as well
        else:
            process.send_signal(number)
        rest = process.communicate(timeout=90)[0]
        assert process.returncode == 130, rest
    assert "no process is left" in rest
    assert belonging_to(tmp_path) == []


def test_a_killed_demo_takes_its_fleet_with_it(tmp_path: Path) -> None:
    """kill -9 leaves no chance to clear up: the fleet is borrowed, and ends with who borrowed it."""
    with demo(tmp_path) as process:
        read_until(process, "ring: ")
        process.kill()
    wait_until(lambda: belonging_to(tmp_path) == [], "nothing of the fleet runs")


# --- the comparison itself ------------------------------------------------------------------------------------


def perfect() -> dict[str, Any]:
    """A report that says exactly what was broken."""
    states = {f"n{number:03d}": "pass" for number in range(1, 21)}
    states |= dict.fromkeys(("n003", "n006", "n011", "n012", "n013", "n014"), "fail")
    states |= {"n009": "error", "n016": "stalled", "n019": "down", "n020": "uncovered"}
    groups = [
        {"item": fault.item, "nodes": fault.nodes, "causes": [{"tag": fault.cause}] if fault.cause else []}
        for fault in FAULTS
        if fault.item
    ]
    return {"nodes": [{"name": name, "state": state} for name, state in states.items()], "groups": groups}


def test_a_perfect_report_finds_all() -> None:
    """Every fault, and that nobody else is suspected."""
    rows = compare(perfect())
    assert len(rows) == len(FAULTS) + 1
    assert all(row.found for row in rows)


@pytest.mark.parametrize("name", ["n001", "n003", "n009", "n012", "n016", "n019", "n020"])
def test_a_wrong_state_is_not_found(name: str) -> None:
    """One node in another state than it should be is enough, also one that nobody touched."""
    report = perfect()
    for node in report["nodes"]:
        if node["name"] == name:
            node["state"] = "silent"
    assert sum(not row.found for row in compare(report)) == 1


def test_a_wrong_cause_or_a_torn_group_is_not_found() -> None:
    """The rack has to be named as the cause, and its nodes have to stand in one group."""
    report = perfect()
    rack = next(group for group in report["groups"] if group["causes"])
    rack["causes"] = [{"tag": "zone=b"}, {"tag": "rack=b2"}]
    assert [row.found for row in compare(report)].count(False) == 1
    rack["causes"] = [{"tag": "rack=b2"}]
    rack["nodes"] = "n[011-013]"
    assert [row.found for row in compare(report)].count(False) == 1
