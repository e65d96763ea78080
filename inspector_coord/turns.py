"""One start of a query at a time at each entry: two that start together can overwrite each other inside Serf.

All sweeps of this process take turns, and all processes of a user that share a cache, by an advisory lock on a file of
the entry. A lock ends with its process, and where the file cannot be had (another user's, a link) nobody waits for it.
Who has not had it in time starts nevertheless: a collision is noticed and costs one more question, while waiting for
ever would cost the sweep. Coordinators on other machines are not held back.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from inspector_coord import limits

__all__ = ["locked", "turn_at"]

_locks: trio.lowlevel.RunVar[dict[str, trio.Lock]] = trio.lowlevel.RunVar("starts of queries, by entry")


@asynccontextmanager
async def turn_at(address: str, folder: Path) -> AsyncIterator[None]:
    """Have the entry's turn while the context is open. `folder`: of the lock files, made if need be."""
    locks = _locks.get({})
    _locks.set(locks)
    lock = locks.setdefault(address, trio.Lock())
    file = _opened(address, folder)
    try:
        with trio.move_on_after(limits.turn_s_max):
            await lock.acquire()
            if file is not None:
                await locked(file)
        yield
    finally:
        if lock.statistics().owner is trio.lowlevel.current_task():
            lock.release()
        if file is not None:
            os.close(file)  # which lets go of the lock


def _opened(address: str, folder: Path) -> int | None:
    """The lock file of an entry; None where there can be none: then processes do not wait for each other."""
    name = re.sub(r"[^A-Za-z0-9.]", "_", address)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None


async def locked(file: int) -> None:
    """Returns when this process has the lock on an open file, or its file system has no locks."""
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            await trio.sleep(limits.turn_poll_s)
        except OSError:
            return
        else:
            return
