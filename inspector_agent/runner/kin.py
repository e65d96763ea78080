"""Process trees: who descends from whom, how to end them all, and how to die with one's parent. Linux only.

A check may start processes that leave its group and its session (a daemon forks twice). They cannot leave their
*subreaper*: orphans are handed to the nearest ancestor that asked for them (prctl(2), PR_SET_CHILD_SUBREAPER). Every
worker is one, so all that a check ever started is found below its worker, and ends with it.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import warnings
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path

from inspector_agent.runner import limits

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
IOPRIO_WHO_PROCESS = 1
IOPRIO_IDLE = 3 << 13
IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "riscv64": 30}  # Linux gives the call no wrapper in libc

_libc = ctypes.CDLL(None, use_errno=True)


def fork() -> int:
    """os.fork() without the warning that Python 3.12 gives beside threads: a lock of theirs might be inherited locked.

    The only threads of these programs are idle ones of trio, which hold none that a child would need.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}): {os.strerror(number)}")


def die_with_parent(parent: int, number: int = signal.SIGKILL) -> None:
    """This process gets the signal when the thread that forked it ends; at once if that has happened already."""
    _prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(0)


def become_subreaper() -> None:
    """Orphaned descendants of this process become its children instead of init's."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def use_idle_disk() -> None:
    """This process gets the disk when nobody else wants it. On an architecture we have no number for: no change."""
    if call := IOPRIO_SET.get(platform.machine()):
        _libc.syscall(call, IOPRIO_WHO_PROCESS, 0, IOPRIO_IDLE)  # refused in some containers: then it stays as it was


def children_of(pid: int) -> list[int]:
    """The children of a process, of all its threads; empty when it is gone."""
    found: list[int] = []
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                found += map(int, (thread / "children").read_text(encoding="ascii").split())
    return found


def read_by(pid: int) -> int:
    """Bytes that a process and all its descendants have read so far; also one that has ended, until it is reaped.

    As the kernel counts: what read(2) gave of anything, or what came from a disk if that is more, as of mapped files.
    What has ended counts with the parent that waited for it. 0 where it is gone, or the kernel does not count.
    """
    queue = [pid]
    total = 0
    for one in queue:
        if len(queue) <= limits.descendants_max:
            queue += children_of(one)
        with suppress(OSError):
            lines = Path(f"/proc/{one}/io").read_text(encoding="ascii").splitlines()
            counts = [int(line.partition(":")[2]) for line in lines if line.startswith(("rchar:", "read_bytes:"))]
            total += max(counts, default=0)
    return total


def alive(pid: int) -> bool:
    """Whether a process exists and is more than a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def descendants_of(pid: int) -> Iterator[int]:
    """Every living descendant, parents before children, at most `descendants_max`."""
    queue = children_of(pid)
    for count, child in enumerate(queue):
        if count >= limits.descendants_max:
            return
        queue.extend(children_of(child))
        if alive(child):
            yield child


def end_descendants(pid: int) -> None:
    """Kill all descendants of a subreaper, also those that they still forked meanwhile."""
    signalled: set[int] = set()  # these are as good as dead: they start nothing new
    for _ in range(limits.kill_rounds_max):
        living = set(descendants_of(pid)) - signalled
        if not living:
            return
        for child in living:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGKILL)
        signalled |= living


def end_tree(pid: int) -> None:
    """Kill a worker, a child of this process and a subreaper, with all its descendants. The caller reaps it."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)  # it must not start anything new while its descendants are gathered
        end_descendants(pid)
        os.kill(pid, signal.SIGKILL)


def adopted(known: AbstractSet[int]) -> list[int]:
    """Children that this process was handed: those it does not know that live in a session of their own.

    A process that this one started and put into a session of its own would be mistaken for one: it has to be known.
    """
    mine = os.getsid(0)
    found = []
    for child in set(children_of(os.getpid())) - known:
        with suppress(ProcessLookupError):
            if os.getsid(child) != mine:
                found.append(child)
    return found
