"""The database: acts whole or not at all, one after the other, never changed; the same in SQLite and PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from config_center import limits
from config_center.database import Database
from config_center.depot import open_depot
from config_center.errors import NothingPublished, ReleaseError, StoreConflict, StoreError
from config_center.folder import Folder
from config_center.node_record import nodes_document
from config_center.pointer import decode_pointer, encode_pointer
from config_center.release import LayerItem, canonical
from config_center.rows import NewAct, NodeRow
from config_center.tables import SCHEMA, metadata
from tests.support.depots import WHEN, layers_of, new_act, part, put, put_canary

REPOSITORY = Path(__file__).parent.parent.parent


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """An empty database of either kind."""
    with closing(Database(url)) as made:
        yield made


def test_an_act_and_everything_it_brings(database: Database) -> None:
    """Release, part, pointer and trail are there, and read back as they were given."""
    content = b"#!/bin/sh\n" * 1000
    act = new_act(layers_of(1), [part(content)], message="less swapping")
    database.migrate()
    assert database.latest() is None
    recorded = database.record(act, after=0)
    assert database.latest() == recorded
    assert (recorded.kind, recorded.who, recorded.at, recorded.why) == ("publish", "ops@example", WHEN, "less swapping")
    release = database.release(act.digest)
    assert (release.number, release.message) == (1, "less swapping")
    assert database.release_bytes(act.digest) == act.release == canonical(release)
    assert database.release_numbered(1) == database.current() == release
    assert database.part_bytes(release.checks[0].sha256) == content
    assert database.pointer_bytes() == act.pointer


def test_an_empty_database_holds_nothing(database: Database) -> None:
    """Not even tables, and nobody who only reads makes any."""
    for _ in range(2):
        assert (database.latest(), database.acts(), database.pointer_bytes()) == (None, [], None)
        assert (database.release_bytes("0" * 64), database.part_bytes("0" * 64)) == (None, None)
        assert (database.nodes(), database.node("n1")) == ([], None)
        with pytest.raises(NothingPublished, match="nothing is published yet: run config-center publish"):
            database.current()
        with pytest.raises(StoreError, match="config-center publish makes"):
            database.record(new_act(layers_of(1)), after=0)
        with pytest.raises(StoreError, match="has no release 7: config-center log lists them"):
            database.release_numbered(7)


def test_the_trail_is_newest_first_and_in_pages(database: Database) -> None:
    """Every act stays, with the pointer that held from then on."""
    for number in range(1, 6):
        put(database, layers_of(number), message=f"change {number}")
    canary = put_canary(database, layers_of("x"), {})
    trail = database.acts()
    assert [(act.serial, act.kind, act.number) for act in trail][:2] == [(6, "canary", 6), (5, "publish", 5)]
    assert [act.serial for act in database.acts(limit=2, before=4)] == [3, 2]
    pointer = decode_pointer(trail[0].pointer)
    assert (pointer.number, pointer.canary and pointer.canary.digest) == (5, canary.digest)
    assert database.current().number == 5


def test_who_comes_second_is_refused(database: Database) -> None:
    """An act built on another than the last one, or that does not count on; nothing of it is stored."""
    put(database, layers_of(1))
    late = new_act(layers_of(2), [part(b"late")], serial=2)
    put(database, layers_of(3))
    with pytest.raises(StoreConflict, match="last act is 2, this one was built on act 1: somebody else published"):
        database.record(late, after=1)
    with pytest.raises(StoreConflict, match="last act is 2"):
        database.record(late, after=2)
    far = new_act(layers_of(2), [part(b"late")], serial=9)
    with pytest.raises(StoreConflict, match="last act is 2"):
        database.record(far, after=1)
    assert database.release_bytes(late.digest) is None
    assert [act.serial for act in database.acts()] == [2, 1]


def test_a_number_is_given_once(database: Database) -> None:
    """A second release of one number is a conflict, whatever its serial."""
    put(database, layers_of(1))
    first = new_act(layers_of(2), serial=1)
    again = new_act(layers_of(2), serial=2)
    pointer = msgspec.structs.replace(decode_pointer(again.pointer), number=1, digest=first.digest)
    twice = msgspec.structs.replace(first, serial=2, pointer=encode_pointer(pointer))
    with pytest.raises(StoreConflict, match="has a release 1 already"):
        database.record(twice, after=1)
    assert len(database.acts()) == 1


def wrong_acts() -> dict[str, tuple[NewAct, str]]:
    """Acts that do not agree with themselves, and what is said."""
    good = new_act(layers_of(2), [part(b"one")], serial=2)
    other = new_act(layers_of(3), serial=2)
    replace = msgspec.structs.replace
    return {
        "kind": (replace(good, kind="delete"), "'delete' is no kind of act"),
        "digest": (replace(good, digest=other.digest), "is not the one asked for"),
        "number": (replace(good, number=3), "is about release 3 and brings release 2"),
        "pointer": (replace(good, pointer=new_act(layers_of(2), serial=9).pointer), "brings the pointer of act 9"),
        "other release": (replace(good, pointer=other.pointer), "names release 2 .*, which is not stored"),
        "not stored": (replace(other, release=None), "which is not stored"),
        "part": (replace(good, parts=(b"two",)), "a part that its release does not name"),
        "no part": (replace(good, parts=()), "release 2 comes without its part"),
        "loose part": (replace(good, release=None), "brings parts without a release"),
        "truncated": (replace(good, release=(good.release or b"")[:-1]), "it was cut short"),
        "no pointer": (replace(good, pointer=b"{}"), "the pointer is malformed"),
    }


@pytest.mark.parametrize("what", wrong_acts())
def test_an_act_that_does_not_agree_with_itself_is_refused(database: Database, what: str) -> None:
    """Digests are verified before anything is stored, and nothing of it stays."""
    act, said = wrong_acts()[what]
    put(database, layers_of(1))
    with pytest.raises(ReleaseError, match=said):
        database.record(act, after=1)
    assert len(database.acts()) == 1
    assert database.release_bytes(act.digest) is None


def test_a_part_is_stored_once(database: Database) -> None:
    """The next release that carries it need not bring it; the release that brings it again is no conflict."""
    put(database, layers_of(1), [part(b"same")])
    second = new_act(layers_of(2), [part(b"same")], serial=2)
    database.record(msgspec.structs.replace(second, parts=()), after=1)
    put(database, layers_of(3), [part(b"same")])
    assert database.part_bytes(part(b"same").check.sha256) == b"same"


COLUMNS = {"acts": "who", "releases": "raw", "parts": "raw"}
KEYS = {"acts": "serial", "releases": "digest", "parts": "sha256"}


def do(url: str, statement: str) -> None:
    """Run a statement past the config center, as somebody with a database client would."""
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)
    finally:
        engine.dispose()


@pytest.mark.parametrize("table", COLUMNS)
def test_what_is_written_there_is_never_changed(url: str, database: Database, table: str) -> None:
    """The database itself refuses, whoever asks: no UPDATE, no DELETE, no REPLACE, no TRUNCATE."""
    put(database, layers_of(1), [part(b"x")])
    attempts = [f"UPDATE {table} SET {COLUMNS[table]} = {COLUMNS[table]}", f"DELETE FROM {table}"]  # noqa: S608
    if url.startswith("sqlite"):
        attempts.append(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")  # noqa: S608
    else:
        attempts.append(f"TRUNCATE {table} CASCADE")
        attempts.append(f"INSERT INTO {table} SELECT * FROM {table} ON CONFLICT ({KEYS[table]}) DO UPDATE SET SAME")  # noqa: S608
    for attempt in attempts:
        with pytest.raises(sa.exc.DBAPIError, match="rows are only ever added"):
            do(url, attempt.replace("SAME", f"{COLUMNS[table]} = EXCLUDED.{COLUMNS[table]}"))
    assert len(database.acts()) == 1
    put(database, layers_of(2))


RACER = """
import sys
from config_center.database import Database
from config_center.errors import StoreConflict
from tests.support.depots import layers_of, new_act
database, who, won, lost = Database(sys.argv[1]), sys.argv[2], 0, 0
while won < 5:
    last = database.latest()
    after = last.serial if last else 0
    try:
        database.record(new_act(layers_of(f"{who} {won}"), serial=after + 1), after=after)
        won += 1
    except StoreConflict:
        lost += 1
