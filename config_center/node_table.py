"""Shell: what nodes told about themselves, in and out of an open transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from config_center import limits
from config_center.canonical import canonical_bytes
from config_center.rows import NodeRow
from config_center.tables import nodes


def select_nodes(connection: sa.Connection, name: str | None) -> list[NodeRow]:
    """All nodes by name, or the one of this name."""
    query = sa.select(nodes) if name is None else sa.select(nodes).where(nodes.c.name == name)
    rows = [_node(row) for row in connection.execute(query).mappings()]
    return sorted(rows, key=lambda row: row.name)  # here, because databases sort texts by their own rules


def write_nodes(connection: sa.Connection, rows: Sequence[NodeRow]) -> list[str]:
    """Keep each that is newer and has the pinned key. Returns for each why it was not kept, "" where it was.

    The caller has the turn of those who write nodes: what is read here stays so.
    """
    query = sa.select(nodes).where(nodes.c.name.in_(sorted({row.name for row in rows})))
    known = {row["name"]: _node(row) for row in connection.execute(query).mappings()}
    count = connection.scalar(sa.select(sa.func.count()).select_from(nodes)) or 0
    reasons = []
    for row in rows:
        reason = _reason(known.get(row.name), row, count)
        if not reason:
            count += row.name not in known
            known[row.name] = row
            connection.execute(_upsert(connection.dialect.name, row))
        reasons.append(reason)
    return reasons


def delete_node(connection: sa.Connection, name: str) -> bool:
    """Forget one; False where it was not known."""
    return connection.execute(nodes.delete().where(nodes.c.name == name)).rowcount > 0


def _reason(known: NodeRow | None, row: NodeRow, count: int) -> str:
    if known is None:
        return "" if count < limits.nodes_max else f"there are {count} nodes already, and no more are taken"
    if known.key != row.key:
        return (
            f"{row.name} is known by another key: if the node was installed anew, run "
            f"config-center nodes --forget {row.name}"
        )
    return "" if row.sent > known.sent else f"{row.name} told something as new, or newer, already"


def _upsert(dialect: str, row: NodeRow) -> sa.Executable:
    values = {
        "name": row.name,
        "tags": canonical_bytes(row.tags).decode(),
        "facts": canonical_bytes(row.facts).decode(),
        "seen": row.seen,
        "sent": row.sent,
        "key": row.key,
    }
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(nodes).values(values).on_conflict_do_update(index_elements=[nodes.c.name], set_=values)


def _node(row: sa.RowMapping) -> NodeRow:
    return NodeRow(
        name=row["name"],
        tags=json.loads(row["tags"]),
        facts=json.loads(row["facts"]),
        seen=row["seen"],
        sent=row["sent"],
        key=row["key"],
    )
