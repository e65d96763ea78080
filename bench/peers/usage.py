"""One command of a peer, run and measured: its time, and the processor time of both sides. Memory of what is resident.

The bench adopts what a command leaves behind (ssh connections that are kept for the next one), so that it is counted
and can be ended.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.agent_size import cpu_s, family, total_mb
from inspector_lab import processes

LAST_WORDS_S = 5.0  # what an interrupted command may take to say what it has


@dataclass(frozen=True)
class Looked:
    """One command: wall seconds, processor seconds on the asker's side and on the nodes', exit code, what it printed.

    exit: None where it did not end within its time and was interrupted, as by Ctrl-C.
    """

    seconds: float
    asker_s: float
    nodes_s: float
    exit: int | None
    out: str
    err: str

    @property
    def processor_s(self) -> float:
        """Processor seconds, both sides together."""
        return self.asker_s + self.nodes_s


@dataclass(frozen=True)
class Sides:
    """Whose processor time is whose: `nodes` are the processes resident there; every other child is the asker's."""

    nodes: tuple[int, ...] = ()


def spent_s(roots: Iterable[int]) -> float:
    """Processor seconds of processes and everything below them so far; those that are gone count nothing."""
    total = 0.0
    for pid in processes.descendants(roots):
        try:
            total += cpu_s(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


def children_s() -> float:
    """Processor seconds of all our children that have ended and were waited for, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def strays(known: Iterable[int]) -> list[int]:
    """Children of ours that we did not start: what commands left behind."""
    return [pid for pid in processes.children().get(os.getpid(), []) if pid not in set(known)]


def end(pids: Sequence[int]) -> None:
    """Kill children of ours with everything below them, and wait for their end."""
    processes.kill_trees(pids)
    for pid in pids:
        os.waitpid(pid, 0)


def run(
    command: Sequence[str], sides: Sides, *, timeout_s: float, environment: Mapping[str, str] | None = None
) -> Looked:
    """Run one command to its end. After `timeout_s` it gets what Ctrl-C sends, and a little later it is killed."""

    def asker_s() -> float:
        return children_s() + spent_s(strays(sides.nodes))

    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        asker_before, nodes_before, began = asker_s(), spent_s(sides.nodes), time.monotonic()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=os.environ | (environment or {}),
            start_new_session=True,
            # A bench in the background of a shell would make its commands deaf to Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - one thread only
        )
        try:
            identity = processes.identify(process.pid)
            ended = identity is None or processes.wait_gone(identity, timeout_s)
            seconds = time.monotonic() - began
            if identity and not ended:
                os.killpg(process.pid, signal.SIGINT)
                processes.wait_gone(identity, LAST_WORDS_S)
        finally:
            if process.poll() is None:
                processes.kill_trees([process.pid])
            code = process.wait()
        out.seek(0)
        err.seek(0)
        return Looked(
            seconds,
            asker_s() - asker_before,
            spent_s(sides.nodes) - nodes_before,
            code if ended else None,
            out.read(),
            err.read(),
        )


@dataclass(frozen=True)
class Resident:
    """What stays on a node for a peer, medians over nodes: PSS and RSS in MB, percent of a core while nobody asks."""

    pss_mb: float
    rss_mb: float
    idle_percent: float


def resident(groups: Sequence[Sequence[int]], idle_s: float) -> Resident:
    """`groups`: the processes of each node; `idle_s`: how long to watch them do nothing."""

    def middle(values: Iterable[float]) -> float:
        ordered = sorted(values)
        return ordered[len(ordered) // 2]

    roots = [pid for group in groups for pid in group]
    before = spent_s(roots)
    time.sleep(idle_s)
    idle = 100 * (spent_s(roots) - before) / idle_s / len(groups)
    return Resident(
        middle(sum(total_mb(pid) for pid in group) for group in groups),
        middle(sum(total_mb(pid, "Rss") for pid in group) for group in groups),
        idle,
    )


def signal_all(pids: Iterable[int], number: signal.Signals) -> None:
    """Signal processes and everything below them."""
    for pid in pids:
        processes.send(family(pid), number)


def text(path: Path) -> str:
    """The end of a log, for an error message."""
    return path.read_text(encoding="utf-8", errors="replace")[-2000:] if path.exists() else ""
