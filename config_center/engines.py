"""Shell: how a database is reached: which URLs are taken, how SQLite and PostgreSQL are set, what their errors mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from config_center import limits
from config_center.errors import StoreBusy, StoreConflict, StoreError

SQLITE: Final = "sqlite"
POSTGRESQL: Final = "postgresql"
WRITES: Final = "config_center_writes"
"""Execution option of a connection that is going to write: it waits for its turn at once, not half-way."""


class Words(NamedTuple):
    """What messages call a database of one kind, and what they advise.

    program: its name for the server; folder, readonly: what is said of a file that is a folder, or cannot be written
    """

    program: str
    folder: str
    readonly: str


CENTER: Final = Words(
    program="config-center",
    folder="is a folder, which can only mirror a store (config-center export)",
    readonly="cannot be used: whoever reads it, too, has to write to its folder, for its write-ahead log: "
    "be the store's owner, or read a mirror that he exports (config-center export)",
)

_SPELLINGS: Final = {
    "sqlite": "sqlite+pysqlite",
    "sqlite+pysqlite": "sqlite+pysqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
# Advisory locks of PostgreSQL by which those who write take turns.
ACTS_TURN: Final = 0x696E7370_61637473
NODES_TURN: Final = 0x696E7370_6E6F6465

# What SQLite says of damage; everything else is trouble that may pass, or is told as it is.
_SQLITE_DAMAGE: Final = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB"})
_SQLITE_TROUBLE: Final = frozenset(
    {"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_FULL"}
    | {"SQLITE_PERM", "SQLITE_NOMEM", "SQLITE_PROTOCOL"}
)


def read_url(text: str) -> sa.URL:
    """The URL of a database we know, with the driver we use. Raises StoreError; no password gets into a message."""
    scheme = text.partition("://")[0]
    driver = _SPELLINGS.get(scheme)
    if driver is None:
        raise StoreError(f"{scheme}://…: not a database we know: give sqlite:///FILE or postgresql://USER@HOST/NAME")
    try:
        url = sa.make_url(text).set(drivername=driver)
    except (exc.ArgumentError, ValueError) as error:
        raise StoreError(f"{scheme}://…: not a URL: {scheme}:///FILE or {scheme}://USER@HOST:PORT/NAME is") from error
    if url.get_backend_name() == SQLITE and url.database in {None, "", ":memory:"}:
        raise StoreError("a SQLite database in memory is gone with its program: give sqlite:///FILE")
    return url


def name_of(url: sa.URL) -> str:
    """What to call a database in a message: SQLite's file, or the URL without its password."""
    return str(url.database) if url.get_backend_name() == SQLITE else url.render_as_string(hide_password=True)


def make_engine(url: sa.URL, words: Words = CENTER) -> sa.Engine:
    """An engine that connects when it is first used."""
    if url.get_backend_name() == SQLITE:
        return _sqlite_engine(Path(str(url.database)))
    try:
        return _postgresql_engine(url, words.program)
    except ModuleNotFoundError as error:
        raise StoreError("PostgreSQL needs psycopg: pip install 'fleet-inspector[postgresql]'") from error


