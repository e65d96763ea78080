"""Shell: all that happened, read from the history: its happenings, states of nodes, and releases.

Bounded: of very many happenings the newest are read, and the report says so.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from inspector_coord.drift import limits
from inspector_coord.drift.attributing import Event
from inspector_coord.drift.scope import Scope
from inspector_coord.history import tables as t

__all__ = ["happenings", "releases", "states"]


def happenings(connection: sa.Connection, scope: Scope, begin: float) -> tuple[list[Event], bool]:
    """(what happened from `begin` to the end of the period; whether there was more than is read)."""
    h = t.happenings.c
    asked = () if scope.everybody else (sa.or_(h.node_id.is_(None), *scope.within(h.node_id)),)
    query = (
        sa.select(h.kind, h.at, t.texts.c.text, h.node_id, h.who)
        .select_from(t.happenings.outerjoin(t.texts, t.texts.c.id == h.text_id))
        .where(h.at.between(begin, scope.period.until), *asked)
        .order_by(h.at.desc())
        .limit(limits.happenings_read_max + 1)
    )
    rows = connection.execute(query).all()
    read = rows[: limits.happenings_read_max]
    return [Event(kind, at, text or "", node, who) for kind, at, text, node, who in read], len(rows) > len(read)


def states(connection: sa.Connection, scope: Scope, begin: float) -> tuple[list[Event], bool]:
    """Nodes that were down, silent and so on, at some time from `begin` on: who comes back may bring something old.

    And whether there were more than are read.
    """
    s = t.node_states
    began, ended = t.sweeps.alias("began"), t.sweeps.alias("ended")
    query = (
        sa.select(s.c.state, began.c.at, ended.c.at, s.c.node_id)
        .select_from(s.join(began, began.c.id == s.c.opened).outerjoin(ended, ended.c.id == s.c.closed))
        .where(
            began.c.at <= scope.period.until, sa.or_(ended.c.at.is_(None), ended.c.at >= begin), s.c.state != "partial"
        )
        .where(*scope.within(s.c.node_id))
        .order_by(s.c.id.desc())
        .limit(limits.happenings_read_max + 1)
    )
    rows = connection.execute(query).all()
    read = rows[: limits.happenings_read_max]
    return [Event(state, at, "", node, ended=over) for state, at, over, node in read], len(rows) > len(read)


def releases(connection: sa.Connection, scope: Scope, items: Iterable[int]) -> list[Event]:
    """Releases up to the end of the period, by the first sweep that asked for them; and what they changed of items."""
    r, c = t.releases.c, t.release_changes.c
    old, new, line = t.texts.alias("old"), t.texts.alias("new"), t.texts.alias("line")
    seen = sa.select(r.number, t.sweeps.c.at).join(t.sweeps, t.sweeps.c.id == r.first_sweep)
    at = dict(connection.execute(seen.where(r.first_sweep <= scope.last)).all())
    changes = (
        sa.select(c.number, c.item_id, old.c.text, new.c.text, line.c.text)
        .select_from(
            t.release_changes.outerjoin(old, old.c.id == c.before)
            .outerjoin(new, new.c.id == c.after)
            .outerjoin(line, line.c.id == c.source)
        )
        .where(c.item_id.in_(sorted(set(items))), c.number.in_(sorted(at)))
        .order_by(c.id)
    )
    told = [
        Event("release", at[number], _change(number, before, after), source=source or "", item=item)
        for number, item, before, after, source in connection.execute(changes)
    ]
    # The first one that was booked is not new: the history is.
    later = sorted(at.items(), key=lambda one: one[1])[1:]
    return told + [Event("release", moment, f"release {number}") for number, moment in later]


def _change(number: int, before: str | None, after: str | None) -> str:
    if before is None:
        return f"release {number}: new, {after}"
    return f"release {number}: {before} -> {after}" if after is not None else f"release {number}: no more asked for"
