"""What can be asked of Serf: one frozen struct a command, which knows its name, its reply, and how to read it.

A command travels as a header `{"Command": name, "Seq": n}` and, if it has fields, a body of them. A reply is a header
`{"Seq": n, "Error": text}` and for some commands a body. *Nothing in the reply tells whether a body follows*: that is
known from the command alone, so it stands here, beside the command (`REPLY_BODY`). Read from Serf's
`cmd/serf/command/agent/ipc.go`: `join` and the key commands send their body also with an error, others do not.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar, cast

import msgspec

from inspector_agent.ring import limits, records
from inspector_agent.ring.records import Coordinate, Done, KeyReport, Member, QueryRecord, RingEvent

T = TypeVar("T", covariant=True)  # noqa: PLC0105  # what a command yields
NANOSECONDS = 1_000_000_000

# Go's regular expressions (RE2) give these a meaning, and take any of them literally after a backslash.
_MEANT = re.compile(r"[\\.+*?()|\[\]{}^$]")


class Body(enum.Enum):
    """When a body follows the header of a reply."""

    NEVER = enum.auto()
    ON_SUCCESS = enum.auto()
    ALWAYS = enum.auto()


class Command(msgspec.Struct, Generic[T], frozen=True, rename="pascal"):
    """Base of all commands. `T` is what the reply's body, or each record of a subscription, is read as."""

    NAME: ClassVar[str]
    REPLY_BODY: ClassVar[Body] = Body.NEVER
    SUBSCRIBES: ClassVar[bool] = False  # records follow the reply: header and body each, under the same Seq
    READ: ClassVar[Callable[[bytes], Any]]  # a body, or a record
    BYTES_MAX: ClassVar[int] = limits.small_body_bytes_max  # of it

    @property
    def body_bytes_max(self) -> int:
        """What a body of the reply, or one record, may weigh."""
        return self.BYTES_MAX

    def read(self, raw: bytes) -> T:
        """The typed content of a body. Raises ProtocolError for anything else."""
        return cast("T", type(self).READ(raw))

    def encode(self, seq: int) -> bytes:
        """The bytes of this request. Raises ValueError if a text cannot be encoded (lone surrogates)."""
        header = msgspec.msgpack.encode({"Command": self.NAME, "Seq": seq})
        return header + msgspec.msgpack.encode(self) if self.__struct_fields__ else header


class Handshake(Command[None], frozen=True):
    """The first command on every connection."""

    NAME = "handshake"
    version: int = limits.rpc_version


class Auth(Command[None], frozen=True):
    """The second one. Without a key too: an agent that has none takes the empty one, an agent that has one says so."""

    NAME = "auth"
    auth_key: str = ""

    def __repr__(self) -> str:
        """Without the key: it must not reach a log."""
        return "Auth(…)"


class Members(Command[list[Member]], frozen=True):
    """The members that match Go regular expressions; an empty one matches all. See `members`."""

    NAME = "members-filtered"
    REPLY_BODY = Body.ON_SUCCESS
    READ = records.read_members
    BYTES_MAX = limits.members_bytes_max
    tags: dict[str, str] = {}
    status: str = ""
    name: str = ""


class Stats(Command[dict[str, dict[str, str]]], frozen=True):
    """The agent's own figures."""

    NAME = "stats"
    REPLY_BODY = Body.ON_SUCCESS
    READ = records.read_stats
    BYTES_MAX = limits.stats_bytes_max


class Event(Command[None], frozen=True):
    """Send a user event to the whole ring."""

    NAME = "event"
    name: str
    payload: bytes
    coalesce: bool


class Respond(Command[None], frozen=True):
    """Answer a query that a stream on this connection told of."""

    NAME = "respond"
    id: int = msgspec.field(name="ID")
    payload: bytes


class Tags(Command[None], frozen=True):
    """Set and delete tags of the asked agent's node."""

    NAME = "tags"
    tags: dict[str, str]
    delete_tags: tuple[str, ...] = ()


class GetCoordinate(Command[Coordinate | None], frozen=True):
    """What the agent knows of a node's coordinate."""

    NAME = "get-coordinate"
    REPLY_BODY = Body.ON_SUCCESS
    READ = records.read_coordinate
    node: str


class Join(Command[int], frozen=True):
    """Join other nodes."""

    NAME = "join"
    REPLY_BODY = Body.ALWAYS
    READ = records.read_joined
    existing: tuple[str, ...]
    replay: bool


class Leave(Command[None], frozen=True):
    """Leave the ring and shut the Serf agent down."""

    NAME = "leave"


