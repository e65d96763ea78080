"""Shell: the published directory over HTTP, for agents, mirrors and caches.

`/current.json` (always asked again), `/releases/<digest>.json` and `/parts/<sha256>` (never change: cached for ever),
`/health`. The paths are those of the directory, so any static web server can stand in. Only names that are digests are
looked up, so no request can name another file.
"""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final, cast

import hypercorn.trio
import trio
from hypercorn.config import Config
from hypercorn.typing import ASGIFramework
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from config_center import limits
from config_center.canonical import digest_of
from config_center.errors import ServeError, StoreBusy, StoreError
from config_center.shelf import Object, Shelf
from config_center.store import Store

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "no-cache"
_Fetch = Callable[[str], Awaitable[Object | None]]


def make_app(directory: Path) -> Starlette:
    """The application that serves one store's directory."""
    store, shelf = Store(directory), Shelf(directory)
    return Starlette(
        routes=[
            Route("/health", partial(_health, store)),
            Route("/current.json", partial(_current, store)),
            Route("/releases/{digest}.json", partial(_immutable, shelf.release, "application/json")),
            Route("/parts/{digest}", partial(_immutable, shelf.part, "application/octet-stream")),
        ],
        exception_handlers={StoreError: _broken, StoreBusy: _busy},
    )


async def serve(
    directory: Path,
    host: str,
    port: int,
    *,
    until: Callable[[], Awaitable[None]] | None = None,
    task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve a store's directory until cancelled, or until `until` returns.

    port: 0 takes a free one. Started in a nursery, it reports its URL once it accepts connections.
    Raises ServeError where the address cannot be had.
    """
    config = Config()
    config.bind = [f"fd://{_listener(host, port).detach()}"]  # bound here, so that a taken address is one plain error
    config.loglevel = "WARNING"
    config.h11_max_incomplete_size = limits.request_bytes_max
    config.read_timeout = limits.request_read_s
    config.keep_alive_timeout = limits.keep_alive_s
    config.graceful_timeout = 1
    async with trio.open_nursery() as nursery:
        application = cast("ASGIFramework", make_app(directory))  # Starlette types a scope as any mapping
        run = partial(hypercorn.trio.serve, application, config, shutdown_trigger=until)
        urls: list[str] = await nursery.start(run)
        task_status.started(urls[0])


def _listener(host: str, port: int) -> socket.socket:
    listener = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except (OSError, ValueError) as error:  # a name with a label too long is a UnicodeError
        if listener:
            listener.close()
        what = (error.strerror if isinstance(error, OSError) else None) or error
        raise ServeError(f"cannot serve on {host}:{port}: {what}; give another address") from error
    return listener


async def _health(store: Store, _request: Request) -> Response:
    pointer = await trio.to_thread.run_sync(store.pointer)
    about = {"number": pointer.number, "digest": pointer.digest} if pointer else {"number": None, "digest": None}
    return JSONResponse({"status": "ok", **about}, headers={"Cache-Control": "no-store"})


async def _current(store: Store, request: Request) -> Response:
    raw = await trio.to_thread.run_sync(store.pointer_bytes)
    if raw is None:
        return _missing("nothing is published yet")
    return _answer(request, Object(digest_of(raw), raw, None), "application/json", _ASK_AGAIN)


async def _immutable(fetch: _Fetch, media_type: str, request: Request) -> Response:
    digest = request.path_params["digest"]
    found = await fetch(digest) if _DIGEST.fullmatch(digest) else None
    if found is None:
        return _missing("there is no such object")
    return _answer(request, found, media_type, _FOR_EVER)


def _answer(request: Request, found: Object, media_type: str, cache: str) -> Response:
    """The object, or 304 where the client has it; gzipped where that is smaller and the client takes it."""
    zipped = found.zipped if _takes_gzip(request.headers.get("accept-encoding", "")) else None
    tag = f'"{found.digest}-gzip"' if zipped else f'"{found.digest}"'
    headers = {"ETag": tag, "Cache-Control": cache, "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}
    if _has_it(request.headers.get("if-none-match", ""), found.digest):
        return Response(status_code=304, headers=headers)
    if zipped:
        headers["Content-Encoding"] = "gzip"
    return Response(zipped or found.raw, headers=headers, media_type=media_type)


def _takes_gzip(header: str) -> bool:
    for offer in header.lower().split(","):
        coding, _, weight = offer.partition(";")
        if coding.strip() in {"gzip", "*"}:
            return not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight)
    return False


def _has_it(header: str, digest: str) -> bool:
    """Weak comparison of RFC 9110: either coding of the object will do."""
    tags = {tag.strip().removeprefix("W/").strip('"').removesuffix("-gzip") for tag in header.split(",")}
    return digest in tags or "*" in tags


def _missing(what: str) -> Response:
    return JSONResponse({"error": what}, status_code=404, headers={"Cache-Control": "no-store"})


async def _broken(_request: Request, error: Exception) -> Response:
    """A damaged store: the client is told in general, the operator in full."""
    print(f"config-center: {error}", file=sys.stderr)
    return JSONResponse({"error": "the store is damaged"}, status_code=503, headers={"Cache-Control": "no-store"})


async def _busy(_request: Request, error: Exception) -> Response:
    """A machine in trouble, which may pass: nobody is told to restore anything."""
    print(f"config-center: {error}", file=sys.stderr)
    headers = {"Cache-Control": "no-store", "Retry-After": str(limits.retry_after_s)}
    return JSONResponse({"error": "busy"}, status_code=503, headers=headers)
