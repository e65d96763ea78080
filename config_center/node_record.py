"""CORE. What a node tells about itself, `inspector.node/1`: read from hostile bytes, checked, and only then believed.

The body is canonical JSON, so that the signature covers all of it in one form only:
`{"facts":{},"key":"ed25519:<base64>","name":"n001","schema":"inspector.node/1","sent":1893456000,"tags":{}}`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from config_center import limits
from config_center.canonical import canonical_bytes
from config_center.errors import TrustError
from config_center.keys import parse_public, verify_bytes
from config_center.rows import NodeRow

NODE_SCHEMA: Final = "inspector.node/1"
NODES_SCHEMA: Final = "inspector.nodes/1"


class RecordRefusedError(Exception):
    """A record that is not taken. status: the HTTP status that says so; the text is for the node."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: str
    name: str
    tags: dict[str, str]
    facts: dict[str, str]
    sent: int
    key: str


def read_record(raw: bytes, name: str, signature: str, *, now: float, seen: str) -> NodeRow:
    """A node's record as it is kept. Raises RecordRefusedError, and nothing else, on any bytes.

    name: of the node, as the path has it; signature: the header, "" where there was none; now: Unix seconds;
    seen: the same moment as RFC 3339.
    """
    if len(raw) > limits.node_record_bytes_max:
        raise RecordRefusedError(413, f"a node's record has at most {limits.node_record_bytes_max} bytes")
    record = _decode(raw)
    if record.name != name:
        raise RecordRefusedError(400, "the record is about another node than its path")
    if not _is_name(name):
        raise RecordRefusedError(400, f"a node's name has 1 to {limits.node_name_chars_max} printable characters")
    _check_texts("tags", record.tags, limits.node_tags_max)
    _check_texts("facts", record.facts, limits.node_facts_max)
    if not 0 < record.sent <= now + limits.node_clock_ahead_s_max:
        raise RecordRefusedError(400, "`sent` is no moment of Unix time, or the node's clock is far ahead")
    try:
        key = parse_public(record.key)
    except TrustError as error:
        raise RecordRefusedError(400, str(error)) from error
    try:
        verify_bytes(key, raw, signature)
    except TrustError as error:
        raise RecordRefusedError(403, str(error)) from error
    return NodeRow(
        name=name, tags=record.tags, facts=record.facts, seen=seen, sent=record.sent, key=record.key
    )  # fmt: skip


def nodes_mapping(rows: Iterable[NodeRow]) -> dict[str, Any]:
    """Nodes with what they told, as `nodes.json` has them."""
    nodes = {row.name: {"tags": row.tags, "facts": row.facts, "seen": row.seen} for row in rows}
    return {"schema": NODES_SCHEMA, "nodes": nodes}


def nodes_document(rows: Iterable[NodeRow]) -> bytes:
    """`nodes.json`: all nodes with what they told."""
    return canonical_bytes(nodes_mapping(rows))


def _decode(raw: bytes) -> _Record:
    try:
        record = msgspec.json.decode(raw, type=_Record)
        written: Any = canonical_bytes(msgspec.to_builtins(record))
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
        raise RecordRefusedError(400, f"the record is malformed: {error}") from error
    if record.schema != NODE_SCHEMA:
        raise RecordRefusedError(400, f"the record has another schema than {NODE_SCHEMA}")
    if written != raw:
        raise RecordRefusedError(400, "the record is not written as canonical JSON")
    return record


def _is_name(text: str) -> bool:
    return 0 < len(text) <= limits.node_name_chars_max and text.isprintable() and "/" not in text


def _check_texts(what: str, texts: Mapping[str, str], most: int) -> None:
    if len(texts) > most:
        raise RecordRefusedError(400, f"a record has at most {most} {what}, this one {len(texts)}")
    for key, value in texts.items():
        if not 0 < len(key) <= limits.key_chars_max or not key.isprintable() or not value.isprintable():
            raise RecordRefusedError(400, f"the {what} have a name or a value with characters that cannot be printed")
        if len(value) > limits.text_chars_max:
            raise RecordRefusedError(400, f"the {what} have a value of more than {limits.text_chars_max} characters")
