"""CORE. Messages that are gossiped, and how many bytes Serf makes of what members say to each other.

Sizes follow serf/messages.go and memberlist/net.go: msgpack maps with the field names spelled out. A text has one byte
of header up to 31 bytes, three beyond.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["KNOWN", "NEVER", "Message", "alive_bytes", "packet_bytes", "query_bytes", "response_bytes", "text_bytes"]

NEVER = float("inf")
KNOWN = -1.0

QUERY_BYTES_MAX = 1024  # serf/config.go QuerySizeLimit
RESPONSE_BYTES_MAX = 1024  # serf/config.go QueryResponseSizeLimit
RESPONSE_HEADERS_BYTES = 47  # measured: an answer may have 977 bytes, less its node's name
RELAY_HEADERS_BYTES = 48  # measured: 929 less both names when relayed
PACKET_BYTES = 7  # net.go: a checksum, and the header of a compound
FRAME_BYTES = 3  # of each message in it


class Message:
    """One thing that everybody is to hear.

    index    in the ring's list of messages
    size     bytes; packet_bytes: of a gossip packet that carries nothing else
    limit    how often each member passes it on
    due      for each member: when it will hear it, NEVER (not on its way), or KNOWN
    missing  members up that do not know it
    live     somebody may still pass it on
    older    what this message replaces; newer: what has replaced it
    load     what it is to those who hear it
    """

    __slots__ = ("due", "index", "kind", "limit", "live", "load", "missing", "newer", "older", "packet_bytes", "size")

    def __init__(self, index: int, kind: int, size: int, limit: int, due: list[float], load: Any) -> None:
        self.index = index
        self.kind = kind
        self.size = size
        self.packet_bytes = PACKET_BYTES + FRAME_BYTES + size
        self.limit = limit
        self.due = due
        self.missing = 0
        self.live = False
        self.older: Message | None = None
        self.newer: Message | None = None
        self.load = load


def packet_bytes(load: Sequence[Message]) -> int:
    """Of a gossip packet that carries these."""
    return PACKET_BYTES + sum([message.size + FRAME_BYTES for message in load])


def text_bytes(size: int) -> int:
    """A text or byte string of that size as go-msgpack writes it."""
    return size + (1 if size < 32 else 3)


def query_bytes(
    name: str, node: str, payload: int, timeout_s: float, names: Sequence[str], tags: Mapping[str, str]
) -> int:
    """A whole messageQuery. `node` is the asking entry; `payload` its bytes; `names` and `tags` are the filters."""
    size = 2 + (6 + 1) + (3 + 5) + (5 + 5) + (5 + 3) + 11 + text_bytes(len(node.encode()))
    filters = []
    if names:
        filters.append(1 + (1 if len(names) < 16 else 3) + sum(text_bytes(len(name.encode())) for name in names))
    for tag, value in tags.items():
        filters.append(1 + 1 + 4 + text_bytes(len(tag.encode())) + 5 + text_bytes(len(value.encode()) + 2))
    size += 8 + 1 + sum(text_bytes(one) for one in filters)
    size += (6 + 1) + (12 + 1) + 8 + (9 if timeout_s > 4.29 else 5)
    return size + 5 + text_bytes(len(name.encode())) + 8 + text_bytes(payload)


def response_bytes(node: str, payload: int) -> int:
    """A whole messageQueryResponse; an ack has no payload."""
    return RESPONSE_HEADERS_BYTES + len(node.encode()) + payload


def alive_bytes(node: str, tags: Mapping[str, str]) -> int:
    """A membership message of memberlist, with the tags in it (serf.go encodeTags)."""
    meta = 2 + sum(text_bytes(len(key.encode())) + text_bytes(len(value.encode())) for key, value in tags.items())
    size = 2 + (12 + 1) + 5 + text_bytes(len(node.encode())) + (5 + 5) + (5 + 3)
    return size + 5 + text_bytes(meta) + 4 + 7
