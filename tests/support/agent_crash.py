"""Fetching that dies at every step of its storing: `python -m tests.support.agent_crash COPIES`, a job on stdin.

A step is an fsync or a rename; a child dies just before it, or torn: with half of what was not synced lost. (Just after
one step is just before the next.) What it leaves of a copy of the job's cache is COPIES/<step>-<how>; what the next
fetch makes of that, …-repaired.
"""

from __future__ import annotations

import itertools
import os
import shutil
import stat
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from inspector_agent import fetch
from inspector_agent.jobs import Job

HOWS = ("before", "torn")
DIED = 9


def die_at(step: int, how: str) -> None:
    """Arm this process: it ends at the step-th fsync or rename from now."""
    reached = 0

    def armed(real: Any) -> Any:
        def call(*arguments: Any) -> Any:
            nonlocal reached
            reached += 1
            if reached == step and how == "torn":
                tear(arguments[0])
            if reached == step:
                os._exit(DIED)
            return real(*arguments)

        return call

    os.fsync, os.replace = armed(os.fsync), armed(os.replace)
    Path.rename = armed(Path.rename)  # type: ignore[method-assign]


def tear(what: object) -> None:
    """Lose half of a file that was written and not synced: `what` is its descriptor, or else nothing happens."""
    if isinstance(what, int) and stat.S_ISREG(os.fstat(what).st_mode):
        os.truncate(f"/proc/self/fd/{what}", os.fstat(what).st_size // 2)


def stored(job: Job, cache: Path) -> Job:
    """The same job in another cache."""
    return msgspec.structs.replace(job, cache=str(cache))


def run(job: Job, step: int = 0, how: str = "") -> bool:
    """Do a job in a child that dies at that step, if it gets there. Returns whether it did."""
    child = os.fork()
    if child == 0:
        try:
            die_at(step, how)
            fetch.do(job, time.monotonic() + job.deadline_s)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == DIED


def main() -> None:
    """Try every step in a copy of the job's cache, and what the next fetch makes of it in a copy of that."""
    job, copies = msgspec.json.decode(sys.stdin.buffer.read(), type=Job), Path(sys.argv[1])
    for step in itertools.count(1):
        deaths = []
        for how in HOWS:
            crashed = copies / f"{step:03}-{how}"
            shutil.copytree(job.cache, crashed)
            deaths.append(run(stored(job, crashed), step, how))
            shutil.copytree(crashed, copies / f"{step:03}-{how}-repaired")
            run(stored(job, copies / f"{step:03}-{how}-repaired"))
        if not any(deaths):
            return


if __name__ == "__main__":
    main()