database.close()
"""


def test_publishers_at_once_never_share_a_number(url: str, database: Database) -> None:
    """Four processes record five acts each, as fast as they can: 20 acts, 20 numbers, none lost, none twice."""
    database.migrate()
    racers = [subprocess.Popen([sys.executable, "-c", RACER, url, str(who)], cwd=REPOSITORY) for who in range(4)]
    assert [racer.wait(100) for racer in racers] == [0, 0, 0, 0]
    acts = database.acts()
    assert [act.serial for act in acts] == list(range(20, 0, -1))
    assert [act.number for act in acts] == list(range(20, 0, -1))
    told = {item.expect["value"]["equals"] for act in acts for item in _items(database, act.digest)}
    assert told == {f"{who} {turn}" for who in range(4) for turn in range(5)}


def _items(database: Database, digest: str) -> Iterator[LayerItem]:
    for layer in database.release(digest).layers:
        yield from layer.items.values()


MIGRATOR = "import sys; from config_center.database import Database; d = Database(sys.argv[1]); d.migrate(); d.close()"


def test_many_may_migrate_at_once(url: str, database: Database) -> None:
    """The first makes the tables, the others find them made."""
    migrators = [subprocess.Popen([sys.executable, "-c", MIGRATOR, url], cwd=REPOSITORY) for _ in range(4)]
    assert [migrator.wait(100) for migrator in migrators] == [0] * 4
    put(database, layers_of(1))


def test_the_tables_are_those_of_the_migrations(url: str, database: Database) -> None:
    """What this program takes for the tables is what the migrations make, and the newest step is what it says."""
    from alembic.autogenerate import compare_metadata
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    database.migrate()
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()
    config = Config()
    config.set_main_option("script_location", str(REPOSITORY / "config_center" / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA


@pytest.mark.parametrize(("found", "said"), [("9999", "upgrade this program"), ("0000", "brings it up to date")])
def test_a_schema_of_another_time_is_named(url: str, database: Database, found: str, said: str) -> None:
    """Newer: this program is to be upgraded, and never writes. Older: any writer would bring it up to date."""
    put(database, layers_of(1))
    do(url, f"UPDATE alembic_version SET version_num = '{found}'")  # noqa: S608
    for attempt in (database.latest, database.nodes, lambda: database.record(new_act(layers_of(2), serial=2), after=1)):
        with pytest.raises(StoreError, match=f"has schema {found}, this program .*{said}"):
            attempt()
    if found == "9999":
        with pytest.raises(StoreError, match="upgrade this program"):
            database.migrate()


def node(name: str, sent: int = 1, key: str = "ed25519:A", **facts: str) -> NodeRow:
    """What a node told."""
    return NodeRow(name=name, tags={"zone": "b"}, facts=facts, seen=WHEN, sent=sent, key=key)


def test_nodes_are_kept_by_the_newest_word(database: Database) -> None:
    """Another key, or a word that is not newer, is refused until the node is forgotten."""
    database.migrate()
    database.put_node(node("n2", kernel="6.1"))
    database.put_node(node("n1"))
    database.put_node(node("n2", sent=2, kernel="6.2"))
    assert [row.name for row in database.nodes()] == ["n1", "n2"]
    assert database.node("n2") == node("n2", sent=2, kernel="6.2")
    for sent in (1, 2):
        with pytest.raises(StoreConflict, match="n2 told something as new, or newer, already"):
            database.put_node(node("n2", sent=sent, kernel="5.0"))
    with pytest.raises(StoreConflict, match=r"known by another key: .* config-center nodes --forget n2"):
        database.put_node(node("n2", sent=3, key="ed25519:B"))
    assert database.node("n2") == node("n2", sent=2, kernel="6.2")
    assert (database.forget_node("n2"), database.forget_node("n2")) == (True, False)
    database.put_node(node("n2", sent=1, key="ed25519:B"))


def test_many_nodes_in_one_transaction(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is kept or not by itself, also when two of one node come together; their number is bounded."""
    monkeypatch.setattr("config_center.limits.nodes_max", 2)
    database.migrate()
    rows = [node("n1", 5), node("n1", 4), node("n2"), node("n3"), node("n1", 6, key="ed25519:B"), node("n1", 7, os="x")]
    reasons = database.put_nodes(rows)
    assert [bool(reason) for reason in reasons] == [False, True, False, True, True, False]
    assert "no more are taken" in reasons[3]
    assert [(row.name, row.sent) for row in database.nodes()] == [("n1", 7), ("n2", 1)]


