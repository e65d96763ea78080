"""Shell: the database of the history: its tables, its transactions, and what is said where it cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from config_center.engines import POSTGRESQL, Words, our_errors
from config_center.errors import StoreBusy, StoreError
from config_center.stored import Kind, Stored
from inspector_coord.errors import HistoryAway, HistoryError
from inspector_coord.history import migrations
from inspector_coord.history.tables import SCHEMA, VERSION_TABLE, metadata

__all__ = ["History"]

HISTORY_TURN: Final = 0x696E7370_68697374
"""Advisory lock of PostgreSQL by which those who book take turns."""

_KIND: Final = Kind(
    schema=SCHEMA,
    folder=Path(migrations.__file__).parent,
    version_table=VERSION_TABLE,
    turn=HISTORY_TURN,
    words=Words(
        program="inspector-history",
        folder="is a folder: name a file in it",
        readonly="cannot be written, and whoever reads it, too, has to write to its folder, for its write-ahead log: "
        "give yourself the right to, or name another file under `history:` in coordinator.yml",
    ),
    maker="inspector sweep",
    updater="the next inspector sweep",
)


class History(Stored):
    """The history of one fleet. Nothing is opened yet. Raises HistoryError for a URL that is none of a database."""

    def __init__(self, place: str | Path) -> None:
        """place: a file of SQLite, sqlite:///FILE or postgresql://USER@HOST/NAME."""
        url = sa.URL.create("sqlite+pysqlite", database=str(place)) if isinstance(place, Path) else place
        with _our_words():
            super().__init__(url, _KIND)

    def prepare(self) -> None:
        """Make what is missing: the file, tables, columns. Raises HistoryError."""
        with _our_words():
            self.migrate()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One view of everything booked so far. Raises HistoryError where there is nothing yet, HistoryAway."""
        with _our_words(), self._reading() as connection:
            if connection is None:
                raise HistoryError(f"{self.where}: nothing is booked yet: run inspector sweep")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction, alone of its kind: all that is written in it is there at its end, or nothing of it."""
        with _our_words(), self._writing(HISTORY_TURN) as connection:
            yield connection

    def compact(self) -> None:
        """Give room that is free in the history back to the disk. Raises HistoryAway where others are in the way.

        On PostgreSQL table by table, of the history alone: the config center's may be in the same database.
        """
        with _our_words(), our_errors(self.where, _KIND.words), self._engine.connect() as bare:
            connection = bare.execution_options(isolation_level="AUTOCOMMIT")
            if connection.dialect.name != POSTGRESQL:
                connection.exec_driver_sql("VACUUM")
                return
            for table in metadata.sorted_tables:
                connection.exec_driver_sql(f"VACUUM (FULL, ANALYZE) {table.name}")


@contextmanager
def _our_words() -> Iterator[None]:
    """What the store says becomes an error of the coordinator."""
    try:
        yield
    except StoreBusy as problem:
        raise HistoryAway(f"history: {problem}") from problem
    except StoreError as problem:
        kind = HistoryAway if "is damaged" in str(problem) else HistoryError
        raise kind(f"history: {problem}") from problem
