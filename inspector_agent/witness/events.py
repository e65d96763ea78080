"""CORE. What happens to a witness (events), and what it wants done (effects). Both are plain frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from inspector_agent.ring.records import Member
from inspector_agent.witness.messages import Picture, Reach

# ---- events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attached:
    """The node's Serf agent says what this node is called."""

    name: str


@dataclass(frozen=True, slots=True)
class Detached:
    """The connection to Serf is gone, and with it every query that waited for a response."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A question to witnesses arrived; `query_id` is what Serf wants back with the response."""

    query_id: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """Serf did not take the response to a query: it was over."""

    query_id: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What Serf says of itself and of the ring. Where it does not say, the shell reports `session.UNKNOWN`."""

    health: int
    picture: Picture


@dataclass(frozen=True, slots=True)
class Members:
    """What Serf has on the members of a FindMembers, by name; those it does not have are missing. None: no answer."""

    names: tuple[str, ...]
    found: Mapping[str, Member] | None


@dataclass(frozen=True, slots=True)
class Looked:
    """A look is over. took_ms: of the fastest that was OK; 0 where none was."""

    name: str
    gossip: Reach
    ssh: Reach
    ping: Reach
    took_ms: int = 0


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


Event = Attached | Detached | Heard | Refused | Figures | Members | Looked | Tick

# ---- effects --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AskFigures:
    """Ask the own Serf how it is and how many members it sees; report Figures within `serf_patience_s`, always."""


@dataclass(frozen=True, slots=True)
class FindMembers:
    """Ask the own Serf for these members; report Members within `serf_patience_s`, always."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """Try to reach this member; report Looked within `patience_s`, always. `port`: of gossip."""

    name: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Respond:
    """Send these bytes as this node's response, now. Report Refused if Serf says that the query is over."""

    query_id: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """Log this: the first time that something happens for this reason. It is counted ever after."""

    reason: str
    detail: str


Effect = AskFigures | FindMembers | Look | Respond | Note
