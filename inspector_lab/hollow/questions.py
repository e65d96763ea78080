"""CORE. Serf's queries as they travel in the gossip: read, filtered, acknowledged, answered, relayed.

Written from Serf v0.9.4, messages.go, query.go and event.go. An answer is one message from a member to the asker; with
a relay factor, copies of it go through that many other members.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from inspector_lab.hollow import limits
from inspector_lab.hollow.errors import PacketError
from inspector_lab.hollow.packets import UINT32, USER, Address, ip
from inspector_lab.hollow.packing import octets, pack, raw, raw_header, read_map, read_map_of, text, whole

LEAVE, JOIN, PUSH_PULL, QUERY, RESPONSE, RELAY = 0, 1, 2, 4, 5, 9
FLAG_ACK = 1
TAGS_MAGIC = b"\xff"
UINT64 = 2**64 - 1
NANOSECONDS = 1_000_000_000
RESPONSE_BYTES_MAX = 1_024  # Serf refuses to send, and to relay, more


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A query as a member hears it. `names` and `tags` are Serf's own filters: None and () where there are none."""

    ltime: int
    id: int
    asker: str
    address: Address
    names: frozenset[str] | None
    tags: tuple[tuple[str, re.Pattern[str]], ...]
    ack: bool
    relays: int
    timeout_s: float
    name: str
    payload: bytes

    @property
    def key(self) -> tuple[int, int]:
        """By which a member knows that it has heard it before."""
        return self.ltime, self.id

    def admits(self, tags: Mapping[str, str]) -> bool:
        """Whether members with these tags pass the tag filters. A tag that is not there is an empty one."""
        return all(pattern.search(tags.get(tag, "")) for tag, pattern in self.tags)


class Relayed(msgspec.Struct, frozen=True, gc=False):
    """A message that a member is to pass on as it is."""

    address: Address
    message: bytes


def read_user(body: bytes) -> Query | Relayed | None:
    """A message of Serf's; None: one that a hollow member does not act on. Raises PacketError."""
    if not body:
        raise PacketError("an empty message of Serf's")
    if body[0] == QUERY:
        return read_query(body[1:])
    if body[0] == RELAY:
        return _relayed(body[1:])
    return None


def read_query(body: bytes) -> Query:
    """A query. Raises PacketError."""
    fields = read_map(body)
    names, tags = _filters(fields.get(b"Filters"))
    return Query(
        ltime=whole(fields, b"LTime", UINT64),
        id=whole(fields, b"ID", UINT32),
        asker=text(fields, b"SourceNode", 255),
        address=(ip(fields, b"Addr"), whole(fields, b"Port", 0xFFFF)),
        names=names,
        tags=tags,
        ack=bool(whole(fields, b"Flags", UINT32) & FLAG_ACK),
        relays=whole(fields, b"RelayFactor", 255),
        timeout_s=whole(fields, b"Timeout", UINT64) / NANOSECONDS,
        name=text(fields, b"Name", limits.packet_bytes_max),
        payload=octets(fields, b"Payload", limits.packet_bytes_max),
    )


def _filters(found: object) -> tuple[frozenset[str] | None, tuple[tuple[str, re.Pattern[str]], ...]]:
    """(names, tags) of a query's filters: one byte of kind, then a list of names, or a tag and an expression."""
    if found is None:
        return None, ()
    if not isinstance(found, list) or len(found) > limits.filters_max:
        raise PacketError("filters that are no list")
    names: frozenset[str] | None = None
    tags = []
    for one in found:
        if not isinstance(one, bytes) or not one:
            raise PacketError("a filter that is no string")
        if one[0] == 0:
            listed = _names(one[1:])
            names = listed if names is None else names & listed
        elif one[0] == 1:
            fields = read_map(one[1:])
            tags.append((text(fields, b"Tag", 512), _expression(text(fields, b"Expr", 512))))
        else:
            raise PacketError(f"a filter of the unknown kind {one[0]}")
    return names, tuple(tags)


def _names(body: bytes) -> frozenset[str]:
    # A map with one field is what the getters read; a list in it is read by the same bounds.
    fields = read_map(b"\x81\xa1N" + body)
    listed = fields[b"N"]
    if not isinstance(listed, list) or not all(isinstance(name, bytes) for name in listed):
        raise PacketError("a filter that lists no names")
    return frozenset(name.decode("utf-8", "replace") for name in listed)


def _expression(expr: str) -> re.Pattern[str]:
    """Go's expression as Python reads it: the two agree on what the coordinator sends."""
    if len(expr) > limits.filter_expression_chars_max:
        raise PacketError(f"a filter of {len(expr)} characters")
    try:
        return re.compile(expr)
    except re.error as problem:
        raise PacketError(f"a filter that is no expression: {problem}") from problem


def _relayed(body: bytes) -> Relayed:
    """A header that names whom it is for, and the message as it is to be sent on."""
    fields, size = read_map_of(body)
    where = fields.get(b"DestAddr")
    if not isinstance(where, dict):
        raise PacketError("a relayed message for nobody")
    address = ip(where, b"IP"), whole(where, b"Port", 0xFFFF)
    return Relayed(address, bytes((USER,)) + body[size:])


# ---- what members send ----------------------------------------------------------------------------------------------


def opening(query: Query, *, ack: bool) -> bytes:
    """How every answer (or ack) to a query begins; who it is from, and what it says, follow."""
    fields = {"LTime": query.ltime, "ID": query.id, "Flags": FLAG_ACK if ack else 0}
    inner = b"".join(raw(name.encode()) + pack(value) for name, value in fields.items())
    return bytes((USER, RESPONSE, 0x85)) + inner


def sender(name: str) -> bytes:
    """The part of an answer that says who it is from."""
    return raw(b"From") + raw(name.encode())


def saying(size: int) -> bytes:
    """What stands before an answer's payload of `size` bytes."""
    return raw(b"Payload") + raw_header(size)


NOTHING = raw(b"Payload") + b"\xc0"
"""The payload of an ack."""


def relay_overhead(query: Query) -> int:
    """Bytes that a relayed copy has more than the answer itself, its first byte (of memberlist) not counted."""
    header = {"DestAddr": {"IP": query.address[0], "Port": query.address[1], "Zone": ""}, "DestName": query.asker}
    return len(pack(header)) + 1


def local_state(names: Iterable[str]) -> bytes:
    """Serf's part of a push/pull: clocks that have not moved, and members that have joined at time 1."""
    fields = {
        "LTime": 1,
        "StatusLTimes": dict.fromkeys(names, 1),
        "LeftMembers": [],
        "EventLTime": 0,
        "Events": None,
        "QueryLTime": 0,
    }
    return bytes((PUSH_PULL,)) + pack(fields)


def leave_intent(name: str, ltime: int) -> bytes:
    """A member says that it is about to leave; its dead message follows. `ltime`: later than all it has heard."""
    return bytes((USER, LEAVE)) + pack({"LTime": ltime, "Node": name, "Prune": False})


def join_intent(name: str, ltime: int) -> bytes:
    """A member says that it has joined; older intents of it are void."""
    return bytes((USER, JOIN)) + pack({"LTime": ltime, "Node": name})


def tags_meta(tags: Mapping[str, str]) -> bytes:
    """A member's tags as its membership record carries them."""
    return TAGS_MAGIC + pack(dict(tags))
