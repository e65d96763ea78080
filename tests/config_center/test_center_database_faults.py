"""A database that is damaged, full, locked, or gone for a while: one sentence each, and what was good stays good."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from config_center.act_table import write_act
from config_center.database import Database
from config_center.errors import StoreBusy, StoreConflict, StoreError
from tests.support.depots import layers_of, new_act, part, put
from tests.support.postgres import Postgres

REPOSITORY = Path(__file__).parent.parent.parent


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """A SQLite database with two acts, in one file."""
    database = Database.at(tmp_path / "center.db")
    put(database, layers_of(1), [part(b"#!/bin/sh\n" * 3000)])
    put(database, layers_of(2))
    assert not (tmp_path / "center.db-wal").exists()
    return database


def test_it_is_set_to_survive(database: Database, tmp_path: Path) -> None:
    """A write-ahead log, for readers beside a writer; a commit returns when it is on the disk."""
    with closing(sqlite3.connect(tmp_path / "center.db")) as plain:
        assert plain.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    with database._transaction(writes=False) as connection:  # noqa: SLF001 - settings of our own connections
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


@pytest.mark.parametrize("damage", ["empty", "text", "truncated", "head", "page", "folder"])
def test_a_damaged_file_is_one_sentence(database: Database, tmp_path: Path, damage: str) -> None:
    """Whatever reads or writes: an error of ours that names the file and what to do; the file is left as it is."""
    path = tmp_path / "center.db"
    raw = path.read_bytes()
    if damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        changed = {
            "empty": b"x" * 100,
            "text": b"this is no database\n" * 500,
            "truncated": raw[: len(raw) // 2],
            "head": b"\0" * 100 + raw[100:],
            "page": raw[:4096] + b"\xff" * (len(raw) - 4096),
        }[damage]
        path.write_bytes(changed)
    before = None if damage == "folder" else path.read_bytes()
    for attempt in (
        database.latest,
        database.pointer_bytes,
        database.nodes,
        database.migrate,
        lambda: database.release_numbered(1),
        lambda: database.record(new_act(layers_of(3), serial=3), after=2),
    ):
        try:
            attempt()
        except StoreError as error:
            assert str(path) in str(error)  # noqa: PT017 - some of them need not meet the damage
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert damage in {"truncated", "page"}
    with pytest.raises(StoreError, match=r"damaged, or no database|cannot be used just now|is a folder, which"):
        database.release_numbered(1)
    assert before is None or path.read_bytes() == before


def test_bytes_that_were_changed_behind_its_back_are_not_handed_out(database: Database, tmp_path: Path) -> None:
    """Somebody with the file's rights dropped the triggers: what no longer has its digest is damage."""
    act = database.acts()[0]
    with closing(sqlite3.connect(tmp_path / "center.db")) as plain, plain:
        for table in ("releases", "acts"):
            plain.execute(f"DROP TRIGGER {table}_no_update")
        plain.execute("UPDATE releases SET raw = CAST('{}' AS BLOB) WHERE number = 2")
        plain.execute("UPDATE acts SET pointer = CAST('{}' AS BLOB) WHERE serial = 2")
    for attempt in (
        lambda: database.release_bytes(act.digest),
        lambda: database.release_numbered(2),
        database.pointer_bytes,
    ):
        with pytest.raises(StoreError, match=r"is damaged: .*; restore it from a backup"):
            attempt()
    assert database.release_numbered(1).number == 1


FULL = """
import resource, signal, sys
from pathlib import Path
from config_center.act_table import write_act
from config_center.database import Database
from config_center.errors import StoreError
from tests.support.depots import layers_of, new_act, part
database = Database.at(Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))
big = new_act(layers_of(3), [part(bytes(range(256)) * 1000)], serial=3)
try:
    database.record(big, after=2)
except StoreError as error:
    print(type(error).__name__, error)
print([act.serial for act in database.acts()], database.current().number, database.part_bytes(part(b"#!/bin/sh\\n" * 3000).check.sha256) is not None)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(database.record(big, after=2).serial)
"""  # noqa: E501


def test_a_full_disk_leaves_the_last_good_act(database: Database, tmp_path: Path) -> None:
    """A write that fails half-way (here by a limit of file sizes) is an error of ours; with room again it goes on."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, database.where], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    said, held, after = done.stdout.splitlines()
    assert said.startswith("StoreBusy ")
    assert "what was there before stays" in said
    assert (held, after) == ("[2, 1] 2 True", "3")
    assert database.current().number == 3


def test_a_writer_waits_for_another_and_says_so_at_the_end(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers do not wait at all."""
    monkeypatch.setattr("config_center.limits.database_wait_s", 0.1)
    with closing(sqlite3.connect(tmp_path / "center.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match="cannot be used just now: database is locked"):
            put(database, layers_of(3))
        assert database.current().number == 2
        other.execute("ROLLBACK")
    assert put(database, layers_of(3)).number == 3


def test_a_server_that_is_gone_and_back(postgresql: Postgres) -> None:
    """While it is down each call says so at once; when it is back, the same object goes on by itself."""
    with closing(Database(postgresql.create())) as database:
        put(database, layers_of(1))
        database.nodes()
        postgresql.stop()
        try:
            for attempt in (database.latest, database.migrate, lambda: put(database, layers_of(2))):
                with pytest.raises(StoreBusy, match="cannot be reached just now: "):
                    attempt()
        finally:
            postgresql.start()
        assert database.current().number == 1
        assert put(database, layers_of(2)).number == 2


def test_a_server_may_die_within_an_act(postgresql: Postgres) -> None:
    """The connection breaks before the commit: nothing of the act is there afterwards."""
    with closing(Database(postgresql.create())) as database:
        put(database, layers_of(1))
        act = new_act(layers_of(2), serial=2)
        with pytest.raises(StoreBusy):  # noqa: PT012, SIM117 - what breaks is the end of the transaction
            with database._transaction(writes=True) as connection:  # noqa: SLF001
                write_act(connection, database.where, act, 1)
                postgresql.stop()
                postgresql.start()
        assert database.current().number == 1
        assert database.record(act, after=1).serial == 2
        with pytest.raises(StoreConflict):
            database.record(act, after=1)


def test_who_is_left_behind_closes_what_it_used(postgresql: Postgres) -> None:
    """A question that nobody waits for any more ends after the database is closed: no connection stays."""
    database = Database(postgresql.create())
    put(database, layers_of(1))
    with database._transaction(writes=False) as connection:  # noqa: SLF001 - as of a thread that was abandoned
        database.close()
        held = connection.connection.dbapi_connection
        assert held is not None
        assert not held.closed
    assert held.closed
