"""Shell: a depot over HTTP, for agents, mirrors and caches.

`/current.json` (always asked again), `/releases/<digest>.json` and `/parts/<sha256>` (never change: cached for ever),
`/health`, `/metrics`; where the depot is a database also `/nodes.json` and `POST /nodes/<name>`. The first three are
paths of a folder, so any static web server can stand in. Only names that are digests are looked up.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import cast

import trio
from hypercorn.config import Config
from hypercorn.typing import ASGIFramework
from hypercorn.utils import repr_socket_addr

from config_center import limits
from config_center.connections import serve_connections
from config_center.depot import Depot
from config_center.errors import ServeError
from config_center.face import Face


async def serve(
    depot: Depot,
    host: str,
    port: int,
    *,
    shared: bool = False,
    until: Callable[[], Awaitable[None]] | None = None,
    task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve a depot until cancelled, or until `until` returns.

    port: 0 takes a free one; shared: other processes may serve on it too, and the kernel deals out connections.
    Started in a nursery, it reports its URL once it accepts connections. A depot that is down is served as soon as it
    is there. Raises ServeError where the address cannot be had.
    """
    config = Config()
    config.loglevel = "WARNING"
    config.h11_max_incomplete_size = limits.request_bytes_max
    config.read_timeout = limits.request_read_s
    config.keep_alive_timeout = limits.keep_alive_s
    config.graceful_timeout = 1
    config.include_server_header = False
    listener = _listener(host, port, shared=shared)  # before all else, so that a taken address is one plain error
    with listener:
        face = Face(depot)
        async with trio.open_nursery() as nursery:
            await nursery.start(face.run)
            application = cast("ASGIFramework", face.app)  # Starlette types a scope as any mapping
            task_status.started(f"http://{repr_socket_addr(listener.family, listener.getsockname())}")
            await serve_connections(application, config, listener, until=until)
            nursery.cancel_scope.cancel()


def _listener(host: str, port: int, *, shared: bool) -> socket.socket:
    listener = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # Taken over by every connection: who asks and then takes nothing does not hold a descriptor for ever.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(limits.stalled_s_max * 1000))
        listener.bind(address)
        listener.listen(limits.connections_waiting_max)
    except (OSError, ValueError) as error:  # a name with a label too long is a UnicodeError
        if listener:
            listener.close()
        what = (error.strerror if isinstance(error, OSError) else None) or error
        raise ServeError(f"cannot serve on {host}:{port}: {what}; give another address") from error
    return listener
