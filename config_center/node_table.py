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
    grows = any(_bytes_of(row) > _bytes_of(known.get(row.name)) for row in rows)
    told = _told_bytes(connection) if grows else 0  # looked at where it matters: every row has to be read for it
    reasons = []
    for row in rows:
        before = known.get(row.name)
        more = _bytes_of(row) - _bytes_of(before)
        reason = _reason(before, row, count)
        if not reason and more > 0 and told + more > limits.nodes_bytes_max:
            reason = "all nodes together have told as much as is kept, and no more is taken"
        if not reason:
            count += before is None
            told += more
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


def _bytes_of(row: NodeRow | None) -> int:
    """What a node takes of nodes.json, about."""
    if row is None:
        return 0
    return len(canonical_bytes(row.tags)) + len(canonical_bytes(row.facts)) + limits.node_around_bytes


def _told_bytes(connection: sa.Connection) -> int:
    """The same of all nodes."""
    if connection.dialect.name == "postgresql":
        sizes = [sa.func.octet_length(column) for column in (nodes.c.tags, nodes.c.facts)]
    else:
        sizes = [sa.func.length(sa.cast(column, sa.LargeBinary)) for column in (nodes.c.tags, nodes.c.facts)]
    total = sa.func.sum(sizes[0] + sizes[1] + limits.node_around_bytes)
    return int(connection.scalar(sa.select(total)) or 0)


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
