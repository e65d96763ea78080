"""What a child process that goes to config centers for its agent has in common with the others: a job comes on stdin,
what came of it goes to stdout, it gives way to all else on the node, dies with the agent, and can bound its own time.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol, TypeVar

import msgspec

from inspector_agent import limits
from inspector_agent.errors import FetchError
from inspector_agent.runner import kin


class OutOfTimeError(Exception):
    """What was going on had its share of the time."""


class Errand(Protocol):
    """A job. parent: the agent's process id, 0 to run it by hand; deadline_s: it is done by then."""

    @property
    def parent(self) -> int: ...  # noqa: D102
    @property
    def deadline_s(self) -> float: ...  # noqa: D102


Job = TypeVar("Job", bound=Errand)


def run(kind: type[Job], do: Callable[[Job, float], object]) -> None:
    """Read a job, do it by a moment of the monotonic clock, print what came of it. Dies with the agent."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=kind)
    if job.parent:
        kin.die_with_parent(job.parent)
    os.nice(limits.fetch_niceness)
    signal.signal(signal.SIGALRM, _out_of_time)
    outcome = do(job, time.monotonic() + job.deadline_s)
    sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")


@contextmanager
def at_most(seconds: float, what: str, late: str = "not complete") -> Iterator[None]:
    """Bound the whole of one center, however it spreads its bytes over time. Raises FetchError that names `what`."""
    if seconds <= 0:
        raise FetchError(f"{what}: no time was left for it")
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except OutOfTimeError as error:
        raise FetchError(f"{what}: {late} after {seconds:.1f} s") from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _out_of_time(_number: int, _frame: FrameType | None) -> None:
    raise OutOfTimeError
