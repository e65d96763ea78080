"""What a freshly forked worker does to itself before it runs anything: let go of the agent, and accept limits.

It runs in the child of a process that may be in the midst of an event loop, so it touches nothing of it: no locks, no
logging, no trio.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from inspector_agent.runner import kin, limits

FINDINGS_FD = 3  # of the bundled batch: its stdout is no protocol, so that a stray print() is no garbage


def let_go(parent: int, fds: Mapping[int, int], *, death_signal: int = signal.SIGKILL) -> None:
    """Become a session of one's own that keeps only the given descriptors ({number here: inherited number})."""
    os.setsid()
    kin.die_with_parent(parent, death_signal)
    kin.become_subreaper()
    _reset_signals()
    _keep_only(fds)


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in range(1, signal.SIGRTMIN):
        if number not in {signal.SIGKILL, signal.SIGSTOP} and signal.getsignal(number) not in {signal.SIG_DFL, None}:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())


def _keep_only(fds: Mapping[int, int]) -> None:
    """Renumber what is kept and close the rest; two steps, because a target may be another's source."""
    parked = {}
    for target, source in fds.items():
        copy = source
        while copy <= max(fds):
            copy = os.dup(copy)
        parked[target] = copy
    for target, copy in parked.items():
        os.dup2(copy, target)
    for fd in [int(name) for name in os.listdir("/proc/self/fd")]:  # noqa: PTH208 - a name is all there is
        if fd not in fds:
            with suppress(OSError):  # the listing's own descriptor is gone already
                os.close(fd)


def accept_limits() -> None:
    """Low priority and hard limits; inherited by all that the worker starts.

    The number of processes is not among them: that limit counts all of a user's, and root's not at all. A service
    manager's TasksMax= does it.
    """
    os.nice(limits.niceness)
    kin.use_idle_disk()
    with suppress(OSError):  # a container may hide it; then the kernel's own order holds
        Path("/proc/self/oom_score_adj").write_text(str(limits.out_of_memory_score), encoding="ascii")
    os.umask(0o077)
    os.chdir("/")
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_DATA, limits.data_bytes_max)
    _limit(resource.RLIMIT_NOFILE, limits.open_files_max)
    _limit(resource.RLIMIT_FSIZE, limits.file_bytes_max)
    _limit(resource.RLIMIT_CPU, limits.cpu_s_max)


def _limit(which: int, value: int) -> None:
    """Lower a limit, soft and hard; one that is lower already stays."""
    _, hard = resource.getrlimit(which)
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (bound, bound))


def own_streams() -> None:
    """Give Python's stdout and stderr to the error pipe: what the agent had buffered in its own must not come twice."""
    gc.freeze()  # the agent's objects are shared memory: do not touch them to look for garbage
    sys.stdout = sys.stderr = open(2, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115


def last_words(error: BaseException) -> None:
    """Say on stderr what ended this worker, in one line: the agent shows it beside the items that had no finding."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" ({trace.tb_frame.f_code.co_filename}:{trace.tb_lineno})" if trace else ""
    os.write(2, f"{type(error).__name__}: {error}{where}\n".encode(errors="replace")[:1000])
