"""Shell: what A and B of `--compare A B` mean, and what is wrong on each side, read from the history.

A sweep is named by its id in hexadecimal (as a report tells it, or its beginning) or by its number; a time as for
--since; everything else are nodes, as a target of a sweep.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from inspector_coord.drift import limits
from inspector_coord.drift.comparing import Comparison, Said, Side, Wrong, compared
from inspector_coord.drift.figures import NodeSetTold
from inspector_coord.drift.pairing import Cover, Interval, paired
from inspector_coord.drift.period import Period, read_moment, told
from inspector_coord.drift.queries import texts
from inspector_coord.drift.scope import Scope, Wanted, find_scope, newest, pick
from inspector_coord.errors import ConfigError
from inspector_coord.fold import fold_names
from inspector_coord.groups import Groups
from inspector_coord.history import tables as t
from inspector_coord.history.model import NO_MEMBER, PARTIAL
from inspector_coord.plain import plain

__all__ = ["Asked", "compare"]

_UID: Final = re.compile(r"[0-9a-f]{6,16}")
_NUMBER: Final = re.compile(r"[0-9]{1,12}")
_EXAMPLES: Final = "two sweeps (`inspector history sweeps`), two times (7d now), or two node sets (rack=b1 rack=b2)"

_LISTED: Final = [t.findings.c[name] for name in ("node_id", "item_id", "outcome", "severity", "expected")]


class _At(msgspec.Struct, frozen=True):
    """A sweep that a side is told from."""

    id: int
    at: float
    uid: bytes
    whole: bool


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a comparison is wanted of. items: those that may be named though they never failed; until: as it was
    written, the time of two node sets."""

    wanted: Wanted = Wanted()
    groups: Groups
    items: Collection[str] = ()
    until: str | None = None
    fail_on: str = "info"


def compare(connection: sa.Connection, sides: tuple[str, str], asked: Asked, now: float) -> Comparison:
    """The document. Raises ConfigError, TargetError, ItemError."""
    end = newest(connection, now)
    if asked.until is not None:
        end = read_moment(asked.until, now, "--until")
        _refuse_future(asked.until, end, now, "--until")
    moments = [_moment(connection, side, now) for side in sides]
    if None not in moments:
        if asked.until is not None:
            raise ConfigError("--until is for two node sets: two times or sweeps are told apart by A and B")
        early, late = (one for one in moments if one is not None)
        return _times(connection, sides, (early, late), asked)
    if moments != [None, None]:
        kinds = ["nodes" if moment is None else "a sweep or a time" for moment in moments]
        taken = " and ".join(f"{plain(side)} for {kind}" for side, kind in zip(sides, kinds, strict=True))
        raise ConfigError(f"--compare takes {taken}, which are not alike: write {_EXAMPLES}")
    return _node_sets(connection, sides, asked, end)


def _moment(connection: sa.Connection, text: str, now: float) -> _At | None:
    """The sweep that a side names; None where it names nodes. Raises ConfigError for a sweep that is not there."""
    s = t.sweeps.c
    query = sa.select(s.id, s.at, s.uid, s.whole)
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
    _refuse_future(text, at, now, "--compare")
    at = newest(connection, at) if text == "now" else at
    row = connection.execute(query.where(s.at <= at).order_by(s.id.desc()).limit(1)).first()
    if row is None:
        raise ConfigError(f"--compare {plain(text)}: no sweep was booked up to then; {_first(connection)}")
    return _At(*row)


def _refuse_future(text: str, at: float, now: float, what: str) -> None:
    if at > now + limits.ahead_s_max:
        raise ConfigError(f"{what} {plain(text)} is in the future: nothing is known of it yet")


def _first(connection: sa.Connection) -> str:
    at = connection.scalar(sa.select(sa.func.min(t.sweeps.c.at)))
    return "nothing is booked yet: run `inspector sweep`" if at is None else f"the first of all was at {told(at)}"


def _times(connection: sa.Connection, sides: tuple[str, str], moments: tuple[_At, _At], asked: Asked) -> Comparison:
    last = max(moments, key=lambda one: one.id)
    scope = find_scope(connection, Period(0.0, last.at), asked.wanted, asked.groups, asked.items)
    f = t.findings.c
    a, b = (_open(one.id) for one in moments)
    values = [_value(one.id) for one in moments]
    within = scope.within(f.node_id, f.item_id)
    both = sa.and_(a, b, *within)
    query = (
        sa.select(*_LISTED, *values, f.opened, f.how, a.label("a"), b.label("b"))
        .where(*within, sa.or_(a, b), sa.or_(sa.not_(both), values[0] != values[1]))
        .limit(limits.compared_rows_max + 1)
    )
    rows = connection.execute(query).all()
    words = texts(connection, {text for row in rows for text in row[4:7] if text})
    found = [
        Interval(
            row.node_id, row.item_id, row.opened, row.how,
            (_said(scope, words, row, 0) if row.a else None, _said(scope, words, row, 1) if row.b else None),
        )
        for row in rows[: limits.compared_rows_max]
    ]  # fmt: skip
    counted = connection.execute(sa.select(f.node_id, sa.func.count()).where(both).group_by(f.node_id))
    standing: dict[int, int] = dict(counted.all())
    early, late = (_cover(connection, scope, one.id) for one in moments)
    pairs = paired(found, standing, (early, late))
    outside = early.no_members & late.no_members
    told_sides = [
        _side(side, moment, scope, scope.nodes.keys() - outside, cover)
        for side, moment, cover in zip(sides, moments, (early, late), strict=True)
    ]
    return compared(
        "times", told_sides[0], told_sides[1], pairs.wrong, lambda node: scope.names[node],
        (pairs.same, pairs.unknown), [*_notes(*moments), *_too_many(rows)], asked.fail_on,
    )  # fmt: skip


