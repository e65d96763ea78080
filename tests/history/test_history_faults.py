"""A database that is full, locked, read-only, damaged, newer, or gone: one sentence each, nothing booked in half."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from inspector_coord.errors import HistoryAway, HistoryError
from inspector_coord.history.booking import Told, book
from inspector_coord.history.reading import read
from inspector_coord.history.store import History
from inspector_coord.history.tables import findings, metadata, sweeps
from tests.support.history import BEGAN, IN_MEMORY, booked, intervals, judged, rows, swept, wrong
from tests.support.postgres import Postgres

REPOSITORY = Path(__file__).parent.parent.parent
BIG = [judged(f"n{number:04}", wrong("a:x", "x" * 300 + str(number))) for number in range(2_000)]


def test_the_steps_make_the_tables(either: History) -> None:
    """What the migrations leave is what the program's tables say, in both kinds of database."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from inspector_coord.history.tables import VERSION_TABLE

    with either.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []


def test_nothing_is_booked_yet(tmp_path: Path) -> None:
    """Who only reads leaves no empty database behind."""
    nothing = pytest.raises(HistoryError, match="nothing is booked yet: run inspector sweep")
    with nothing, History(tmp_path / "history.db") as history, history.reading():
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_full_database_keeps_what_it_had(history: History) -> None:
    """With room again the same report is booked."""
    booked(history, swept([judged("n1", wrong("a:x"))]))
    with closing(sqlite3.connect(history.where)) as plain:
        pages = plain.execute("PRAGMA page_count").fetchone()[0]
    history._engine.dispose()  # noqa: SLF001 -- a bound that SQLite only keeps by the connection
    import sqlalchemy as sa

    def bound(connection: sqlite3.Connection, _: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages + 5}")

    sa.event.listen(history._engine, "connect", bound)  # noqa: SLF001
    report = swept(BIG, minute=5)
    with pytest.raises(HistoryAway, match="the disk is full; what was there before stays"):
        booked(history, report)
    assert len(rows(history, sweeps)) == len(intervals(history)) == 1
    sa.event.remove(history._engine, "connect", bound)  # noqa: SLF001
    assert booked(history, report) == 2


