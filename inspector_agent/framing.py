"""CORE. What is around every message of ours that travels in a Serf query or its response.

One message is `version (1 byte) | length of the signature (1 byte: 0 or 64) | signature | body`. The body is msgpack of
a fixed array of typed fields. The version stands first, so that a reader can name a version it does not speak before
it reads anything else; a signature covers the version and the body as they were sent, so that nobody has to encode
again to verify.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from inspector_agent import limits
from inspector_agent.errors import VersionError, WireError

Body = TypeVar("Body")

_encode = msgspec.msgpack.Encoder().encode


def framed(signature: bytes, body: msgspec.Struct) -> bytes:
    """The bytes of a message. Raises WireError for a signature or a field that cannot be sent."""
    if len(signature) not in (0, limits.signature_bytes):
        raise WireError(f"a signature of {len(signature)} bytes instead of {limits.signature_bytes}")
    try:
        encoded = _encode(body)
    except (OverflowError, UnicodeEncodeError) as problem:
        raise WireError(f"a field cannot be encoded: {problem}") from problem
    return bytes((limits.wire_version, len(signature))) + signature + encoded


def opened(raw: bytes, bytes_max: int) -> tuple[bytes, bytes]:
    """(signature, body) of a message of ours. Raises WireError for anything else, VersionError for another version."""
    if not 2 <= len(raw) <= bytes_max:
        raise WireError(f"a message of {len(raw)} bytes: it must have 2 … {bytes_max}")
    version, size = raw[0], raw[1]
    if version != limits.wire_version:
        if version > limits.wire_version_max:
            raise WireError(f"a message that begins with byte {version}: not one of ours")
        raise VersionError(version, limits.wire_version)
    if not size:
        return b"", raw[2:]
    start = 2 + size
    if size != limits.signature_bytes or len(raw) < start:
        raise WireError(f"a signature of {size} bytes instead of 0 or {limits.signature_bytes}")
    return raw[2:start], raw[start:]


def typed(decode: Callable[[bytes], Body], encoded: bytes, word: str) -> Body:
    """A body decoded by its type. Raises WireError, with `word` for what it should have been.

    Beside its own exceptions msgspec lets those of bad UTF-8 through: ValueErrors.
    """
    try:
        return decode(encoded)
    except (msgspec.MsgspecError, ValueError) as problem:
        raise WireError(f"{word}: {problem}") from problem
