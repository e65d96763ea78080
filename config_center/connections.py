"""Shell: hypercorn's connections, with cheaper clocks.

Hypercorn starts and cancels a task for the idle time around every request, which is a third of what a small request
costs. Here it is the deadline of one scope a connection has anyway; all else is hypercorn's.
"""

from __future__ import annotations

import math
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.events import Closed
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ASGIFramework, ConnectionState


class _IdleTime:
    """In the place of hypercorn's task: while the connection is idle its scope has a deadline, else none."""

    def __init__(self, idle_s: float, idle: set[trio.CancelScope]) -> None:
        self.scope = trio.CancelScope()
        self._idle_s = idle_s
        self._idle = idle

    async def restart(self, _group: object, _action: object) -> None:
        """The connection waits for a request from now on."""
        self.scope.deadline = trio.current_time() + self._idle_s
        self._idle.add(self.scope)

    async def stop(self) -> None:
        """It has one."""
        self.scope.deadline = math.inf
        self._idle.discard(self.scope)


class _Connection(TCPServer):
    """One connection."""

    def __init__(self, idle: set[trio.CancelScope], config: Config, *arguments: Any) -> None:
        app, context, state, stream = arguments
        super().__init__(app, config, context, state, stream)
        self.idle_task: Any = _IdleTime(config.keep_alive_timeout, idle)

    async def _read_data(self) -> None:
        try:
            with self.idle_task.scope as scope:
                await super()._read_data()
            if scope.cancelled_caught:  # idle for too long, or the server ends
                await self.protocol.handle(Closed())
        finally:
            await self.idle_task.stop()


async def serve_connections(
    app: ASGIFramework,
    config: Config,
    listener: socket.socket,
    *,
    until: Callable[[], Awaitable[None]] | None = None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Accept connections on a listening socket and answer them until cancelled, or until `until` returns.

    Idle connections end at once then, the others within `config.graceful_timeout` seconds.
    """
    wrapped, context, idle = ASGIWrapper(app), WorkerContext(None), set[trio.CancelScope]()

    async def handle(stream: trio.SocketStream) -> None:
        await _Connection(idle, config, wrapped, context, ConnectionState({}), stream)

    async with trio.open_nursery() as connections, trio.open_nursery() as accepting:
        sockets = [trio.SocketListener(trio.socket.from_stdlib_socket(listener))]
        await accepting.start(_accept, handle, sockets, connections)
        task_status.started()
        await (until or trio.sleep_forever)()
        accepting.cancel_scope.cancel()
        connections.cancel_scope.deadline = trio.current_time() + config.graceful_timeout
        await context.terminated.set()
        for scope in tuple(idle):
            scope.cancel()


async def _accept(
    handle: Callable[[trio.SocketStream], Awaitable[None]],
    sockets: list[trio.SocketListener],
    connections: trio.Nursery,
    task_status: trio.TaskStatus[Any],
) -> None:
    await trio.serve_listeners(handle, sockets, handler_nursery=connections, task_status=task_status)
