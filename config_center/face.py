"""Shell: what each path of the HTTP face answers."""

from __future__ import annotations

import re
import sys
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Final

import trio
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config_center import limits
from config_center.answers import ASK_AGAIN, BINARY, FOR_EVER, JSON, Object, answer
from config_center.database import Database
from config_center.depot import Depot
from config_center.errors import StoreBusy, StoreError
from config_center.metrics import Metrics
from config_center.node_intake import Intake
from config_center.node_record import RecordRefusedError
from config_center.shelf import PART, RELEASE, Asker, Shelf
from config_center.watch import Watch

SIGNATURE_HEADER: Final = "inspector-signature"

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_NOT_KEPT: Final = {"Cache-Control": "no-store"}
_Find = Callable[[Scope], Awaitable[Object | None]]


class Face:
    """The application that serves one depot. `run` is to run beside it; what it answers before, it answers of nothing.

    app: to be given to an ASGI server.
    """

    def __init__(self, depot: Depot) -> None:
        asker = Asker(depot.where)
        self._shelf = Shelf(depot, asker)
        database = depot if isinstance(depot, Database) else None
        self._watch = Watch(depot, self._shelf, asker, database.migrate if database else None)
        self._metrics = Metrics()
        self._intake = Intake(database, asker) if database else None
        self._said = ""
        routes = [
            Route("/current.json", _Reading(self._current, "nothing is published yet", JSON, ASK_AGAIN)),
            Route("/releases/{digest}.json", _Reading(partial(self._object, RELEASE), _NO_OBJECT, JSON, FOR_EVER)),
            Route("/parts/{digest}", _Reading(partial(self._object, PART), _NO_OBJECT, BINARY, FOR_EVER)),
            Route("/health", self._health),
            Route("/metrics", self._page),
        ]
        if self._intake is not None:
            routes += [
                Route("/nodes.json", _Reading(self._nodes, "no nodes are kept here", JSON, ASK_AGAIN)),
                Route("/nodes/{name}", self._take, methods=["POST"]),
            ]
        inner = Starlette(routes=routes, exception_handlers={StoreError: self._broken, StoreBusy: self._broken})
        self.app: ASGIApp = _Counting(inner, self._metrics)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look after the pointer and store what nodes tell, until cancelled. Reports when it has looked once."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._watch.run)
            if self._intake is not None:
                nursery.start_soon(self._intake.run)
            task_status.started()

    async def _current(self, _scope: Scope) -> Object | None:
        await self._watch.fresh()
        if self._watch.current is not None:
            return self._watch.current.object
        if self._watch.trouble is not None:
            raise self._watch.trouble
        return None

    async def _object(self, kind: str, scope: Scope) -> Object | None:
        digest = scope["path_params"]["digest"]
        return await self._shelf.get(kind, digest) if _DIGEST.fullmatch(digest) else None

    async def _nodes(self, _scope: Scope) -> Object | None:
        return await self._intake.nodes() if self._intake is not None else None

    async def _health(self, _request: Request) -> Response:
        await self._watch.fresh()
        trouble, current = self._watch.trouble, self._watch.current
        document: dict[str, object] = {"status": "ok", "serial": None, "number": None, "digest": None}
        if current is not None:
            pointer = current.pointer
            document |= {"serial": pointer.serial, "number": pointer.number, "digest": pointer.digest}
        if trouble is None:
            return JSONResponse(document, headers=_NOT_KEPT)
        document |= {"status": "degraded", "why": _in_general(trouble)}
        return JSONResponse(document, status_code=503, headers=_NOT_KEPT)

    async def _page(self, _request: Request) -> Response:
        await self._watch.fresh()
        current = self._watch.current
        page = self._metrics.page(
            number=current.pointer.number if current else 0,
            serial=current.pointer.serial if current else 0,
            nodes=self._intake.known if self._intake else None,
            well=self._watch.trouble is None,
        )
        return Response(page, headers={**_NOT_KEPT, "Content-Type": self._metrics.content_type})

    async def _take(self, request: Request) -> Response:
        """A node tells about itself."""
        assert self._intake is not None  # noqa: S101 - the route is there only with it
        try:
            raw = await _body(request, limits.node_record_bytes_max)
            await self._intake.take(request.path_params["name"], raw, request.headers.get(SIGNATURE_HEADER, ""))
        except RecordRefusedError as error:
            return JSONResponse({"error": str(error)}, status_code=error.status, headers=_NOT_KEPT)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        return Response(status_code=204, headers=_NOT_KEPT)

    async def _broken(self, _request: Request, error: Exception) -> Response:
        """A damaged or busy depot: the client is told in general, the operator in full, and once."""
        if str(error) not in {self._said, str(self._watch.trouble)}:
            self._said = str(error)
            print(f"config-center: {error}", file=sys.stderr)
        headers = {**_NOT_KEPT, "Retry-After": str(limits.retry_after_s)} if isinstance(error, StoreBusy) else _NOT_KEPT
        return JSONResponse({"error": _in_general(error)}, status_code=503, headers=headers)


_NO_OBJECT: Final = "there is no such object"


def _in_general(error: Exception) -> str:
    return "busy" if isinstance(error, StoreBusy) else "the store is damaged"


class _Reading:
    """A path that is only read. As bare ASGI, because ten thousand agents ask for these within seconds."""

    def __init__(self, find: _Find, missing: str, kind: bytes, cache: bytes) -> None:
        self._find = find
        self._missing = missing
        self._kind = kind
        self._cache = cache

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        if method not in {"GET", "HEAD"}:
            wrong = JSONResponse({"error": "only GET and HEAD are taken"}, 405, {**_NOT_KEPT, "Allow": "GET, HEAD"})
            await wrong(scope, receive, send)
            return
        found = await self._find(scope)
        if found is None:
            await JSONResponse({"error": self._missing}, 404, _NOT_KEPT)(scope, receive, send)
            return
        said = answer(found, scope["headers"], self._kind, self._cache, head=method == "HEAD")
        await send({"type": "http.response.start", "status": said.status, "headers": said.headers})
        await send({"type": "http.response.body", "body": said.body})


class _Counting:
    """Counts what the application answers."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, sent = 500, 0
        body_goes = scope["method"] != "HEAD"

        async def counted(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
            elif body_goes:
                sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            self._metrics.count(scope["path"], status, sent)


async def _body(request: Request, most: int) -> bytes:
    """The request's body. Raises RecordRefusedError where it is too big, before it is read to its end."""
    too_big = RecordRefusedError(413, f"at most {most} bytes are taken")
    length = request.headers.get("content-length", "0")
    if not length.isascii() or not length.isdecimal() or int(length) > most:
        raise too_big
    body = b""
    async with aclosing(request.stream()) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) > most:
                raise too_big
    return body
