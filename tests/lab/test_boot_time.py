"""A node of a practice fleet has a boot time of its own: that of its last start."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from inspector_agent.vitals import Gauges
from inspector_lab.services import Service, ServiceSpec


def test_a_start_of_the_node_is_its_boot(tmp_path: Path) -> None:
    """What starts first of a node writes it below the node's root; nothing else does, and none where no root is."""
    stat = tmp_path / "root" / "proc" / "stat"
    log = str(tmp_path / "log")
    spec = ServiceSpec(node="n001", name="serf", argv=["/nowhere"], log=log, at_s=0.0, boots=str(stat))
    Service(spec, _refuse).start()
    assert not stat.exists()
    stat.parent.mkdir(parents=True)
    Service(ServiceSpec(node="n001", name="agent", argv=["/nowhere"], log=log, at_s=0.0), _refuse).start()
    assert not stat.exists()
    Service(spec, _refuse).start()
    booted = Gauges(str(tmp_path / "root")).look().booted
    assert booted is not None
    assert abs(booted - stat.stat().st_mtime) < 2


def _refuse(argv: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    raise OSError("not here")
