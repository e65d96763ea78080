"""CORE. The drift report as a document, `inspector.drift/1`: what every face and other programs read (docs/drift.md).

Times are RFC 3339 in UTC. `nodes` are node sets as people write them, `n[001-003]`; where rings share names, of
`ring:name`. Texts of nodes are as they came: a face makes them plain. Lists are bounded, widest or newest first: what
is left out is counted by `…_left`, but for `causes`, `before`, `spans`, `offenders` and `drifters`, which are the first
few.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from inspector_coord.causes import Cause
from inspector_coord.drift.figures import Corrections, Coverage, Drifter, Heat, Offender, Point, Share

__all__ = [
    "CLASSES",
    "ORIGINS",
    "SCHEMA",
    "Before",
    "Class",
    "Counts",
    "Document",
    "First",
    "Group",
    "HappeningTold",
    "Origin",
    "Span",
    "Sweeps",
    "decode",
]

SCHEMA: Final = "inspector.drift/1"

Class = Literal["new", "flapping", "open", "back"]
CLASSES: Final[tuple[Class, ...]] = ("new", "flapping", "open", "back")
"""In the order of a report. new: opened in the period and not closed; flapping: opened again and again; open: was so
before; back: closed."""

Origin = Literal["drift", "intended", "first", "unknown"]
ORIGINS: Final[tuple[Origin, ...]] = ("drift", "intended", "first", "unknown")
"""drift: the node moved, the baseline did not; intended: the baseline moved, the node has not followed; first: judged
for the first time; unknown: there was no release to compare by. Who has not adopted its release opens nothing."""


class Sweeps(msgspec.Struct, frozen=True, kw_only=True):
    """The sweeps of the period. `whole`: those of all nodes and items; first, last: when, "" where there is none."""

    count: int
    whole: int
    first: str = ""
    last: str = ""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Deviations, (node, item) pairs, each counted once: `unknown` are those of nodes that nobody can judge now."""

    new: int = 0
    flapping: int = 0
    open: int = 0
    back: int = 0
    unknown: int = 0


class First(msgspec.Struct, frozen=True, kw_only=True):
    """Where it was seen first."""

    node: str
    at: str


class Before(msgspec.Struct, frozen=True, kw_only=True):
    """What happened on nodes of a group shortly before their deviation was seen.

    kind            reboot, kernel, package, driver, moved, joined, left, rebuilt, release, operation, note; from the
                    ledgers and the watch's journal down, silent, stalled, absent, cut off, gray, flapping, left …
    at              of the first of them
    text            in words
    source          of a release that changed the item: `layers/20-zone-b.yml:7`; else ""
    nodes, count    those of the group that it happened to
    seconds_before  the shortest time until one of these nodes was seen to deviate
    """

    kind: str
    at: str
    text: str
    source: str = ""
    nodes: str
    count: int
    seconds_before: float


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """So many deviations of a group lasted from `opened` to `closed` (None: did not end), last seen at `confirmed`."""

    opened: str
    confirmed: str
    closed: str | None
    count: int


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Deviations of one fingerprint: the same item, in the same way, of the same class and origin.

    id            names the group in this document
    observed      the last observed value; where they differ (`values` > 1: flapping, or very many of them) one of them
    source        the line of the layer that says what is expected; `layer` is its file; `owner` of the item, or ""
    nodes, count  all of them; `unknown` and `unknown_count` are those of them that cannot be judged now
    nodes_left    so many nodes of a wide group are counted, and not named: `nodes`, `unknown`, `before` and `spans` are
                  of the others, which were the first to deviate
    opened        when the first of them was seen; `newest`: the last; `confirmed`: when one of them was last judged so
    closed        when the last of them was put right, None while one is open or unknown
    ended         how those that closed did: {"pass": 3, "waived": 1}
    openings      how often they opened in the period, all together
    release       by which they were judged when they opened, 0 unknown
    causes        tags by precision and recall, as in a sweep
    """

    id: str
    class_: Class = msgspec.field(name="class")
    origin: Origin
    item: str
    outcome: Literal["fail", "error"]
    severity: str
    expected: str
    observed: str
    values: int = 1
    source: str = ""
    layer: str = ""
    owner: str = ""
    release: int = 0
    nodes: str
    count: int
    nodes_left: int = 0
    unknown: str = ""
    unknown_count: int = 0
    opened: str
    newest: str
    confirmed: str
    closed: str | None = None
    ended: dict[str, int] = {}
    openings: int = 0
    first: First
    causes: list[Cause] = []
    before: list[Before] = []
    spans: list[Span] = []


class HappeningTold(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in the period; the same to several nodes at about the same time is one. nodes "": to all."""

    kind: str
    at: str
    text: str
    who: str = ""
    nodes: str = ""
    count: int = 0


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """The whole report.

    targets, items   what was asked for, as it was written; none: all
    nodes            how many nodes the report is about
    summary          deviations by class; `origins`: by origin, then by class
    groups           newest and widest first within each class, classes in the order of CLASSES
    groups_left      how many more there are; `deviations_left` that they hold
    by               dimension -> shares, the widest first; by_left: dimension -> how many more there are, if any
    happenings_left  how many more there were, on fewer nodes
    """

    schema: Literal["inspector.drift/1"] = SCHEMA
    since: str
    until: str
    targets: list[str] = []
    items: list[str] = []
    fail_on: str = "info"
    exit_code: int
    sweeps: Sweeps
    nodes: int
    summary: Counts
    origins: dict[str, Counts] = {}
    groups: list[Group] = []
    groups_left: int = 0
    deviations_left: int = 0
    by: dict[str, list[Share]] = {}
    by_left: dict[str, int] = {}
    compliance: list[Point] = []
    corrections: Corrections = Corrections()
    offenders: list[Offender] = []
    drifters: list[Drifter] = []
    coverage: Coverage = Coverage()
    heat: Heat = Heat()
    happenings: list[HappeningTold] = []
    happenings_left: int = 0
    notes: list[str] = []


_DECODER: Final = msgspec.json.Decoder(Document)


def decode(raw: bytes) -> Document:
    """The document of JSON. Raises msgspec.DecodeError."""
    return _DECODER.decode(raw)
