"""Shell: which sweeps, nodes and items a report is about, found once and held as small temporary tables.

Sweeps are asked for by id, as the intervals are: `first` and `last` are those of the period. Everything is read within
one transaction, so that a sweep that is booked meanwhile is not half in the report.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

import msgspec
import sqlalchemy as sa

from inspector_coord.drift.period import Period
from inspector_coord.errors import ItemError
from inspector_coord.fold import teller
from inspector_coord.groups import Groups
from inspector_coord.history import tables as t
from inspector_coord.plain import plain
from inspector_coord.targets import select

__all__ = [
    "Known",
    "Scope",
    "Wanted",
    "chosen_items",
    "find_scope",
    "make_temporary",
    "newest",
    "nodes_of",
    "pick",
]

_TEMPORARY: Final = ["TEMPORARY"]
_picked_nodes = sa.Table("drift_nodes", sa.MetaData(), sa.Column("id", t.Id, primary_key=True), prefixes=_TEMPORARY)
_picked_items = sa.Table("drift_items", sa.MetaData(), sa.Column("id", t.Id, primary_key=True), prefixes=_TEMPORARY)


class Wanted(msgspec.Struct, frozen=True):
    """What was asked for: as in a sweep."""

    targets: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    items: tuple[str, ...] = ()


class Known(msgspec.Struct, frozen=True):
    """A node as targets are matched against it, with its newest tags by the end of the period."""

    id: int
    ring: str
    name: str
    tags: Mapping[str, str]
    judged: bool


class Scope(msgspec.Struct, frozen=True):
    """What a report is about.

    first, last   ids of the period's sweeps; first > last where there is none
    whole         id of the last whole sweep up to `last`, 0 where there is none
    nodes         by id; `everybody`, `everything`: no target, no pattern was given
    names         of all nodes by id, as people are told them: where rings share names as `ring:name`
    """

    period: Period
    first: int
    last: int
    whole: int
    nodes: Mapping[int, Known]
    names: Mapping[int, str]
    everybody: bool
    items: Mapping[int, str]
    everything: bool

    def within(
        self, node: sa.ColumnElement[int], item: sa.ColumnElement[int] | None = None
    ) -> list[sa.ColumnElement[bool]]:
        """Conditions that hold a query to the nodes and items asked for."""
        asked: list[sa.ColumnElement[bool]] = []
        if not self.everybody:
            asked.append(node.in_(sa.select(_picked_nodes.c.id)))
        if item is not None and not self.everything:
            asked.append(item.in_(sa.select(_picked_items.c.id)))
        return asked


def find_scope(
    connection: sa.Connection, period: Period, wanted: Wanted, groups: Groups, asked: Iterable[str] = ()
) -> Scope:
    """asked: items that may be named though they never failed. Raises TargetError and ItemError as a sweep does."""
    s = t.sweeps.c
    first = connection.scalar(sa.select(sa.func.min(s.id)).where(s.at >= period.since))
    last = connection.scalar(sa.select(sa.func.max(s.id)).where(s.at <= period.until)) or 0
    whole = connection.scalar(sa.select(sa.func.max(s.id)).where(s.id <= last, s.whole)) or 0
    everyone = nodes_of(connection, last)
    nodes = pick(everyone, wanted, groups)
    items = chosen_items(connection, wanted.items, asked)
    scope = Scope(
        period, last + 1 if first is None else first, last, whole, nodes, _names(everyone),
        not (wanted.targets or wanted.exclude), items, not wanted.items,
    )  # fmt: skip
    make_temporary(connection, _picked_nodes, () if scope.everybody else nodes)
    make_temporary(connection, _picked_items, () if scope.everything else items)
    return scope


def newest(connection: sa.Connection, now: float) -> float:
    """Now, or when the last sweep was where a clock ran ahead once: up to then no sweep is left out. Unix seconds."""
    return max(now, connection.scalar(sa.select(sa.func.max(t.sweeps.c.at))) or 0.0)


def make_temporary(connection: sa.Connection, table: sa.Table, ids: Iterable[int]) -> None:
    """Have a temporary table of ids, of this connection alone."""
    table.drop(connection, checkfirst=True)
    table.create(connection, checkfirst=False)
    rows = [{"id": one} for one in ids]
    if rows:
        connection.execute(table.insert(), rows)


def nodes_of(connection: sa.Connection, last: int) -> list[Known]:
    """All nodes that were known when sweep `last` was booked, by ring and name, with their tags of then."""
    n, g = t.nodes.c, t.node_tags.c
    standing = sa.select(g.node_id, g.text_id).where(g.opened <= last, sa.or_(g.closed.is_(None), g.closed > last))
    tags = dict(connection.execute(standing).all())
    texts = connection.execute(
        sa.select(t.texts.c.id, t.texts.c.text).where(t.texts.c.id.in_(standing.with_only_columns(g.text_id)))
    )
    read: dict[int | None, Mapping[str, str]] = {number: json.loads(text) for number, text in texts}
    known = connection.execute(
        sa.select(n.id, n.ring, n.name, n.judged).where(n.first_sweep <= last).order_by(n.ring, n.name)
    )
    return [
        Known(number, ring, name, read.get(tags.get(number), {}), judged is not None and judged <= last)
        for number, ring, name, judged in known
    ]


def pick(nodes: Sequence[Known], wanted: Wanted, groups: Groups) -> dict[int, Known]:
    """The nodes that targets mean, all without any. Raises TargetError."""
    if not nodes or not (wanted.targets or wanted.exclude):
        return {node.id: node for node in nodes}
    selection = select(nodes, wanted.targets, wanted.exclude, groups)
    return {nodes[index].id: nodes[index] for index in selection.chosen}


def chosen_items(connection: sa.Connection, patterns: Sequence[str], asked: Iterable[str] = ()) -> dict[int, str]:
    """The items that patterns mean, all without any. Raises ItemError for a pattern that matches none."""
    known = dict(connection.execute(sa.select(t.items.c.id, t.items.c.name)).all())
    names = sorted({*known.values(), *asked})
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            close = difflib.get_close_matches(pattern, names, 1, 0.5)
            advice = f"did you mean {plain(close[0])}?" if close else f"it knows {len(names)}"
            raise ItemError(f"no item of the history matches {plain(pattern)!r}: {advice}")
    if not patterns:
        return known
    return {number: name for number, name in known.items() if any(fnmatchcase(name, each) for each in patterns)}


def _names(nodes: Sequence[Known]) -> dict[int, str]:
    tell = teller((node.ring, node.name) for node in nodes)
    return {node.id: tell((node.ring, node.name)) for node in nodes}
