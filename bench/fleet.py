"""A practice fleet for the length of one benchmark, and the commands of the project run against it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent
SETTLING_SWEEPS = 10
"""Sweeps until everybody has fetched a release: on an idle machine one is enough."""


@dataclass(frozen=True)
class Fleet:
    """A running lab: its folder and what the commands need."""

    directory: Path

    @property
    def config(self) -> Path:
        """The coordinator's configuration."""
        return self.directory / "coordinator.yml"

    @property
    def state(self) -> dict[str, Any]:
        """What runs: node -> processes and their ids, as `inspector-lab status` tells it."""
        command = [str(BIN / "inspector-lab"), "status", "--dir", str(self.directory), "--json"]
        document: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        return document

    def sweep(self, *arguments: str) -> tuple[dict[str, Any], float]:
        """One `inspector sweep --json`: its report and the wall seconds of the whole process."""
        command = [str(BIN / "inspector"), "--config", str(self.config), "sweep", "--no-escalate", "--json", *arguments]
        began = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        wall_s = time.monotonic() - began
        if done.returncode not in {0, 1, 3}:
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
        report: dict[str, Any] = json.loads(done.stdout)
        return report, wall_s

    def settled(self, *arguments: str) -> list[dict[str, Any]]:
        """Sweep until every node has given a verdict on the release in force; its nodes as the report has them."""
        for _ in range(SETTLING_SWEEPS):
            report, _wall_s = self.sweep(*arguments)
            verdicts = report["ledger"]["pass"] + report["ledger"]["fail"]
            if verdicts == report["ledger"]["targets"]:
                nodes: list[dict[str, Any]] = report["nodes"]
                return nodes
        raise SystemExit(f"after {SETTLING_SWEEPS} sweeps not every node gives a verdict: {report['ledger']}")


@contextmanager
def fleet(nodes: int, *, encrypt: bool = False, drift: float = 0.0) -> Iterator[Fleet]:
    """Bring a fleet of `nodes` up, its gossip encrypted on request, and take it down whatever happens.

    `drift`: the share of possible drifts that it starts with.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        lab = str(BIN / "inspector-lab")
        command = [lab, "up", "--nodes", str(nodes), "--dir", directory, "--drift", str(drift)]
        command += ["--encrypt"] * encrypt
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        try:
            yield Fleet(Path(directory))
        finally:
            subprocess.run([lab, "down", "--dir", directory], check=True, stdout=subprocess.DEVNULL)
