"""CORE. What the rounds of one ring hear and what they want done.

Events carry no time: `RingRounds.handle(event, now)` is given it. A `query` is the number that a question is given.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

__all__ = [
    "Acked", "Answered", "Ask", "Begin", "Effect", "EntrySeen", "Event", "Interrupt", "LookAtEntry", "MembersRead",
    "MembersUnread", "Phantom", "QueryLost", "QueryOver", "ReadMembers", "Stop", "Tick",
]  # fmt: skip


class Begin(msgspec.Struct, frozen=True, gc=False):
    """The roster is read: ask."""


class Acked(msgspec.Struct, frozen=True, gc=False):
    """A Serf agent acknowledged the question."""

    query: int
    name: str


class Answered(msgspec.Struct, frozen=True, gc=False):
    """An answer came under this member name; it may be anything."""

    query: int
    name: str
    payload: bytes


class Phantom(msgspec.Struct, frozen=True, gc=False):
    """Serf handed over an answer of nobody."""

    query: int


class QueryOver(msgspec.Struct, frozen=True, gc=False):
    """Serf's own time for the question is up."""

    query: int


class QueryLost(msgspec.Struct, frozen=True, gc=False):
    """The entry could not be reached, refused the question, or hung up."""

    query: int
    reason: str


class MembersRead(msgspec.Struct, frozen=True):
    """Membership as the entry sees it now: name -> status."""

    statuses: Mapping[str, str]


class MembersUnread(msgspec.Struct, frozen=True, gc=False):
    """Membership could not be read."""

    reason: str


class EntrySeen(msgspec.Struct, frozen=True, gc=False):
    """How many queries wait in the entry's broadcast queue (`query_queue` in its stats); None: could not be read."""

    entry: int
    query_queue: int | None


class Tick(msgspec.Struct, frozen=True, gc=False):
    """The time `wake_at` has come, or any other."""


class Interrupt(msgspec.Struct, frozen=True, gc=False):
    """Close the ledger with what is known."""


Event = (
    Begin
    | Acked
    | Answered
    | Phantom
    | QueryOver
    | QueryLost
    | MembersRead
    | MembersUnread
    | EntrySeen
    | Tick
    | Interrupt
)


class Ask(msgspec.Struct, frozen=True):
    """Send one question through one entry.

    entry      index into the ring's entries
    hearing    only to learn whether the entry is heard: no agent sees it, Serf itself acknowledges
    payload    the encoded question (empty for `hearing`)
    names      Serf's node filter; () with no tags either asks everybody
    tags       Serf's tag filter, literal values
    timeout_s  how long Serf shall keep the question open
    """

    query: int
    entry: int
    payload: bytes
    names: tuple[str, ...]
    ack: bool
    relay: int
    timeout_s: float
    hearing: bool = False
    tags: Mapping[str, str] = {}


class Stop(msgspec.Struct, frozen=True, gc=False):
    """Nothing more is wanted from this question: close its connection."""

    query: int


class ReadMembers(msgspec.Struct, frozen=True, gc=False):
    """Read membership through this entry."""

    entry: int


class LookAtEntry(msgspec.Struct, frozen=True, gc=False):
    """Read how many queries wait in this entry's broadcast queue: an `EntrySeen` follows."""

    entry: int


Effect = Ask | Stop | ReadMembers | LookAtEntry
