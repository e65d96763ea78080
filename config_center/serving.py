"""Shell: `config-center serve` as a process: says when it is ready, ends well on a signal."""

from __future__ import annotations

import gc
import resource
import signal
import sys
from contextlib import suppress

import trio

from config_center.depot import Depot
from config_center.http import serve


async def serve_until_signalled(depot: Depot, host: str, port: int, *, shared: bool = False) -> None:
    """Serve until SIGINT or SIGTERM; the ready line goes to stderr. Raises ServeError as `serve` does."""
    _take_descriptors()
    # A connection makes and drops many small objects; looking for cycles among them this often costs a fifth of it all.
    gc.set_threshold(50_000, 50, 100)
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:

        async def signalled() -> None:
            async for _ in signals:
                return

        # In no nursery: that would wrap what is raised into a group, and nobody could tell it as one sentence.
        await serve(depot, host, port, shared=shared, until=signalled, task_status=_Ready(depot.where))


def _take_descriptors() -> None:
    """As many as may be had: each client is one, and a shell gives 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # fewer serve as well
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class _Ready(trio.TaskStatus[str]):
    """Takes the URL once connections are accepted."""

    def __init__(self, where: str) -> None:
        self._where = where

    def started(self, value: str | None = None) -> None:
        print(f"config-center serves {self._where} on {value}", file=sys.stderr, flush=True)
