"""What `inspector-lab down` says has ended."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from inspector_lab import down
from inspector_lab.cli import app
from inspector_lab.layout import Layout
from inspector_lab.plan import Wish
from inspector_lab.processes import Identity
from inspector_lab.state import LabState, NodeRecord

ENDED = Identity(pid=1, started=0, boot="")
HOLLOW = LabState(
    octet=9,
    wish=Wish(nodes=1),
    guard=ENDED,
    keeper=ENDED,
    center="",
    release="",
    nodes=(NodeRecord("n001", "127.9.0.1", {}, ""),),
    hollow=59,
)


def ended(home: Path, *words: str) -> Result:
    """The command, to its end."""
    return CliRunner().invoke(app, ["down", "--dir", str(home), *words])


def test_hollow_members_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They have no names to list: the entry is named, they are a number."""

    def take_down(layout: Layout) -> LabState:
        assert layout.home == tmp_path
        return HOLLOW

    monkeypatch.setattr(down, "take_down", take_down)
    assert json.loads(ended(tmp_path, "--json").stdout) == {
        "directory": str(tmp_path),
        "ended": ["n001"],
        "hollow_members_ended": 59,
    }
    assert "60 nodes ended" in ended(tmp_path).stdout


def test_nothing_to_end_is_a_document_too(tmp_path: Path) -> None:
    """Not an error: what was wished for is so."""
    done = ended(tmp_path, "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {"directory": str(tmp_path), "ended": [], "hollow_members_ended": 0}
    assert "nothing to end: no lab in" in done.stderr
