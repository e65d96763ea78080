"""CORE. Msgpack as Serf's Go library has it: strings and bytes are both the old raw type, structs are maps of texts.

What arrives is hostile: `read_map` gives a map of byte strings or raises PacketError, and the typed getters below take
a field only if it is what it should be. A field that is missing has Go's zero value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgpack  # type: ignore[import-untyped]

from inspector_lab.hollow.errors import PacketError

Fields = Mapping[bytes, Any]


def pack(value: object) -> bytes:
    """A value, its strings in the old raw type without the one-byte length that old readers do not know."""
    packed: bytes = msgpack.packb(value, use_bin_type=False)
    return packed


def raw_header(size: int) -> bytes:
    """What stands before `size` bytes of a string."""
    if size < 32:
        return bytes((0xA0 | size,))
    if size < 65_536:
        return b"\xda" + size.to_bytes(2, "big")
    return b"\xdb" + size.to_bytes(4, "big")


def raw(data: bytes) -> bytes:
    """A string of bytes."""
    return raw_header(len(data)) + data


def read_map(data: bytes | memoryview) -> Fields:
    """The one map that `data` is. Bytes after it are ignored, as Go's decoder does."""
    fields, _ = read_map_of(data)
    return fields


def read_map_of(data: bytes | memoryview) -> tuple[Fields, int]:
    """(the map that `data` begins with, how many bytes it has). Raises PacketError."""
    unpacker = msgpack.Unpacker(raw=True, strict_map_key=False, max_buffer_size=max(1, len(data)))
    unpacker.feed(data)
    try:
        found = unpacker.unpack()
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as problem:
        raise PacketError(f"not msgpack: {problem}") from problem
    if not isinstance(found, dict):
        raise PacketError("not a map of fields")
    return found, unpacker.tell()


def whole(fields: Fields, name: bytes, most: int) -> int:
    """A whole number from 0 to `most`."""
    value = fields.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise PacketError(f"{name.decode()} is no number up to {most}")
    return value


def octets(fields: Fields, name: bytes, most: int) -> bytes:
    """A string of bytes; nil is an empty one."""
    value = fields.get(name)
    if value is None:
        return b""
    if not isinstance(value, bytes) or len(value) > most:
        raise PacketError(f"{name.decode()} is no string of up to {most} bytes")
    return value


def text(fields: Fields, name: bytes, most: int) -> str:
    """The same as text."""
    try:
        return octets(fields, name, most).decode()
    except UnicodeDecodeError as problem:
        raise PacketError(f"{name.decode()} is not UTF-8") from problem


def flag(fields: Fields, name: bytes) -> bool:
    """Whether a flag is set."""
    return fields.get(name) is True