def _node_sets(connection: sa.Connection, sides: tuple[str, str], asked: Asked, end: float) -> Comparison:
    scope = find_scope(connection, Period(0.0, end), asked.wanted, asked.groups, asked.items)
    s, f = t.sweeps.c, t.findings.c
    row = connection.execute(sa.select(s.id, s.at, s.uid, s.whole).where(s.id == scope.last)).first()
    if row is None:
        raise ConfigError(f"no sweep was booked up to {told(end)}; {_first(connection)}")
    moment = _At(*row)
    everyone = list(scope.nodes.values())
    sets = [set(pick(everyone, Wanted(targets=(side,)), asked.groups)) for side in sides]
    cover = _cover(connection, scope, moment.id)
    query = sa.select(*_LISTED, _value(moment.id))
    rows = connection.execute(
        query.where(_open(moment.id), *scope.within(f.node_id, f.item_id)).limit(limits.compared_rows_max + 1)
    ).all()
    hidden = cover.unjudged | cover.no_members
    told_rows = [row for row in rows[: limits.compared_rows_max] if row.node_id not in hidden]
    words = texts(connection, {text for row in told_rows for text in row[4:6] if text})
    wrong = [[Wrong(row.node_id, _said(scope, words, row, 0)) for row in told_rows if row.node_id in of] for of in sets]
    a, b = (_side(side, moment, scope, of, cover) for side, of in zip(sides, sets, strict=True))
    return compared(
        "nodes", a, b, (wrong[0], wrong[1]), lambda node: scope.names[node], (0, 0), _too_many(rows), asked.fail_on
    )


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


def _cover(connection: sa.Connection, scope: Scope, sweep: int) -> Cover:
    n, s = t.nodes.c, t.node_states.c
    covers = sa.and_(s.opened <= sweep, sa.or_(s.closed.is_(None), s.closed > sweep))
    states = sa.select(s.node_id, s.state).where(covers, *scope.within(s.node_id))
    by_state: dict[str, set[int]] = defaultdict(set)
    for node, state in connection.execute(states):
        by_state[state].add(node)
    later = set(connection.scalars(sa.select(n.id).where(n.first_sweep > sweep, *scope.within(n.id))))
    wholly = sa.select(n.id).where(n.judged <= sweep, *scope.within(n.id))
    never = scope.nodes.keys() - set(connection.scalars(wholly))
    no_members = later.union(*(by_state.pop(state, ()) for state in NO_MEMBER))
    partly = by_state.pop(PARTIAL, set())
    unjudged = set[int]().union(*by_state.values())
    return Cover(
        sweep, frozenset(unjudged), frozenset((partly | never) - unjudged - no_members),
        frozenset(no_members & scope.nodes.keys()),
    )  # fmt: skip


def _said(scope: Scope, words: Mapping[int, str], row: Any, side: int) -> Said:
    return Said(
        scope.items[row.item_id], row.outcome, row.severity or "info", words[row[4] or 0], words[row[5 + side] or 0]
    )


def _side(name: str, moment: _At, scope: Scope, nodes: Set[int], cover: Cover) -> Side:
    def told_of(some: Set[int]) -> NodeSetTold:
        among = some & nodes
        return NodeSetTold(nodes=fold_names(scope.names[node] for node in among), count=len(among))

    return Side(
        name=name, at=told(moment.at), sweep=moment.uid.hex(),
        judged=len(nodes - cover.unjudged - cover.no_members), unknown=told_of(cover.unjudged | cover.partly),
        no_members=told_of(cover.no_members),
    )  # fmt: skip


def _notes(a: _At, b: _At) -> Iterator[str]:
    if a.id == b.id:
        yield "A and B are the same sweep: none was booked between these times"
    elif a.id > b.id:
        yield "A is the later one: what is told as come was there before, and is not there any more"
    for mark, one in (("A", a), ("B", b)):
        if not one.whole:
            yield f"the sweep of {mark} asked only some nodes or items, or was cut short: the rest is as it was before"


def _too_many(rows: Sequence[Any]) -> list[str]:
    if len(rows) <= limits.compared_rows_max:
        return []
    return [f"more than {limits.compared_rows_max} deviations differ: the others are not told; narrow it by TARGET"]
