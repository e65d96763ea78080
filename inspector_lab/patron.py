"""`up`'s side of the pipe to the keeper: whoever holds it owns the lab."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import trio

from inspector_lab import limits, processes
from inspector_lab.errors import UpError
from inspector_lab.layout import Layout


class Keeper:
    """A keeper that belongs to us until `keep`."""

    def __init__(self, layout: Layout, process: subprocess.Popen[bytes], orders: int, events: int) -> None:
        self.layout = layout
        self.pid = process.pid
        self._process = process
        self._orders = orders
        self._events = events
        self._buffer = bytearray()

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """What the keeper says, line by line; raises UpError when it ends instead."""
        while True:
            while (end := self._buffer.find(b"\n")) >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 1]
                yield json.loads(line)
            await trio.lowlevel.wait_readable(self._events)
            part = os.read(self._events, 65_536)
            if not part:
                raise UpError(f"the keeper ended unexpectedly\n{tail(self.layout.keeper_log)}")
            self._buffer += part

    async def next_event(self, name: str) -> dict[str, Any]:
        """The next event of this name; others on the way are passed over."""
        async for event in self.events():
            if event["event"] == name:
                return event
        raise AssertionError("the keeper's events never end without an error")

    async def keep(self) -> None:
        """Let the lab live on without us. When this returns, nothing we do can end it by accident."""
        os.write(self._orders, b"keep\n")
        await self.next_event("kept")
        self._process.returncode = 0  # it is nobody's child to be waited for any more

    def leave(self) -> None:
        """Close the pipe. A keeper that was not told to keep ends the lab; wait until it has."""
        os.close(self._orders)
        os.close(self._events)
        if self._process.returncode is not None:
            return
        try:
            self._process.wait(limits.down_s_max)
        except subprocess.TimeoutExpired:
            processes.kill_trees([self.pid])
            self._process.wait()


@contextmanager
def started_keeper(layout: Layout, claim: socket.socket, module: str = "inspector_lab.keeper") -> Iterator[Keeper]:
    """Start a keeper, which inherits the claim on the lab's addresses."""
    orders_out, orders = os.pipe()
    events, events_in = os.pipe()
    with layout.keeper_log.open("ab") as log:
        process = subprocess.Popen(
            processes.python(module, str(layout.home)),
            stdin=orders_out,
            stdout=events_in,
            stderr=log,
            cwd="/",
            start_new_session=True,
            pass_fds=[claim.fileno()],
        )
    keeper = Keeper(layout, process, orders, events)
    try:
        os.close(orders_out)
        os.close(events_in)
        yield keeper
    finally:
        keeper.leave()


def tail(log: os.PathLike[str]) -> str:
    """The last lines of a log, for an error message."""
    try:
        with open(log, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - any path-like
            return "".join(file.readlines()[-limits.log_tail_lines :]).rstrip()
    except FileNotFoundError:
        return ""
