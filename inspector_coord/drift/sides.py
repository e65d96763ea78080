"""Shell: what A and B of `--compare A B` mean, and what is wrong on each side, read from the history.

A sweep is named by its id in hexadecimal (as a report tells it, or its beginning) or by its number; a time as for
--since; everything else are nodes, as a target of a sweep.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from inspector_coord.drift import limits
from inspector_coord.drift.comparing import Comparison, Said, Side, Wrong, compared
from inspector_coord.drift.figures import NodeSetTold
from inspector_coord.drift.period import Period, read_moment, told
from inspector_coord.drift.queries import texts
from inspector_coord.drift.scope import Known, Scope, Wanted, find_scope, pick
from inspector_coord.errors import ConfigError
from inspector_coord.fold import fold_names
from inspector_coord.groups import Groups
from inspector_coord.history import tables as t
from inspector_coord.plain import plain

__all__ = ["compare"]

_UID: Final = re.compile(r"[0-9a-f]{6,16}")
_NUMBER: Final = re.compile(r"[0-9]{1,12}")
_EXAMPLES: Final = "two sweeps (`inspector history sweeps`), two times (7d now), or two node sets (rack=b1 rack=b2)"


class _At(msgspec.Struct, frozen=True):
    """A sweep that a side is told from."""

    id: int
    at: float
    uid: bytes


def compare(
    connection: sa.Connection, sides: tuple[str, str], wanted: Wanted, groups: Groups, now: float, until: str | None
) -> Comparison:
    """The document. until: the time of two node sets. Raises ConfigError, TargetError, ItemError."""
    end = now if until is None else read_moment(until, now, "--until")
    moments = [_moment(connection, side, now) for side in sides]
    if None not in moments:
        if until is not None:
            raise ConfigError("--until is for two node sets: two times or sweeps are told apart by A and B")
        early, late = (one for one in moments if one is not None)
        return _times(connection, sides, (early, late), wanted, groups)
    if moments != [None, None]:
        raise ConfigError(f"--compare {plain(sides[0])} {plain(sides[1])}: these are not alike: write {_EXAMPLES}")
    return _node_sets(connection, sides, wanted, groups, end)


def _moment(connection: sa.Connection, text: str, now: float) -> _At | None:
    """The sweep that a side names; None where it names nodes. Raises ConfigError for a sweep that is not there."""
    s = t.sweeps.c
    query = sa.select(s.id, s.at, s.uid)
    if _UID.fullmatch(text):
        low = bytes.fromhex(text.ljust(16, "0"))
        found = connection.execute(query.where(s.uid.between(low, bytes.fromhex(text.ljust(16, "f")))).limit(2)).all()
        if len(found) > 1:
            raise ConfigError(f"several sweeps begin with {text}: write more of the id")
        if found:
            return _At(*found[0])
    if _NUMBER.fullmatch(text):
        row = connection.execute(query.where(s.id == int(text))).first()
        if row is None:
            raise ConfigError(f"there is no sweep {text}: `inspector history sweeps` lists them")
        return _At(*row)
    try:
        at = read_moment(text, now, "--compare")
    except ConfigError:
        return None
    row = connection.execute(query.where(s.at <= at).order_by(s.id.desc()).limit(1)).first()
    if row is None:
        raise ConfigError(f"--compare {plain(text)}: no sweep was booked up to {told(at)}")
    return _At(*row)


def _times(
    connection: sa.Connection, sides: tuple[str, str], moments: tuple[_At, _At], wanted: Wanted, groups: Groups
) -> Comparison:
    last = max(moments, key=lambda one: one.id)
    scope = find_scope(connection, Period(0.0, last.at), wanted, groups)
    f = t.findings.c
    a, b = (_open(one.id) for one in moments)
    values = [_value(one.id) for one in moments]
    asked = scope.within(f.node_id, f.item_id)
    unjudged = [_unjudged(connection, scope, one.id) for one in moments]
    hidden = sorted(set(unjudged[0]) | set(unjudged[1]))
    both = sa.and_(a, b, *asked)
    query = (
        sa.select(f.node_id, f.item_id, f.outcome, f.severity, f.expected, *values, a.label("a"), b.label("b"))
        .where(*asked, sa.or_(a, b), sa.or_(sa.not_(both), values[0] != values[1]))
        .limit(limits.compared_rows_max + 1)
    )
    rows = connection.execute(query).all()
    apart = [row for row in rows[: limits.compared_rows_max] if row.node_id not in set(hidden)]
    words = texts(connection, {text for row in apart for text in (row[4], row[5], row[6]) if text})
    wrong = [_wrong(scope, words, apart, side) for side in (0, 1)]
    count = connection.scalar(sa.select(sa.func.count()).select_from(t.findings).where(both)) or 0
    blurred = _count_on(connection, both, hidden)
    moved = sum(1 for row in apart if row.a and row.b)
    return compared(
        "times", _side(sides[0], moments[0], scope, unjudged[0]), _side(sides[1], moments[1], scope, unjudged[1]),
        (wrong[0], wrong[1]), lambda node: scope.names[node], (count - blurred - moved, blurred), _too_many(rows),
    )  # fmt: skip


def _node_sets(
    connection: sa.Connection, sides: tuple[str, str], wanted: Wanted, groups: Groups, end: float
) -> Comparison:
    scope = find_scope(connection, Period(0.0, end), wanted, groups)
    s, f = t.sweeps.c, t.findings.c
    row = connection.execute(sa.select(s.id, s.at, s.uid).where(s.id == scope.last)).first()
    if row is None:
        raise ConfigError(f"no sweep was booked up to {told(end)}: run `inspector sweep`")
    moment = _At(*row)
    everyone = list(scope.nodes.values())
    sets = [set(pick(everyone, Wanted(targets=(side,)), groups)) for side in sides]
    unjudged = set(_unjudged(connection, scope, moment.id))
    query = sa.select(f.node_id, f.item_id, f.outcome, f.severity, f.expected, _value(moment.id), _value(moment.id))
    rows = connection.execute(
        query.where(_open(moment.id), *scope.within(f.node_id, f.item_id)).limit(limits.compared_rows_max + 1)
    ).all()
    told_rows = [row for row in rows[: limits.compared_rows_max] if row.node_id not in unjudged]
    words = texts(connection, {text for row in told_rows for text in (row[4], row[5]) if text})
    wrong = [[Wrong(row.node_id, _said(scope, words, row, 0)) for row in told_rows if row.node_id in of] for of in sets]
    a, b = (
        _side(side, moment, msgspec.structs.replace(scope, nodes=_only(scope, of)), sorted(unjudged & of))
        for side, of in zip(sides, sets, strict=True)
    )
    return compared("nodes", a, b, (wrong[0], wrong[1]), lambda node: scope.names[node], (0, 0), _too_many(rows))


def _only(scope: Scope, nodes: set[int]) -> Mapping[int, Known]:
    return {number: known for number, known in scope.nodes.items() if number in nodes}


def _open(sweep: int) -> sa.ColumnElement[bool]:
    f = t.findings.c
    return sa.and_(f.opened <= sweep, sa.or_(f.closed.is_(None), f.closed > sweep))


def _value(sweep: int) -> sa.ColumnElement[int]:
    """The text that was observed in a sweep: the last change up to it, else the first value."""
    f, o = t.findings.c, t.observations.c
    last = (
        sa.select(o.text_id)
        .where(o.finding_id == f.id, o.sweep_id <= sweep)
        .order_by(o.sweep_id.desc())
        .limit(1)
        .correlate(t.findings)
        .scalar_subquery()
    )
    return sa.case((f.changes == 0, sa.func.coalesce(f.observed, 0)), else_=sa.func.coalesce(last, f.first_observed, 0))


def _unjudged(connection: sa.Connection, scope: Scope, sweep: int) -> list[int]:
    s = t.node_states.c
    covers = sa.and_(s.opened <= sweep, sa.or_(s.closed.is_(None), s.closed > sweep), s.state != "partial")
    return sorted(set(connection.scalars(sa.select(s.node_id).where(covers, *scope.within(s.node_id)))))


def _count_on(connection: sa.Connection, where: sa.ColumnElement[bool], nodes: Sequence[int]) -> int:
    if not nodes:
        return 0
    query = sa.select(t.findings.c.node_id, sa.func.count()).where(where).group_by(t.findings.c.node_id)
    among = set(nodes)
    return sum(count for node, count in connection.execute(query) if node in among)


def _wrong(scope: Scope, words: Mapping[int, str], rows: Sequence[Any], side: int) -> Iterator[Wrong]:
    for row in rows:
        if (row.a, row.b)[side]:
            yield Wrong(row.node_id, _said(scope, words, row, side))


def _said(scope: Scope, words: Mapping[int, str], row: Any, side: int) -> Said:
    return Said(scope.items[row[1]], row[2], row[3], words[row[4] or 0], words[row[5 + side] or 0])


def _side(name: str, moment: _At, scope: Scope, unjudged: Sequence[int]) -> Side:
    return Side(
        name=name, at=told(moment.at), sweep=moment.uid.hex(), judged=len(scope.nodes) - len(unjudged),
        unknown=NodeSetTold(nodes=fold_names(scope.names[node] for node in unjudged), count=len(unjudged)),
    )  # fmt: skip


def _too_many(rows: Sequence[Any]) -> list[str]:
    if len(rows) <= limits.compared_rows_max:
        return []
    return [f"more than {limits.compared_rows_max} deviations differ: the others are not told; narrow it by TARGET"]
