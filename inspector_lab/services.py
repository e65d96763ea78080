"""One program the keeper runs: what it is, how it is started, what became of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from inspector_lab import processes
from inspector_lab.layout import Layout

# Starts a program whose output goes to a file; raises OSError.
Spawn = Callable[[Sequence[str], Path], "subprocess.Popen[bytes]"]


@dataclass(frozen=True)
class ServiceSpec:
    """What to start: `node` is "" for what belongs to none; `at_s` counts from the keeper's start."""

    node: str
    name: str
    argv: list[str]
    log: str
    at_s: float


def save_services(layout: Layout, specs: list[ServiceSpec]) -> None:
    """Write what the keeper is to start."""
    layout.services.write_text(json.dumps([asdict(spec) for spec in specs], indent=1))


def load_services(layout: Layout, spawns: Mapping[str, Spawn]) -> list[Service]:
    """Read what to start; `spawns` has for a node how programs are started there, where that is not just here."""
    specs = [ServiceSpec(**entry) for entry in json.loads(layout.services.read_text())]
    return [Service(spec, spawns.get(spec.node, processes.spawn)) for spec in specs]


class Service:
    """A program and its process, if it runs. `exit` is None until it has ended once; negative is a signal."""

    def __init__(self, spec: ServiceSpec, spawn: Spawn) -> None:
        self.spec = spec
        self.at_s = spec.at_s  # when it is due, in seconds after the keeper's start
        self._spawn = spawn
        self.process: subprocess.Popen[bytes] | None = None
        self.exit: int | None = None

    @property
    def node(self) -> str:
        """Name of its node."""
        return self.spec.node

    @property
    def name(self) -> str:
        """serf, sshd, agent or center."""
        return self.spec.name

    @property
    def pid(self) -> int | None:
        """Process id while it runs (or has ended unseen)."""
        return None if self.process is None else self.process.pid

    def postpone(self, at_s: float) -> None:
        """Let it wait until then for its start."""
        self.at_s = at_s
        self.exit = None

    def start(self) -> None:
        """Start it. A program that cannot be executed counts as ended, with 127, and says why in its log."""
        self.exit = None
        log = Path(self.spec.log)
        try:
            self.process = self._spawn(self.spec.argv, log)
        except OSError as failure:
            with log.open("a") as file:
                file.write(f"cannot start {self.spec.argv[0]}: {failure}\n")
            self.exit = 127

    def ended(self, code: int) -> None:
        """Book its end, which somebody else has waited for."""
        if self.process is not None:
            self.process.returncode = code  # or Popen would wait for a process id that may be another's by then
        self.process = None
        self.exit = code

    def collect(self) -> None:
        """Wait for a killed process and book its end."""
        if self.process is not None:
            _, status = os.waitpid(self.process.pid, 0)
            self.ended(os.waitstatus_to_exitcode(status))

    def ask_to_stop(self) -> processes.Identity | None:
        """Send SIGTERM; returns whom to wait for, None if it does not run."""
        if self.process is None:
            return None
        os.kill(self.process.pid, signal.SIGTERM)
        return processes.identify(self.process.pid)

    def state(self) -> dict[str, Any]:
        """For `status`: waiting, running, frozen or ended."""
        if self.process is None:
            word = "waiting" if self.exit is None else "ended"
        else:
            stat = processes.read_stat(self.process.pid)
            word = "frozen" if stat is not None and stat.stopped else "running"
        return {"node": self.node, "service": self.name, "state": word, "pid": self.pid, "exit": self.exit}
