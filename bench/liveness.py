"""`inspector watch` on a hollow ring whose members fail, leave and come back: what it costs, and whether it misses any.

What the watcher believes is read from the events that it prints. When the churn has ended and the ring's own list is
true again, every node has to be in the events as it is in that list.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trio

from bench.agent_size import cpu_s, total_mb
from bench.figures import Figure
from bench.fleet import BIN, Fleet
from bench.hollow import ring
from inspector_agent.ring import connect
from inspector_coord.config import load
from inspector_lab.layout import Layout

SAMPLE_S = 2.0
WARM_S = 20.0  # the list is read, the first roll call is over
RING_TRUE_S = 240.0  # Serf's longest suspicion in a ring of 10,000 is 96 s
TOLD_S = 300.0  # and the watcher's longest wait for another look is a minute
UNCERTAIN = "flapping"  # says nothing about how the node is just now


class Told:
    """What the events of a watch say about each node. `kinds`: how many incidents of each kind were opened."""

    def __init__(self) -> None:
        self.lines = 0
        self.kinds: Counter[str] = Counter()
        self._open: dict[int, tuple[str, frozenset[str]]] = {}
        self._back: dict[int, frozenset[str]] = {}
        self._left: set[str] = set()  # whose last word is that they have left

    def read(self, event: Mapping[str, Any]) -> None:
        """Take one event."""
        self.lines += 1
        kind, nodes, number = event["kind"], frozenset(event["nodes"]), event["incident"]
        self.kinds[kind] += event["action"] == "opened"
        back = frozenset(event["back"])
        self._left -= back - self._back.get(number, frozenset())  # told again in each event of the incident
        self._back[number] = back
        if kind == "left":
            self._left |= nodes
        else:
            self._left -= nodes
        if event["action"] == "closed":
            self._open.pop(number, None)
        else:
            self._open[number] = kind, nodes

    def differs(self, listed: Mapping[str, str]) -> set[str]:
        """Nodes of which the events say another thing than Serf's list does: name to alive, failed or left."""
        uncertain: set[str] = set()
        gone: set[str] = set()
        for kind, nodes in self._open.values():
            if kind == UNCERTAIN:
                uncertain |= nodes
            elif kind != "left":
                gone |= nodes
        wrong = {name for name, status in listed.items() if (name in gone) != (status == "failed")}
        return (wrong | {name for name, status in listed.items() if status == "left"} - self._left) - uncertain


class Watch:
    """A running `inspector watch --json`."""

    def __init__(self, process: subprocess.Popen[bytes], lines: Path) -> None:
        self.process = process
        self.told = Told()
        self._lines = lines
        self._at = 0

    def read(self) -> None:
        """Take what it has printed since the last time, as far as lines are whole."""
        if self.process.poll() is not None:
            raise SystemExit(f"inspector watch has ended with {self.process.returncode}")
        with self._lines.open("rb") as file:
            file.seek(self._at)
            for line in file:
                if line.endswith(b"\n"):
                    self._at += len(line)
                    self.told.read(json.loads(line))


@contextmanager
def watching(fleet: Fleet) -> Iterator[Watch]:
    """The real command, for the length of a block."""
    lines = fleet.directory / "watched.jsonl"
    command = [str(BIN / "inspector"), "--config", str(fleet.config), "watch", "--json", "--no-store"]
    with lines.open("wb") as out, subprocess.Popen(command, stdout=out) as process:
        try:
            yield Watch(process, lines)
        finally:
            process.terminate()


def churn(fleet: Fleet, percent: float) -> None:
    """So many members go in a minute from now on."""
    subprocess.run([str(BIN / "inspector-lab"), "churn", f"{percent:g}", "--dir", str(fleet.directory)], check=True)


def listed(fleet: Fleet) -> dict[str, str]:
    """Serf's own list, from the entry: name to status."""
    main = load(fleet.config).rings["main"]

    async def read() -> dict[str, str]:
        async with connect(main.entries[0], auth_key=main.auth_key()) as client:
            return {member.name: member.status for member in await client.members()}

    return trio.run(read)


