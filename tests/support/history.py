"""Reports of sweeps for the tests of the history, and what stands in a database of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from config_center.release import Release
from inspector_coord.history.booking import Told, book
from inspector_coord.history.reading import read
from inspector_coord.history.standing import confirmed_by_whole
from inspector_coord.history.store import History
from inspector_coord.history.tables import findings, items, node_states, nodes, texts
from tests.support.reports import STATES, Report

MINUTE = 60.0
IN_MEMORY = "/dev/shm"  # hundreds of commits, and none has to survive
BEGAN = 1_770_000_000.0

_SWEEPS = count(1)


def wrong(item: str, observed: str = "60", **fields: Any) -> Report:
    """A finding that fails."""
    known = {"item": item, "outcome": "fail", "expected": "at_most 10", "observed": observed, "severity": "major"}
    return known | {"source": "layers/20-zone-b.yml:7", "message": ""} | fields


def judged(name: str, *found: Report, ring: str = "main", **fields: Any) -> Report:
    """A node with a verdict on 100 items."""
    outcomes = [one["outcome"] for one in found]
    counts = {word: outcomes.count(word) for word in ("fail", "error", "waived")}
    state = "fail" if counts["fail"] else "error" if counts["error"] else "pass"
    return {
        "name": name,
        "ring": ring,
        "tags": {"rack": "b1"},
        "state": state,
        "findings": list(found),
        "evidence": "",
        "counts": {"pass": 100 - len(outcomes), "na": 0, **counts},
        "clock_offset_s": 0.0,
        "vitals": {},
    } | fields


def lost(name: str, state: str, ring: str = "main") -> Report:
    """A node without a verdict."""
    return {"name": name, "ring": ring, "tags": {"rack": "b1"}, "state": state, "findings": [], "evidence": "who knows"}


def swept(nodes: Iterable[Report], *, minute: float = 0, number: int = 1, **fields: Any) -> Report:
    """A report of a sweep."""
    listed = list(nodes)
    started = datetime.fromtimestamp(BEGAN + minute * MINUTE, UTC).isoformat()
    ledger = {"targets": len(listed)} | {state: sum(one["state"] == state for one in listed) for state in STATES}
    return {
        "schema": "inspector.sweep/1",
        "sweep": f"{next(_SWEEPS):016x}",
        "started": started,
        "seconds": 1.9,
        "release": {"number": number, "digest": f"{number:02x}" * 32},
        "ledger": ledger,
        "nodes": listed,
        "dropped": {},
        "interrupted": False,
        "rings": [{"name": "main", "error": ""}],
        "exit_code": 0,
    } | fields


def open_history(folder: Path) -> History:
    """A history in a fresh file."""
    history = History(folder / "history.db")
    history.prepare()
    return history


def booked(
    history: History, report: Report, *releases: Release, facts: Mapping[str, Mapping[str, str]] | None = None
) -> int:
    """Book a report; the id of its sweep."""
    number = book(history, read(report, facts), Told(BEGAN, "test"), {one.number: one for one in releases})
    assert number is not None
    return number


def intervals(history: History) -> list[dict[str, Any]]:
    """All intervals, oldest first; `confirmed`: the sweep that confirmed each last, as tables.py tells."""
    query = (
        sa.select(findings, nodes.c.name.label("node"), items.c.name.label("item"))
        .join(nodes, nodes.c.id == findings.c.node_id)
        .join(items, items.c.id == findings.c.item_id)
        .order_by(findings.c.id)
    )
    with history.reading() as connection:
        whole, unjudged = confirmed_by_whole(connection)
        rows = [dict(row) for row in connection.execute(query).mappings()]
    for row in rows:
        by_itself = row["closed"] is None and row["node_id"] not in unjudged
        row["confirmed"] = max(row["seen"], whole) if by_itself else row["seen"]
    return rows


def told_in(history: History, ids: Iterable[int | None]) -> dict[int | None, str]:
    """Texts by their id."""
    query = sa.select(texts.c.id, texts.c.text).where(texts.c.id.in_([one for one in ids if one is not None]))
    with history.reading() as connection:
        return {None: "", **{row.id: row.text for row in connection.execute(query)}}


def states(history: History) -> list[tuple[str, str, int, int | None]]:
    """(node, state, opened, closed) of all state intervals."""
    of = node_states.c
    query = sa.select(nodes.c.name, of.state, of.opened, of.closed).join(nodes, nodes.c.id == of.node_id)
    with history.reading() as connection:
        return [
            (name, state, opened, closed)
            for name, state, opened, closed in connection.execute(query.order_by(node_states.c.id))
        ]


def rows(history: History, table: sa.Table) -> list[dict[str, Any]]:
    """All rows of a table."""
    with history.reading() as connection:
        return [dict(row) for row in connection.execute(sa.select(table)).mappings()]
