"""Shell: what the history knows of a node, an item or a sweep, as one document (`inspector.history/1`).

Common to all: `schema`, `kind` (node, item, sweep, sweeps), `left`: intervals beyond those that are told, which are
those that stand, then the newest. Intervals and moments: see intervals.py.
"""

from __future__ import annotations

import difflib
import json
import re
from typing import Any

import sqlalchemy as sa

from inspector_coord.errors import HistoryError
from inspector_coord.history.intervals import Document, intervals_told, moments, rfc3339, texts_by_id
from inspector_coord.history.tables import (
    findings,
    happenings,
    items,
    node_facts,
    node_releases,
    node_states,
    node_tags,
    nodes,
    sweeps,
    texts,
)
from inspector_coord.plain import plain

__all__ = ["about", "sweeps_document"]

SCHEMA = "inspector.history/1"

_SWEEP = re.compile(r"[0-9]{1,18}|[0-9a-f]{16}")


def about(connection: sa.Connection, what: str, most: int) -> Document:
    """What is known of a node (`n001`, or `ring:n001`), an item's id, or a sweep (its id here, or its own).

    most: intervals that are told. Raises HistoryError where nothing is called so.
    """
    ring, _, name = what.rpartition(":")
    query = sa.select(nodes).where(nodes.c.name == what)
    found = connection.execute(query).all()
    if not found and ring:
        found = connection.execute(sa.select(nodes).where(nodes.c.name == name, nodes.c.ring == ring)).all()
    if len(found) > 1:
        rings = " or ".join(f"{row.ring}:{what}" for row in found)
        raise HistoryError(f"{plain(what)} is a node of several rings: say {rings}")
    if found:
        return _node(connection, found[0], most)
    item = connection.scalar(sa.select(items.c.id).where(items.c.name == what))
    if item is not None:
        return _item(connection, item, what, most)
    row = _sweep_row(connection, what)
    if row is None:
        raise HistoryError(_unknown(connection, what))
    return _sweep(connection, row, most)


def sweeps_document(connection: sa.Connection, most: int) -> Document:
    """The newest sweeps, newest first."""
    found = connection.execute(sa.select(sweeps).order_by(sweeps.c.id.desc()).limit(most)).mappings()
    rows = [_told_sweep(dict(row)) for row in found]
    asked = {number for row in rows for number in (row["targets"], row["patterns"]) if number is not None}
    known = texts_by_id(connection, asked)
    for row in rows:
        for word in ("targets", "patterns"):
            row[word] = json.loads(known[row[word]]) if row[word] is not None else []
    return {"schema": SCHEMA, "kind": "sweeps", "sweeps": rows}


def _node(connection: sa.Connection, row: Any, most: int) -> Document:
    mine = findings.c.node_id == row.id
    total = connection.scalar(sa.select(sa.func.count()).select_from(findings).where(mine)) or 0
    told = intervals_told(connection, mine, most)
    fact = node_facts.c
    facts = connection.execute(
        sa.select(fact.key, texts.c.text).join(texts, texts.c.id == fact.text_id)
        .where(fact.node_id == row.id, fact.closed.is_(None)).order_by(fact.key)
    )  # fmt: skip
    first = moments(connection, [row.first_sweep, row.judged])
    tags = _stays(connection, node_tags, texts.c.text, row.id, most)
    return {
        "schema": SCHEMA,
        "kind": "node",
        "node": row.name,
        "ring": row.ring,
        "first": first[row.first_sweep],
        "judged": first.get(row.judged),
        "booted": None if row.booted is None else rfc3339(row.booted - (row.clock_s or 0.0)),
        "facts": {one.key: one.text for one in facts},
        "tags": [stay | {"text": json.loads(stay["text"])} for stay in tags],
        "states": _stays(connection, node_states, node_states.c.state, row.id, most),
        "releases": _stays(connection, node_releases, node_releases.c.release, row.id, most),
        "intervals": told,
        "left": total - len(told),
        "happenings": _happenings(connection, row.id, most),
    }


