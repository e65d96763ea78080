"""Shell: everything published, and what nodes told, in a database: SQLite for one machine, PostgreSQL for several.

An act (a publication, a rollback …) is one transaction: release, executables, pointer and its row in the audit trail
are there together or not at all. Who writes brings the tables up to date first (`migrate`); who reads never changes
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from config_center.act_table import select_acts, write_act
from config_center.canonical import digest_of
from config_center.engines import ACTS_TURN, CENTER, NODES_TURN
from config_center.errors import NothingPublished, ReleaseError, StoreConflict, StoreError
from config_center.migrations import FOLDER, VERSION_TABLE
from config_center.node_table import delete_node, select_nodes, write_nodes
from config_center.pointer import decode_pointer
from config_center.release import Release, decode
from config_center.rows import Act, NewAct, NodeRow
from config_center.stored import Kind, Stored
from config_center.tables import SCHEMA, acts, parts, releases

__all__ = ["Act", "Database", "NewAct", "NodeRow"]

_KIND: Final = Kind(
    schema=SCHEMA,
    folder=FOLDER,
    version_table=VERSION_TABLE,
    turn=ACTS_TURN,
    words=CENTER,
    maker="config-center publish",
    updater="any publication, or a start of config-center serve,",
)


class Database(Stored):
    """The database of one fleet's config center; a Depot. May be used from several threads; nothing is opened yet.

    Every method raises StoreError where the database is damaged or of another schema, and StoreBusy where it cannot be
    reached just now.
    """

    def __init__(self, url: str | sa.URL) -> None:
        """url: sqlite:///FILE or postgresql://USER@HOST/NAME. Raises StoreError for any other."""
        super().__init__(url, _KIND)

    @classmethod
    def at(cls, path: Path) -> Database:
        """The SQLite database in this file."""
        return cls(sa.URL.create("sqlite+pysqlite", database=str(path)))

    # --- what is published ------------------------------------------------------------------------------------------

    def latest(self) -> Act | None:
        """The last act, which has the current pointer; None before the first."""
        return next(iter(self.acts(limit=1)), None)

    def acts(self, *, limit: int = 50, before: int | None = None) -> list[Act]:
        """The audit trail, newest first; before: only acts with a lower serial."""
        with self._reading() as connection:
            return select_acts(connection, limit, before) if connection is not None else []

    def release(self, digest: str) -> Release:
        """The release of that digest. Raises StoreError where there is none, or a damaged one."""
        raw = self.release_bytes(digest)
        if raw is None:
            raise StoreError(f"{self.where} has no release {digest[:12]}…: config-center log lists them")
        return decode(raw, digest)

    def release_numbered(self, number: int) -> Release:
        """The release of that number. Raises StoreError where there is none, or a damaged one."""
        raw = self._one(sa.select(releases.c.raw).where(releases.c.number == number))
        if raw is None:
            raise StoreError(f"{self.where} has no release {number}: config-center log lists them")
        return self._sound(raw, f"release {number}", number)

    def current(self) -> Release:
        """The current release for everybody. Raises NothingPublished."""
        act = self.latest()
        if act is None:
            raise NothingPublished(f"{self.where}: nothing is published yet: run config-center publish")
        return self.release(decode_pointer(act.pointer).digest)

    def pointer_bytes(self) -> bytes | None:
        """The current pointer: the last act's."""
        raw = self._one(sa.select(acts.c.pointer).order_by(acts.c.serial.desc()).limit(1))
        if raw is not None:
            try:
                decode_pointer(raw)
            except ReleaseError as error:
                raise StoreError(f"{self.where} is damaged: {error}; restore it from a backup") from error
        return raw

    def release_bytes(self, digest: str) -> bytes | None:
        """The release of that digest."""
        return self._object(sa.select(releases.c.raw).where(releases.c.digest == digest), digest)

    def part_bytes(self, sha256: str) -> bytes | None:
        """The executable of that digest."""
        return self._object(sa.select(parts.c.raw).where(parts.c.sha256 == sha256), sha256)

    def record(self, act: NewAct, *, after: int) -> Act:
        """Store an act with everything it brings, in one transaction.

        after: the serial of the act it was built on, 0 for none.
        Raises StoreConflict where another act came first, ReleaseError where the act does not agree with itself; then
        nothing is stored. Other StoreErrors as every method.
        """
        with self._writing(ACTS_TURN) as connection:
            write_act(connection, self.where, act, after)
        return Act(**{name: getattr(act, name) for name in Act.__struct_fields__})

    # --- what nodes told --------------------------------------------------------------------------------------------

    def put_node(self, row: NodeRow) -> None:
        """Keep what a node told. Raises StoreConflict where it has another key than before, or is not newer."""
        reason = self.put_nodes([row])[0]
        if reason:
            raise StoreConflict(reason)

    def put_nodes(self, rows: Sequence[NodeRow]) -> list[str]:
        """Keep many in one transaction. Returns for each why it was not kept, "" where it was."""
        with self._writing(NODES_TURN) as connection:
            return write_nodes(connection, rows)

    def node(self, name: str) -> NodeRow | None:
        """What one node told last; None where it never did."""
        return next(iter(self._nodes(name)), None)

    def nodes(self) -> list[NodeRow]:
        """What all nodes told, by name."""
        return self._nodes(None)

    def forget_node(self, name: str) -> bool:
        """Forget a node with its pinned key; False where it was not known."""
        with self._writing(NODES_TURN) as connection:
            return delete_node(connection, name)

    def _nodes(self, name: str | None) -> list[NodeRow]:
        with self._reading() as connection:
            return select_nodes(connection, name) if connection is not None else []

    # --- within -----------------------------------------------------------------------------------------------------

    def _one(self, query: sa.Select[bytes]) -> bytes | None:
        with self._reading() as connection:
            found = connection.scalar(query) if connection is not None else None
        return None if found is None else bytes(found)

    def _object(self, query: sa.Select[bytes], digest: str) -> bytes | None:
        raw = self._one(query)
        if raw is not None and digest_of(raw) != digest:
            raise StoreError(f"{self.where} is damaged: {digest[:12]}… has other bytes; restore it from a backup")
        return raw

    def _sound(self, raw: bytes, what: str, number: int) -> Release:
        try:
            release = decode(raw)
        except ReleaseError as error:
            raise StoreError(f"{self.where} is damaged: {what}: {error}; restore it from a backup") from error
        if release.number != number:
            raise StoreError(f"{self.where} is damaged: {what} has number {release.number}; restore it from a backup")
        return release
