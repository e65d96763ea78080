"""Config centers over HTTP for tests: `serve`, or a web server that knows nothing of us, and clients of either."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import trio

from config_center.depot import Depot
from config_center.http import serve

PATIENCE_S = 60.0
FEW = httpx.Limits(max_connections=20)  # with many, it is the client that takes the time


@asynccontextmanager
async def served(depot: Depot) -> AsyncIterator[httpx.AsyncClient]:
    """A server of the depot on a free port of loopback, and a client of it."""
    async with trio.open_nursery() as nursery:
        url = await nursery.start(serve, depot, "127.0.0.1", 0)
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S, trust_env=False, limits=FEW) as client:
            yield client
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def served_by_python(directory: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Python's own web server on a folder: no ETag, no gzip, no ranges. As dumb as a mirror gets."""
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(directory)]
    async with trio.open_nursery() as nursery:
        run = partial(trio.run_process, command, stdout=subprocess.PIPE, capture_stderr=True, check=False)
        process = await nursery.start(run)
        said = b""
        with trio.fail_after(PATIENCE_S):
            while b"\n" not in said:
                said += await process.stdout.receive_some()
        port = int(said.split(b" port ")[1].split()[0])
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S, trust_env=False
        ) as client:
            yield client
        nursery.cancel_scope.cancel()


async def raw_answer(client: httpx.AsyncClient, request: bytes) -> bytes:
    """All bytes the server sends to these, until it closes or has sent a head."""
    stream = await trio.open_tcp_stream(client.base_url.host, client.base_url.port or 0)
    answer = b""
    async with stream:
        with trio.fail_after(PATIENCE_S):
            await stream.send_all(request)
            while b"\r\n\r\n" not in answer:
                piece = await stream.receive_some(65536)
                if not piece:
                    break
                answer += piece
    return answer
