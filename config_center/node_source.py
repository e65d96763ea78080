"""Shell: where the commands about nodes get them: the store of a config center, or its `/nodes.json` by URL."""

from __future__ import annotations

import http.client
import time
import urllib.request
import zlib
from pathlib import Path
from typing import Final

from config_center import limits
from config_center.acting import opened
from config_center.errors import CenterError
from config_center.inventory import read_nodes
from config_center.rows import NodeRow

NODES_PATH: Final = "/nodes.json"
_SCHEMES: Final = ("http://", "https://")


def nodes_from(url: str | None, store: str | None, directory: Path) -> list[NodeRow]:
    """All nodes. url: of a center; else of the store. Raises CenterError where they cannot be had."""
    if url is not None and store is not None:
        raise CenterError("--from and --store name two places: give one of them")
    if url is not None:
        return read_nodes(_fetch(url))
    with opened(store, directory) as database:
        return database.nodes()


def _fetch(url: str) -> bytes:
    """The bytes of a center's nodes.json, at most one more than are taken."""
    if not url.startswith(_SCHEMES):
        raise CenterError(f"{url[:200]!r} is no URL of a config center: it begins with http:// or https://")
    where = url if url.endswith(NODES_PATH) else url.rstrip("/") + NODES_PATH
    request = urllib.request.Request(where, headers={"Accept-Encoding": "gzip"})  # noqa: S310 - held to http(s) above
    try:
        with urllib.request.urlopen(request, timeout=limits.nodes_fetch_s) as reply:  # noqa: S310
            raw = _read(reply)
            if reply.headers.get("Content-Encoding") != "gzip":
                return raw
        return _unzipped(raw)
    except (OSError, ValueError, EOFError, zlib.error) as error:
        reason = getattr(error, "reason", None) or error
        raise CenterError(f"{where} cannot be had: {reason}") from error


def _read(reply: http.client.HTTPResponse) -> bytes:
    """All of it within a time, and at most one byte more than are taken. Raises OSError."""
    deadline = time.monotonic() + limits.nodes_fetch_s
    gathered = bytearray()
    while len(gathered) <= limits.roster_bytes_max and (piece := reply.read1(1 << 16)):
        gathered += piece
        if time.monotonic() > deadline:
            raise TimeoutError(f"it did not come within {limits.nodes_fetch_s:g} s")
    if reply.length:
        raise OSError(f"it ended {reply.length} bytes too early")
    return bytes(gathered)


def _unzipped(raw: bytes) -> bytes:
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    return unpacker.decompress(raw, limits.roster_bytes_max + 1)
