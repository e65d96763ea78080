"""CORE. What the watcher of a ring is told, what it concludes, and what it wants done.

Times: `now` is any steadily growing time in seconds; the shell adds Unix time when it prints or stores an event.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from inspector_agent.ring import Member
from inspector_agent.witness.messages import WitnessAnswer

# ---- conclusions ----------------------------------------------------------------------------------------------------


class Kind(StrEnum):
    """What an incident is. A node that is in none is up."""

    DOWN = "down"  # no witness reaches it
    CUT_OFF = "cut off"  # some reach it, others do not
    STALLED = "stalled"  # reached, but its Serf agent or its inspection agent does not answer
    GRAY = "gray"  # it answers, slowly or unwell
    FLAPPING = "flapping"  # comes and goes
    LEFT = "left"  # left the ring in good order
    ISOLATED = "isolated"  # the watcher itself hears only a minority: nobody is accused


class Action(StrEnum):
    """What is told of an incident."""

    OPENED = "opened"
    CHANGED = "changed"  # more nodes, another domain, or better evidence
    CLOSED = "closed"  # all are back, or it turned out to be another incident (`closed_by`)


class Finding(msgspec.Struct, frozen=True):
    """The verdict on one node that is not up, with its evidence in words.

    parted   the tag values between which a line runs, e.g. ("zone=a", "zone=c"), () where none could be named
    direction  of a cut, seen from the node: "both ways", "cannot send", "cannot hear", "unknown"; "" where it is no cut
    """

    kind: Kind
    evidence: str
    parted: tuple[str, ...] = ()
    direction: str = ""


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to tell: an incident was opened, changed or closed.

    number    of the incident, steady for its whole life and unique in this watcher; its kind is steady, too
    nodes     names, sorted, that are in it now; in a `closed` one those that were
    domain    the tag that covers them, e.g. "rack=b2"; "" where there is none
    of        how many members the domain has; 0 without a domain
    since     the `now` at which the first of them changed
    count     transitions of a flapping node, else 0
    back      names that have come back since it was opened
    parted    of a cut: one tag value where the line runs around it, two where it runs between them, () where unknown
    """

    number: int
    action: Action
    kind: Kind
    nodes: tuple[str, ...]
    domain: str
    of: int
    since: float
    at: float
    evidence: str
    direction: str = ""
    count: int = 0
    back: tuple[str, ...] = ()
    closed_by: int | None = None
    parted: tuple[str, ...] = ()


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
