"""What Serf tells: members, events, answers, keys, coordinates. Typed, frozen, and read from Serf's bytes here.

Field names on the wire are Serf's Go names (`cmd/serf/command/agent/ipc.go` in its source); unknown fields are skipped.
Every `read_*` takes the bytes of one body and raises ProtocolError, and nothing else, for whatever is not one.
"""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import Literal, cast, get_args

import msgspec
from msgspec import Raw

from inspector_agent.ring.errors import ProtocolError
from inspector_agent.ring.pack import decoded, numbers, octets, text, texts

Status = Literal["alive", "leaving", "left", "failed", "none"]
MemberEventKind = Literal["member-join", "member-leave", "member-failed", "member-update", "member-reap"]

_STATUSES = {status: status for status in get_args(Status)}
_MEMBER_EVENTS = frozenset(get_args(MemberEventKind))
_NO_RAW = Raw(b"\xc0")


class Member(msgspec.Struct, frozen=True, gc=False):
    """One node as the asked agent believes it to be.

    Attributes:
        address: of gossip, IPv4 or IPv6 as text.
        port: of gossip.
        tags: as the node announced them.
        status: `alive`, `leaving`, `left`, `failed` or `none`.
    """

    name: str
    address: str
    port: int
    tags: dict[str, str]
    status: Status


class MemberEvent(msgspec.Struct, frozen=True, gc=False):
    """Members that joined, left, failed, changed their tags, or were forgotten (`reap`). Serf gathers some for 3 s."""

    kind: MemberEventKind
    members: tuple[Member, ...]


class UserEvent(msgspec.Struct, frozen=True, gc=False):
    """An event that somebody sent to the whole ring; `ltime` is its Lamport time."""

    name: str
    payload: bytes
    ltime: int
    coalesce: bool


class QueryEvent(msgspec.Struct, frozen=True, gc=False):
    """A query that this node may answer with `respond(event.id, …)`, on the connection that it came on, in time."""

    id: int
    name: str
    payload: bytes
    ltime: int


RingEvent = MemberEvent | UserEvent | QueryEvent


class Ack(msgspec.Struct, frozen=True, gc=False):
    """The Serf agent of this node has heard the query, and passes its filters."""

    name: str


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What this node responded."""

    name: str
    payload: bytes


class Phantom(msgspec.Struct, frozen=True, gc=False):
    """A record of nobody: at a query's end Serf may read from a channel that it has closed. Count it, use it never."""

    kind: Literal["ack", "response"]


class Done(msgspec.Struct, frozen=True, gc=False):
    """The query's time is over: its last record."""


QueryRecord = Ack | Answer | Phantom


class KeyReport(msgspec.Struct, frozen=True, gc=False):
    """What became of a key command in the ring.

    Attributes:
        messages: node name to what it had to say, mostly why it failed.
        keys: key to the number of nodes that have it; empty unless keys were listed.
        nodes: nodes there are, as the asked agent knows.
        responses: nodes that responded.
        failures: responses that were errors.
    """

    messages: dict[str, str]
    keys: dict[str, int]
    nodes: int
    responses: int
    failures: int


class Coordinate(msgspec.Struct, frozen=True, gc=False):
    """A node's place in Serf's model of round-trip times (Vivaldi), in seconds but for `error`, which is relative."""

    vec: tuple[float, ...]
    height: float
    adjustment: float
    error: float


# ---- as they are written ---------------------------------------------------------------------------------------------
# Two of them come with every answer of a fleet. Each is tried first as today's Serf writes what is UTF-8, in one step.
class _PlainHeader(msgspec.Struct, rename="pascal", gc=False):
    seq: int
    error: str


class _PlainRecord(msgspec.Struct, rename="pascal", gc=False):
    type: str
    from_: str = msgspec.field(name="From", default="")
    payload: bytes | None = None


class _Header(msgspec.Struct, rename="pascal", gc=False):
    seq: int
    error: Raw


class _Member(msgspec.Struct, rename="pascal", gc=False):
    name: Raw
    addr: Raw
    port: int
    tags: Raw
    status: Raw


class _Members(msgspec.Struct, rename="pascal", gc=False):
    members: list[_Member] | None


class _Event(msgspec.Struct, rename="pascal", gc=False):
    event: Raw
    id: int = msgspec.field(name="ID", default=0)
    l_time: int = 0
    name: Raw = _NO_RAW
    payload: Raw = _NO_RAW
    coalesce: bool = False
    members: list[_Member] | None = None


class _QueryRecord(msgspec.Struct, rename="pascal", gc=False):
    type: Raw
    from_: Raw = msgspec.field(name="From", default=_NO_RAW)
    payload: Raw = _NO_RAW


class _Keys(msgspec.Struct, rename="pascal", gc=False):
    messages: Raw = _NO_RAW
    keys: Raw = _NO_RAW
    num_nodes: int = 0
    num_err: int = 0
    num_resp: int = 0


