"""CORE. Canonical bytes: the one way to write a document, so that its digest names its content.

UTF-8 JSON, keys sorted by code point, no spaces, no escapes but those JSON demands, no NaN or infinity; numbers as
Python writes them (shortest form that reads back the same). Whoever verifies never needs this: a digest is taken over
the bytes as received.
"""

from __future__ import annotations

import json


def canonical_bytes(document: object) -> bytes:
    """Write a document of dicts with text keys, lists, text, numbers, booleans and None.

    Raises ValueError for what JSON cannot say (NaN, infinity, half a surrogate pair).
    """
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def digest_of(raw: bytes) -> str:
    """SHA-256 of the bytes, as 64 hexadecimal characters."""
    import hashlib  # here, because it maps 3.7 MB of OpenSSL: an agent pays for it only in the child that verifies

    return hashlib.sha256(raw).hexdigest()
