"""Shell: the deviations of a period, one row each, in a temporary table that all queries read (`pairs`).

A deviation is a (node, item) with at least one interval in the period. Few have several: these are counted in `again`,
and of each only the last interval is told. Doing this once, in the database, is what keeps a report of a million
intervals within seconds: nothing but sums leaves it.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from inspector_coord.drift import limits
from inspector_coord.drift.codes import CLASS, NOT_JUDGED, ORIGIN, OUTCOME, SEVERITY
from inspector_coord.drift.scope import Scope
from inspector_coord.history import tables as t

__all__ = ["intervals", "make_pairs", "pairs", "unjudged"]

_TEMPORARY: Final = ["TEMPORARY"]

_again = sa.Table(
    "drift_again", sa.MetaData(),
    sa.Column("node_id", t.Id, primary_key=True), sa.Column("item_id", t.Id, primary_key=True),
    sa.Column("last", t.Id, nullable=False), sa.Column("openings", sa.Integer, nullable=False),
    sa.Column("opened", t.Id, nullable=False), prefixes=_TEMPORARY,
)  # fmt: skip

# code: see codes.py; openings: within the period; opened: of the last interval, of a flapping one the first of the
# period; closed: 0 while it is not, or by a later sweep, or nobody knows; expected, source, observed: 0 none.
pairs = sa.Table(
    "drift_pairs", sa.MetaData(),
    sa.Column("finding", t.Id, nullable=False), sa.Column("node_id", t.Id, nullable=False),
    sa.Column("item_id", t.Id, nullable=False), sa.Column("code", sa.Integer, nullable=False),
    sa.Column("openings", sa.Integer, nullable=False), sa.Column("opened", t.Id, nullable=False),
    sa.Column("confirmed", t.Id, nullable=False), sa.Column("closed", t.Id, nullable=False),
    sa.Column("unknown", sa.Integer, nullable=False), sa.Column("expected", t.Id, nullable=False),
    sa.Column("source", t.Id, nullable=False), sa.Column("observed", t.Id, nullable=False),
    sa.Column("release", t.Id, nullable=False), prefixes=_TEMPORARY,
)  # fmt: skip


def intervals(scope: Scope) -> sa.CompoundSelect[Any]:
    """Ids of all intervals that overlap the period; three ranges, so that each finds its index."""
    f = t.findings.c
    early = f.opened < scope.first
    ranges = (
        f.opened.between(scope.first, scope.last),
        sa.and_(early, f.closed >= scope.first),
        sa.and_(early, f.closed.is_(None)),
    )
    asked = scope.within(f.node_id, f.item_id)
    return sa.union_all(*(sa.select(t.findings).where(one, *asked) for one in ranges))


def unjudged(scope: Scope) -> sa.Select[Any]:
    """(node_id, state, opened) of the nodes that have a state instead of a verdict at the end of the period."""
    s = t.node_states.c
    return sa.select(s.node_id, s.state, s.opened).where(
        s.opened <= scope.last, sa.or_(s.closed.is_(None), s.closed > scope.last), *scope.within(s.node_id)
    )


def make_pairs(connection: sa.Connection, scope: Scope) -> None:
    """Fill `pairs` for this scope."""
    for table in (_again, pairs):
        table.drop(connection, checkfirst=True)
        table.create(connection, checkfirst=False)
    i = intervals(scope).subquery("i").c
    in_period = sa.case((i.opened >= scope.first, 1), else_=0)
    connection.execute(
        _again.insert().from_select(
            ["node_id", "item_id", "last", "openings", "opened"],
            sa.select(i.node_id, i.item_id, sa.func.max(i.id), sa.func.sum(in_period), _first_opened(i, scope))
            .group_by(i.node_id, i.item_id)
            .having(sa.func.count() > 1),
        )
    )
    connection.execute(pairs.insert().from_select([column.name for column in pairs.columns], _told(scope)))


def _first_opened(i: sa.ColumnCollection[str, Any], scope: Scope) -> sa.ColumnElement[int]:
    """The first opening within the period; one that lies before it is no flap."""
    return sa.func.min(sa.case((i.opened >= scope.first, i.opened), else_=scope.last))


def _told(scope: Scope) -> sa.Select[Any]:
    """One row a deviation: its last interval, and what the others say of it."""
    i = intervals(scope).subquery("i")
    u = unjudged(scope).subquery("u")
    c, a = i.c, _again.c
    gone = sa.and_(c.closed <= scope.last, c.how.in_(NOT_JUDGED))
    closed = sa.and_(c.closed <= scope.last, c.how.not_in(NOT_JUDGED))
    flapping = a.openings >= limits.flap_openings_min
    seen = sa.case((c.seen < scope.last, c.seen), else_=scope.last)
    # `partial` names some of what is wrong: what it named is written as seen.
    unknown = sa.or_(
        gone,
        sa.and_(
            sa.not_(sa.func.coalesce(closed, sa.false())),
            u.c.node_id.is_not(None),
            sa.or_(u.c.state != "partial", seen < scope.whole),
        ),
    )
    known_whole = sa.case((seen < scope.whole, scope.whole), else_=seen)
    code = sa.case(
        (flapping, CLASS["flapping"]),
        (closed, CLASS["back"]),
        (c.opened >= scope.first, CLASS["new"]),
        else_=CLASS["open"],
    )
    return (
        sa.select(
            c.id, c.node_id, c.item_id,
            code + sa.case(ORIGIN, value=c.origin, else_=ORIGIN["unknown"])
            + sa.case(SEVERITY, value=c.severity, else_=SEVERITY["info"]) + sa.case(OUTCOME, value=c.outcome, else_=0),
            sa.func.coalesce(a.openings, sa.case((c.opened >= scope.first, 1), else_=0)),
            sa.case((flapping, a.opened), else_=c.opened),
            sa.case((closed, c.seen), (unknown, seen), else_=known_whole),
            sa.case((closed, c.closed), else_=0),
            sa.case((unknown, 1), else_=0),
            sa.func.coalesce(c.expected, 0), sa.func.coalesce(c.source, 0), sa.func.coalesce(c.observed, 0), c.release,
        )
        .select_from(
            i.outerjoin(_again, sa.and_(a.node_id == c.node_id, a.item_id == c.item_id)).outerjoin(
                u, u.c.node_id == c.node_id
            )
        )
        .where(sa.or_(a.last.is_(None), a.last == c.id))
    )  # fmt: skip
