"""The history that benchmarks and drift reports are measured by: as if its sweeps had been booked, one by one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bench.history_data import COORDINATOR, make
from bench.history_fleet import BEGAN, Fleet
from inspector_coord.history.booking import Told, book
from inspector_coord.history.reading import read
from inspector_coord.history.store import History
from inspector_coord.history.tables import metadata
from tests.support.history import open_history

# Columns that name other rows, and what they name by: ids differ, what they stand for must not.
NAMED = {
    "node_id": "nodes", "item_id": "items", "text_id": "texts", "expected": "texts", "observed": "texts",
    "first_observed": "texts", "before": "texts", "after": "texts", "source": "texts", "finding_id": "findings",
    "targets": "texts", "patterns": "texts",
}  # fmt: skip
WORDS = {
    "nodes": ("ring", "name"),
    "items": ("name",),
    "texts": ("text",),
    "findings": ("node_id", "item_id", "opened"),
}


def everything(history: History) -> dict[str, Counter[tuple[Any, ...]]]:
    """All rows of all tables, without ids of their own."""
    with history.reading() as connection:
        tables = {
            name: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
            for name, table in metadata.tables.items()
        }
    names = {
        short: {row["id"]: tuple(row[word] for word in words) for row in tables[f"history_{short}"]}
        for short, words in WORDS.items()
    }
    items = names["items"]
    names["findings"] = {number: (node, items[item], at) for number, (node, item, at) in names["findings"].items()}

    def said(table: str, column: str, value: Any) -> Any:
        if column == "source" and table == "history_sweeps":
            return value
        return names[NAMED[column]].get(value) if column in NAMED else value

    return {
        table: Counter(
            tuple(said(table, column, value) for column, value in row.items() if column != "id") for row in rows
        )
        for table, rows in tables.items()
    }


def test_it_is_what_booking_would_have_left(tmp_path: Path) -> None:
    """Every row of every table, after 60 sweeps with deaths, reboots, releases and thousands of changes."""
    drawn: dict[str, Any] = {"every_s": 3600, "hourly": 0.01, "seed": 7}
    make(tmp_path / "made.db", days=2.5, nodes=120, items=30, release_every_s=10 * 3600, **drawn)
    fleet = Fleet(120, 30, **drawn)
    with open_history(tmp_path) as history, History(tmp_path / "made.db") as made:
        for step in fleet.steps(60, 10):
            assert step.sweep
            book(history, read(fleet.report()), Told(BEGAN, COORDINATOR), fleet.releases)
        wanted, found = everything(history), everything(made)
        assert [table for table, rows in found.items() if not rows] == ["history_node_facts"]
        for table, rows in wanted.items():
            assert found[table] - rows == rows - found[table] == Counter(), table
