"""Death and power loss between any two writes: what is stored is the act before or the one after, never half of one."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from config_center.database import Database
from tests.support.center_crash import FRAME_HEAD, LOG_HEAD, PAGE, look_at_database, second
from tests.support.depots import layers_of, part, put

REPOSITORY = Path(__file__).parent.parent.parent
SECTOR = 512  # bytes that a disk writes whole


def crashed(what: str, folder: Path) -> list[dict[str, Any]]:
    """Every point at which the work was broken off, and what was found; printed, so that the list can be read."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.center_crash", what, str(folder)],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    print(done.stdout)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_an_export_may_die_at_any_step(tmp_path: Path) -> None:
    """At every fsync and rename, before, after and with torn writes: the pointer names a whole release, old or new.

    The next export then gets through, and takes what was left away.
    """
    steps = crashed("export", tmp_path)
    assert [step for step in steps if not step["whole"] or step["next"] != 2 or step["left"]] == []
    # The folder; part, release and pointer each with file, rename, folder; then nothing more to die at.
    assert [step["serial"] for step in steps if "before" in step["point"]] == [1] * 9 + [2, 2]
    assert [step["serial"] for step in steps if "after" in step["point"]] == [1] * 8 + [2, 2, 2]
    assert [step["serial"] for step in steps if "torn" in step["point"]] == [1] * 9 + [2, 2]


@pytest.mark.timeout(900)  # minutes on a busy machine
def test_an_act_may_die_at_any_step(tmp_path: Path) -> None:
    """At every statement, within SQLite's own machine, and in the middle of every write of the log or the database."""
    steps = crashed("act", tmp_path)
    assert [step for step in steps if not step["whole"] or step["next"] != step["serial"] + 1] == []
    points = [step["point"] for step in steps if not step["point"].startswith("to the end")]
    assert sum(point.startswith("at statement") for point in points) > 15
    assert sum(point.startswith("in machine") for point in points) > 5
    written = [step for step in steps if step["point"].startswith("in write") and "page" in step["point"]]
    # Killed before the log was whole: the act before; killed while it went into the database: the act after.
    found = [step["serial"] for step in written]
    assert found == sorted(found)
    assert set(found) == {1, 2}


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes, bytes]:
    """(the database before an act, its log right after, the database once the log has gone into it)."""
    path = tmp_path_factory.mktemp("origin") / "center.db"
    with closing(Database.at(path)) as database:
        put(database, layers_of("first"), [part(b"first")])
        with closing(sqlite3.connect(path)) as held:  # while somebody has it open, the log stays
            held.execute("SELECT count(*) FROM acts").fetchone()
            second(database)
            before, log = path.read_bytes(), path.with_name("center.db-wal").read_bytes()
        with closing(sqlite3.connect(path)) as last:  # the last one out takes the log away
            last.execute("SELECT count(*) FROM acts").fetchone()
    assert not path.with_name("center.db-wal").exists()
    assert len(log) > 4 * PAGE
    return before, log, path.read_bytes()


def torn_logs(log: bytes) -> Iterator[tuple[str, bytes]]:
    """What a disk may hold of a log when the power goes: cut anywhere, any sector missing, any page missing."""
    for end in range(0, len(log), SECTOR):
        yield f"log cut at {end}", log[:end]
        yield f"log without sector {end}", log[:end] + bytes(len(log[end : end + SECTOR])) + log[end + SECTOR :]
    for start in range(LOG_HEAD, len(log), FRAME_HEAD + PAGE):
        yield f"log without frame {start}", log[:start] + bytes(FRAME_HEAD + PAGE) + log[start + FRAME_HEAD + PAGE :]


def test_power_goes_while_the_log_is_written(tmp_path: Path, lost: tuple[bytes, bytes, bytes]) -> None:
    """Whatever the disk kept of it, in whatever order: the act before, unless all of the log is there."""
    before, log, _ = lost
    points = dict(torn_logs(log))
    print(*points, sep="\n")
    assert len(points) > 100
    for point, torn in points.items():
        path = tmp_path / point.replace(" ", "-") / "center.db"
        path.parent.mkdir()
        path.write_bytes(before)
        path.with_name("center.db-wal").write_bytes(torn)
        found = look_at_database(path, go_on=False)
        assert found["whole"], point
        assert found["serial"] == (2 if torn == log else 1), point
    (tmp_path / "whole").mkdir()
    (tmp_path / "whole" / "center.db").write_bytes(before)
    (tmp_path / "whole" / "center.db-wal").write_bytes(log)
    assert look_at_database(tmp_path / "whole" / "center.db") == {"serial": 2, "whole": True, "next": 3}


def test_power_goes_while_the_log_goes_into_the_database(tmp_path: Path, lost: tuple[bytes, bytes, bytes]) -> None:
    """The log is whole then, so the act is there, whichever pages the disk had already taken, and torn ones too."""
    before, log, after = lost
    old = before.ljust(len(after), b"\0")
    pages = range(0, len(after), PAGE)
    changed = [at for at in pages if old[at : at + PAGE] != after[at : at + PAGE]]
    assert len(changed) > 3
    points = {f"pages up to {at}": after[:at] + old[at:] for at in changed}
    points |= {f"all but page {at}": after[:at] + old[at : at + PAGE] + after[at + PAGE :] for at in changed}
    points |= {f"only page {at}": old[:at] + after[at : at + PAGE] + old[at + PAGE :] for at in changed}
    points |= {f"page {at} torn": old[:at] + after[at : at + SECTOR] + old[at + SECTOR :] for at in changed}
    print(*points, sep="\n")
    for point, torn in points.items():
        path = tmp_path / point.replace(" ", "-") / "center.db"
        path.parent.mkdir()
        path.write_bytes(torn)
        path.with_name("center.db-wal").write_bytes(log)
        assert look_at_database(path, go_on=False) == {"serial": 2, "whole": True, "next": 0}, point
