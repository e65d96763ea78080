"""What `inspector doctor` says of a watch: whether it would start, and whether those whom it tells can be reached."""

from __future__ import annotations

import errno
import socket

import httpx
import msgspec
import trio

from inspector_coord.config import Config
from inspector_coord.doctor import Sign
from inspector_coord.errors import ConfigError
from inspector_coord.plain import plain
from inspector_coord.watch import limits
from inspector_coord.watch.outlets import outlets_of

__all__ = ["signs"]


class _Version(msgspec.Struct):
    version: str


class _Status(msgspec.Struct):
    """What `GET /api/v2/status` tells, as far as we ask."""

    version: _Version = msgspec.field(name="versionInfo")


async def signs(config: Config) -> list[Sign]:
    """Nothing where coordinator.yml has no `watch`."""
    if config.watch is None:
        return []
    try:
        outlets = outlets_of(config.watch, file=config.file)
    except ConfigError as problem:
        return [Sign("fail", "watch", str(problem))]
    found = [await _alertmanager(url) for url in outlets.alertmanager]
    return found if outlets.metrics is None else [*found, _metrics(*outlets.metrics)]


async def _alertmanager(url: str) -> Sign:
    """Whether it is one; that it is away keeps a watch from nothing."""
    what = f"Alertmanager {httpx.URL(url).copy_with(userinfo=b'')}"
    try:
        with trio.fail_after(limits.push_s):
            told = msgspec.json.decode(await _status_of(url), type=_Status)
    except trio.TooSlowError:
        return Sign("warn", what, f"has not answered within {limits.push_s:g} s", "alerts wait until it does")
    except httpx.HTTPStatusError as problem:
        advice = "is it one, and is the path right? /api/v2 comes behind it"
        return Sign("warn", what, f"answers {problem.response.status_code}", advice)
    except (httpx.HTTPError, OSError) as problem:
        said = plain(problem, limits.problem_chars_max) or type(problem).__name__
        return Sign("warn", what, said, "start it, or correct watch.alertmanager; alerts wait until then")
    except (msgspec.DecodeError, RecursionError):
        return Sign("warn", what, "answers, but not as an Alertmanager does", "correct watch.alertmanager")
    return Sign("ok", what, f"version {plain(told.version.version, limits.problem_chars_max)}")


async def _status_of(url: str) -> bytes:
    """Its reply, or as much of it as one of an Alertmanager may have."""
    body = bytearray()
    address = f"{url.rstrip('/')}/api/v2/status"
    async with (
        httpx.AsyncClient(trust_env=False, timeout=limits.push_s) as client,
        client.stream("GET", address) as reply,
    ):
        reply.raise_for_status()
        async for piece in reply.aiter_bytes():
            if len(body) <= limits.reply_bytes_max:
                body += piece
    return bytes(body)


def _metrics(host: str, port: int) -> Sign:
    what = f"metrics {host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            return Sign("ok", what, "is in use: a watch that runs serves them")
        return Sign(
            "fail", what, f"cannot be used: {problem.strerror}", "give watch.metrics an address of this machine"
        )
    return Sign("ok", what, "can be served there")
