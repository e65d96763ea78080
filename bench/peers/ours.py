"""Our own side: `inspector sweep`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bench.fleet import BIN, Fleet
from bench.peers.usage import Looked, Sides, run


@dataclass(frozen=True)
class Ours:
    """Sweeps of a practice fleet. sides: Serf and agent of every node."""

    fleet: Fleet
    sides: Sides

    def look(self) -> Looked:
        """One sweep, whole process."""
        command = [str(BIN / "inspector"), "--config", str(self.fleet.config), "sweep", "--no-escalate", "--json"]
        return run(command, self.sides, timeout_s=120)


def report(looked: Looked) -> dict[str, Any]:
    """The report that a sweep printed."""
    if looked.exit not in {0, 1, 3} or not looked.out:
        raise SystemExit(f"inspector sweep ended with {looked.exit}:\n{looked.err}")
    document: dict[str, Any] = json.loads(looked.out)
    return document


def words(looked: Looked) -> dict[str, str]:
    """Node -> its state; "" where it passes."""
    return {node["name"]: "" if node["state"] == "pass" else node["state"] for node in report(looked)["nodes"]}
