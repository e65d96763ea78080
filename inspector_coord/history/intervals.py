"""Shell: intervals of deviations as documents tell them, with their texts, values and moments.

An interval has `node`, `ring`, `item`, `outcome`, `origin`, `severity`, `release`, `expected`, `source`, `observed`
(the last), `first_observed`, `values` (those from the second on), `changes`, `how`, and three moments: `opened`,
`confirmed`, `closed` (null: it stands). A moment is {"sweep": id, "at": RFC 3339}; one that was pruned has no time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from inspector_coord.history.standing import batches
from inspector_coord.history.tables import findings, items, node_states, nodes, observations, sweeps, texts

__all__ = ["Document", "intervals_told", "moments", "rfc3339", "texts_by_id"]

Document = dict[str, Any]

_SAME = ("node", "ring", "item", "outcome", "origin", "severity", "release", "how", "changes")


def rfc3339(unix: float) -> str:
    """A Unix time as it is written."""
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def intervals_told(connection: sa.Connection, which: sa.ColumnElement[bool], most: int) -> list[Document]:
    """Intervals, those that stand first, then newest first."""
    of = findings.c
    query = (
        sa.select(findings, nodes.c.name.label("node"), nodes.c.ring, items.c.name.label("item"))
        .join(nodes, nodes.c.id == of.node_id).join(items, items.c.id == of.item_id)
        .where(which).order_by(of.closed.is_not(None), of.opened.desc(), of.id.desc()).limit(most)
    )  # fmt: skip
    rows = [dict(row) for row in connection.execute(query).mappings()]
    whole, unjudged = _by_whole(connection, {row["node_id"] for row in rows if row["closed"] is None})
    seen = {
        row["id"]: row["seen"] if row["closed"] or row["node_id"] in unjudged else max(row["seen"], whole)
        for row in rows
    }
    words = ("expected", "source", "observed", "first_observed")
    known = texts_by_id(connection, {row[word] for row in rows for word in words})
    times = moments(connection, {one for row in rows for one in (row["opened"], seen[row["id"]], row["closed"])})
    values = _values(connection, [row["id"] for row in rows if row["changes"]], known)
    return [
        {
            **{word: row[word] for word in _SAME},
            **{word: known.get(row[word], "") for word in words},
            "values": values.get(row["id"], []),
            "opened": times[row["opened"]], "confirmed": times[seen[row["id"]]], "closed": times.get(row["closed"]),
        }
        for row in rows
    ]  # fmt: skip


def _by_whole(connection: sa.Connection, of_nodes: set[int]) -> tuple[int, set[int]]:
    """As `standing.confirmed_by_whole`, for some nodes."""
    last = sa.select(sweeps.c.id).where(sweeps.c.whole).order_by(sweeps.c.id.desc()).limit(1)
    whole = connection.scalar(last) or 0
    states = node_states.c
    holds = sa.and_(states.opened <= whole, sa.or_(states.closed.is_(None), states.closed > whole))
    unjudged: set[int] = set()
    for some in batches(of_nodes):
        unjudged |= set(connection.scalars(sa.select(states.node_id).where(states.node_id.in_(some), holds)))
    return whole, unjudged


def _values(connection: sa.Connection, ids: Sequence[int], known: dict[int, str]) -> dict[int, list[Document]]:
    """The observed values within intervals, from their second on."""
    found: dict[int, list[Document]] = {}
    for some in batches(ids):
        query = sa.select(observations).where(observations.c.finding_id.in_(some)).order_by(observations.c.sweep_id)
        rows = connection.execute(query).all()
        texts_here = known | texts_by_id(connection, {row.text_id for row in rows} - known.keys())
        times = moments(connection, {row.sweep_id for row in rows})
        for row in rows:
            told = {"observed": texts_here.get(row.text_id, ""), **times[row.sweep_id]}
            found.setdefault(row.finding_id, []).append(told)
    return found


def texts_by_id(connection: sa.Connection, ids: Iterable[int | None]) -> dict[int, str]:
    """Texts by their id; None has none."""
    found: dict[int, str] = {}
    for some in batches({one for one in ids if one is not None}):
        query = sa.select(texts.c.id, texts.c.text).where(texts.c.id.in_(some))
        found |= {row.id: row.text for row in connection.execute(query)}
    return found


def moments(connection: sa.Connection, ids: Iterable[int | None]) -> dict[int, Document]:
    """Moments by the id of their sweep; one that was pruned has no time."""
    wanted = {one for one in ids if one is not None}
    found: dict[int, Document] = {one: {"sweep": one, "at": None} for one in wanted}
    for some in batches(wanted):
        for number, at in connection.execute(sa.select(sweeps.c.id, sweeps.c.at).where(sweeps.c.id.in_(some))):
            found[number]["at"] = rfc3339(at)
    return found
