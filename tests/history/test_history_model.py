"""Any sequence of sweeps against a naive model that keeps every (node, item) of every sweep: the same story, always."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inspector_coord.history.store import History
from tests.support.history import IN_MEMORY, booked, intervals, judged, lost, states, swept, told_in, wrong
from tests.support.reports import Report

NODES = ("n1", "n2", "n3")
ITEMS = ("a:x", "a:y", "b:z")
OK = "ok"

Cell = tuple[str, str]  # outcome, observed


class Look(NamedTuple):
    """What one sweep hears of one node. state: "" judged, "partial" judged in part, None: it is not listed."""

    state: str | None
    wrong: dict[str, Cell]


class Asked(NamedTuple):
    """A sweep: of which nodes and items (None: all), whether it was interrupted, and what it hears."""

    nodes: tuple[str, ...] | None
    items: str | None
    interrupted: bool
    looks: dict[str, Look]


cells = st.tuples(st.sampled_from(["fail", "error"]), st.sampled_from(["1", "2"]))
looks = st.builds(
    Look,
    st.sampled_from(["", "", "", "", "partial", "down", "silent", "stale", None]),
    st.dictionaries(st.sampled_from(ITEMS), cells, max_size=3),
)
sweeps = st.builds(
    Asked,
    st.sampled_from([None, None, None, ("n1",), ("n2", "n3")]),
    st.sampled_from([None, None, None, "a:*"]),
    st.sampled_from([False, False, False, True]),
    st.fixed_dictionaries(dict.fromkeys(NODES, looks)),
)


def is_asked(asked: Asked, item: str) -> bool:
    return asked.items is None or item.startswith("a:")


def report_of(asked: Asked, minute: int) -> Report:
    """The report of such a sweep."""
    entries = []
    for name, look in asked.looks.items():
        if look.state is None or (asked.nodes is not None and name not in asked.nodes):
            continue
        if look.state not in ("", "partial"):
            entries.append(lost(name, look.state))
            continue
        found = [wrong(item, seen, outcome=out) for item, (out, seen) in look.wrong.items() if is_asked(asked, item)]
        entry = judged(name, *found)
        if look.state == "partial":
            entry["counts"]["fail"] += 1
            entry["state"] = "fail"
        entries.append(entry)
    items = [asked.items] if asked.items else []
    return swept(entries, minute=minute, targets=list(asked.nodes or ()), items=items, interrupted=asked.interrupted)


class Naive:
    """Keeps everything."""

    def __init__(self) -> None:
        self.cells: list[dict[tuple[str, str], Cell | str]] = []
        self.states: dict[str, list[str]] = {name: [] for name in NODES}  # one a sweep, from the first that lists it

    def book(self, asked: Asked) -> None:
        """Keep what one sweep hears."""
        known: dict[tuple[str, str], Cell | str] = {}
        for name, look in asked.looks.items():
            listed = look.state is not None and (asked.nodes is None or name in asked.nodes)
            past = self.states[name]
            last = past[-1] if past else ""
            if not listed:
                gone = asked.nodes is None and not asked.interrupted and any(past_of != "?" for past_of in past)
                past.append("absent" if gone else last if past else "?")
                continue
            sure = look.state in ("", "partial")
            before = "" if last == "?" else last
            past.append(str(look.state) if sure or not asked.interrupted else before)
            for item in ITEMS if sure else ():
                if item in look.wrong and is_asked(asked, item):
                    known[name, item] = look.wrong[item]
                elif look.state == "" and is_asked(asked, item):
                    known[name, item] = OK
        self.cells.append(known)

    def intervals(self) -> list[dict[str, Any]]:
        """Every interval, from all that was ever seen."""
        found = []
        for name in NODES:
            for item in ITEMS:
                current: dict[str, Any] | None = None
                for sweep, known in enumerate(self.cells, start=1):
                    cell = known.get((name, item))
                    if cell is None:
                        continue
                    if cell == OK:
                        if current is not None:
                            current["closed"] = sweep
                        current = None
                        continue
                    if current is None:
                        current = {
                            "node": name,
                            "item": item,
                            "opened": sweep,
                            "closed": None,
                            "changes": 0,
                            "cell": cell,
                        }
                        found.append(current)
                    current["changes"] += cell != current["cell"]
                    current |= {"confirmed": sweep, "cell": cell}
        return found

    def state_intervals(self) -> list[tuple[str, str, int, int | None]]:
        """Every state but "judged", from the sequence of states."""
        found: list[tuple[str, str, int, int | None]] = []
        for name, past in self.states.items():
            before = ""
            for sweep, state in enumerate(past, start=1):
                now = "" if state == "?" else state
                if now != before:
                    if before:
                        found[-1] = (*found[-1][:3], sweep)
                    if now:
                        found.append((name, now, sweep, None))
                before = now
        return found


def story(history: History) -> list[dict[str, Any]]:
    """The intervals in the naive model's words."""
    rows = intervals(history)
    values = told_in(history, (row["observed"] for row in rows))
    return [
        {word: row[word] for word in ("node", "item", "opened", "closed", "changes", "confirmed")}
        | {"cell": (row["outcome"], values[row["observed"]])}
        for row in rows
    ]


def by_place(row: dict[str, Any]) -> tuple[str, str, int]:
    return row["node"], row["item"], row["opened"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(sweeps, min_size=1, max_size=9))
def test_the_intervals_tell_what_was_seen(template: Path, sequence: list[Asked]) -> None:
    """After each sweep: every interval with its opening, last confirmation, end, value; every state of every node."""
    naive = Naive()
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
        history = History(Path(shutil.copy(template, folder)))
        for minute, asked in enumerate(sequence):
            booked(history, report_of(asked, minute))
            naive.book(asked)
            assert sorted(story(history), key=by_place) == sorted(naive.intervals(), key=by_place)
            assert sorted(states(history)) == sorted(naive.state_intervals())
