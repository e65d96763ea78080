"""Who may make no namespaces is told so, and what to do instead."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.support.lab import COMMAND, UP_S, running_lab


def test_without_root_it_says_what_needs_it(tmp_path: Path) -> None:
    """One sentence, exit code 1, nothing started."""
    nobody = ["unshare", "--user", "--"] if os.geteuid() == 0 else []
    command = [*nobody, COMMAND, "up", "--namespaces", "--nodes", "2", "--dir", str(tmp_path / "lab")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=UP_S)
    assert done.returncode == 1
    assert "--namespaces needs root" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_loopback_nodes_cannot_be_cut(tmp_path: Path) -> None:
    """They have no cables: the message says with which lab one could."""
    with running_lab(tmp_path / "lab", 1) as lab:
        done = lab.run("break", "n001", "--how", "black-hole", check=False)
        assert done.returncode == 2
        assert "--how black-hole is for nodes with networks and disks of their own" in done.stderr
        assert "up --namespaces" in done.stderr
        lab.run("break", "n001", "--how", "kill", "--service", "serf")
        assert lab.states("n001") == {"serf": "ended", "agent": "running", "sshd": "running"}
        lab.run("break", "n001", "--how", "kill", "--undo")
        assert set(lab.states("n001").values()) == {"running"}
