"""One bounded GET from a config center, or from a mirror of it (trio shell)."""

from __future__ import annotations

import httpx
import msgspec
import trio

from inspector_coord import limits

__all__ = ["CenterAway", "CenterDown", "Reply", "client_for", "get"]


class CenterDown(Exception):  # noqa: N818 -- a fact, handled where the next mirror is tried
    """A config center cannot be had, or what it sends cannot be used. The text says which one, and why."""


class CenterAway(CenterDown):
    """Nobody answers there, or not in time: asking for something else there would only cost time."""


class Reply(msgspec.Struct, frozen=True):
    """What came: its status, its body, and the tag that stands for this body at this place ("" without one)."""

    status: int
    body: bytes
    etag: str


def client_for() -> httpx.AsyncClient:
    """A client that takes nothing from the environment."""
    return httpx.AsyncClient(timeout=limits.http_timeout_s, trust_env=False)


async def get(client: httpx.AsyncClient, url: str, bytes_max: int, *, etag: str = "") -> Reply:
    """Ask for one document; with an `etag` 304 may be the answer. Raises CenterAway.

    Little more than `bytes_max` is read: whoever decodes it says that it is too big. A center that sends slower than
    `document_s_max` allows is down for our purpose.
    """
    body = bytearray()
    headers = {"If-None-Match": etag} if etag else {}
    try:
        with trio.fail_after(limits.document_s_max):
            async with client.stream("GET", url, headers=headers) as response:
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > bytes_max:
                        break
                return Reply(response.status_code, bytes(body), response.headers.get("ETag", ""))
    except trio.TooSlowError as problem:
        raise CenterAway(f"{url} was not sent within {limits.document_s_max:g} s") from problem
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as problem:
        center = url.rpartition("/")[0]
        why = str(problem) or type(problem).__name__
        raise CenterAway(f"the config center {center} cannot be reached ({why})") from problem
