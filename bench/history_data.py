"""A history of weeks in seconds: the rows that booking the sweeps of a fleet would have left, written all at once.

`python -m bench.history_data FILE [--days 30] [--nodes 10000] …` leaves one behind.
"""

from __future__ import annotations

import argparse
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.history_fleet import BEGAN, SOURCE, STATES, Fleet, Open, Step
from inspector_coord.history import limits
from inspector_coord.history.model import Happening
from inspector_coord.history.releases import release_changes
from inspector_coord.history.store import History
from inspector_coord.history.tables import metadata
from inspector_coord.history.writing import digest_of_text, mark_of

COORDINATOR = "bench"
RELEASE_EVERY_S = 3 * 86_400.0


def make(
    path: Path, *, days: float = 30, nodes: int = 10_000, items: int = 500, every_s: float = 300,
    hourly: float = 0.001, seed: int = 1, release_every_s: float = RELEASE_EVERY_S,
) -> Fleet:  # fmt: skip
    """A history of so many days in a fresh SQLite file, and the fleet as its last sweep found it.

    every_s: between sweeps, which ask all nodes for all items. hourly: share of all findings that change in an hour.
    """
    fleet = Fleet(nodes, items, every_s=every_s, hourly=hourly, seed=seed)
    with History(path) as history:
        history.prepare()
    sweeps = max(1, round(days * 86_400 / every_s))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in ("PRAGMA synchronous = OFF", "PRAGMA cache_size = -200000", "BEGIN"):
            connection.execute(statement)
        bulk = _Bulk(connection, fleet)
        for step in fleet.steps(sweeps, max(2, round(release_every_s / every_s))):
            bulk.take(step)
        bulk.end()
        for statement in ("COMMIT", "PRAGMA wal_checkpoint(TRUNCATE)"):
            connection.execute(statement)
    return fleet


