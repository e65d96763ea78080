"""How much running programs have read so far, as Linux counts for each process. Linux only.

Counted are bytes that read(2) and the like gave, from whatever: files in memory, disks, pipes; or those that came from
a disk, if that is more: so much is known of files that are mapped. A process that was waited for is counted with the
one that waited for it. Nothing is known of programs that run as another user, unless we are root, nor of kernels
without CONFIG_TASK_IO_ACCOUNTING: then 0.
"""

from __future__ import annotations

import os
import time

from checklib import limits
from checklib.errors import CannotTell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Appetite:
    """Holds what a program and all that it started read to its budget. pids: gives them, without their children."""

    def __init__(self, pids: Callable[[], Iterable[int]]) -> None:
        self._pids = pids
        self._due = time.monotonic() + limits.program_look_s

    def look(self) -> float:
        """Look, if it is time; seconds until it is again. Raises CannotTell where it was too much."""
        now = time.monotonic()
        if now >= self._due:
            self.hold()
            self._due = now + limits.program_look_s
        return self._due - now

    def hold(self) -> None:
        """Look now; once more when the program has ended, before it is reaped."""
        if read_by(self._pids()) > limits.program_read_bytes_max:
            raise CannotTell(f"the program read more than {limits.program_read_bytes_max >> 20} MiB: ended by budget")


def read_by(pids: Iterable[int]) -> int:
    """Bytes that these processes and all their descendants have read; also one that has ended, until it is reaped."""
    queue = list(pids)
    total = 0
    for count, pid in enumerate(queue):
        if count >= limits.processes_max:
            break
        total += _of(pid)
        queue += children_of(pid)
    return total


def children_of(pid: int) -> list[int]:
    """The children of a process, of all its threads; none where it is gone, or the kernel does not tell."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - no pathlib: see checklib.root
            found += map(int, _text(f"/proc/{pid}/task/{thread}/children").split())
    except OSError:
        return found
    return found


def _of(pid: int) -> int:
    try:
        lines = _text(f"/proc/{pid}/io").splitlines()
    except OSError:  # it is gone, or another user's, or the kernel does not count
        return 0
    counts = [int(line.partition(":")[2]) for line in lines if line.startswith(("rchar:", "read_bytes:"))]
    return max(counts, default=0)


def _text(path: str) -> str:
    with open(path, encoding="ascii") as file:  # noqa: PTH123 - the same
        return file.read()
