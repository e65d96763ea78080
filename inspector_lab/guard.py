"""The keeper's own keeper: a process that does nothing but outlive it and clear up.

The services of a lab die with the keeper, being its children. What *they* started need not: an sshd that is killed
leaves the commands of its sessions behind. So the keeper is itself the child of a guard, a process that adopts every
orphan below it, waits for the keeper to end, whatever ended it, and then kills what is left. If the guard is killed,
the keeper dies with it, and with the keeper every service.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from inspector_lab import limits, processes


def fork_guard(clear_up: Callable[[], None] = lambda: None) -> None:
    """Split in two. The parent becomes the guard and never returns; the child returns and is the keeper.

    `clear_up`: what the guard does when nothing of the lab runs any more.
    """
    processes.adopt_orphans()
    us = os.getpid()
    keeper = os.fork()
    if keeper:
        guard(keeper, clear_up)
    processes.die_with(us)
    processes.adopt_orphans()


def guard(keeper: int, clear_up: Callable[[], None]) -> None:
    """Wait for the keeper, pass on what asks us to end, then end everything that is left. Does not return."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: processes.send([keeper], signal.Signals(number)))
    # The pipes are the keeper's: held open here, `up` would never see it end.
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdin, sys.stdout):
        os.dup2(null, stream.fileno())
    while os.waitpid(-1, 0)[0] != keeper:
        continue
    end_everything()
    clear_up()
    os._exit(0)


def end_everything() -> None:
    """Kill all our descendants, and those that become ours as their parents die, until there is none."""
    with contextlib.suppress(ChildProcessError):  # no child left: that is what we wait for
        while True:
            processes.kill_trees(processes.children().get(os.getpid(), ()))
            os.waitpid(-1, 0)
            while os.waitpid(-1, os.WNOHANG)[0]:
                continue


def strays_of(nodes: Iterable[str]) -> list[int]:
    """Orphans that came to us from a session on one of these nodes: they had put themselves into the background."""
    marks = {f"{limits.session_mark}={node}".encode() for node in nodes if node}
    found = []
    for pid in processes.children().get(os.getpid(), ()):
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if marks.intersection(environment):
            found.append(pid)
    return found
