"""Linux processes: started so that they die with their parent, told apart from later ones of the same id, ended whole.

Standard library only, no threads: the keeper is built on this and stays small.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Identity:
    """A process, told apart from any other that had or will have its id: also across a reboot."""

    pid: int
    started: int  # clock ticks after boot, field 22 of /proc/PID/stat
    boot: str

    def alive(self) -> bool:
        """Whether exactly this process still runs. A zombie does not."""
        stat = read_stat(self.pid)
        return stat is not None and stat.started == self.started and not stat.zombie and boot_id() == self.boot


def free_memory_mb() -> int:
    """What can be had without swapping, as the kernel reckons: MemAvailable."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")) // 1024


@dataclass(frozen=True)
class Stat:
    """The few fields of /proc/PID/stat that matter here."""

    parent: int
    started: int
    zombie: bool
    stopped: bool


def boot_id() -> str:
    """A random id the kernel draws at every boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def read_stat(pid: int) -> Stat | None:
    """The process's state, or None when there is none of this id."""
    try:
        raw = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name stands in parentheses and may hold any character: the fields begin after the last one.
    fields = raw.rpartition(")")[2].split()
    return Stat(parent=int(fields[1]), started=int(fields[19]), zombie=fields[0] in "ZX", stopped=fields[0] in "Tt")


def identify(pid: int) -> Identity | None:
    """What makes this process unmistakable, or None if it is gone."""
    stat = read_stat(pid)
    return None if stat is None else Identity(pid=pid, started=stat.started, boot=boot_id())


# --- starting -------------------------------------------------------------------------------------------------


def prctl(option: int, value: int) -> None:
    """One prctl(2) call; raises OSError."""
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies (child subreaper)."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with(parent: int) -> None:
    """Be killed when the parent process dies, also if it just has. To be called in the child."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def spawn(argv: Sequence[str], log: Path, enter: Callable[[], None] | None = None) -> subprocess.Popen[bytes]:
    """Start a program that dies with us, in a session of its own, its output appended to `log`.

    `enter`: what its process does before it becomes that program, and sees to its death itself.

    To be called from the main thread: the death signal follows the thread that forked.
    """
    us = os.getpid()
    with log.open("ab") as output:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=enter or (lambda: die_with(us)),  # noqa: PLW1509 - one thread only, and nothing else can set the signal
        )


def python(module: str, *arguments: str) -> list[str]:
    """The command that runs one of our own modules with the interpreter we run in.

    `-P`: a file of the user's working directory must not shadow a module.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


# --- ending ---------------------------------------------------------------------------------------------------


def children() -> dict[int, list[int]]:
    """Process ids by parent, of all processes we may see."""
    found: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and (stat := read_stat(int(entry.name))) is not None:
            found.setdefault(stat.parent, []).append(int(entry.name))
    return found


def descendants(roots: Iterable[int]) -> list[int]:
    """The roots and all their descendants, parents before children."""
    by_parent = children()
    tree = list(roots)
    for pid in tree:
        tree.extend(by_parent.get(pid, ()))
    return tree


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Signal each process; those that are gone already are what we wanted."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def kill_trees(roots: Iterable[int]) -> None:
    """Kill processes with everything below them. Stopped first, so that none forks while we look."""
    known: set[int] = set()
    roots = list(roots)
    while fresh := set(descendants(roots)) - known:
        send(fresh, signal.SIGSTOP)
        known |= fresh
    send(known, signal.SIGKILL)


def wait_gone(identity: Identity, seconds: float) -> bool:
    """Wait for a process, ours or not, to end. False when it still runs after `seconds`."""
    try:
        handle = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return True
    try:
        if not identity.alive():  # the id may have been given to another process before we opened it
            return True
        readable, _, _ = select.select([handle], [], [], seconds)
        return bool(readable)
    finally:
        os.close(handle)


def now() -> float:
    """Monotonic seconds."""
    return time.monotonic()
