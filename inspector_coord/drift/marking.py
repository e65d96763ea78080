"""Shell: the deviations of a period, one row each, in a temporary table that all queries read (`pairs`).

A deviation is a (node, item) with at least one interval in the period. Few have several: these are counted in `again`,
of each the last interval stays, and says what the others were. Doing this once, in the database, is what keeps a report
of a million intervals within seconds: nothing but sums leaves it.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from inspector_coord.drift import limits
from inspector_coord.drift.codes import CLASS, CLASS_STEP, NOT_JUDGED, ORIGIN, OUTCOME, SEVERITY
from inspector_coord.drift.scope import Scope
from inspector_coord.history import tables as t

__all__ = ["make_pairs", "pairs", "unjudged"]

Columns = sa.ColumnCollection[str, Any]

_TEMPORARY: Final = ["TEMPORARY"]

_again = sa.Table(
    "drift_again", sa.MetaData(),
    sa.Column("node_id", t.Id, primary_key=True), sa.Column("item_id", t.Id, primary_key=True),
    sa.Column("last", t.Id, nullable=False, unique=True), sa.Column("openings", sa.Integer, nullable=False),
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
    for told in (_ended(scope), _lasting(scope)):
        connection.execute(pairs.insert().from_select([column.name for column in pairs.columns], told))
    p, a = pairs.c, _again.c
    first = sa.func.min(sa.case((p.openings > 0, p.opened), else_=scope.last))  # one before the period is no flap
    connection.execute(
        _again.insert().from_select(
            [column.name for column in _again.columns],
            sa.select(p.node_id, p.item_id, sa.func.max(p.finding), sa.func.sum(p.openings), first)
            .group_by(p.node_id, p.item_id)
            .having(sa.func.count() > 1),
        )
    )
    same = sa.and_(a.node_id == p.node_id, a.item_id == p.item_id, a.last != p.finding)
    connection.execute(pairs.delete().where(sa.exists().where(same)))
    flapping = a.openings >= limits.flap_openings_min
    connection.execute(
        pairs.update()
        .where(p.finding == a.last)
        .values(
            openings=a.openings,
            opened=sa.case((flapping, a.opened), else_=p.opened),
            code=sa.case((flapping, CLASS["flapping"] + p.code % CLASS_STEP), else_=p.code),
        )
    )


def _ended(scope: Scope) -> sa.Select[Any]:
    """Intervals that closed in the period, each as if it were the only one of its deviation: nearly all there are."""
    f = t.findings.c
    gone = f.how.in_(NOT_JUDGED)
    return sa.select(
        *_same(f, scope, sa.case((gone, _begun(f, scope)), else_=CLASS["back"])),
        f.seen,
        sa.case((gone, 0), else_=f.closed),
        sa.case((gone, 1), else_=0),
        *_texts(f),
    ).where(f.closed.between(scope.first, scope.last), *scope.within(f.node_id, f.item_id))


def _lasting(scope: Scope) -> sa.Select[Any]:
    """Those that were open at its end; two ranges, so that each finds its index (that of `opened` is no help)."""
    f, u = t.findings.c, unjudged(scope).subquery("u")
    begun, asked = f.opened + 0 <= scope.last, scope.within(f.node_id, f.item_id)
    ranges = (sa.select(t.findings).where(one, begun, *asked) for one in (f.closed > scope.last, f.closed.is_(None)))
    i = sa.union_all(*ranges).subquery("i")
    c = i.c
    seen = sa.case((c.seen < scope.last, c.seen), else_=scope.last)
    # `partial` names some of what is wrong: what it named is written as seen.
    unknown = sa.and_(u.c.node_id.is_not(None), sa.or_(u.c.state != "partial", seen < scope.whole))
    return sa.select(
        *_same(c, scope, _begun(c, scope)),
        sa.case((unknown, seen), (seen < scope.whole, scope.whole), else_=seen),
        sa.literal(0),
        sa.case((unknown, 1), else_=0),
        *_texts(c),
    ).select_from(i.outerjoin(u, u.c.node_id == c.node_id))


def _begun(c: Columns, scope: Scope) -> sa.ColumnElement[int]:
    return sa.case((c.opened >= scope.first, CLASS["new"]), else_=CLASS["open"])


def _same(c: Columns, scope: Scope, class_: sa.ColumnElement[int]) -> list[sa.ColumnElement[Any]]:
    """finding to opened."""
    code = class_ + sa.case(ORIGIN, value=c.origin, else_=ORIGIN["unknown"])
    code += sa.case(SEVERITY, value=c.severity, else_=SEVERITY["info"]) + sa.case(OUTCOME, value=c.outcome, else_=0)
    return [c.id, c.node_id, c.item_id, code, sa.case((c.opened >= scope.first, 1), else_=0), c.opened]


def _texts(c: Columns) -> list[sa.ColumnElement[Any]]:
    """expected to release."""
    return [*(sa.func.coalesce(one, 0) for one in (c.expected, c.source, c.observed)), c.release]
