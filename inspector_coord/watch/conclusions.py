"""CORE. What the watcher of a ring concludes: verdicts on nodes, and what is told of incidents.

Times: `now` is any steadily growing time in seconds; the shell adds Unix time when it prints or stores an event.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


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
