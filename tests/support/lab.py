"""Real practice fleets for tests: started by the command itself, gone with the test whatever happened in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspector_lab import processes
from inspector_lab.down import leave_nothing
from inspector_lab.layout import Layout
from inspector_lab.status import status

SCRIPTS = Path(sys.executable).parent
COMMAND = str(SCRIPTS / "inspector-lab")
UP_S = 250.0


@dataclass(frozen=True)
class Lab:
    """A lab in a directory, running or not."""

    home: Path

    @property
    def layout(self) -> Layout:
        """Where everything of it lies."""
        return Layout(self.home)

    def command(self, *words: str) -> list[str]:
        """`inspector-lab …` about this lab."""
        return [COMMAND, *words, "--dir", str(self.home)]

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `inspector-lab …` to its end."""
        done = subprocess.run(self.command(*words), capture_output=True, text=True, check=False, timeout=UP_S)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def status(self) -> dict[str, Any]:
        """What `status --json` prints, without the half second that a command takes to start."""
        return status(self.layout)

    def states(self, name: str) -> dict[str, str]:
        """service -> state of one node."""
        return {service: entry["state"] for service, entry in self.status()["nodes"][name]["processes"].items()}

    def pids(self) -> list[int]:
        """All processes of the lab that we may see: its guard and everything below."""
        state = json.loads(self.layout.state.read_text())
        return processes.descendants([state["guard"]["pid"]])

    def ssh(self, name: str, *command: str) -> list[str]:
        """The command that runs something on a node."""
        address = self.status()["nodes"][name]["address"]
        options = ["-o", f'UserKnownHostsFile="{self.layout.known_hosts}"', "-o", "IdentitiesOnly=yes", "-F", "none"]
        return ["ssh", *options, "-p", "2222", "-i", str(self.layout.user_key), address, *command]


@contextmanager
def running_lab(home: Path, nodes: int, *options: str) -> Iterator[Lab]:
    """A lab that is up, and down after the block."""
    lab = Lab(home)
    try:
        lab.run("up", "--nodes", str(nodes), *options)
        yield lab
    finally:
        leave_nothing(lab.layout)


def gone(pids: Sequence[int]) -> bool:
    """Whether none of these processes runs any more.

    Those that were handed to us are collected: a check that ran in this process has made it adopt orphans, and the
    first process of a node ends only when all others of it have been collected.
    """
    for pid in pids:
        with suppress(ChildProcessError):  # not ours
            os.waitpid(pid, os.WNOHANG)
    stats = [processes.read_stat(pid) for pid in pids]
    return all(stat is None or stat.zombie for stat in stats)


def belonging_to(home: Path) -> list[int]:
    """Processes whose command line names a directory: what a lab that never came up could have left."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if os.fsencode(home) in command and int(entry.parent.name) != os.getpid():
            found.append(int(entry.parent.name))
    return found
