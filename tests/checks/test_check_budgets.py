"""What an item may read is counted: whoever looks through a gigabyte of logs is ended, and told by name."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from checklib import appetite, limits
from checklib.contract import Item, decode_request
from checklib.errors import CannotTell
from checklib.kinds import Kind, Property
from checklib.loop import run_items
from checklib.node import Node
from checklib.root import Root
from checklib.values import Observed

from tests.support.check_cases import Finding, look_at, outcome, plant
from tests.support.waiting import PATIENCE_S

BUDGET = "read more than 64 MiB: ended by budget"
ITS_BUDGET = "the program read more than 256 MiB: ended by budget"
GIGABYTE = 1 << 30
PATIENT_S = 3 * PATIENCE_S


def big(path: Path, size: int = GIGABYTE) -> Path:
    """A file of that size, which takes no room."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)
    return path


def logs_read_by(root: Path, text: str, check: str = "command") -> Finding:
    """The finding about a shell program beside a gigabyte of logs."""
    big(root / "log")
    plant(root, {"/program": {"text": f"#!/bin/sh\n{text}\n", "mode": "0755"}})
    given = {"argv": ["/program"], "below_root": True}
    return look_at(check, "it", root=root, parameters=given, timeout_s=PATIENT_S)


@pytest.mark.parametrize("check", ["command", "nagios"])
def test_a_program_that_reads_a_gigabyte_of_logs_is_an_error(tmp_path: Path, check: str) -> None:
    """However fast it is, and however little it says."""
    assert outcome(logs_read_by(tmp_path, "exec cat log > /dev/null", check)) == ("error", "", ITS_BUDGET)


@pytest.mark.parametrize(
    "text",
    [
        "while :; do cat log > /dev/null; done",
        "(while :; do cat log > /dev/null; done) & exec sleep 1000",
        "setsid sh -c 'while :; do cat log > /dev/null; done' > /dev/null 2>&1 & exec sleep 1000",
    ],
    ids=["itself", "a child", "a daemon"],
)
def test_one_that_would_read_for_ever_is_ended(tmp_path: Path, text: str) -> None:
    """Long before its time is up; what its children and daemons read counts too."""
    found = logs_read_by(tmp_path, text)
    assert outcome(found) == ("error", "", ITS_BUDGET)
    assert found["ms"] < 1000 * PATIENT_S / 2


def test_a_program_within_its_budget_passes(tmp_path: Path) -> None:
    """The end of a big log is a few bytes."""
    assert outcome(logs_read_by(tmp_path, "exec tail -c 1000000 log > /dev/null")) == ("pass", "0", "")


def test_what_was_read_is_what_the_kernel_says(tmp_path: Path) -> None:
    """Of a process that is there, of one that has ended and is not reaped yet, and of those it waited for."""
    big(tmp_path / "log", 5_000_000)
    reader = "cat log > /dev/null; cat log > /dev/null"
    for text, rounds in ((f"{reader}; echo; exec sleep 1000", 2), (f"{reader}; exec head -c 5000000 log", 3)):
        process = subprocess.Popen(["sh", "-c", text], stdout=subprocess.PIPE, cwd=tmp_path)
        try:
            assert process.stdout is not None
            process.stdout.read(1)
            if rounds == 3:
                process.stdout.read()
                os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            assert rounds * 5_000_000 <= appetite.read_by([process.pid]) < rounds * 5_000_000 + 1_000_000
        finally:
            process.kill()
            process.communicate()
    assert appetite.read_by([process.pid]) == 0, "it is reaped"


def test_all_that_an_item_reads_of_files_is_counted(tmp_path: Path) -> None:
    """File by file, also through `tail` and by hand; the last one is named."""
    big(tmp_path / "log", limits.file_bytes_max)
    root = Root(str(tmp_path))
    for _ in range(62):
        root.read("/log")
    root.tail("/log")
    fd = root.open("/log")
    while root.chunk(fd, "/log", 65_536):
        pass
    os.close(fd)
    assert root.read_bytes == limits.read_bytes_max
    with pytest.raises(CannotTell, match=f"/log: {BUDGET}"):
        root.read("/log")
    root.close()


def reading(files: int, shared: int = 0) -> Kind:
    """A kind that reads the log so many times, and as often in a look that all items share."""

    def observe(item: Item, node: Node) -> Observed:
        def read(times: int) -> int:
            return sum(len(node.root.read("/log")) for _ in range(times))

        together = node.once("all logs", lambda: read(shared))
        return Observed({"size": read(files if item.key == "much" else 1) + together})

    return Kind(
        "logs", title="", chapter="faults", key="", main="size", properties={"size": Property("number", "")},
        example={}, outcomes="", reads=(), cost="", observe=observe,
    )  # fmt: skip


def looks(root: Path, kind: Kind) -> list[str]:
    """What an item that reads much and one that reads little say."""
    items = [{"check": "logs", "key": key, "expect": {"size": {"any": True}}} for key in ("much", "little")]
    lines: list[Finding] = []
    run_items(decode_request({"root": str(root), "items": items}), lambda _: kind, lines.append)
    return [f"{line['outcome']} {line['message']}".strip() for line in lines if "outcome" in line]


def test_every_item_has_a_budget_of_its_own(tmp_path: Path) -> None:
    """One that reads too much costs itself alone; a look that items share is paid by none of them, and bounded too."""
    big(plant(tmp_path, {}) / "log", limits.file_bytes_max)
    assert looks(tmp_path, reading(65)) == [f"error /log: {BUDGET}", "pass"]
    assert looks(tmp_path, reading(40, shared=40)) == ["pass", "pass"]
    assert looks(tmp_path, reading(1, shared=65)) == [f"error /log: {BUDGET}"] * 2
