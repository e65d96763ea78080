"""Shell: what stands in the history, read for one report: open states, tags, facts, releases, and open findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa

from inspector_coord.history import limits
from inspector_coord.history.model import Booking, Standing, StandingFinding, StandingNode, Wrong
from inspector_coord.history.tables import (
    findings,
    items,
    node_facts,
    node_releases,
    node_states,
    node_tags,
    nodes,
    releases,
    sweeps,
    texts,
)

__all__ = ["batches", "confirmed_by_whole", "standing_for"]

T = TypeVar("T")


def batches(values: Iterable[T], size: int = limits.statement_rows_max) -> Iterator[list[T]]:
    """So many at a time."""
    rest = iter(values)
    while batch := list(islice(rest, size)):
        yield batch


def standing_for(connection: sa.Connection, booking: Booking) -> Standing:
    """What is open of the nodes of a report; of all nodes where it may be about those that it does not list."""
    last = connection.execute(sa.select(sweeps.c.id, sweeps.c.at).order_by(sweeps.c.id.desc()).limit(1)).first()
    if last is None:
        return Standing()
    apart = bool(booking.sweep.targets) and len(booking.nodes) <= limits.nodes_apart_max
    names = [seen.key[1] for seen in booking.nodes] if apart else None
    standing = Standing(last.id, last.at, releases=frozenset(connection.scalars(sa.select(releases.c.number))))
    by_id = _nodes(connection, standing, names)
    reader = _Reader(connection, list(by_id) if apart else None)
    _intervals(reader, by_id)
    _findings(reader, standing, *confirmed_by_whole(connection))
    return standing


def confirmed_by_whole(connection: sa.Connection) -> tuple[int, set[int]]:
    """(the last whole sweep, 0 if none; ids of the nodes that it did not judge wholly): see tables.py."""
    last = sa.select(sweeps.c.id).where(sweeps.c.whole).order_by(sweeps.c.id.desc()).limit(1)
    whole = connection.scalar(last) or 0
    states = node_states.c
    since = (states.closed.is_(None), states.closed > whole)
    unjudged = {
        node for still in since for node in connection.scalars(
            sa.select(states.node_id).where(still, states.opened <= whole)
        )
    }  # fmt: skip
    return whole, unjudged


class _Reader:
    """Runs a query for all nodes, or for some of them."""

    def __init__(self, connection: sa.Connection, ids: Sequence[int] | None) -> None:
        self._connection = connection
        self._ids = ids
        self.texts: dict[int, str] = {}

    def rows(self, query: sa.Select[Any], node: sa.ColumnElement[int]) -> Iterator[Any]:
        if self._ids is None:
            yield from self._connection.execute(query).all()
            return
        for some in batches(self._ids):
            yield from self._connection.execute(query.where(node.in_(some))).all()

    def learn(self, ids: Iterable[int | None]) -> None:
        """Have these texts."""
        missing = {one for one in ids if one is not None} - self.texts.keys()
        for some in batches(missing):
            self.texts |= {
                row.id: row.text
                for row in self._connection.execute(sa.select(texts.c.id, texts.c.text).where(texts.c.id.in_(some)))
            }

    def text(self, one: int | None) -> str:
        return "" if one is None else self.texts[one]


def _nodes(connection: sa.Connection, standing: Standing, names: list[str] | None) -> dict[int, StandingNode]:
    columns = nodes.c
    query = sa.select(columns.id, columns.ring, columns.name, columns.judged, columns.booted, columns.clock_s)
    queries = [query] if names is None else [query.where(columns.name.in_(some)) for some in batches(names)]
    by_id = {}
    for one in queries:
        for number, ring, name, judged, booted, clock_s in connection.execute(one).all():
            by_id[number] = StandingNode(number, judged is not None, booted, clock_s)
            standing.nodes[ring, name] = by_id[number]
    return by_id


def _intervals(reader: _Reader, by_id: dict[int, StandingNode]) -> None:
    """The open rows of states, tags, releases and facts."""
    states, tags, held, facts = node_states.c, node_tags.c, node_releases.c, node_facts.c
    for number, node, state in reader.rows(
        sa.select(states.id, states.node_id, states.state).where(states.closed.is_(None)), states.node_id
    ):
        by_id[node].state_id, by_id[node].state = number, state
    for number, node, release in reader.rows(
        sa.select(held.id, held.node_id, held.release).where(held.closed.is_(None)), held.node_id
    ):
        by_id[node].release_id, by_id[node].release = number, release
    found = list(reader.rows(sa.select(tags.id, tags.node_id, tags.text_id).where(tags.closed.is_(None)), tags.node_id))
    reader.learn(text for _, _, text in found)
    for number, node, text in found:
        by_id[node].tags_id, by_id[node].tags = number, reader.text(text)
    told = list(
        reader.rows(
            sa.select(facts.id, facts.node_id, facts.key, facts.text_id).where(facts.closed.is_(None)), facts.node_id
        )
    )
    reader.learn(text for _, _, _, text in told)
    for number, node, key, text in told:
        by_id[node].facts[key] = (number, reader.text(text))


def _findings(reader: _Reader, standing: Standing, whole: int, unjudged: set[int]) -> None:
    """The open findings, each with the sweep that confirmed it last."""
    of = findings.c
    query = sa.select(
        of.id,
        of.node_id,
        items.c.name,
        of.outcome,
        of.severity,
        of.expected,
        of.source,
        of.observed,
        of.changes,
        of.seen,
    ).join_from(findings, items, items.c.id == of.item_id)
    rows = list(reader.rows(query.where(of.closed.is_(None)), of.node_id))
    reader.learn(text for row in rows for text in row[5:8])
    text: Callable[[int | None], str] = reader.text
    for number, node, item, outcome, severity, expected, source, observed, changes, seen in rows:
        wrong = Wrong(outcome, severity, text(expected), text(source), text(observed))
        confirmed = seen if node in unjudged else max(seen, whole)
        standing.findings.setdefault(node, {})[item] = StandingFinding(number, wrong, changes, seen, confirmed)
