"""What one request shares: a tool of the machine is run once, and is missed without an error."""

from __future__ import annotations

from pathlib import Path

import pytest
from checklib import programs
from checklib.contract import decode_request
from checklib.errors import CannotTell, NotApplicable, Overran
from checklib.node import Node

from tests.support.check_cases import plant

COUNTING = '#!/bin/sh\necho >>"$0.runs"\necho "$@"\nexit 3\n'


def node(root: Path | str = "/") -> Node:
    """As a request without any item makes it."""
    return Node(decode_request({"root": str(root), "items": []}))


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one folder where tools are looked for."""
    folder = plant(tmp_path / "tools", {"/counts": {"text": COUNTING, "mode": "0755"}, "/data": "no program"})
    monkeypatch.setattr(programs, "PATH", (str(folder),))
    monkeypatch.setenv("PATH", "")
    return folder


def test_a_tool_is_run_once_for_the_same_question(tools: Path) -> None:
    """Its exit code and output are told as they are; another question is another run."""
    here = node()
    first = here.tool("counts", "a b", "c", timeout_s=60)
    assert (first.code, first.stdout) == (3, "a b c\n")
    assert here.tool("counts", "a b", "c", timeout_s=60) is first
    assert here.tool("counts", "a", "b c", timeout_s=60) is not first
    assert (tools / "counts.runs").read_text(encoding="ascii") == "\n\n"


def test_a_tool_that_is_not_there_makes_an_item_not_apply(tools: Path) -> None:
    """With the kind's own reason, or that there is none; a file that is no program is an error."""
    with pytest.raises(NotApplicable, match=r"^there is no smartctl here$"):
        node().tool("smartctl", timeout_s=60)
    with pytest.raises(NotApplicable, match=r"^no SMART without smartmontools$"):
        node().tool("smartctl", timeout_s=60, na="no SMART without smartmontools")
    assert (tools / "data").exists()
    with pytest.raises(CannotTell, match=r"^data is not executable$"):
        node().tool("data", timeout_s=60)


def test_a_tool_tells_nothing_of_another_root(tmp_path: Path) -> None:
    """Not even where that root has one: it would be run on this machine."""
    root = plant(tmp_path / "root", {"/usr/bin/counts": {"text": COUNTING, "mode": "0755"}})
    with pytest.raises(NotApplicable, match=f"^counts tells of this machine, not of {root}$"):
        node(root).tool("counts", timeout_s=60)


def test_a_tool_that_overran_is_not_run_again(tools: Path) -> None:
    """It would take the same time from every item."""
    plant(tools, {"/hangs": {"text": COUNTING.replace("exit 3", "exec sleep 1000"), "mode": "0755"}})
    here = node()
    for _ in range(2):
        with pytest.raises(Overran):
            here.tool("hangs", timeout_s=2)  # in which it has to begin
    assert (tools / "hangs.runs").read_text(encoding="ascii") == "\n"
