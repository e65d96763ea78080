"""The example unit: every line of it is one that systemd knows."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.support.check_cases import REPOSITORY
from tests.support.waiting import PATIENCE_S
from tests.support.watch_commands import INSPECTOR

UNIT = (REPOSITORY / "examples/inspector-watch.service").read_text(encoding="utf-8")


def test_systemd_takes_every_line_of_the_unit(tmp_path: Path) -> None:
    """By its own check, where that is installed."""
    assert "\nType=notify\n" in UNIT
    assert "\nWatchdogSec=" in UNIT
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        return
    unit = tmp_path / "inspector-watch.service"
    unit.write_text(UNIT.replace("/opt/inspector/bin/inspector", INSPECTOR), encoding="utf-8")
    command = [analyze, "verify", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert [line for line in done.stderr.splitlines() if "inspector-watch" in line] == []
    assert done.returncode == 0, done.stderr