class ForceLeave(Command[None], frozen=True):
    """Declare a failed node left."""

    NAME = "force-leave"
    node: str
    prune: bool


class ListKeys(Command[KeyReport], frozen=True):
    """Which gossip keys there are, and on how many nodes."""

    NAME = "list-keys"
    REPLY_BODY = Body.ALWAYS
    READ = records.read_keys
    BYTES_MAX = limits.members_bytes_max


class _KeyCommand(ListKeys, frozen=True):
    key: str

    def __repr__(self) -> str:
        """Without the key: it must not reach a log."""
        return f"{type(self).__name__}(…)"


class InstallKey(_KeyCommand, frozen=True):
    """Give a gossip key to all nodes; it is not used yet."""

    NAME = "install-key"


class UseKey(_KeyCommand, frozen=True):
    """Encrypt with a gossip key that is installed."""

    NAME = "use-key"


class RemoveKey(_KeyCommand, frozen=True):
    """Take a gossip key from all nodes; not the one in use."""

    NAME = "remove-key"


class Stream(Command[RingEvent], frozen=True):
    """Follow events. `type` is a list by commas of `*`, `user`, `user:NAME`, `query`, `query:NAME`, `member-…`."""

    NAME = "stream"
    SUBSCRIBES = True
    READ = records.read_event
    type: str

    @property
    def body_bytes_max(self) -> int:
        """Member events grow with the ring; where none are asked for, the bound is that of one packet."""
        of_members = any(kind.strip()[:6] in ("*", "", "member") for kind in self.type.split(","))
        return limits.members_bytes_max if of_members else limits.event_bytes_max


class Monitor(Command[str], frozen=True):
    """Follow the agent's log from a level up; the last lines before come first."""

    NAME = "monitor"
    SUBSCRIBES = True
    READ = records.read_log
    BYTES_MAX = limits.log_bytes_max
    log_level: str


class Stop(Command[None], frozen=True):
    """End a stream or a monitor by its Seq. A query is not ended by it: only closing the connection does that."""

    NAME = "stop"
    stop: int


class Query(Command[QueryRecord | Done], frozen=True):
    """Ask the ring. `timeout` in nanoseconds, counted by each node from when it hears the query. See `query`."""

    NAME = "query"
    SUBSCRIBES = True
    READ = records.read_query_record
    BYTES_MAX = limits.record_bytes_max
    name: str
    payload: bytes
    timeout: int
    filter_nodes: tuple[str, ...] = ()
    filter_tags: dict[str, str] = {}
    request_ack: bool = False
    relay_factor: int = 0


def literal(value: str) -> str:
    """A Go regular expression, as a group, that matches this text and nothing else once it is anchored."""
    return f"(?:{_MEANT.sub(_escaped, value)})"


def _escaped(meant: re.Match[str]) -> str:
    return "\\" + meant[0]


def members(*, name: str | Sequence[str] | None, status: str | None, tags: Mapping[str, str] | None) -> Members:
    """Members whose name, status and tags are these texts; None asks for any. Serf itself puts `^` and `$` around."""
    if not isinstance(name, str | None):
        names = f"(?:{'|'.join(map(literal, name))})"
    else:
        names = "" if name is None else literal(name)
    return Members(
        tags={tag: literal(value) for tag, value in (tags or {}).items()},
        status="" if status is None else literal(status),
        name=names,
    )


def query(
    name: str,
    payload: bytes,
    *,
    timeout_s: float,
    filter_nodes: Sequence[str],
    filter_tags: Mapping[str, str],
    request_ack: bool,
    relay_factor: int,
) -> Query:
    """A query; tag values are texts, matched whole. Raises ValueError for figures that Serf would misread."""
    if not 0 < timeout_s <= limits.query_timeout_s_max:
        raise ValueError(f"a query's timeout_s is in (0, {limits.query_timeout_s_max}], not {timeout_s}")
    if not 0 <= relay_factor <= limits.relay_factor_max:
        raise ValueError(f"a query's relay_factor is in [0, {limits.relay_factor_max}], not {relay_factor}")
    if isinstance(filter_nodes, str):
        raise TypeError("a query's filter_nodes is a list of names, not one name")
    return Query(
        name=name,
        payload=payload,
        timeout=max(1, int(timeout_s * NANOSECONDS)),
        filter_nodes=tuple(filter_nodes),
        filter_tags={tag: f"^{literal(value)}$" for tag, value in filter_tags.items()},
        request_ack=request_ack,
        relay_factor=relay_factor,
    )
