"""CORE. What the watcher of a ring is told, and what it wants done.

Times: `now` is any steadily growing time in seconds; the shell adds Unix time when it prints or stores an event.
"""

from __future__ import annotations

import msgspec

from inspector_agent.ring import Member
from inspector_agent.witness.messages import WitnessAnswer
from inspector_coord.watch.conclusions import Happening

# ---- events in ------------------------------------------------------------------------------------------------------


class VantageUp(msgspec.Struct, frozen=True):
    """An entry is connected; `node` is its own name in the ring. A MembersRead of it follows."""

    vantage: int
    node: str


class VantageDown(msgspec.Struct, frozen=True):
    """An entry's connection is gone, or could not be made."""

    vantage: int
    problem: str


class MembersRead(msgspec.Struct, frozen=True):
    """The whole member list of an entry, those that left included."""

    vantage: int
    members: tuple[Member, ...]


class MembersChanged(msgspec.Struct, frozen=True):
    """Serf's own words on some members: `what` is join, leave, failed, update or reap."""

    vantage: int
    what: str
    members: tuple[Member, ...]


class Answered(msgspec.Struct, frozen=True):
    """A node has answered the question `ask`."""

    ask: int
    node: str
    answer: WitnessAnswer


class Acked(msgspec.Struct, frozen=True):
    """A node's Serf agent has heard the question `ask`."""

    ask: int
    node: str


class AskOver(msgspec.Struct, frozen=True):
    """Nothing more comes to `ask`; `problem` where it could not be asked at all."""

    ask: int
    problem: str = ""


class Tick(msgspec.Struct, frozen=True):
    """The time of `wake_at` has come."""


Event = VantageUp | VantageDown | MembersRead | MembersChanged | Answered | Acked | AskOver | Tick

# ---- effects out ----------------------------------------------------------------------------------------------------


class Ask(msgspec.Struct, frozen=True):
    """Send a witness question through a vantage. `names`: Serf's node filter, () for everybody.

    id     the question's id on the wire (4 bytes): what nodes say they have heard is compared with it
    relay  Serf's relay factor for acks and answers
    """

    number: int
    vantage: int
    names: tuple[str, ...]
    targets: tuple[str, ...]
    within_s: float
    spread_s: float = 0.0
    ack: bool = False
    id: bytes = b""
    relay: int = 0


class ReadMembers(msgspec.Struct, frozen=True):
    """Read the member list of a vantage again."""

    vantage: int


class Tell(msgspec.Struct, frozen=True):
    """Print, store and alert."""

    happening: Happening


Effect = Ask | ReadMembers | Tell
