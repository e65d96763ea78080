"""A booking that dies at every step: `python -m tests.support.history_crash FOLDER`, one JSON line a point.

{"point": "…", "sweeps": 1 or 2, "whole": true}: what is found afterwards is as before the booking, or as after it.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from inspector_coord.history.store import History
from inspector_coord.history.tables import metadata
from tests.support.center_crash import (
    MACHINE_STEPS,
    broken_off,
    die_at_statement,
    die_in_machine,
    die_in_write,
    steps,
)
from tests.support.history import booked, judged, lost, open_history, swept, wrong
from tests.support.reports import Report

FIRST = swept(
    [judged("n1", wrong("a:x")), judged("n2", wrong("a:x")), judged("n3", vitals={"booted": 5})], sweep="0" * 16
)
SECOND = swept(
    [judged("n1"), lost("n2", "down"), judged("n3", wrong("b:y"), vitals={"booted": 5000}), judged("n4", wrong("a:x"))],
    minute=5,
    number=2,
    sweep="1" * 16,
)


def die_within(step: int, how: str) -> None:
    """Arm this process: as `die_in_machine`, by longer steps."""
    die_in_machine(20 * step, how)


def book_in(place: Path, report: Report) -> None:
    """Book a report in the history of this file."""
    with History(place) as history:
        booked(history, report)


def look(place: Path) -> dict[str, Any]:
    """How many rows each table has; and whether SQLite finds the file sound."""
    with closing(sqlite3.connect(place)) as plain:
        sound = plain.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        counts = {name: plain.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in metadata.tables}  # noqa: S608
        closed = plain.execute("SELECT count(*) FROM history_findings WHERE closed IS NOT NULL").fetchone()[0]
    return {"sound": sound, "closed": closed, **counts}


def main(folder: Path) -> None:
    """Break bookings off at every point, look, and book again."""
    origin = folder / "origin"
    with open_history(origin) as history:
        booked(history, FIRST)
    before = look(origin / "history.db")
    shutil.copytree(origin, folder / "whole")
    book_in(folder / "whole" / "history.db", SECOND)
    after = look(folder / "whole" / "history.db")
    for arm, how in (
        (die_at_statement, "before"), (die_at_statement, "after"), (die_within, f"of {20 * MACHINE_STEPS}"),
        (die_in_write, "head"), (die_in_write, "page"),
    ):  # fmt: skip
        for step, _, point in steps(arm, how):
            copy = folder / point.replace(" ", "-")
            shutil.copytree(origin, copy)
            place = copy / "history.db"
            died = broken_off(arm, step, how, lambda place=place: book_in(place, SECOND))  # type: ignore[misc]
            found = look(place)
            whole = found in (before, after)
            if arm is die_at_statement and found == before:
                book_in(place, SECOND)
                whole = look(place) == after
            name = point if died else f"to the end, {how}"
            print(json.dumps({"point": name, "sweeps": found["history_sweeps"], "whole": whole}))
            shutil.rmtree(copy)
            if not died:
                break


if __name__ == "__main__":
    main(Path(sys.argv[1]))
