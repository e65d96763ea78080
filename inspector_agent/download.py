"""One HTTP GET within bounds, for the fetching child and for doctor: the resident agent never loads it."""

from __future__ import annotations

import http.client
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from inspector_agent import limits
from inspector_agent.errors import FetchError
from inspector_agent.findings import printable

PIECE_BYTES = 65_536


@dataclass(frozen=True)
class Reply:
    """What a server said.

    Attributes:
        body: empty where nothing is new (304).
        etag: as the server wrote it, to be sent back; "" without one.
        date: the server's clock, as in the header of that name; "" without one.
    """

    status: int
    body: bytes
    etag: str
    date: str

    @property
    def unchanged(self) -> bool:
        """The server has nothing newer than the etag that was sent."""
        return self.status == 304


def get(url: str, *, bytes_max: int, etag: str = "", silence_s: float = limits.fetch_silence_s) -> Reply:
    """Fetch a URL of at most `bytes_max` bytes, unpacked.

    Redirects are not followed. `silence_s` bounds each wait for the server; bounding the whole is the caller's task.
    Raises FetchError, which names the URL. What it repeats of the server's words steers no terminal.
    """
    try:
        return _get(url, bytes_max, etag, silence_s)
    except FetchError as error:
        raise FetchError(printable(str(error), limits.said_chars_max)) from error


def _get(url: str, bytes_max: int, etag: str, silence_s: float) -> Reply:
    try:
        connection = connect(url, silence_s)
        try:
            return _ask(connection, url, bytes_max, etag)
        finally:
            connection.close()
    except TimeoutError as error:
        raise FetchError(f"{url}: no answer for {silence_s:g} s") from error
    except (OSError, http.client.HTTPException, zlib.error, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise FetchError(f"{url}: {reason}") from error


def connect(url: str, silence_s: float) -> http.client.HTTPConnection:
    """A connection that is made with its first request; `silence_s` bounds each wait. Raises FetchError."""
    parts = urlsplit(url)
    if parts.hostname is None or parts.scheme not in {"http", "https"}:
        raise FetchError(f"{url}: not an http:// or https:// address")
    if parts.scheme == "http":
        return http.client.HTTPConnection(parts.hostname, parts.port, timeout=silence_s)
    import ssl  # 4 MB and 5 ms that most centers do not need

    context = ssl.create_default_context()
    return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=silence_s, context=context)


def _ask(connection: http.client.HTTPConnection, url: str, bytes_max: int, etag: str) -> Reply:
    headers = {"Accept-Encoding": "gzip", "User-Agent": "inspector-agent", "Connection": "close"}
    if etag:
        headers["If-None-Match"] = etag
    connection.request("GET", urlsplit(url).path or "/", headers=headers)
    with connection.getresponse() as response:
        found = response.headers
        reply = Reply(response.status, b"", found.get("ETag", ""), found.get("Date", ""))
        if reply.status == 304 and etag:
            return reply
        if reply.status != 200:
            raise FetchError(f"{url}: the center answers {response.status} {response.reason}")
        coding = found.get("Content-Encoding", "identity").strip().lower()
        if coding not in {"gzip", "identity"}:
            raise FetchError(f"{url}: comes as {coding[:40]!r}, which was not asked for")
        return replace(reply, body=_read(response, url, bytes_max, zipped=coding == "gzip"))


def _read(response: http.client.HTTPResponse, url: str, bytes_max: int, *, zipped: bool) -> bytes:
    body = bytearray()
    pieces = iter(lambda: response.read(PIECE_BYTES), b"")
    for piece in _unzip(pieces, url) if zipped else pieces:
        body += piece
        if len(body) > bytes_max:
            raise FetchError(f"{url}: more than {bytes_max} bytes")
    if response.length and not zipped:
        raise FetchError(f"{url}: cut short, {response.length} bytes are missing")
    return bytes(body)


def _unzip(pieces: Iterator[bytes], url: str) -> Iterator[bytes]:
    """Unpack in pieces of bounded size: a few bytes may stand for a thousand times as many."""
    unzip = zlib.decompressobj(16 + zlib.MAX_WBITS)
    for piece in pieces:
        yield unzip.decompress(piece, PIECE_BYTES)
        while unzip.unconsumed_tail:
            yield unzip.decompress(unzip.unconsumed_tail, PIECE_BYTES)
        if unzip.eof:
            return
    yield unzip.flush()
    if not unzip.eof:
        raise FetchError(f"{url}: cut short in the midst of its gzip stream")
