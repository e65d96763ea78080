"""CORE. What HTTP says about an object that never changes: its bytes, plain or gzipped, a range of them, or 304.

RFC 9110: If-None-Match goes before Range; a range is given of the plain bytes alone, and of one piece; whoever sends
If-Range with another object's tag gets the whole. What is malformed or more than that is as if it were not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

JSON: Final = b"application/json"
BINARY: Final = b"application/octet-stream"
FOR_EVER: Final = b"public, max-age=31536000, immutable"
ASK_AGAIN: Final = b"no-cache"

Headers = list[tuple[bytes, bytes]]

_RANGE: Final = re.compile(rb"\s*bytes\s*=\s*(\d{0,19})-(\d{0,19})\s*", re.IGNORECASE)
_NO_WEIGHT: Final = re.compile(rb"\s*q\s*=\s*0(\.0*)?\s*")


@dataclass(frozen=True, slots=True)
class Object:
    """Some bytes and their digest. zipped: None where gzip would not make them smaller."""

    digest: str
    raw: bytes
    zipped: bytes | None

    @property
    def size(self) -> int:
        """Bytes it keeps in memory."""
        return len(self.raw) + len(self.zipped or b"")


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response; to HEAD the body is not sent, its length is told all the same."""

    status: int
    headers: Headers
    body: bytes


def answer(found: Object, asked: Iterable[tuple[bytes, bytes]], kind: bytes, cache: bytes, *, head: bool) -> Answer:
    """The answer to GET or HEAD of an object. asked: the request's headers, their names in lower case."""
    request = dict(asked)
    part = None if head else _range(request, found)
    zipped = found.zipped if part is None and _takes_gzip(request.get(b"accept-encoding", b"")) else None
    tag = found.digest.encode()
    headers = [
        (b"etag", b'"%s-gzip"' % tag if zipped else b'"%s"' % tag),
        (b"cache-control", cache),
        (b"vary", b"Accept-Encoding"),
        (b"x-content-type-options", b"nosniff"),
        (b"accept-ranges", b"bytes"),
    ]
    if _has_it(request.get(b"if-none-match"), tag):
        return Answer(304, headers, b"")
    if part is not None and part.start >= part.stop:
        headers.append((b"content-range", b"bytes */%d" % len(found.raw)))
        return Answer(416, [*headers, (b"content-length", b"0")], b"")
    if zipped:
        headers.append((b"content-encoding", b"gzip"))
    body = zipped or found.raw
    if part is not None:
        headers.append((b"content-range", b"bytes %d-%d/%d" % (part.start, part.stop - 1, len(body))))
        body = body[part.start : part.stop]
    headers += [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    return Answer(200 if part is None else 206, headers, body)


def _range(request: dict[bytes, bytes], found: Object) -> range | None:
    """The bytes asked for; an empty range where there are none such, None where all are wanted."""
    match = _RANGE.fullmatch(request.get(b"range", b""))
    if match is None or request.get(b"if-range", b'"%s"' % found.digest.encode()).strip() != (
        b'"%s"' % found.digest.encode()
    ):
        return None
    first, last = match.groups()
    size = len(found.raw)
    if not first:
        return range(max(0, size - int(last)), size) if last else None
    if last and int(last) < int(first):
        return None
    return range(int(first), min(size, int(last) + 1) if last else size)


def _takes_gzip(header: bytes) -> bool:
    for offer in header.lower().split(b","):
        coding, _, weight = offer.partition(b";")
        if coding.strip() in {b"gzip", b"*"}:
            return not _NO_WEIGHT.fullmatch(weight)
    return False


def _has_it(header: bytes | None, tag: bytes) -> bool:
    """Weak comparison: either coding of the object will do."""
    if header is None:
        return False
    tags = {one.strip().removeprefix(b"W/").strip(b'"').removesuffix(b"-gzip") for one in header.split(b",")}
    return tag in tags or b"*" in tags