class _Bulk:
    """Turns steps into rows; an interval becomes one when it closes, or at the end."""

    def __init__(self, connection: sqlite3.Connection, fleet: Fleet) -> None:
        self._connection = connection
        self._fleet = fleet
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._texts: dict[str, int] = {}
        self._states: dict[int, int] = {}  # node -> row of its open state
        self._held: dict[int, dict[str, Any]] = {}
        self._count = 0

    def take(self, step: Step) -> None:
        """Write what one sweep brings."""
        sweep = step.sweep
        if sweep == 1:
            self._first()
        self._sweep(step)
        if step.release.number not in {row["number"] for row in self._rows.get("releases", ())}:
            self._release(step)
        self._nodes(step)
        for one, changed in step.turned:
            if changed and one.changes <= limits.observations_max:
                row = {"finding_id": one.number, "sweep_id": sweep, "text_id": self._text(one.observed)}
                self._add("observations", row, numbered=False)
        for one in step.closed:
            self._finding(one, sweep)
        if sweep % 100 == 0:
            self._flush("findings", "texts", "observations", "sweeps")

    def _nodes(self, step: Step) -> None:
        """States, releases and reboots."""
        sweep = step.sweep
        for node in step.back:
            self._rows["node_states"][self._states.pop(node)]["closed"] = sweep
        for node, state in step.lost:
            row = {"node_id": node + 1, "state": state, "opened": sweep, "closed": None}
            self._states[node] = self._add("node_states", row) - 1
        for node in step.judged_by:
            if node in self._held:
                self._held[node]["closed"] = sweep
            self._held[node] = {"node_id": node + 1, "release": step.release.number, "opened": sweep, "closed": None}
            self._add("node_releases", self._held[node])
        for node in step.rebooted:
            booted = float(round(self._fleet.booted[node]))
            told = Happening(min(step.at, booted), "reboot", ("main", self._fleet.names[node]), "")
            self._happening(told, node + 1)

    def end(self) -> None:
        """Write what still stands."""
        for one in self._fleet.open:
            self._finding(one, None)
        for row, booted in zip(self._rows["nodes"], self._fleet.booted, strict=True):
            row["booted"] = float(round(booted))
        self._flush(*self._rows)

    def _first(self) -> None:
        fleet = self._fleet
        for node, name in enumerate(fleet.names):
            told = {"first_sweep": 1, "judged": 1, "booted": 0.0, "clock_s": 0.0}
            self._add("nodes", {"ring": "main", "name": name} | told)
            self._add(
                "node_tags", {"node_id": node + 1, "text_id": self._text(fleet.tags[node]), "opened": 1, "closed": None}
            )
        for name in fleet.item_names:
            self._add("items", {"name": name})

    def _sweep(self, step: Step) -> None:
        sums = step.sums
        self._add(
            "sweeps",
            {
                "uid": step.sweep.to_bytes(8, "big"), "at": step.at, "started": step.at, "seconds": 2.0,
                "booked": BEGAN, "coordinator": COORDINATOR, "source": "hand", "whole": True, "targets": None,
                "patterns": None, "release": step.release.number, "release_digest": step.release.digest,
                "canary": None, "exit_code": 3 if self._fleet.away else 1, "interrupted": False,
                "targets_n": self._fleet.nodes, "left_n": 0, "items_na": 0, "items_waived": 0, "dropped_n": 0,
                **{state: sums[state] for state in STATES if state != "left"},
                **{word: sums[word] for word in ("items_pass", "items_fail", "items_error")},
            },
        )  # fmt: skip

    def _release(self, step: Step) -> None:
        release = step.release
        self._rows.setdefault("releases", []).append(
            {"number": release.number, "digest": release.digest, "first_sweep": step.sweep}
        )
        if step.sweep == 1:
            return
        items = {name: number for number, name in enumerate(self._fleet.item_names, start=1)}
        for one in release_changes(self._fleet.releases[release.number - 1], release):
            words = {"before": one.before, "after": one.after, "source": one.source}
            texts = {word: self._text(text) for word, text in words.items()}
            self._add("release_changes", {"number": release.number, "item_id": items[one.item], **texts})

    def _happening(self, told: Happening, node: int) -> None:
        row = {"at": told.at, "kind": told.kind, "node_id": node, "text_id": self._text(told.text), "who": told.who}
        self._add("happenings", {**row, "key": mark_of(told)})

    def _finding(self, one: Open, closed: int | None) -> None:
        self._add(
            "findings",
            {
                "id": one.number, "node_id": one.node + 1, "item_id": one.item + 1, "outcome": one.outcome,
                "origin": one.origin, "severity": "major", "release": one.release,
                "expected": self._text(one.expected), "source": self._text(SOURCE),
                "observed": self._text(one.observed), "first_observed": self._text(one.first), "changes": one.changes,
                "opened": one.opened, "seen": one.seen, "closed": closed, "how": None if closed is None else "pass",
            },
            numbered=False,
        )  # fmt: skip

    def _text(self, text: str | None) -> int | None:
        if not text:
            return None
        known = self._texts.get(text)
        if known is None:
            known = self._texts[text] = len(self._texts) + 1
            self._add("texts", {"id": known, "digest": digest_of_text(text), "text": text}, numbered=False)
        return known

    def _add(self, table: str, row: dict[str, Any], *, numbered: bool = True) -> int:
        """Keep a row for later; the number it gets in its table, if it gets one."""
        rows = self._rows.setdefault(table, [])
        rows.append(row)
        return len(rows) if numbered else 0

    def _flush(self, *names: str) -> None:
        for name in names:
            rows = self._rows.get(name, [])
            if rows:
                columns = list(rows[0])
                self._insert(f"history_{name}", columns, (tuple(row.values()) for row in rows))
                rows.clear()

    def _insert(self, table: str, columns: list[str], rows: Iterable[tuple[Any, ...]]) -> None:
        assert table in metadata.tables
        names = ", ".join(f'"{column}"' for column in columns)
        places = ", ".join("?" * len(columns))
        self._connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)  # noqa: S608 - our own


def main() -> None:
    """Make one as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    for name, default in (("days", 30.0), ("nodes", 10_000), ("items", 500), ("every-s", 300.0), ("hourly", 0.001)):
        parser.add_argument(f"--{name}", type=type(default), default=default)
    parser.add_argument("--seed", type=int, default=1)
    given = vars(parser.parse_args())
    make(given.pop("file"), **given)


if __name__ == "__main__":
    main()
