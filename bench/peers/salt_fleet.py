"""A Salt master and its minions on loopback, one minion a node of the practice fleet, for the length of a benchmark."""

from __future__ import annotations

import getpass
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from bench.fleet import Fleet
from bench.peers import usage
from inspector_lab import processes

READY_S = 240  # fifty minions start on two cores within a minute, on a busy machine within three
STARTS_PER_S = 2.0  # each takes a second of a core: all at once, the first ones would run into their timeouts
KEY_BITS = 2048  # Salt's smallest


@dataclass(frozen=True)
class SaltFleet:
    """A running Salt. programs: where its commands are; master: its process; minions: node -> its first process."""

    programs: Path
    folder: Path
    master: int
    minions: dict[str, int]

    @property
    def config(self) -> Path:
        """The master's configuration folder, for `salt -c`."""
        return self.folder / "master"

    def break_nodes(self, killed: list[str], hung: list[str]) -> None:
        """Kill minions whole, and stop others in their tracks."""
        processes.kill_trees(self.minions[name] for name in killed)
        usage.signal_all((self.minions[name] for name in hung), signal.SIGSTOP)


def free_ports() -> tuple[int, int]:
    """Two ports of 127.0.0.1 that nobody has just now."""
    with socket.socket() as one, socket.socket() as other:
        for endpoint in (one, other):
            endpoint.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def states(items: dict[str, str]) -> str:
    """A state file: each item is a file of the node with a known content."""
    return yaml.safe_dump(
        {
            f"item {path}": {
                "file.managed": [{"name": f"{{{{ grains.inspector_root }}}}/proc/sys/{path}"}, {"contents": value}]
            }
            for path, value in items.items()
        }
    )


def configure(folder: Path, roots: dict[str, Path], items: dict[str, str]) -> None:
    """Write the configuration of master and minions: quiet, keys accepted, no process a job, nothing scheduled."""
    publish, back = free_ports()
    shared = {
        "user": getpass.getuser(),
        "log_level": "error",
        "log_level_logfile": "quiet",
        "keysize": KEY_BITS,
        "publish_port": publish,
    }
    master = folder / "master"
    (master / "states").mkdir(parents=True)
    (master / "states" / "look.sls").write_text(states(items), encoding="utf-8")
    own = {
        "interface": "127.0.0.1",
        "ret_port": back,
        "root_dir": str(master),
        "pki_dir": str(master / "pki"),
        "auto_accept": True,
        "file_roots": {"base": [str(master / "states")]},
    }
    (master / "master").write_text(yaml.safe_dump(shared | own), encoding="utf-8")
    for name, root in roots.items():
        minion = folder / name
        minion.mkdir()
        own = {
            "id": name,
            "master": "127.0.0.1",
            "master_port": back,
            "root_dir": str(minion),
            "multiprocessing": False,
            "mine_enabled": False,
            "grains": {"inspector_root": str(root)},
        }
        (minion / "minion").write_text(yaml.safe_dump(shared | own), encoding="utf-8")


def wait_ready(salt: SaltFleet) -> None:
    """Wait until every minion has its key accepted and answers; raises SystemExit with the master's log."""
    deadline = time.monotonic() + READY_S
    accepted = salt.config / "pki" / "minions"
    while not accepted.is_dir() or len(list(accepted.iterdir())) < len(salt.minions):
        if time.monotonic() > deadline:
            raise SystemExit(f"Salt: keys of minions are missing\n{usage.text(salt.folder / 'master.log')}")
        time.sleep(0.5)
    answered = 0
    command = [str(salt.programs / "salt"), "-c", str(salt.config), "--out=txt", "*", "test.ping"]
    while answered < len(salt.minions):
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise SystemExit(f"Salt: {answered} of {len(salt.minions)} minions answer within {READY_S} s")
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=left_s + 60)
        answered = sum(line.endswith(": True") for line in done.stdout.splitlines())


@contextmanager
def salt_fleet(programs: Path, fleet: Fleet, items: dict[str, str]) -> Iterator[SaltFleet]:
    """Start Salt for the nodes of a practice fleet, whose files its minions look at; end it whatever happens."""
    with tempfile.TemporaryDirectory(prefix="salt-") as name, ExitStack() as stack:
        folder = Path(name)
        roots = {root.parent.name: root for root in sorted((fleet.directory / "nodes").glob("*/root"))}
        configure(folder, roots, items)

        def start(program: str, config: str, log: str) -> int:
            argv = [str(programs / program), "-c", str(folder / config), "-l", "error"]
            process = processes.spawn(argv, folder / log)
            stack.callback(process.wait)
            stack.callback(processes.kill_trees, [process.pid])
            return process.pid

        print(f"Salt: a master and {len(roots)} minions start …", file=sys.stderr)
        master = start("salt-master", "master", "master.log")
        minions = {}
        for node in roots:
            minions[node] = start("salt-minion", node, f"{node}/log")
            time.sleep(1 / STARTS_PER_S)
        salt = SaltFleet(programs, folder, master, minions)
        wait_ready(salt)
        yield salt
