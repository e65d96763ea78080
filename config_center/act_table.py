"""Shell: acts with their releases and parts, in and out of an open transaction."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from config_center.canonical import digest_of
from config_center.errors import ReleaseError, StoreConflict
from config_center.pointer import Pointer, decode_pointer
from config_center.release import decode
from config_center.rows import KINDS, Act, NewAct
from config_center.tables import acts, parts, releases

# Columns of an act that have its field's name; `commit` is a word of SQL.
_SAME: Final = ("serial", "kind", "number", "digest", "who", "at", "why", "unclean", "pointer")


def select_acts(connection: sa.Connection, limit: int, before: int | None) -> list[Act]:
    """The audit trail, newest first; before: only acts with a lower serial."""
    query = sa.select(acts).order_by(acts.c.serial.desc()).limit(limit)
    if before is not None:
        query = query.where(acts.c.serial < before)
    found = connection.execute(query).mappings()
    return [
        Act(
            **{name: row[name] for name in _SAME if name != "pointer"},
            commit=row["git_commit"],
            pointer=bytes(row["pointer"]),
        )
        for row in found
    ]


def write_act(connection: sa.Connection, where: str, act: NewAct, after: int) -> None:
    """Add an act with everything it brings, on the turn of this transaction; `Database.record` says the rest."""
    checks, pointer = _verified(act)
    last = connection.scalar(sa.select(sa.func.max(acts.c.serial))) or 0
    if last != after or act.serial <= last:
        raise StoreConflict(
            f"{where}: the last act is {last}, this one was built on act {after}: somebody else published in between; "
            "look at config-center log, then do it again"
        )
    if act.release is not None:
        _write_release(connection, where, act, checks)
    for number, digest in sorted({*pointer.releases(), (act.number, act.digest)}):
        if connection.scalar(sa.select(releases.c.number).where(releases.c.digest == digest)) != number:
            raise ReleaseError(f"act {act.serial} names release {number} ({digest[:12]}…), which is not stored")
    row: dict[str, Any] = {name: getattr(act, name) for name in _SAME}
    connection.execute(acts.insert().values(git_commit=act.commit, **row))


def _verified(act: NewAct) -> tuple[set[str], Pointer]:
    """Digests of the parts that its release needs, and its pointer. Raises ReleaseError where something is off."""
    if act.kind not in KINDS:
        raise ReleaseError(f"{act.kind[:40]!r} is no kind of act: {', '.join(KINDS)} are")
    pointer = decode_pointer(act.pointer)
    if pointer.serial != act.serial:
        raise ReleaseError(f"act {act.serial} brings the pointer of act {pointer.serial}")
    if act.release is None:
        if act.parts:
            raise ReleaseError(f"act {act.serial} brings parts without a release")
        return set(), pointer
    release = decode(act.release, act.digest)
    if release.number != act.number:
        raise ReleaseError(f"act {act.serial} is about release {act.number} and brings release {release.number}")
    named = {check.sha256: check for check in release.checks}
    for content in act.parts:
        check = named.get(digest_of(content))
        if check is None or check.bytes != len(content):
            raise ReleaseError(
                f"act {act.serial} brings a part that its release does not name, or names by another size"
            )
    return set(named), pointer


def _write_release(connection: sa.Connection, where: str, act: NewAct, checks: set[str]) -> None:
    taken = connection.scalar(sa.select(releases.c.digest).where(releases.c.number == act.number))
    if taken is not None:
        raise StoreConflict(f"{where} has a release {act.number} already; do it again, to get the next number")
    there = set(connection.scalars(sa.select(parts.c.sha256).where(parts.c.sha256.in_(checks))))
    brought = {digest_of(content): content for content in act.parts}
    missing = sorted(checks - there - brought.keys())
    if missing:
        raise ReleaseError(f"release {act.number} comes without its part {missing[0][:12]}…")
    for sha256 in sorted(brought.keys() - there):
        connection.execute(parts.insert().values(sha256=sha256, raw=brought[sha256]))
    connection.execute(releases.insert().values(digest=act.digest, number=act.number, raw=act.release))