def truth(fleet: Fleet) -> dict[str, Any]:
    """Who is there and who is not, as the members' process has it."""
    document: dict[str, Any] = json.loads(Layout(fleet.directory).hollow.read_bytes())
    return {**document["truth"], "lagging": document["counted"].get("lagging", 0)}


def untrue(fleet: Fleet) -> tuple[dict[str, str], set[str]]:
    """(the ring's list, the nodes in it whose status is not the truth)."""
    known, found = truth(fleet), listed(fleet)
    true = dict.fromkeys(known["failed"], "failed") | dict.fromkeys(known["left"], "left")
    return found, {name for name, status in found.items() if status != true.get(name, "alive")}


def measure(*, members: int = 10_000, percent: float = 1.0, minutes: float = 10.0) -> list[Figure]:
    """`minutes` of churn, then stillness until ring and watcher have had time to know all."""
    with ring(members) as (fleet, _), watching(fleet) as watch:
        time.sleep(WARM_S)
        watch.read()
        pid, began, cpu_before = watch.process.pid, time.monotonic(), cpu_s(watch.process.pid)
        churn(fleet, percent)
        memory, shares, last = [], [], (began, cpu_before)
        while time.monotonic() < began + 60 * minutes:
            time.sleep(SAMPLE_S)
            watch.read()
            memory.append(total_mb(pid))
            if time.monotonic() >= last[0] + min(60.0, 30 * minutes):
                now = time.monotonic(), cpu_s(pid)
                shares.append(100 * (now[1] - last[1]) / (now[0] - last[0]))
                last = now
        churn(fleet, 0)
        found, wrong = settled(fleet)
        lost = caught_up(watch, found)
        known = truth(fleet)
    went = known["to_failed"] + known["to_left"]
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(watch.told.kinds.items()))
    what = f"{members:,} hollow members, {percent:g} % a minute go and come back, {minutes:g} min"
    transitions = (
        f"{known['to_failed']:,} failed, {known['to_left']:,} left, {known['to_alive']:,} came back; at the end "
        f"{len(known['failed']):,} were failed and {len(known['left']):,} had left"
    )
    names = " ".join(sorted(lost)[:8])
    told = f"opened: {kinds}; {known['lagging']:,} answers of members left late: a busy machine"
    return [
        Figure("watch_churn_mb", f"{what}: inspector watch, PSS, most", "MB", (max(memory),), 150),
        Figure("watch_churn_percent", "  its processor time, minute by minute", "% of a core", tuple(shares), 20),
        Figure(
            "watch_churn_lost", "  nodes that its events have wrong at the end", "nodes", (len(lost),), 0, note=names
        ),
        Figure("watch_churn_went", "  members that went", "members", (went,), note=transitions),
        Figure("watch_churn_events", "  events told", "lines", (watch.told.lines,), note=told),
        Figure("watch_churn_serf", "  nodes that the ring's own list has wrong at the end", "nodes", (len(wrong),)),
    ]


def settled(fleet: Fleet) -> tuple[dict[str, str], set[str]]:
    """The ring's list once it is true, or is given up: see `untrue`."""
    deadline = time.monotonic() + RING_TRUE_S
    while True:
        found, wrong = untrue(fleet)
        if not wrong or time.monotonic() > deadline:
            return found, wrong
        time.sleep(SAMPLE_S)


def caught_up(watch: Watch, found: Mapping[str, str]) -> set[str]:
    """Nodes that the watch has wrong; it has some time to get them right."""
    deadline = time.monotonic() + TOLD_S
    while True:
        watch.read()
        lost = watch.told.differs(found)
        if not lost or time.monotonic() > deadline:
            return lost
        time.sleep(SAMPLE_S)


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    for figure in measure(members=count, minutes=float(sys.argv[2]) if len(sys.argv) > 2 else 10.0):
        print(figure.key, figure.title, [round(value, 2) for value in figure.values], figure.unit, figure.note)