class _Joined(msgspec.Struct, rename="pascal", gc=False):
    num: int


class _Vivaldi(msgspec.Struct, rename="pascal", gc=False):
    vec: list[float] | None
    height: float
    adjustment: float
    error: float


class _Placed(msgspec.Struct, rename="pascal", gc=False):
    coord: _Vivaldi | None
    ok: bool


class _Log(msgspec.Struct, rename="pascal", gc=False):
    log: Raw


_plain_header = msgspec.msgpack.Decoder(_PlainHeader).decode
_plain_record = msgspec.msgpack.Decoder(_PlainRecord).decode
_header = msgspec.msgpack.Decoder(_Header)
_members = msgspec.msgpack.Decoder(_Members)
_event = msgspec.msgpack.Decoder(_Event)
_query_record = msgspec.msgpack.Decoder(_QueryRecord)
_keys = msgspec.msgpack.Decoder(_Keys)
_joined = msgspec.msgpack.Decoder(_Joined)
_placed = msgspec.msgpack.Decoder(_Placed)
_log = msgspec.msgpack.Decoder(_Log)
_stats = msgspec.msgpack.Decoder(dict[str, Raw])


def read_header(raw: bytes) -> tuple[int, str]:
    """(Seq, error text) of a reply's header."""
    try:
        plain = _plain_header(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        header = decoded(raw, _header, "header of a reply")
        return header.seq, text(header.error)
    return plain.seq, plain.error


def _member(wire: _Member) -> Member:
    status = _STATUSES.get(text(wire.status))
    if status is None:
        raise ProtocolError(f"a member with the status {text(wire.status)[:40]!r}")
    return Member(text(wire.name), _address(octets(wire.addr)), wire.port, texts(wire.tags), cast("Status", status))


def _address(packed: bytes) -> str:
    if len(packed) == 16:
        address = IPv6Address(packed)
        return str(address.ipv4_mapped or address)
    if len(packed) not in (0, 4):
        raise ProtocolError(f"a member's address of {len(packed)} bytes")
    return ".".join(map(str, packed))


def read_members(raw: bytes) -> list[Member]:
    """The body of a members reply, in Serf's order, which is none."""
    return [_member(wire) for wire in decoded(raw, _members, "members").members or ()]


def read_event(raw: bytes) -> RingEvent:
    """A record of an event stream."""
    wire = decoded(raw, _event, "event")
    kind = text(wire.event)
    if kind == "query":
        return QueryEvent(wire.id, text(wire.name), octets(wire.payload), wire.l_time)
    if kind == "user":
        return UserEvent(text(wire.name), octets(wire.payload), wire.l_time, wire.coalesce)
    if kind not in _MEMBER_EVENTS:
        raise ProtocolError(f"an event of the kind {kind[:40]!r}")
    return MemberEvent(cast("MemberEventKind", kind), tuple(_member(member) for member in wire.members or ()))


def read_query_record(raw: bytes) -> QueryRecord | Done:
    """A record of a query that we asked."""
    try:
        plain = _plain_record(raw)
        kind, name, payload = plain.type, plain.from_, plain.payload or b""
    except (msgspec.MsgspecError, ValueError, RecursionError):
        wire = decoded(raw, _query_record, "query record")
        kind, name, payload = text(wire.type), text(wire.from_), octets(wire.payload)
    if kind == "response":
        return Answer(name, payload) if name else Phantom("response")
    if kind == "ack":
        return Ack(name) if name else Phantom("ack")
    if kind == "done":
        return Done()
    raise ProtocolError(f"a query record of the type {kind[:40]!r}")


def read_stats(raw: bytes) -> dict[str, dict[str, str]]:
    """Sections (`agent`, `runtime`, `serf`, `tags`, …) of names and values, all texts."""
    return {section: texts(values) for section, values in decoded(raw, _stats, "stats").items()}


def read_keys(raw: bytes) -> KeyReport:
    """The body of a key command's reply."""
    wire = decoded(raw, _keys, "key report")
    return KeyReport(texts(wire.messages), numbers(wire.keys), wire.num_nodes, wire.num_resp, wire.num_err)


def read_joined(raw: bytes) -> int:
    """How many of the given addresses a join has reached."""
    return decoded(raw, _joined, "join reply").num


def read_coordinate(raw: bytes) -> Coordinate | None:
    """A node's coordinate; None: the asked agent has none of that name."""
    wire = decoded(raw, _placed, "coordinate")
    if not wire.ok or wire.coord is None:
        return None
    return Coordinate(tuple(wire.coord.vec or ()), wire.coord.height, wire.coord.adjustment, wire.coord.error)


def read_log(raw: bytes) -> str:
    """One line of Serf's log."""
    return text(decoded(raw, _log, "log line").log)