def test_strangers_cannot_fill_the_store(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What all nodes tell is bounded together, by what others can read; who is known goes on to tell, if not more."""
    room = limits.node_around_bytes + len('{"os":"éé"}'.encode()) + len('{"zone":"b"}')
    monkeypatch.setattr("config_center.limits.nodes_bytes_max", 2 * room)
    database.migrate()
    assert database.put_nodes([node("n1", 1, os="éé")]) == [""]
    reasons = database.put_nodes(
        [node("n2", 1, os="éé"), node("n3", 1), node("n1", 2, os="éé"), node("n2", 2, os="ééé")]
    )
    assert [bool(reason) for reason in reasons] == [False, True, False, True]
    assert "no more is taken" in reasons[1]
    assert database.put_nodes([node("n2", 3), node("n1", 3, os="ééé")]) == ["", ""]
    assert len(nodes_document(database.nodes())) < 2 * room + 100


def test_what_a_place_is_called_opens_it(tmp_path: Path) -> None:
    """A URL and a .db file are databases, another path is a folder; a password is never shown."""
    (tmp_path / "old.sqlite").touch()
    assert isinstance(open_depot(f"sqlite:///{tmp_path}/x"), Database)
    for name in ("new/center.db", "old.sqlite"):
        opened = open_depot(str(tmp_path / name))
        assert isinstance(opened, Database)
        assert opened.where == str(tmp_path / name)
    assert isinstance(open_depot(str(tmp_path)), Folder)
    opened = open_depot("postgres://center:geheim@db.example:5433/fleet")
    assert opened.where == "postgresql+psycopg://center:***@db.example:5433/fleet"
    for wrong in ("mysql://x/y", "sqlite://", "sqlite:///:memory:", "postgresql://u@h:x/db", "http://x"):
        with pytest.raises(StoreError, match=r"give sqlite:///FILE|not a URL"):
            open_depot(wrong)


@pytest.mark.parametrize("name", ["a b%20c?.db", "ü#&=.db", "100%.db"])
def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    """Whatever URLs would make of it."""
    database = Database.at(tmp_path / "d % e" / name)
    assert put(database, layers_of(1)).number == 1
    assert (tmp_path / "d % e" / name).is_file()
    assert list(tmp_path.iterdir()) == [tmp_path / "d % e"]
