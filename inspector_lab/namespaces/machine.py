"""One node as the keeper handles it: switched on and off, and programs started in it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from inspector_lab import processes
from inspector_lab.namespaces import inside, kernel, limits
from inspector_lab.namespaces.inside import Frame

LOST = (kernel.CAP_SYS_MODULE, kernel.CAP_SYS_RAWIO, kernel.CAP_SYS_TIME, kernel.CAP_MKNOD)
WOE = b"!"  # instead of the word that is expected: why it does not come follows
ENTERED = (
    ("net", kernel.CLONE_NEWNET),
    ("uts", kernel.CLONE_NEWUTS),
    ("ipc", kernel.CLONE_NEWIPC),
    ("mnt", kernel.CLONE_NEWNS),  # last: it takes away the /proc that knows the others
)


class Machine:
    """A node's hardware. `pid` is its first process while it has power.

    log     where that says why it could not boot
    plug    lays its cable, to the network of the process of this id; raises OSError
    settle  is called in the process of every program that is started in it, before it enters the node
    """

    def __init__(
        self, frame: Frame, log: Path, plug: Callable[[int], None], settle: Callable[[], None] | None = None
    ) -> None:
        self.frame = frame
        self.log = log
        self.pid: int | None = None
        self._plug = plug
        self._settle = settle

    def power_on(self) -> None:
        """Let it boot; raises OSError with what went wrong. Nothing to do where it has power."""
        if self.pid is not None:
            return
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.settimeout(limits.start_s_max)
            self.pid = self._fork(theirs)
            theirs.close()
            try:
                self._hear(ours, b"r")
                self._plug(self.pid)
                ours.sendall(b"c")
                self._hear(ours, b"u")
            except OSError:
                self.cut_power()
                self.wait_dark()
                raise

    def _fork(self, channel: socket.socket) -> int:
        with first_of_own_pids():
            pid = os.fork()
        if pid == 0:
            self._boot(channel)
        return pid

    def _boot(self, channel: socket.socket) -> NoReturn:
        """In the fork: be the node's first process. Whatever goes wrong is told to the keeper, and where in the log."""
        try:
            shed(channel, self.log)
            inside.live(self.frame, channel)
        except BaseException as failure:  # noqa: BLE001 - a fork must never return into the keeper's loop
            traceback.print_exc()
            channel.sendall(WOE + str(failure).encode()[: limits.woe_bytes_max])
        finally:
            os._exit(1)

    def _hear(self, channel: socket.socket, word: bytes) -> None:
        said = channel.recv(1)
        if said != word:
            why = channel.recv(limits.woe_bytes_max).decode(errors="replace") if said == WOE else "it ended"
            raise OSError(f"{self.frame.name} does not boot: {why}; more is in {self.log}")

    def cut_power(self) -> None:
        """Kill its first process, and with it all others."""
        if self.pid is not None:
            processes.send([self.pid], signal.SIGKILL)

    def wait_dark(self) -> None:
        """Wait until its power has gone, and everything with it."""
        if self.pid is not None:
            os.waitpid(self.pid, 0)
            self.pid = None

    def spawn(self, argv: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
        """Start a program in it, switched on if need be; raises OSError. It dies with us, and with the node."""
        self.power_on()
        pid = self.pid

        def enter() -> None:
            processes.prctl(processes.PR_SET_PDEATHSIG, signal.SIGKILL)
            if self._settle is not None:
                self._settle()
            for name, kind in ENTERED:
                kernel.enter(f"/proc/{pid}/ns/{name}", kind)
            for capability in LOST:
                kernel.give_up(capability)

        with born_in(f"/proc/{pid}/ns/pid"):
            return processes.spawn(argv, log, enter)


def pids_of(machines: Iterable[Machine]) -> list[int]:
    """All processes on these but their first ones."""
    firsts = {machine.pid for machine in machines if machine.pid is not None}
    return [pid for pid in processes_in(*map(namespace_of, firsts)) if pid not in firsts]


@contextmanager
def first_of_own_pids() -> Iterator[None]:
    """The child that is forked in the block is the first process of a PID namespace."""
    kernel.unshare(kernel.CLONE_NEWPID)
    with children_back():
        yield


@contextmanager
def born_in(path: str) -> Iterator[None]:
    """Children of the block are born in this PID namespace."""
    kernel.enter(path, kernel.CLONE_NEWPID)
    with children_back():
        yield


@contextmanager
def children_back() -> Iterator[None]:
    """After the block, children are born where we are."""
    us = os.getpid()
    try:
        yield
    finally:
        if os.getpid() == us:  # and not the fork
            kernel.enter("/proc/self/ns/pid", kernel.CLONE_NEWPID)


def shed(channel: socket.socket, log: Path) -> None:
    """Let go of everything a fork has from the keeper: signals it hears, files, pipes."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for target, source in ((0, null), (1, output), (2, output)):
        os.dup2(source, target)
    os.closerange(3, channel.fileno())
    os.closerange(channel.fileno() + 1, os.sysconf("SC_OPEN_MAX"))


def namespace_of(pid: int) -> str:
    """What /proc says of its PID namespace; "" where it has gone, or is nothing that we may look into."""
    with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    return ""


def processes_in(*namespaces: str) -> list[int]:
    """Ids of all processes in some PID namespaces: one look at every process, however many these are."""
    pids = [int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit()]
    sought = set(namespaces) - {""}
    return [pid for pid in pids if namespace_of(pid) in sought] if sought else []