def test_a_locked_database_is_waited_for_and_then_told(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads does not wait at all."""
    monkeypatch.setattr("config_center.limits.database_wait_s", 0.1)
    report = swept([judged("n1", wrong("a:x"))])
    with closing(sqlite3.connect(history.where, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(HistoryAway, match="cannot be used just now: database is locked"):
            booked(history, report)
        assert rows(history, sweeps) == []
        other.execute("ROLLBACK")
    assert booked(history, report) == 1


READONLY = """
import os, sys
from pathlib import Path
from inspector_coord.errors import HistoryError
from inspector_coord.history.store import History
from tests.support.history import booked, judged, swept
os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    booked(History(Path(sys.argv[1])), swept([judged("n1")], sweep="f" * 16))
except HistoryError as error:
    print(error.exit_code, error)
"""


@pytest.mark.usefixtures("history")
def test_a_database_that_may_not_be_written(history: History) -> None:
    """Somebody else's file: what to do is said. (As root a user who may not; else a file without the right.)"""
    booked(history, swept([judged("n1")]))
    place = Path(history.where)
    place.chmod(0o444)
    place.parent.chmod(0o555)
    script = (
        READONLY if os.geteuid() == 0 else READONLY.replace("os.setgroups([]); os.setgid(65534); os.setuid(65534)", "")
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(place)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    place.parent.chmod(0o755)
    assert done.stdout.startswith(f"4 history: {place} cannot be "), done.stdout
    assert len(rows(history, sweeps)) == 1


@pytest.mark.parametrize("damage", ["text", "head", "page", "folder"])
def test_a_damaged_file_is_one_sentence(history: History, tmp_path: Path, damage: str) -> None:
    """It names the file and what to do, and the file is left as it is."""
    booked(history, swept(BIG[:200]))
    place = tmp_path / "history.db"
    raw = Path(history.where).read_bytes()
    if damage == "folder":
        place.mkdir()
    else:
        place.write_bytes(
            {
                "text": b"this is no database\n" * 500,
                "head": bytes(100) + raw[100:],
                "page": raw[:4096] + b"\xff" * (len(raw) - 4096),
            }[damage]
        )
    with History(place) as damaged:
        for attempt in (lambda: rows(damaged, sweeps), lambda: booked(damaged, swept([judged("n1")])), damaged.prepare):
            if damage == "page" and attempt == damaged.prepare:
                continue  # its own page is well
            with pytest.raises(
                HistoryError, match=r"is damaged, or no database: .*; restore it|is a folder: name a file"
            ):
                attempt()


def test_a_newer_schema_is_left_alone(either: History) -> None:
    """A newer program was here: this one says so, and neither reads nor writes."""
    import sqlalchemy as sa

    with either.writing() as connection:
        connection.execute(sa.text("UPDATE history_version SET version_num = '0099'"))
    for attempt in (
        either.prepare, lambda: rows(either, sweeps), lambda: booked(either, swept([judged("n1")])),
    ):  # fmt: skip
        with pytest.raises(HistoryError, match="has schema 0099, this program knows up to 0001: upgrade this program"):
            attempt()


def test_a_server_that_is_gone_and_back(postgresql: Postgres) -> None:
    """Said at once; when it is back, the same history goes on."""
    with History(postgresql.create()) as history:
        history.prepare()
        booked(history, swept([judged("n1", wrong("a:x"))]))
        postgresql.stop()
        try:
            with pytest.raises(HistoryAway, match="cannot be reached just now: "):
                booked(history, swept([judged("n1")], minute=5))
        finally:
            postgresql.start()
        assert len(rows(history, sweeps)) == 1
        booked(history, swept([judged("n1")], minute=10))
        assert intervals(history)[0]["closed"] == rows(history, sweeps)[-1]["id"]


def test_kill_at_any_point_leaves_all_of_a_booking_or_nothing() -> None:
    """Before and after every statement, within them, and in the middle of every write; then it is booked again."""
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
        done = subprocess.run(
            [sys.executable, "-m", "tests.support.history_crash", folder],
            cwd=REPOSITORY, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    points = [json.loads(line) for line in done.stdout.splitlines()]
    print(*points, sep="\n")
    assert len(points) > 50
    assert {point["sweeps"] for point in points} == {1, 2}
    assert [point for point in points if not point["whole"]] == []


BOOKS = """
import sys
from inspector_coord.history.store import History
from tests.support.history import booked, judged, swept, wrong
place, who = sys.argv[1], int(sys.argv[2])
history = History(place)
history.prepare()
sys.stdin.readline()
for number in range(10):
    found = [judged(f"n{node}", *[wrong("a:x")] * (number % 2)) for node in range(5)]
    booked(history, swept(found, minute=number, sweep=f"{who:08x}{number:08x}"))
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_coordinators_book_at_once(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Two processes make the tables and book twenty sweeps: all are there, one after the other, no interval twice."""
    place = f"sqlite:///{tmp_path}/history.db" if kind == "sqlite" else request.getfixturevalue("postgresql").create()
    command = [sys.executable, "-c", BOOKS, place]
    running = [
        subprocess.Popen([*command, str(who)], cwd=REPOSITORY, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for who in (1, 2)
    ]
    for one in running:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    for one in running:
        _, said = one.communicate(timeout=240)
        assert one.returncode == 0, said
    with History(place) as history:
        told = rows(history, sweeps)
        assert len(told) == len({row["uid"] for row in told}) == 20
        assert [row["at"] for row in told] == sorted(row["at"] for row in told)
        found = intervals(history)
        for before, after in pairwise(sorted(found, key=lambda row: (row["node"], row["id"]))):
            if before["node"] == after["node"]:
                assert before["closed"] <= after["opened"]
        assert sum(row["closed"] is None for row in rows(history, findings)) in (0, 5)


def test_the_same_report_from_two_processes_is_booked_once(either: History) -> None:
    """As one of them sees it after its turn."""
    report = read(swept([judged("n1", wrong("a:x"))]))
    assert sorted(map(str, (book(either, report, Told(BEGAN, who), {}) for who in ("a", "b")))) == ["1", "None"]


def test_a_copy_is_a_history(history: History, tmp_path: Path) -> None:
    """One file holds all: nothing is in a log beside it once nobody has it open."""
    booked(history, swept([judged("n1", wrong("a:x"))]))
    with History(Path(shutil.copy(history.where, tmp_path))) as copy:
        assert intervals(copy) == intervals(history)
