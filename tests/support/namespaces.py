"""Practice fleets in namespaces for tests: looked at from inside a node, and at what they leave on the machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from inspector_lab.cli import app
from inspector_lab.down import leave_nothing
from inspector_lab.namespaces import world as planned
from inspector_lab.namespaces.machine import namespace_of, processes_in
from tests.support.lab import Lab
from tests.support.waiting import PATIENCE_S

PORT = 9999
KINDS = ("net", "mnt", "pid")
LISTENER = f"""
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], {PORT}))
print("ready", flush=True)
while (word := s.recv(100)) != b"end":
    print(word.decode(), flush=True)
"""
SPEAKER = f"""
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(int(sys.argv[3])):
    s.sendto(sys.argv[2].encode(), (sys.argv[1], {PORT}))
"""


@dataclass(frozen=True)
class World(Lab):
    """A lab in namespaces."""

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Orders to one that runs are given in this process: a command takes half a second to start."""
        if words[0] not in {"break", "status"}:
            return super().run(*words, check=check)
        told = CliRunner().invoke(app, self.command(*words)[1:])
        if check and told.exit_code != 0:
            raise AssertionError(f"{' '.join(words)} ended with {told.exit_code}:\n{told.output}")
        return subprocess.CompletedProcess(words, told.exit_code, told.stdout, told.stderr)

    @property
    def cable(self) -> tuple[int, str]:
        """The machine's end of its cable: number and name."""
        name = planned.World(json.loads(self.layout.world.read_text())["number"]).cable
        return socket.if_nametoindex(name), name

    def pid(self, name: str) -> int:
        """A process of the node."""
        found: int = self.status()["nodes"][name]["processes"]["sshd"]["pid"]
        return found

    def first(self, name: str) -> int:
        """The first process of the node."""
        for pid in processes_in(namespace_of(self.pid(name))):
            with suppress(FileNotFoundError, ProcessLookupError):  # what a check had started has ended since
                text = Path(f"/proc/{pid}/status").read_text()
                if "\nNSpid:\t" in text and "\t1\n" in nspid(text):
                    return pid
        raise AssertionError(f"{name} has no first process")

    def inside(self, name: str, *command: str) -> list[str]:
        """The command that runs something on a node, without ssh."""
        return ["nsenter", "-t", str(self.pid(name)), "-n", "-m", "-u", "-i", "-p", "--", *command]

    def ask(self, name: str, script: str) -> subprocess.CompletedProcess[str]:
        """Run a shell script on a node."""
        command = self.inside(name, "sh", "-c", script)
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)

    def on_network(self, name: str, program: str, *words: str) -> list[str]:
        """The command that runs Python in the network of a node, or of the machine ("")."""
        enter = ["nsenter", "-t", str(self.pid(name)), "-n", "--"] if name else []
        return [*enter, sys.executable, "-c", program, *words]

    def address(self, name: str) -> str:
        """Of a node."""
        found: str = self.status()["nodes"][name]["address"]
        return found

    def hears(self, target: str, source: str, count: int = 1) -> int:
        """How many of so many packets from one node, or from the machine (""), another hears."""
        where = self.address(target)
        with subprocess.Popen(self.on_network(target, LISTENER, where), stdout=subprocess.PIPE, text=True) as listener:
            assert listener.stdout is not None
            assert listener.stdout.readline() == "ready\n"
            subprocess.run(self.on_network(source, SPEAKER, where, source or "machine", str(count)), check=True)
            # The machine has its own way in, which no cut takes.
            subprocess.run(self.on_network("", SPEAKER, where, "end", "1"), check=True)
            return listener.stdout.read().count("\n")


def nspid(status: str) -> str:
    """The line of /proc/PID/status that tells a process's ids in all its namespaces, the innermost last."""
    return next(line + "\n" for line in status.splitlines() if line.startswith("NSpid:"))


@contextmanager
def running_world(home: Path, nodes: int, *options: str) -> Iterator[World]:
    """A lab in namespaces that is up, and down after the block."""
    world = World(home)
    try:
        world.run("up", "--namespaces", "--profile", "local", "--nodes", str(nodes), *options)
        yield world
    finally:
        leave_nothing(world.layout)


def may_make_namespaces() -> bool:
    """Whether this suite runs with the rights that it takes."""
    return (
        os.geteuid() == 0 and subprocess.run(["unshare", "-n", "-m", "-p", "-f", "true"], check=False).returncode == 0
    )


# --- what a lab could leave behind ------------------------------------------------------------------------------------


def cables() -> dict[int, str]:
    """Links of this machine that lead into a world, by their numbers: another lab may get a name again at once."""
    return {number: name for number, name in socket.if_nameindex() if name.startswith("insp-lab")}


def mounts(home: Path) -> list[str]:
    """Mounts of this machine below a directory."""
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(home) in line]


def slices_of(cable: str, name: str) -> list[Path]:
    """Cgroups of a node of a lab."""
    return [path for path in Path("/sys/fs/cgroup").glob(f"*/{cable}/{name}") if path.is_dir()]


@contextmanager
def namespaces_of(pids: Iterable[int]) -> Iterator[set[str]]:
    """The network, mount and PID namespaces that these processes are in and we are not.

    Held open, so that no other lab gets their numbers while they are looked for.
    """
    with ExitStack() as held:
        found = set()
        for path in (Path(f"/proc/{pid}/ns/{kind}") for pid in pids for kind in KINDS):
            with suppress(FileNotFoundError, ProcessLookupError):
                file = held.enter_context(path.open("rb"))
                name = str(Path(f"/proc/self/fd/{file.fileno()}").readlink())
                found.add(name)
        yield found - {str(Path(f"/proc/self/ns/{kind}").readlink()) for kind in KINDS}


def lived_in(namespaces: set[str]) -> list[int]:
    """Processes that are in one of these namespaces."""
    everybody = [int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit()]
    found = []
    for pid in everybody:
        for kind in KINDS:
            try:
                if str(Path(f"/proc/{pid}/ns/{kind}").readlink()) in namespaces:
                    found.append(pid)
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
    return found
