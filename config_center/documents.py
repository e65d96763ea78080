"""CORE. Reading a typed JSON document of ours, whose schema stands in it, from bytes of any origin."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from config_center.errors import ReleaseError

_Document = TypeVar("_Document", bound=msgspec.Struct)


class _Schema(msgspec.Struct, frozen=True):
    schema: str


def read_document(raw: bytes, kind: type[_Document], schema: str, what: str) -> _Document:
    """Decode a document of that schema; what: its name in words ("release"). Raises ReleaseError, and nothing else.

    The schema is looked at first, so that a newer one is named as such.
    """
    try:
        found = msgspec.json.decode(raw, type=_Schema).schema
        if found != schema:
            raise ReleaseError(f"the {what} has schema {found[:64]!r}, this program reads {schema!r}: upgrade it")
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
        raise ReleaseError(f"the {what} is malformed: {error}") from error
