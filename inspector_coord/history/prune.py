"""Shell: what is too old leaves the history, in steps that each leave it sound: others may book in between.

What stands stays, however old, and so do the sweeps that it refers to. A node that has been no member for so long goes
with all that is known of it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import sqlalchemy as sa

from inspector_coord.history import limits
from inspector_coord.history.intervals import rfc3339
from inspector_coord.history.model import ABSENT
from inspector_coord.history.standing import batches
from inspector_coord.history.store import History
from inspector_coord.history.tables import (
    findings,
    happenings,
    items,
    node_facts,
    node_releases,
    node_states,
    node_tags,
    nodes,
    observations,
    release_changes,
    sweeps,
    texts,
)

__all__ = ["prune"]

_OF_NODES = (node_states, node_tags, node_facts, node_releases)


class Edge(NamedTuple):
    """Where the history is cut: sweeps before this one, and happenings before this time, go."""

    sweep: int
    at: float


def prune(history: History, before: float, *, compact: bool = False) -> dict[str, Any]:
    """Remove what ended before this Unix time; how many rows went, by table.

    compact: give the room back to the disk, too (which takes as much again for a while, in which others wait).
    """
    history.prepare()
    edge = _edge(history, before)
    gone: dict[str, int] = {}
    for table, ids in (
        (findings, sa.select(findings.c.id).where(findings.c.closed < edge.sweep)),
        *((table, sa.select(table.c.id).where(table.c.closed < edge.sweep)) for table in _OF_NODES),
        (happenings, sa.select(happenings.c.id).where(happenings.c.at < edge.at)),
    ):
        _remove(history, table, ids, gone)
    _remove_nodes(history, edge, gone)
    _remove_sweeps(history, edge, gone)
    _remove_unused(history, gone)
    if compact:
        history.compact()
    return {"before": rfc3339(edge.at), "removed": gone}


def _edge(history: History, before: float) -> Edge:
    """Never beyond the last whole sweep, by which what stands is confirmed."""
    with history.reading() as connection:
        first = connection.scalar(sa.select(sa.func.min(sweeps.c.id)).where(sweeps.c.at >= before))
        last = connection.scalar(sa.select(sa.func.max(sweeps.c.id)))
        whole = connection.scalar(sa.select(sa.func.max(sweeps.c.id)).where(sweeps.c.whole))
    kept = [one for one in (first, last, whole) if one is not None]
    return Edge(min(kept, default=0), before)


def _remove(history: History, table: sa.Table, ids: sa.Select[Any], gone: dict[str, int]) -> None:
    """Remove rows, some in each transaction."""
    short = table.name.removeprefix("history_")
    while True:
        with history.writing() as connection:
            some = list(connection.scalars(ids.limit(limits.rows_at_once)))
            for batch in batches(some):
                if table is findings:
                    connection.execute(observations.delete().where(observations.c.finding_id.in_(batch)))
                connection.execute(table.delete().where(table.c.id.in_(batch)))
        gone[short] = gone.get(short, 0) + len(some)
        if len(some) < limits.rows_at_once:
            return


def _remove_nodes(history: History, edge: Edge, gone: dict[str, int]) -> None:
    """Nodes that have been no members since before the edge."""
    absent = sa.select(node_states.c.node_id).where(
        node_states.c.state == ABSENT, node_states.c.closed.is_(None), node_states.c.opened < edge.sweep
    )
    with history.reading() as connection:
        lost = list(connection.scalars(absent))
    for batch in batches(lost):
        with history.writing() as connection:
            still = list(connection.scalars(absent.where(node_states.c.node_id.in_(batch))))
            theirs = sa.select(findings.c.id).where(findings.c.node_id.in_(still))
            connection.execute(observations.delete().where(observations.c.finding_id.in_(theirs)))
            for table in (findings, happenings, *_OF_NODES):
                connection.execute(table.delete().where(table.c.node_id.in_(still)))
            connection.execute(nodes.delete().where(nodes.c.id.in_(still)))
        gone["nodes"] = gone.get("nodes", 0) + len(still)


def _remove_sweeps(history: History, edge: Edge, gone: dict[str, int]) -> None:
    """Old sweeps that nothing refers to."""
    with history.writing() as connection:
        old = set(connection.scalars(sa.select(sweeps.c.id).where(sweeps.c.id < edge.sweep)))
        for table in (findings, *_OF_NODES):
            columns = [table.c[name] for name in ("opened", "seen") if name in table.c]
            for row in connection.execute(sa.select(*columns).where(table.c.opened < edge.sweep).distinct()):
                old -= set(row)
        for column in (nodes.c.first_sweep, nodes.c.judged):
            old -= set(connection.scalars(sa.select(column).distinct()))
        for batch in batches(sorted(old)):
            connection.execute(sweeps.delete().where(sweeps.c.id.in_(batch)))
    gone["sweeps"] = len(old)


def _remove_unused(history: History, gone: dict[str, int]) -> None:
    """Texts and items that nothing names any more."""
    of = findings.c
    named: dict[sa.Table, tuple[sa.Column[Any], ...]] = {
        items: (of.item_id, release_changes.c.item_id),
        texts: (
            of.expected, of.source, of.observed, of.first_observed, observations.c.text_id, node_tags.c.text_id,
            node_facts.c.text_id, happenings.c.text_id, sweeps.c.targets, sweeps.c.patterns,
            release_changes.c.before, release_changes.c.after, release_changes.c.source,
        ),
    }  # fmt: skip
    for table, columns in named.items():
        # Not NOT IN, which PostgreSQL answers by looking through all that is used, for each row anew.
        used = sa.union_all(*(sa.select(column.label("id")) for column in columns)).subquery()
        unused = sa.except_(sa.select(table.c.id), sa.select(used.c.id))
        with history.writing() as connection:
            done = connection.execute(table.delete().where(table.c.id.in_(unused)))
        gone[table.name.removeprefix("history_")] = done.rowcount