def _stays(
    connection: sa.Connection, table: sa.Table, column: sa.ColumnElement[Any], node: int, most: int
) -> list[Document]:
    """What held of a node for a while, newest first, under the name of its column."""
    query = sa.select(column, table.c.opened, table.c.closed).where(table.c.node_id == node)
    if column.key == "text":
        query = query.join(texts, texts.c.id == table.c.text_id)
    rows = connection.execute(query.order_by(table.c.id.desc()).limit(most)).all()
    times = moments(connection, [one for _, *span in rows for one in span])
    return [
        {str(column.key): value, "opened": times[opened], "closed": times.get(closed)} for value, opened, closed in rows
    ]


def _item(connection: sa.Connection, number: int, name: str, most: int) -> Document:
    mine = findings.c.item_id == number
    counted = sa.select(sa.func.count(), sa.func.count().filter(findings.c.closed.is_(None))).where(mine)
    total, standing = connection.execute(counted).one()
    told = intervals_told(connection, mine, most)
    return {
        "schema": SCHEMA,
        "kind": "item",
        "item": name,
        "open": standing,
        "intervals": told,
        "left": total - len(told),
    }


def _sweep(connection: sa.Connection, row: Document, most: int) -> Document:
    """A sweep, with the intervals that it opened and those that it closed."""
    document: Document = {"schema": SCHEMA, "kind": "sweep", "sweep": _told_sweep(row)}
    for word in ("targets", "patterns"):
        number = row[word]
        document["sweep"][word] = [] if number is None else json.loads(texts_by_id(connection, [number])[number])
    left = 0
    for word, column in (("opened", findings.c.opened), ("closed", findings.c.closed)):
        mine = column == row["id"]
        total = connection.scalar(sa.select(sa.func.count()).select_from(findings).where(mine)) or 0
        document[word] = intervals_told(connection, mine, most)
        left += total - len(document[word])
    states = sa.select(nodes.c.name, nodes.c.ring, node_states.c.state).join(nodes, nodes.c.id == node_states.c.node_id)
    holds = sa.or_(node_states.c.closed.is_(None), node_states.c.closed > row["id"])
    found = connection.execute(
        states.where(node_states.c.opened <= row["id"], holds).order_by(nodes.c.name).limit(most)
    )
    return {**document, "states": [dict(one) for one in found.mappings()], "left": left}


def _sweep_row(connection: sa.Connection, what: str) -> Document | None:
    if not _SWEEP.fullmatch(what):
        return None
    which = sweeps.c.uid == bytes.fromhex(what) if len(what) == 16 else sweeps.c.id == int(what)
    found = connection.execute(sa.select(sweeps).where(which)).mappings().first()
    return None if found is None else dict(found)


def _told_sweep(row: Document) -> Document:
    times = {word: rfc3339(row[word]) for word in ("at", "started", "booked")}
    return {**row, **times, "uid": bytes(row["uid"]).hex()}


def _happenings(connection: sa.Connection, node: int, most: int) -> list[Document]:
    of = happenings.c
    query = (
        sa.select(of.at, of.kind, of.who, texts.c.text).outerjoin(texts, texts.c.id == of.text_id)
        .where(of.node_id == node).order_by(of.at.desc()).limit(most)
    )  # fmt: skip
    return [
        {"at": rfc3339(row.at), "kind": row.kind, "text": row.text or "", "who": row.who}
        for row in connection.execute(query)
    ]


def _unknown(connection: sa.Connection, what: str) -> str:
    """That nothing is called so, and what is nearly."""
    known = [*connection.scalars(sa.select(nodes.c.name)), *connection.scalars(sa.select(items.c.name))]
    close = difflib.get_close_matches(what, known, 1, 0.6)
    advice = f"did you mean {plain(close[0])}?" if close else "inspector history sweeps lists what is booked"
    return f"the history knows no node, item or sweep {plain(what)!r}: {advice}"
