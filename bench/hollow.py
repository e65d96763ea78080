"""A real Serf entry with thousands of hollow members, swept by the real `inspector sweep`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.figures import Figure
from bench.fleet import BIN, Fleet

POLL_S = 0.2
GOGC = "400"  # of the entry
HEADERS_BYTES = 28  # IP and UDP
WRITTEN_S = 10.0  # the members' process writes its figures when nothing is on its way any more


class Swept:
    """What some sweeps of one ring gave."""

    def __init__(self, settled_s: float, members: int) -> None:
        self.settled_s = settled_s
        self.members = members
        self.reports: list[dict[str, Any]] = []
        self.unicast: list[float] = []
        self.gossip: list[float] = []
        self.lagging = 0

    @property
    def seconds(self) -> tuple[float, ...]:
        """First question sent to ledger closed."""
        return tuple(report["seconds"] for report in self.reports)

    @property
    def unaccounted(self) -> tuple[float, ...]:
        """Targets without exactly one state."""
        return tuple(
            float(abs(ledger["targets"] - sum(count for state, count in ledger.items() if state != "targets")))
            for ledger in (report["ledger"] for report in self.reports)
        )

    @property
    def note(self) -> str:
        """How the ledgers came out, and what was lost on this machine."""
        verdicts = min(report["ledger"]["pass"] + report["ledger"]["fail"] for report in self.reports)
        drops = max(report["dropped"]["socket"] + report["dropped"]["entry"] for report in self.reports)
        return (
            f"settled in {self.settled_s:.0f} s; verdicts of at least {verdicts:,} of {self.members:,} nodes in each "
            f"sweep; the entry dropped at most {drops:,} packets of a sweep, {self.lagging:,} answers of all left late"
        )


@contextmanager
def ring(members: int, *options: str) -> Iterator[tuple[Fleet, float]]:
    """A settled hollow ring, and how long that took."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        lab = str(BIN / "inspector-lab")
        command = [lab, "hollow", "--members", str(members), "--dir", directory, *options]
        began = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield Fleet(Path(directory)), time.monotonic() - began
        finally:
            subprocess.run([lab, "down", "--dir", directory], check=True, stdout=subprocess.DEVNULL)


def swept(runs: int, members: int, *options: str) -> Swept:
    """`runs` sweeps of one ring, after one that is not counted: it fetches the release, and warms caches."""
    with ring(members, *options) as (fleet, settled_s):
        result = Swept(settled_s, members)
        before = counted(fleet, answers=0)
        for run in range(runs + 1):
            report, _ = fleet.sweep()
            after = counted(fleet, answers=before.get("answers", 0) + members // 2)
            if run:
                result.reports.append(report)
                result.lagging += after["lagging"] - before["lagging"]
                packets, octets = (after[key] - before[key] for key in ("unicast_packets", "unicast_bytes"))
                result.unicast.append((octets + HEADERS_BYTES * packets) / members)
                result.gossip.append(after["gossip_bytes"] - before["gossip_bytes"])
            before = after
    return result


def counted(fleet: Fleet, *, answers: int) -> dict[str, int]:
    """What the members' process has counted, once it has written of so many answers and counts no more."""
    last: dict[str, int] = {}
    deadline = time.monotonic() + WRITTEN_S
    while time.monotonic() < deadline:
        found: dict[str, int] = json.loads((fleet.directory / "hollow.json").read_bytes())["counted"]
        if found.get("answers", 0) >= answers and found.get("answers") == last.get("answers"):
            return found
        last = found
        time.sleep(POLL_S)
    return last


def measure(*, runs: int, members: int = 10_000) -> list[Figure]:
    """Calm, at 5 % loss, and with encrypted gossip."""
    calm = swept(runs, members)
    lossy = swept(runs, members, "--loss", "0.05")
    sealed = swept(max(2, runs // 2), members, "--encrypt")
    nodes = f"{members:,} hollow members"
    everything = calm.unaccounted + lossy.unaccounted + sealed.unaccounted
    gossip = "bytes the entry gossips for one sweep; every member of a real ring sends as much"
    return [
        Figure("hollow_10000_s", f"{nodes}, complete ledger", "s", calm.seconds, 2, note=calm.note),
        Figure("hollow_10000_loss5_s", "  the same, 5 % of all packets lost", "s", lossy.seconds, 4, note=lossy.note),
        Figure("hollow_10000_encrypted_s", "  the same, encrypted gossip", "s", sealed.seconds, note=sealed.note),
        Figure("hollow_unaccounted", "  nodes without exactly one state", "nodes", everything, 0),
        Figure("hollow_unicast_bytes", "  unicast a node and sweep", "bytes", tuple(calm.unicast), 1_200),
        Figure("hollow_unicast_loss5_bytes", "  at 5 % loss, relayed copies counted", "bytes", tuple(lossy.unicast)),
        Figure("hollow_gossip_bytes", "  gossip a node and sweep", "bytes", tuple(calm.gossip), note=gossip),
        Figure(
            "hollow_settled_s", "  until the entry is heard", "s", (calm.settled_s, lossy.settled_s, sealed.settled_s)
        ),
    ]


def measure_big(*, runs: int, members: int = 50_000) -> list[Figure]:
    """Many members on one entry, plain and encrypted."""
    calm = swept(runs, members, "--gogc", GOGC)
    sealed = swept(max(2, runs // 2), members, "--gogc", GOGC, "--encrypt")
    nodes = f"{members:,} hollow members on one entry with GOGC={GOGC}"
    return [
        Figure("hollow_50000_s", f"{nodes}, complete ledger", "s", calm.seconds, 5, note=calm.note),
        Figure("hollow_50000_encrypted_s", "  the same, encrypted gossip", "s", sealed.seconds, note=sealed.note),
        Figure("hollow_50000_unaccounted", "  nodes without exactly one state", "nodes", calm.unaccounted, 0),
        Figure("hollow_50000_unicast_bytes", "  unicast a node and sweep", "bytes", tuple(calm.unicast), 1_200),
        Figure("hollow_50000_settled_s", "  until the entry is heard", "s", (calm.settled_s, sealed.settled_s)),
    ]


if __name__ == "__main__":
    count = int(sys.argv[sys.argv.index("--members") + 1]) if "--members" in sys.argv else 10_000
    for figure in measure(runs=5, members=count) if count <= 10_000 else measure_big(runs=5, members=count):
        print(figure.key, figure.title, [round(value, 3) for value in figure.values], figure.unit, figure.note)
