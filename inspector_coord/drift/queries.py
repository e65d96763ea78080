"""Shell: what a report reads of the deviations in `pairs`, and of all else; sums wherever rows are many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec
import sqlalchemy as sa

from inspector_coord.drift.codes import CLASS_STEP
from inspector_coord.drift.folding import Cell, Fingerprint, Folded, Member, Row
from inspector_coord.drift.marking import pairs, unjudged
from inspector_coord.drift.scope import Scope
from inspector_coord.history import tables as t

__all__ = [
    "NodeRow",
    "PointRow",
    "State",
    "cells",
    "durations",
    "interval",
    "members",
    "node_rows",
    "points",
    "rows",
    "states_now",
    "texts",
    "times",
]

_shown = sa.Table(
    "drift_shown", sa.MetaData(),
    sa.Column("number", sa.Integer, primary_key=True), sa.Column("code", sa.Integer, nullable=False),
    sa.Column("item_id", t.Id, nullable=False), sa.Column("expected", t.Id, nullable=False),
    sa.Column("source", t.Id, nullable=False), sa.Column("observed", t.Id, nullable=False),
    prefixes=["TEMPORARY"],
)  # fmt: skip


_FRESH: Final = sa.case((pairs.c.openings > 0, 1), else_=0)


class State(msgspec.Struct, frozen=True):
    """A node that cannot be judged, by its id; opened: the sweep that found so."""

    node: int
    state: str
    opened: int


class NodeRow(msgspec.Struct, frozen=True):
    """A node's deviations of one class: how many, of them unknown; how often they opened, how many did."""

    node: int
    class_: int
    count: int
    unknown: int
    openings: int
    fresh: int


class PointRow(msgspec.Struct, frozen=True):
    """The sums of one whole sweep."""

    at: float
    uid: bytes
    targets: int
    pass_: int
    fail: int
    error: int
    uncovered: int
    left: int
    items_pass: int
    items_fail: int
    items_error: int
    items_waived: int


def rows(connection: sa.Connection) -> Iterator[Row]:
    """Fingerprints of all deviations, with their sums."""
    p = pairs.c
    same = (p.code, p.item_id, p.expected, p.source, p.observed)
    found = connection.execute(
        sa.select(
            *same, sa.func.count(), sa.func.sum(p.unknown), sa.func.min(p.opened), sa.func.max(p.opened),
            sa.func.max(p.confirmed), sa.func.max(p.closed), sa.func.sum(p.openings), sa.func.sum(_FRESH),
            sa.func.max(p.release),
        ).group_by(*same)
    )  # fmt: skip
    for part in found.partitions(5_000):
        for row in part:
            yield Row(*row)


def node_rows(connection: sa.Connection) -> list[NodeRow]:
    """Deviations by node and class."""
    p = pairs.c
    class_ = (p.code - p.code % CLASS_STEP).label("class")
    sums = (sa.func.count(), sa.func.sum(p.unknown), sa.func.sum(p.openings), sa.func.sum(_FRESH))
    found = connection.execute(sa.select(p.node_id, class_, *sums).group_by(p.node_id, class_))
    return [NodeRow(*row) for row in found.all()]


def members(connection: sa.Connection, folded: Sequence[Folded]) -> list[list[Member]]:
    """The deviations of each of these groups."""
    _shown.drop(connection, checkfirst=True)
    _shown.create(connection, checkfirst=False)
    if not folded:
        return []
    connection.execute(
        _shown.insert(),
        [
            {
                "number": number, "code": one.code, "item_id": one.item, "expected": one.expected, "source": one.source,
                "observed": one.observed if one.values == 1 else _ANY,
            }
            for number, one in enumerate(folded)
        ],
    )  # fmt: skip
    p, s, f = pairs.c, _shown.c, t.findings.c
    same = sa.and_(p.code == s.code, p.item_id == s.item_id, p.expected == s.expected, p.source == s.source)
    found: list[list[Member]] = [[] for _ in folded]
    query = (
        sa.select(s.number, p.node_id, p.opened, p.confirmed, p.closed, p.unknown, f.how)
        .select_from(pairs.join(_shown, sa.and_(same, sa.or_(s.observed == _ANY, s.observed == p.observed))))
        .join(t.findings, f.id == p.finding)
    )
    for part in connection.execute(query).partitions(5_000):
        for number, *row in part:
            found[number].append(Member(*row))
    return found


