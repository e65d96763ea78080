"""Shell: what a report reads of the history: the intervals of its period as columns, and all else that it tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
import numpy as np
import sqlalchemy as sa

from inspector_coord.drift.codes import CLASS_STEP, HOW, ORIGIN, OUTCOME, SEVERITY
from inspector_coord.drift.columns import HIGH, Column, parted
from inspector_coord.drift.intervals import Intervals
from inspector_coord.drift.scope import Scope
from inspector_coord.history import tables as t

__all__ = ["PointRow", "State", "intervals", "points", "states_at", "stays", "texts", "times"]

_ROWS: Final = 500  # fetched at a time: the intervals of so many sweeps
_NONE: Final = np.empty(0, dtype=np.int64)


class State(msgspec.Struct, frozen=True):
    """A node that could not be judged, by its id; opened: the sweep that found so."""

    node: int
    state: str
    opened: int


class PointRow(msgspec.Struct, frozen=True):
    """The sums of one whole sweep."""

    id: int
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


def intervals(connection: sa.Connection, scope: Scope) -> Intervals:
    """Those of the period's deviations: that closed in it, closed after it, or are open."""
    f = t.findings.c
    asked, begun = scope.within(f.node_id, f.item_id), f.opened + 0 <= scope.last  # + 0: that index is no help
    ranges = (
        (f.closed.between(scope.first, scope.last), f.closed),
        (sa.and_(f.closed > scope.last, begun), f.closed),
        (sa.and_(f.closed.is_(None), begun), f.opened),
    )
    listed = _listed(f)
    read: list[list[Column]] = [[_NONE] * len(listed)]
    for where, same in ranges:
        found = connection.execute(sa.select(*listed).where(where, *asked).group_by(same))
        read.extend([_numbers(lists) for lists in zip(*part, strict=True)] for part in found.partitions(_ROWS))
    packed = map(np.concatenate, zip(*read, strict=True))
    (node, item), (expected, source), (observed, release), (opened, seen), (closed, marks) = map(parted, packed)
    return Intervals(
        node=node, item=item, code=marks % CLASS_STEP, expected=expected, source=source,
        observed=observed, release=release, opened=opened, seen=seen, closed=closed, how=marks // CLASS_STEP,
    )  # fmt: skip


def _numbers(lists: Iterable[str]) -> Column:
    return np.fromstring(",".join(lists), dtype=np.int64, sep=",")


def _listed(f: sa.ColumnCollection[str, Any]) -> list[sa.ColumnElement[str]]:
    """The columns, each as a text of all its numbers: half of the time went with an object for each number.

    Two ids make one number, see `columns.parted`. None needs more than 31 bits (a history of two billion texts would
    have outgrown much else) but a release's number, which is the lower one, and has 32.
    """
    origin, severity, outcome, how = (
        sa.case(words, value=word, else_=other)
        for words, word, other in (
            (ORIGIN, f.origin, ORIGIN["unknown"]), (SEVERITY, f.severity, SEVERITY["info"]), (OUTCOME, f.outcome, 0),
            ({word: number for number, word in enumerate(HOW)}, f.how, 0),
        )
    )  # fmt: skip
    told = (f.expected, f.source, f.observed, f.closed)
    expected, source, observed, closed = (sa.func.coalesce(one, 0) for one in told)
    marks = origin + severity + outcome + CLASS_STEP * how
    pairs = ((f.node_id, f.item_id), (expected, source), (observed, f.release), (f.opened, f.seen), (closed, marks))
    return [sa.func.aggregate_strings(sa.cast(high * HIGH + low, sa.Text), ",") for high, low in pairs]


def points(connection: sa.Connection, scope: Scope) -> list[PointRow]:
    """The whole sweeps of the period, oldest first."""
    s = t.sweeps.c
    query = sa.select(
        s.id, s.at, s.uid, s.targets_n, s["pass"], s.fail, s.error, s.uncovered, s.left_n,
        s.items_pass, s.items_fail, s.items_error, s.items_waived,
    ).where(s.id.between(scope.first, scope.last), s.whole).order_by(s.id)  # fmt: skip
    return [PointRow(*values) for values in map(tuple, connection.execute(query))]


def stays(connection: sa.Connection, scope: Scope, state: str) -> tuple[Column, Column]:
    """Of all nodes, the sweeps that began and that ended their being in a state, as far as it lasted in the period."""
    s = t.node_states.c
    query = sa.select(s.opened, sa.func.coalesce(s.closed, scope.last + 1)).where(
        s.state == state, s.opened <= scope.last, sa.or_(s.closed.is_(None), s.closed >= scope.first)
    )
    opened, closed = np.array([*map(tuple, connection.execute(query))], dtype=np.int64).reshape(-1, 2).T
    return opened, closed


def states_at(connection: sa.Connection, scope: Scope, sweep: int) -> list[State]:
    """Nodes that could not be judged, or not wholly, when a sweep was booked."""
    s = t.node_states.c
    unjudged = sa.select(s.node_id, s.state, s.opened).where(
        s.opened <= sweep, sa.or_(s.closed.is_(None), s.closed > sweep), *scope.within(s.node_id)
    )
    return [State(*row) for row in connection.execute(unjudged)]


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
