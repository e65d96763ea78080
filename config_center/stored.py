"""Shell: a database of a known kind: transactions, the steps that bring its tables up to date, what stands in the way.

Who writes brings the tables up to date first (`migrate`); who reads never changes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self

import sqlalchemy as sa

from config_center.engines import (
    SQLITE,
    WRITES,
    Words,
    make_engine,
    make_sqlite_file,
    name_of,
    our_errors,
    read_url,
    take_turn,
)
from config_center.errors import StoreError
from config_center.files import stamp_of
from config_center.migrations import upgrade, version_of

__all__ = ["Kind", "Stored"]


class Kind(NamedTuple):
    """What a database is for.

    schema    its newest step, which this program reads and writes
    folder, version_table   its migrations
    turn      the advisory lock of PostgreSQL by which those who migrate take turns
    maker     what makes it, for messages; updater: what brings it up to date
    """

    schema: str
    folder: Path
    version_table: str
    turn: int
    words: Words
    maker: str
    updater: str


class Stored:
    """A database of one kind. May be used from several threads; nothing is opened yet.

    Every method raises StoreError where the database is damaged or of another schema, and StoreBusy where it cannot be
    reached just now.
    """

    def __init__(self, url: str | sa.URL, kind: Kind) -> None:
        """url: sqlite:///FILE or postgresql://USER@HOST/NAME. Raises StoreError for any other."""
        self._url = read_url(url) if isinstance(url, str) else url
        self._kind = kind
        self._engine = make_engine(self._url, kind.words)
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def where(self) -> str:
        """The file of SQLite, else the URL without its password."""
        return name_of(self._url)

    @property
    def exists(self) -> bool:
        """False where it is a file that is not there yet; a server is asked only when it is used."""
        return self._url.get_backend_name() != SQLITE or Path(str(self._url.database)).exists()

    def stamp(self) -> object:
        """State of SQLite's file and of its log; a server can only be asked."""
        if self._url.get_backend_name() != SQLITE:
            return None
        path = str(self._url.database)
        return stamp_of(Path(path)), stamp_of(Path(f"{path}-wal"))

    def close(self) -> None:
        """Close idle connections; one that is in use by a thread nobody waits for any more closes as that ends."""
        self._closed = True
        self._engine.dispose()

    def migrate(self) -> None:
        """Make what is missing: SQLite's file, tables, columns. One at a time, in one transaction, all or nothing.

        Raises StoreError where a newer program has been here.
        """
        if self.exists:  # who may only read can so be told that nothing is missing
            with self._transaction(writes=False) as connection:
                if self._version(connection) == self._kind.schema:
                    return
        if self._url.get_backend_name() == SQLITE:
            make_sqlite_file(Path(str(self._url.database)), self._kind.words)
        with self._transaction(writes=True) as connection:
            take_turn(connection, self._kind.turn)
            if self._version(connection) != self._kind.schema:
                upgrade(connection, self._kind.folder)

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[sa.Connection]:
        with our_errors(self.where, self._kind.words), self._engine.connect() as bare:
            connection = bare.execution_options(**{WRITES: writes})
            try:
                with connection.begin():
                    yield connection
            finally:
                if self._closed and not bare.invalidated:
                    bare.detach()  # it belongs to a pool that nobody has any more

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection | None]:
        """A transaction that reads; None where nothing was ever stored."""
        if not self.exists:
            yield None
            return
        with self._transaction(writes=False) as connection:
            yield connection if self._is_made(connection) else None

    @contextmanager
    def _writing(self, turn: int) -> Iterator[sa.Connection]:
        """A transaction that writes, alone of its kind."""
        if not self.exists:
            raise StoreError(f"{self.where} is not there: {self._kind.maker} makes it")
        with self._transaction(writes=True) as connection:
            take_turn(connection, turn)
            if not self._is_made(connection):
                raise StoreError(f"{self.where} has no tables yet: {self._kind.maker} makes them")
            yield connection

    def _is_made(self, connection: sa.Connection) -> bool:
        """Whether our tables are there. Raises StoreError where they are of another time."""
        found = self._version(connection)
        if found not in {"", self._kind.schema}:
            raise StoreError(
                f"{self.where} has schema {found}, this program reads {self._kind.schema}: {self._kind.updater} brings "
                "it up to date"
            )
        return bool(found)

    def _version(self, connection: sa.Connection) -> str:
        """The schema that is there, "" where there is none. Raises StoreError where it is newer than ours."""
        found = version_of(connection, self._kind.version_table)
        if found > self._kind.schema:
            raise StoreError(
                f"{self.where} has schema {found}, this program knows up to {self._kind.schema}: upgrade this program"
            )
        return found
