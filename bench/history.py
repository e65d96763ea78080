"""What a month of history costs: its size, one more sweep booked in it, one node's history, and the report of a week.

The history is made by bench.history_data: 30 days of a fleet of 10,000 nodes and 500 items, a sweep every 5 minutes,
0.1 % of all five million findings changing in an hour. The sweep that is booked changes as many as one of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from bench.figures import Figure
from bench.history_data import make
from bench.history_fleet import BEGAN
from bench.memory import peak_mb
from inspector_coord.history.asking import about
from inspector_coord.history.booking import Told, book
from inspector_coord.history.reading import read
from inspector_coord.history.store import History

DAYS, NODES, ITEMS, EVERY_S, HOURLY = 30, 10_000, 500, 300.0, 0.001
ROWS = 200  # intervals of a node that `inspector history` shows


class Booked(msgspec.Struct):
    """What a process found that booked sweeps. peak_mb: its resident memory, the reports' included."""

    seconds: list[float]
    peak_mb: float


def following(report: dict[str, Any], number: int, every_s: float, changes: int) -> dict[str, Any]:
    """A sweep after that of a report, in which so many findings open, and as many close."""
    nodes = [dict(node) for node in report["nodes"]]
    judged = [node for node in nodes if node["state"] in ("pass", "fail")]
    half = max(1, changes // 2)
    closing = [node for node in judged if node["findings"]][number::7][:half]
    opening = [node for node in judged if not node["findings"]][number::7][:half]
    for node in closing:
        gone = node["findings"][0]["outcome"]
        node["findings"] = node["findings"][1:]
        node["counts"] = node["counts"] | {gone: node["counts"][gone] - 1, "pass": node["counts"]["pass"] + 1}
        counts = node["counts"]
        node["state"] = "fail" if counts["fail"] else "error" if counts["error"] else "pass"
    for node in opening:
        told = {"outcome": "fail", "expected": "at_most 10", "observed": f"value {number}", "severity": "major"}
        node["findings"] = [{"item": f"sysctl:net.item{number % 100:03d}", "source": "layers/00-fleet.yml:7", **told}]
        node["counts"] = node["counts"] | {"pass": node["counts"]["pass"] - 1, "fail": 1}
        node["state"] = "fail"
    started = datetime.fromisoformat(report["started"]) + timedelta(seconds=number * every_s)
    return report | {"nodes": nodes, "sweep": f"{2**32 + number:016x}", "started": started.isoformat()}


def booked(place: Path, report: Path, runs: int, changes: int) -> Booked:
    """Sweeps booked in this process, one after the other."""
    last = msgspec.json.decode(report.read_bytes())
    seconds = []
    with History(place) as history:
        for number in range(1, runs + 1):
            told = following(last, number, EVERY_S, changes)
            began = time.perf_counter()
            book(history, read(told), Told(time.time(), "bench"), {})
            seconds.append(time.perf_counter() - began)
    return Booked(seconds, peak_mb(os.getpid()))


def node_ms(place: Path, names: list[str]) -> list[float]:
    """Milliseconds to read the history of each of these nodes, a connection of its own included."""
    taken = []
    with History(place) as history:
        for name in names:
            began = time.perf_counter()
            with history.reading() as connection:
                found = about(connection, name, ROWS)
            taken.append((time.perf_counter() - began) * 1000)
            assert found["intervals"]
    return taken


def report_s(place: Path, runs: int, days: float) -> list[float]:
    """Seconds of `inspector drift` over the last week of the history, as a whole process each."""
    config = place.with_name("coordinator.yml")
    rings = "rings: {main: {entries: ['127.0.0.1:1']}}\nconfig_center: http://127.0.0.1:1\n"
    config.write_text(f"{rings}history: {place}\ncache: {place.with_name('cache')}\n")
    until = datetime.fromtimestamp(BEGAN + days * 86_400, UTC)
    period = ["--since", (until - timedelta(days=min(7, days))).isoformat(), "--until", until.isoformat()]
    command = [sys.executable, "-m", "inspector_coord", "--config", str(config), "drift", *period, "--json"]
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        told = subprocess.run(command, check=False, capture_output=True)
        taken.append(time.perf_counter() - began)
        assert msgspec.json.decode(told.stdout)["groups"], told.stderr
    return taken


def measure(*, runs: int, days: float = DAYS, nodes: int = NODES) -> list[Figure]:
    """All figures."""
    changes = round(nodes * ITEMS * HOURLY * EVERY_S / 3600)
    with tempfile.TemporaryDirectory() as folder:
        place, last = Path(folder) / "history.db", Path(folder) / "report.json"
        fleet = make(place, days=days, nodes=nodes, items=ITEMS, every_s=EVERY_S, hourly=HOURLY)
        last.write_bytes(msgspec.json.encode(fleet.report()))
        size_gb = place.stat().st_size / 1e9
        names = fleet.names[:: max(1, nodes // 20)]
        del fleet
        child = [sys.executable, "-m", "bench.history", str(place), str(last), str(runs), str(changes)]
        found = msgspec.json.decode(subprocess.run(child, check=True, capture_output=True).stdout, type=Booked)
        milliseconds = node_ms(place, names)
        reports = report_s(place, runs, days)
    fleet_is = f"{days:g} days of {nodes:,} nodes and {ITEMS} items, a sweep every {EVERY_S / 60:g} minutes"
    drift = f"{HOURLY:.1%} of all findings changing in an hour"
    return [
        Figure("history_gb", "history: size of a month", "GB", (size_gb,), 2, note=f"SQLite; {fleet_is}, {drift}"),
        Figure(
            "history_book_s", "history: one sweep of 10,000 nodes booked", "s", tuple(found.seconds), 1,
            note=f"from the report to the commit, {changes} findings opening and closing",
        ),
        Figure(
            "history_book_mb", "history: memory of the process that books", "MB", (found.peak_mb,), 300,
            note="resident at its peak, two reports of 10,000 nodes included",
        ),
        Figure(
            "history_node_ms", "history: all that is known of one node", "ms", tuple(milliseconds), 50,
            note=f"some twenty nodes, at most {ROWS} intervals of each",
        ),
        Figure(
            "drift_report_s", "drift report of 7 days of it", "s", tuple(reports), 3,
            note="`inspector drift --json`, the whole command: some 370,000 deviations",
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    told = booked(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    sys.stdout.buffer.write(msgspec.json.encode(told))
