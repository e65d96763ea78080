"""Msgpack as Serf writes it: cut a stream into values, and read texts whichever type they came as.

Two things rule out decoding straight into typed structs. Old Serf agents write byte strings and texts alike as the old
*raw* type, which is today's `str`; new ones write `bin` and `str`. And names and tags are made by whoever joined the
ring: one tag that is not UTF-8 must not hide all the other members. So strings are kept raw while a value is decoded by
its type, and `octets` and `text` read them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgpack  # type: ignore[import-untyped]
import msgspec

from inspector_agent.ring.errors import ProtocolError

T = TypeVar("T")

# Bytes of header of each msgpack type that holds a string, the short form (0xa0 … 0xbf) among them.
_HEADERS = dict.fromkeys(range(0xA0, 0xC0), 1) | {0xC4: 2, 0xC5: 3, 0xC6: 5, 0xD9: 2, 0xDA: 3, 0xDB: 5}
_NIL = 0xC0


class Splitter:
    """Cuts a stream of bytes into msgpack values without building them: nothing hostile is ever unfolded.

    msgpack's C parser walks over a value and goes on where it stopped when more has come, so that a value in a thousand
    pieces costs no more than in one. It refuses more than 1,024 levels of depth.
    """

    def __init__(self) -> None:
        self._walker = msgpack.Unpacker(max_buffer_size=0)  # 0: bounded by `take`, which knows what is due
        self._buffer = bytearray()
        self._taken = 0

    def feed(self, data: bytes) -> None:
        """More bytes of the stream."""
        self._walker.feed(data)
        self._buffer += data

    def take(self, bytes_max: int) -> bytes | None:
        """The next value's bytes; None: not yet complete. Raises ProtocolError if it is none, or has too many."""
        try:
            self._walker.skip()
            size = self._walker.tell() - self._taken
        except msgpack.OutOfData:
            size = None
        except ValueError as problem:
            raise ProtocolError(f"not msgpack, or too deep: {bytes(self._buffer[:16])!r}") from problem
        if (len(self._buffer) if size is None else size) > bytes_max:
            raise ProtocolError(f"a value of more than {bytes_max} bytes: {bytes(self._buffer[:16])!r}…")
        if size is None:
            return None
        value = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._taken += size
        return value


def decoded(raw: bytes, decoder: msgspec.msgpack.Decoder[T], what: str) -> T:
    """`raw` as its type says. Raises ProtocolError with `what` if it is anything else."""
    try:
        return decoder.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as problem:
        raise ProtocolError(f"{what}: {problem}") from problem


def octets(raw: msgspec.Raw) -> bytes:
    """The content of a string of any type; nil is empty. Raises ProtocolError for what is no string."""
    data = bytes(raw)
    start = _HEADERS.get(data[0])
    if start is not None:
        return data[start:]
    if data[0] == _NIL:
        return b""
    raise ProtocolError(f"not a string: {data[:16]!r}")


def text(raw: msgspec.Raw) -> str:
    """The same as text. What is not UTF-8 is shown as `\\xff`, so that two such names stay two names."""
    return str(octets(raw), "utf-8", "backslashreplace")


def texts(raw: msgspec.Raw) -> dict[str, str]:
    """A mapping of texts; nil is empty. Raises ProtocolError for anything else."""
    return {
        key.decode("utf-8", "backslashreplace"): value.decode("utf-8", "backslashreplace")
        for key, value in _mapping(raw, bytes).items()
    }


def numbers(raw: msgspec.Raw) -> dict[str, int]:
    """A mapping of texts to whole numbers; nil is empty. Raises ProtocolError for anything else."""
    return {key.decode("utf-8", "backslashreplace"): value for key, value in _mapping(raw, int).items()}


def _mapping(raw: msgspec.Raw, kind: type[T]) -> Mapping[bytes, T]:
    try:
        found: Any = msgpack.unpackb(raw, raw=True)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as problem:
        raise ProtocolError(f"not a mapping: {bytes(raw)[:16]!r}: {problem}") from problem
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(
        isinstance(key, bytes) and isinstance(value, kind) for key, value in found.items()
    ):
        raise ProtocolError(f"not a mapping of texts to {kind.__name__}: {bytes(raw)[:16]!r}")
    return found
