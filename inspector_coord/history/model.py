"""CORE. What a sweep brings to the history, what stands there, and what has to be written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

__all__ = [
    "ABSENT", "NO_MEMBER", "NO_VERDICT", "PARTIAL", "UNREACHED", "Booking", "Changes", "Closing", "Happening", "Key",
    "Opening", "Seen", "Standing", "StandingFinding", "StandingNode", "Sweep", "Wrong",
]  # fmt: skip

Key = tuple[str, str]
"""(ring, node name)."""

# States of a node beside those of a ledger: see tables.node_states.
PARTIAL: Final = "partial"
ABSENT: Final = "absent"
UNREACHED: Final = "unreached"
NO_VERDICT: Final = "error"

NO_MEMBER: Final = frozenset({ABSENT, "left"})
"""Who has left, was removed or renamed: nobody expects a verdict of it."""


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `sweeps`, as told: the columns of that name; targets and patterns: () is everything."""

    uid: bytes
    started: float
    seconds: float
    whole: bool
    targets: tuple[str, ...]
    patterns: tuple[str, ...]
    release: int
    release_digest: str
    canary: int | None
    exit_code: int
    interrupted: bool
    ledger: Mapping[str, int]
    items: Mapping[str, int]
    dropped: int


class Wrong(NamedTuple):
    """A finding that fails or errs. ended: a waiver excused it until now."""

    outcome: str
    severity: str
    expected: str
    source: str
    observed: str
    ended: bool = False


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A node as one sweep saw it.

    state    "": it was judged, and `wrong` is all that is wrong of what was asked. PARTIAL: `wrong` is some of it.
             Else why it was not judged: nothing is known of its items
    tags     JSON object, sorted; facts: those that the coordinator knows of it
    release  the number it was judged by
    waived   items whose waiver is in use; waived_all: these are all of them
    covered  False: no item applies to it
    booted   Unix time by its own clock, which was `clock_s` ahead of the coordinator's; None: not told
    """

    key: Key
    state: str
    tags: str
    facts: Mapping[str, str]
    release: int
    wrong: Mapping[str, Wrong]
    waived: frozenset[str] = frozenset()
    waived_all: bool = True
    covered: bool = True
    booted: float | None = None
    clock_s: float = 0.0


class Booking(msgspec.Struct, frozen=True):
    """A report as the history takes it. unreached: rings that could not be asked, with their nodes."""

    sweep: Sweep
    nodes: tuple[Seen, ...]
    unreached: frozenset[str]


class StandingNode(msgspec.Struct):
    """What is open of a node. …_id: of the open row, 0 for none; facts: key -> (id, text); judged: by all items."""

    id: int
    judged: bool = False
    booted: float | None = None
    clock_s: float | None = None
    state_id: int = 0
    state: str = ""
    tags_id: int = 0
    tags: str = ""
    release_id: int = 0
    release: int = 0
    facts: dict[str, tuple[int, str]] = {}


class StandingFinding(NamedTuple):
    """An open interval. confirmed: the sweep that confirmed it last (see tables.py), not only what is written."""

    id: int
    wrong: Wrong
    changes: int
    written: int
    confirmed: int


class Standing(msgspec.Struct):
    """What is open. last, last_at: the newest sweep, 0 where there is none. findings: node id -> item -> interval."""

    last: int = 0
    last_at: float = 0.0
    nodes: dict[Key, StandingNode] = {}
    findings: dict[int, dict[str, StandingFinding]] = {}
    releases: frozenset[int] = frozenset()


class Opening(NamedTuple):
    """An interval that begins."""

    key: Key
    item: str
    wrong: Wrong
    origin: str
    release: int


class Closing(NamedTuple):
    """An interval that ends: last confirmed by `seen`, and how."""

    id: int
    seen: int
    how: str


class Happening(NamedTuple):
    """Something that happened: `key` None: to all. at: Unix time."""

    at: float
    kind: str
    key: Key | None
    text: str
    who: str = ""


class Changes(msgspec.Struct):
    """What has to be written.

    seen      (finding id, sweep): confirmations that later sweeps could not tell otherwise
    turned    (finding id, what it says now): `changed` (last) where outcome or observed value are others
    opened_states, tags, releases: of the node; closed_…: ids of rows that end
    facts     (node, fact, its text)
    booted    (node, boot time, clock_s); judged: nodes that were judged by all items for the first time
    """

    new_nodes: list[Key] = []
    openings: list[Opening] = []
    closings: list[Closing] = []
    seen: list[tuple[int, int]] = []
    turned: list[tuple[int, Wrong, bool, int]] = []
    closed_states: list[int] = []
    opened_states: list[tuple[Key, str]] = []
    closed_tags: list[int] = []
    tags: list[tuple[Key, str]] = []
    closed_releases: list[int] = []
    releases: list[tuple[Key, int]] = []
    closed_facts: list[int] = []
    facts: list[tuple[Key, str, str]] = []
    booted: list[tuple[Key, float, float]] = []
    judged: list[Key] = []
    happenings: list[Happening] = []