def _sqlite_engine(path: Path) -> sa.Engine:
    """One connection a transaction: so a file that was put in the place of another (a backup) is seen at once."""

    def connect() -> sqlite3.Connection:
        # mode=rw: whoever only reads must not leave an empty database behind where somebody mistyped a path.
        return sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode=rw",
            uri=True,
            timeout=limits.database_wait_s,
            isolation_level=None,  # transactions begin where we say
            check_same_thread=False,
        )

    engine = sa.create_engine("sqlite+pysqlite://", creator=connect, poolclass=NullPool)
    sa.event.listen(engine, "connect", _set_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def make_sqlite_file(path: Path, words: Words = CENTER) -> None:
    """Have the file and its folder, as a database with a write-ahead log. Raises StoreError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=limits.database_wait_s)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
    except OSError as error:
        raise StoreError(f"{path} cannot be made: {error.strerror or error}") from error
    except sqlite3.Error as error:
        raise _sqlite_meaning(str(path), error, words) from error


def _set_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.execute("PRAGMA synchronous = FULL")  # a commit has reached the disk when it returns
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")


def _begin_sqlite(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    if options.get("isolation_level") == "AUTOCOMMIT":  # VACUUM wants no transaction
        return
    writes = options.get(WRITES, False)
    if not writes:  # read in place, a fifth less of a report; who writes is to stay small
        connection.exec_driver_sql(f"PRAGMA mmap_size = {limits.database_mapped_bytes}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql_engine(url: sa.URL, program: str) -> sa.Engine:
    # No prepared statements, and timeouts by transaction: so a pooler between us and the server does no harm.
    arguments: dict[str, Any] = {"prepare_threshold": None}
    defaults = {"connect_timeout": limits.database_connect_s, "application_name": program}
    arguments |= {key: value for key, value in defaults.items() if key not in url.query}
    engine = sa.create_engine(
        url,
        connect_args=arguments,
        pool_size=limits.database_connections_max,
        max_overflow=0,
        pool_timeout=limits.database_wait_s,
        pool_pre_ping=True,
        hide_parameters=True,  # nodes' facts and whole releases belong in no message
    )
    sa.event.listen(engine, "begin", _begin_postgresql)
    return engine


def _begin_postgresql(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    if options.get("isolation_level") == "AUTOCOMMIT":
        return
    if not options.get(WRITES, False):  # one view for all that is read, as SQLite has it; who writes sees the newest
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    wait_ms = limits.database_wait_s * 1000
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {2 * wait_ms}; SET LOCAL lock_timeout = {wait_ms}")


def take_turn(connection: sa.Connection, turn: int) -> None:
    """Be the only one with this turn until the transaction ends. SQLite lets only one begin to write anyway."""
    if connection.dialect.name == POSTGRESQL:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(turn)))


@contextmanager
def our_errors(where: str, words: Words = CENTER) -> Iterator[None]:
    """Turn what the database says into an error of ours that names it by `where`."""
    try:
        yield
    except exc.IntegrityError as error:
        raise StoreConflict(f"{where}: somebody else wrote the same at the same time: {_first_line(error)}") from error
    except exc.DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise _sqlite_meaning(where, error.orig, words) from error
        if isinstance(error, exc.OperationalError | exc.InterfaceError) or error.connection_invalidated:
            raise StoreBusy(f"{where} cannot be reached just now: {_first_line(error)}") from error
        raise StoreError(f"{where} cannot be used: {_first_line(error)}") from error
    except exc.TimeoutError as error:
        raise StoreBusy(f"{where}: all connections are busy; try again") from error
    except exc.SQLAlchemyError as error:
        raise StoreError(f"{where} cannot be used: {str(error).splitlines()[0]}") from error


def _sqlite_meaning(where: str, error: sqlite3.Error, words: Words) -> StoreError:
    name = getattr(error, "sqlite_errorname", "")
    if name == "SQLITE_FULL":
        return StoreBusy(f"{where} cannot be written: the disk is full; what was there before stays")
    if any(name == one or name.startswith(f"{one}_") for one in _SQLITE_DAMAGE):
        return StoreError(f"{where} is damaged, or no database: {error}; restore it from a backup")
    if Path(where).is_dir():
        return StoreError(f"{where} {words.folder}")
    if name.startswith("SQLITE_READONLY"):
        return StoreBusy(f"{where} {words.readonly}")
    if any(name == one or name.startswith(f"{one}_") for one in _SQLITE_TROUBLE):
        return StoreBusy(f"{where} cannot be used just now: {error}; what was there before stays")
    return StoreError(f"{where} cannot be used: {error}")


def _first_line(error: exc.DBAPIError) -> str:
    """What the server said, without the statement and what followed."""
    return (str(error.orig).strip() or type(error.orig).__name__).splitlines()[0]
