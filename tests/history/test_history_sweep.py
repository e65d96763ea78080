"""A real sweep of a real ring is booked, and what keeps it from there costs nothing but a line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trio
import yaml

from inspector_coord.config import load
from inspector_coord.current import Known
from inspector_coord.history import keeping
from inspector_coord.history.store import History
from inspector_coord.history.tables import sweeps
from tests.support.center import item, layer, release_of
from tests.support.history import intervals, judged, rows, swept
from tests.support.mirror import pointer_to
from tests.support.real_fleet import RealFleet, real_fleet

SWAP = "sysctl:vm.swappiness"
FIRST = release_of(layer("10-all", {SWAP: item(at_most=10)}), number=1)
SECOND = release_of(layer("10-all", {SWAP: item(at_most=5)}), number=2)


async def inspector(real: RealFleet, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """The command, to its end."""
    command = [sys.executable, "-m", "inspector_coord", "--config", str(real.directory / "coordinator.yml"), *arguments]
    return await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)


def settle(real: RealFleet, **changes: Any) -> None:
    """Change coordinator.yml."""
    place = real.directory / "coordinator.yml"
    place.write_text(yaml.safe_dump(yaml.safe_load(place.read_text()) | changes))


async def test_sweeps_are_booked_by_default(tmp_path: Path) -> None:
    """Two sweeps and an intended change; then no history, a broken one, and none wanted: always the same exit code."""
    sweep = ("sweep", "--no-escalate", "--timeout", "60", "--json")
    async with real_fleet(tmp_path, FIRST, count=2) as real:
        assert (await inspector(real, *sweep)).returncode == 0
        real.center.put(pointer_to(SECOND, 2), SECOND)
        done = await inspector(real, *sweep, "--scheduled", "nightly")
        assert (done.returncode, done.stderr.count(b"history")) == (1, 0)
        told = await inspector(real, "history", "n001", "--json")
        await inspector(real, *sweep, "--no-history")
        settle(real, history=False)
        await inspector(real, *sweep)
        (tmp_path / "broken.db").write_bytes(b"no database" * 100)
        settle(real, history="broken.db")
        broken = await inspector(real, *sweep)
    with History(tmp_path / "cache" / "history.db") as history:
        found = rows(history, sweeps)
        assert [(row["whole"], row["pass"], row["fail"], row["source"]) for row in found] == [
            (True, 2, 0, "hand"), (True, 0, 2, "schedule"),
        ]  # fmt: skip
        assert [(one["node"], one["origin"], one["opened"]) for one in intervals(history)] == [
            ("n001", "intended", 2), ("n002", "intended", 2),
        ]  # fmt: skip
    assert json.loads(told.stdout)["intervals"][0]["item"] == SWAP
    assert broken.returncode == 1
    assert json.loads(broken.stdout)["ledger"]["fail"] == 2
    assert b"inspector: this sweep is not in the history: history: " in broken.stderr
    assert b"is damaged, or no database" in broken.stderr


def test_ctrl_c_while_it_is_booked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sweep's own end stays what it was; nothing of it is in the history, and that is said."""
    real = "rings: {main: {entries: ['127.0.0.1:1']}}\nconfig_center: http://127.0.0.1:1\n"
    (tmp_path / "coordinator.yml").write_text(f"{real}cache: {tmp_path}\n")
    config = load(tmp_path / "coordinator.yml")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(keeping, "book", interrupted)
    keeping.keep_in_history(config, swept([judged("n1")]), {}, Known(), "hand")
    assert capsys.readouterr().err == "inspector: this sweep is not in the history: interrupted\n"
    with History(tmp_path / "history.db") as history:
        assert rows(history, sweeps) == []
