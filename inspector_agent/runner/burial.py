"""Ends a worker with all that it started, and reaps them: nothing that a check ever forked outlives its run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import ClassVar

import trio

from inspector_agent.runner import kin, limits


async def bury(pid: int, pidfd: int) -> int | None:
    """End a child that may have descendants, wait for it, reap it.

    Returns: its wait status; None if it does not die (it is in an uninterruptible call).
    """
    kin.end_tree(pid)
    with trio.move_on_after(limits.kill_wait_s):
        await trio.lowlevel.wait_readable(pidfd)
    return reap(pid)


def reap(pid: int) -> int | None:
    """The wait status of a child that has ended; None while it has not."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return status if ended else None


class Family:
    """The children that this process knows, for one run. What else is handed to it is an orphan of some check."""

    _members: ClassVar[set[int]] = (
        set()
    )  # the workers of all runs of this process, for a process has but one set of children
    _undead: ClassVar[set[int]] = set()  # those that did not die of SIGKILL in time

    def __init__(self) -> None:
        for pid in list(self._undead):
            with suppress(ChildProcessError):
                if reap(pid) is None:
                    continue
            self._undead.discard(pid)
            self._members.discard(pid)
        self._before = frozenset(kin.children_of(os.getpid()))

    @contextmanager
    def member(self, pid: int) -> Iterator[None]:
        """A worker, while it lives."""
        self._members.add(pid)
        try:
            yield
        finally:
            if pid not in self._undead:
                self._members.discard(pid)

    def leave_for_later(self, pid: int) -> None:
        """A worker does not die: a later run reaps it."""
        self._undead.add(pid)

    async def bury_orphans(self) -> None:
        """End and reap what was handed to this process: the dead descendants of a worker that had to be killed, and the
        living ones of a worker that crashed.
        """
        tried: set[int] = set()
        while orphans := set(kin.adopted(known=self._before | self._members | tried)):
            tried |= orphans
            for orphan in orphans:
                with suppress(ChildProcessError, ProcessLookupError):
                    await _bury_orphan(orphan)


async def _bury_orphan(pid: int) -> None:
    pidfd = os.pidfd_open(pid)
    try:
        await bury(pid, pidfd)
    finally:
        os.close(pidfd)
