"""Starts workers: forks of the agent that run the bundled checks, and supervisors of a site's own executables.

A fork of the warm agent costs 1.5 ms of CPU, a fresh interpreter 31 ms, and a second resident process would not fit
into the memory budget: so the bundled checks of a sweep run in one fork. A site's executable has a supervisor, which is
the subreaper of what it starts and ends all of it when the executable ends, when it is told to, or when the agent dies.

os.fork and not trio.lowlevel.open_process: that one spawns from a helper thread, and a parent-death signal fires when
that *thread* ends.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, partial
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from inspector_agent.runner import confine, kin, limits

FINDINGS_FD = 3  # of the batch, whose stdout is no protocol: a stray print() in a check is no garbage
BATCH_FDS = {0: "null", 1: "errors", 2: "errors", FINDINGS_FD: "findings"}
PROGRAM_FDS = {0: "request", 1: "findings", 2: "errors"}
PROGRAM_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "HOME": "/",
}


@dataclass
class Worker:
    """A running child and our ends of its pipes, non-blocking. Whoever holds it ends it, reaps it and closes it.

    Attributes:
        request_fd: where `request` is to be written; None for a worker that was born with it.
        read_bytes_max: what it may read with all that it starts; 0: it counts by itself, item by item.
    """

    pid: int
    pidfd: int
    findings_fd: int
    errors_fd: int
    request_fd: int | None = None
    request: bytes = b""
    read_bytes_max: int = 0

    def close(self) -> None:
        """Close every descriptor of ours."""
        for fd in (self.pidfd, self.findings_fd, self.errors_fd, self.request_fd):
            if fd is not None:
                os.close(fd)


def load(checks_dir: Path) -> Any:
    """The module batch.py, under a name of its own: `batch` might mean another one here. It loads kinds as asked."""
    loader = SourceFileLoader("inspector_batch", str(checks_dir / "batch.py"))
    module = type(sys)(loader.name)
    module.__file__ = loader.path
    loader.exec_module(module)
    return module


@cache
def warm(checks_dir: Path) -> Any:
    """The same, once for all forks, with all that every kind needs: 0.15 MB here save each of them some milliseconds.

    Not so the kinds themselves: forty of them would take 1.5 MB of a process that mostly sleeps, for good. A fork loads
    those that its items need, all forty in 40 ms of CPU, sysctl alone in 2.

    None where the checks cannot be loaded: the fork then tries, and says why.
    """
    path = list(sys.path)
    try:
        return load(checks_dir)
    except Exception:  # noqa: BLE001 - whatever is wrong with a check must not end the agent
        return None
    finally:
        sys.path[:] = path  # the folder's module names are too common to stand before everybody else's


def start_batch(checks_dir: Path, request: Mapping[str, Any]) -> Worker:
    """Fork a worker that runs `checks_dir/batch.py` on the request. Raises OSError where none is left."""
    return _spawn(partial(_run_batch, checks_dir, request), BATCH_FDS)


def start_reader(body: Callable[[], None]) -> Worker:
    """Fork a worker that writes what it reads to FINDINGS_FD. Raises OSError likewise."""
    return _spawn(body, BATCH_FDS)


def start_program(path: Path, request: Mapping[str, Any]) -> Worker:
    """Fork a supervisor that runs a site's executable; the request is to be written to it. Raises OSError likewise."""
    worker = _spawn(partial(_supervise, path), PROGRAM_FDS, death_signal=signal.SIGTERM)
    worker.request = msgspec.json.encode(request)
    worker.read_bytes_max = max(limits.read_bytes_floor, limits.read_bytes_per_item * len(request["items"]))
    return worker


def _spawn(body: Callable[[], None], fds: Mapping[int, str], *, death_signal: int = signal.SIGKILL) -> Worker:
    parent = os.getpid()
    with ExitStack() as ours, ExitStack() as theirs:
        their = {"null": os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)}
        theirs.callback(os.close, their["null"])
        our: dict[str, int] = {}
        for name in sorted(set(fds.values()) - {"null"}):
            reading, writing = os.pipe2(os.O_CLOEXEC)
            our[name], their[name] = (writing, reading) if name == "request" else (reading, writing)
            ours.callback(os.close, our[name])
            theirs.callback(os.close, their[name])
            os.set_blocking(our[name], False)

        def live() -> None:
            confine.let_go(parent, {number: their[name] for number, name in fds.items()}, death_signal=death_signal)
            confine.accept_limits()
            body()

        pid = _fork(live)
        worker = Worker(pid, os.pidfd_open(pid), our["findings"], our["errors"], our.get("request"))
        ours.pop_all()
    return worker


def _fork(body: Callable[[], None]) -> int:
    """Run body in a child, which never comes back from here. Signals wait until it has dropped our handlers."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = kin.fork()
        if pid == 0:
            _live_and_die(body)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return pid


def _live_and_die(body: Callable[[], None]) -> NoReturn:
    code = 1
    try:
        body()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException as error:  # noqa: BLE001 - nothing may ever escape into the agent's event loop
        confine.last_words(error)
    finally:
        os._exit(code & 0xFF)


def _run_batch(checks_dir: Path, request: Mapping[str, Any]) -> None:
    confine.own_streams()
    os.set_inheritable(FINDINGS_FD, False)  # noqa: FBT003 - a command that a check runs must not write findings
    encode = msgspec.json.Encoder().encode

    def emit(line: Mapping[str, Any]) -> None:
        try:
            raw = encode(line)
        except (UnicodeEncodeError, msgspec.MsgspecError, TypeError):  # a file name that is no UTF-8, and the like
            raw = json.dumps(line, default=str).encode("ascii")
        os.write(FINDINGS_FD, raw + b"\n")

    batch = warm(checks_dir) or load(checks_dir)
    batch.run(request, emit)
    kin.end_descendants(os.getpid())


def _supervise(path: Path) -> None:
    """Run the executable, wait, end whatever it left behind, and end the way it ended."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGTERM})
    supervisor = os.getpid()
    program = os.fork()
    if program == 0:
        _become(path, supervisor)
    for fd in PROGRAM_FDS:
        os.close(fd)  # so that the agent sees its pipes close when the executable closes them
    status = None
    while status is None:
        asked_to_end = signal.sigwait({signal.SIGCHLD, signal.SIGTERM}) == signal.SIGTERM
        status = signal.SIGTERM if asked_to_end else _reap(program)
    kin.end_descendants(supervisor)
    _end_likewise(status)


def _become(path: Path, parent: int) -> NoReturn:
    """The executable itself. It has no part in our signal mask."""
    try:
        kin.die_with_parent(parent)
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        os.execve(path, [str(path)], PROGRAM_ENVIRONMENT)  # noqa: S606 - no shell is the point
    except OSError as error:
        os.write(2, f"cannot run {path}: {error.strerror}\n".encode())
    finally:
        os._exit(126)


def _reap(program: int) -> int | None:
    """Reap every child that has ended, also adopted ones; the program's wait status if it was among them."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        if pid == program:
            found = status


def _end_likewise(status: int) -> NoReturn:
    """End with the same exit code or by the same signal (without a core: there is a limit against it)."""
    if os.WIFSIGNALED(status):
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1)
