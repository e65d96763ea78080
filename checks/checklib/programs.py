"""Runs a program for a check: an argument list, never a shell; bounded in time, CPU, memory, output and files.

A program may start others, and these may leave its process group and its session. They cannot leave their subreaper:
this process adopts what they leave behind (prctl(2), PR_SET_CHILD_SUBREAPER), and ends all of it with the program. And
a program dies when this process does (PR_SET_PDEATHSIG). Linux only.
"""

from __future__ import annotations

import math
import os
import signal
import time

from checklib import limits
from checklib.appetite import Appetite
from checklib.errors import CannotTell, Overran

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from subprocess import Popen

PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
ENVIRONMENT = {"PATH": ":".join(PATH), "LC_ALL": "C.UTF-8", "HOME": "/"}

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_CPU_S_BEYOND_WALL = 1


class Ended:
    """How a program ended.

    code       its exit code; 128 + n where signal n ended it, as shells count
    stdout     its first limits.output_kept_bytes, as text; stderr likewise
    truncated  which of the two had more: "stdout", "stderr"
    """

    __slots__ = ("code", "stderr", "stdout", "truncated")

    def __init__(self, code: int, stdout: str, stderr: str, truncated: frozenset[str] = frozenset()) -> None:
        self.code = code
        self.stdout = stdout
        self.stderr = stderr
        self.truncated = truncated


def run(program: str, arguments: Sequence[str], *, timeout_s: float, cwd: str, env: Mapping[str, str]) -> Ended:
    """Run it, wait, and end all that it started.

    program  the path of an executable; env comes on top of ENVIRONMENT
    Raises Overran after timeout_s, CannotTell where it floods its output, reads more than its budget or uses up its CPU
    time, OSError where it cannot be started.
    """
    import subprocess

    deadline = time.monotonic() + timeout_s
    before = set(_children())
    process = None
    try:
        process = subprocess.Popen(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=cwd,
            env={**ENVIRONMENT, **env},
            preexec_fn=_confined(timeout_s),  # noqa: PLW1509 - there is one thread, and it takes no lock
        )
        appetite = Appetite(lambda: set(_children()) - before)
        stdout, stderr, truncated = _read(process, deadline, timeout_s, appetite)
        appetite.hold()
    except subprocess.SubprocessError as error:
        raise CannotTell(f"{program} cannot be confined to its limits: {error}") from error
    finally:
        _end(process, before)
    return Ended(_exit_code(process.returncode, program, timeout_s), stdout, stderr, truncated)


def _exit_code(code: int | None, program: str, timeout_s: float) -> int:
    if code is None:
        raise CannotTell(f"{program} does not end, even when killed: it waits inside the kernel")
    if code == -signal.SIGXCPU:
        raise CannotTell(f"{program} used more than {_cpu_s(timeout_s)} s of CPU")
    return code if code >= 0 else 128 - code


def _cpu_s(timeout_s: float) -> int:
    return math.ceil(timeout_s) + _CPU_S_BEYOND_WALL


def _confined(timeout_s: float) -> Callable[[], None]:
    """What the new process does to itself before it becomes the program. All it needs is looked up before the fork."""
    import ctypes
    import resource

    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), 0, 0, 0)
    parent = os.getpid()
    bounds = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: _cpu_s(timeout_s),
        resource.RLIMIT_DATA: limits.program_memory_bytes,
        resource.RLIMIT_FSIZE: limits.program_file_bytes,
        resource.RLIMIT_NOFILE: limits.program_open_files,
    }

    def confine() -> None:
        os.setpgid(0, 0)
        prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)
        os.nice(limits.program_niceness)
        for which, bound in bounds.items():
            hard = resource.getrlimit(which)[1]
            lowest = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
            # SIGXCPU comes at the soft limit, SIGKILL at the hard one: only the first can be told from other deaths.
            above = lowest + 1 if which == resource.RLIMIT_CPU and hard != lowest else lowest
            resource.setrlimit(which, (lowest, above))
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)

    return confine


def _read(
    process: Popen[bytes], deadline: float, timeout_s: float, appetite: Appetite
) -> tuple[str, str, frozenset[str]]:
    """Its output until it has ended, and which of it was cut; what its children still hold open is not waited for."""
    import select

    if process.stdout is None or process.stderr is None:
        raise CannotTell("the program has no output")
    names = {process.stdout.fileno(): "stdout", process.stderr.fileno(): "stderr"}
    kept = {fd: bytearray() for fd in names}
    truncated = set()
    reading = set(kept)
    total = 0
    ended = os.pidfd_open(process.pid)
    poll = select.poll()
    for fd in (*kept, ended):
        poll.register(fd, select.POLLIN)
    try:
        while True:
            left_s = deadline - time.monotonic()
            ready = {fd for fd, _ in poll.poll(max(0, math.ceil(1000 * min(left_s, appetite.look()))))}
            for fd in ready & reading:
                chunk = os.read(fd, limits.pipe_read_bytes)
                total += len(chunk)
                if len(kept[fd]) + len(chunk) > limits.output_kept_bytes:
                    truncated.add(names[fd])
                kept[fd] += chunk[: limits.output_kept_bytes - len(kept[fd])]
                if not chunk:
                    reading.remove(fd)
                    poll.unregister(fd)
            if total > limits.output_bytes_max:
                raise CannotTell(f"the program printed more than {limits.output_bytes_max} bytes")
            if ready == {ended}:
                break
            if left_s <= 0:
                raise Overran(timeout_s)
    finally:
        os.close(ended)
    out, err = (raw.decode("utf-8", "replace") for raw in kept.values())
    return out, err, frozenset(truncated)


def _end(process: Popen[bytes] | None, before: set[int]) -> None:
    """Kill the program's group and everything else that became a child of this process since; reap all of it."""
    if process is not None:
        if process.returncode is None:
            _kill(-process.pid)  # not reaped yet, so that the number is still its own
            _reap(process.pid, process)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
    for _ in range(limits.kill_rounds_max):
        orphans = set(_children()) - before
        if not orphans:
            break
        for pid in orphans:
            _kill(pid)
            _reap(pid, process)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # it has ended meanwhile; or it runs as another user, whose end is not ours to decide


def _reap(pid: int, process: Popen[bytes] | None) -> None:
    """Wait for a killed child, but not for ever: one that waits inside the kernel cannot be killed."""
    import select

    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    ended = poll.poll(int(1000 * limits.alarm_grace_s))
    os.close(fd)
    if not ended:
        return
    if process is not None and pid == process.pid:
        process.poll()
    else:
        os.waitpid(pid, os.WNOHANG)


def _children() -> Iterator[int]:
    """The children of this process."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:  # noqa: PTH123 - no pathlib here
            return map(int, file.read().split())
    except FileNotFoundError:  # a kernel without CONFIG_PROC_CHILDREN: the process group has to do
        return iter(())


def first_line(text: str) -> str:
    """The first line that is not empty; "" where there is none."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