_ANY: Final = -1


def cells(connection: sa.Connection, nodes: Iterable[int], items: Iterable[int]) -> list[Cell]:
    """The deviations of these nodes and items."""
    p = pairs.c
    query = sa.select(
        p.node_id, p.item_id, p.unknown, p.opened, p.code, p.item_id, p.expected, p.source, p.observed
    ).where(p.node_id.in_(list(nodes)), p.item_id.in_(list(items)))
    return [
        Cell(node, item, bool(unknown), opened, Fingerprint(*same))
        for node, item, unknown, opened, *same in connection.execute(query)
    ]


def durations(connection: sa.Connection, scope: Scope) -> list[tuple[int, int, int]]:
    """(whole minutes until it passed again, how many, an interval of them), ascending, of what was put right."""
    joined, minutes, number = _passed(scope)
    sums = (sa.func.count(), sa.func.max(number))
    found = connection.execute(sa.select(minutes, *sums).select_from(joined).group_by(minutes).order_by(minutes))
    return [(minute, count, one) for minute, count, one in found]


def interval(connection: sa.Connection, number: int) -> tuple[int, int, int, int]:
    """(node, item, opened, closed) of one interval that is closed."""
    f = t.findings.c
    found = connection.execute(sa.select(f.node_id, f.item_id, f.opened, f.closed).where(f.id == number)).one()
    return (*found,)


def _passed(scope: Scope) -> tuple[sa.FromClause, sa.ColumnElement[int], sa.ColumnElement[int]]:
    """What was put right in the period, joined to its two sweeps; the minutes that it took; its id."""
    f = t.findings
    began, ended = t.sweeps.alias("began"), t.sweeps.alias("ended")
    asked = [f.c.closed.between(scope.first, scope.last), f.c.how == "pass", *scope.within(f.c.node_id, f.c.item_id)]
    passed = sa.select(f.c.id, f.c.opened, f.c.closed).where(*asked).subquery("passed")
    joined = passed.join(began, began.c.id == passed.c.opened).join(ended, ended.c.id == passed.c.closed)
    return joined, (sa.cast(ended.c.at - began.c.at, sa.BigInteger) // 60).label("minutes"), passed.c.id


def points(connection: sa.Connection, scope: Scope) -> list[PointRow]:
    """The whole sweeps of the period, oldest first."""
    s = t.sweeps.c
    query = sa.select(
        s.at, s.uid, s.targets_n, s["pass"], s.fail, s.error, s.uncovered, s.left_n,
        s.items_pass, s.items_fail, s.items_error, s.items_waived,
    ).where(s.id.between(scope.first, scope.last), s.whole).order_by(s.id)  # fmt: skip
    return [PointRow(*values) for values in map(tuple, connection.execute(query))]


def states_now(connection: sa.Connection, scope: Scope) -> list[State]:
    """Nodes that cannot be judged at the end of the period."""
    return [State(*row) for row in connection.execute(unjudged(scope))]


def texts(connection: sa.Connection, ids: Iterable[int]) -> dict[int, str]:
    """Texts by id; 0 is none, and empty."""
    found = {0: ""}
    for part in _parts(ids):
        found.update(connection.execute(sa.select(t.texts.c.id, t.texts.c.text).where(t.texts.c.id.in_(part))).all())
    return found


def times(connection: sa.Connection, sweeps: Iterable[int]) -> dict[int, float]:
    """When these sweeps were, Unix seconds."""
    found: dict[int, float] = {}
    for part in _parts(sweeps):
        query = sa.select(t.sweeps.c.id, t.sweeps.c.at).where(t.sweeps.c.id.in_(part))
        found.update(connection.execute(query).all())
    return found


def _parts(ids: Iterable[int]) -> Iterator[list[int]]:
    """So many as one statement takes parameters."""
    left = sorted({one for one in ids if one > 0})
    for begin in range(0, len(left), 5_000):
        yield left[begin : begin + 5_000]
