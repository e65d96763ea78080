"""CORE. What a question and an answer say, as the rest of the program sees them; `wire` turns them into bytes."""

from __future__ import annotations

import enum
from typing import Annotated

import msgspec
from msgspec import Meta

from inspector_agent import limits
from inspector_agent.who import Everyone, Who

Count = Annotated[int, Meta(ge=0, le=limits.item_number_max + 1)]
Gauge = Annotated[int, Meta(ge=0, le=0xFFFF_FFFF)] | None

QUERY_NAME = "inspect"  # of the Serf query; a site may put its own prefix before it
EVENT_NAME = "release"  # of the Serf user event that announces a release; with the same prefix
ANY_RELEASE = bytes(limits.id_bytes)  # in the place of a release: whichever the node holds


class Serving(enum.StrEnum):
    """What kind of answer this is: a verdict, or why there is none."""

    VERDICT = "verdict"
    BUSY = "busy"  # its queue of runs is full
    CLOCK = "clock"  # its clock makes the question look too old or too new
    RELEASE = "release"  # it cannot get the release asked for; what it reports is about the one it has


class Counts(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """How many items ended in each outcome. True also where item numbers had to be cut."""

    pass_: Count = 0
    fail: Count = 0
    error: Count = 0
    na: Count = 0
    waived: Count = 0

    @property
    def total(self) -> int:
        """All items that have an outcome."""
        return self.pass_ + self.fail + self.error + self.na + self.waived


class Vitals(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """Gauges of the node, whole numbers; None where it has none. Percentages are of the limit that would hurt."""

    disk: Gauge = None  # % used of the fullest local filesystem
    inodes: Gauge = None  # % used, likewise
    memory: Gauge = None  # % not available
    threads: Gauge = None  # % of threads-max or pid_max, whichever is nearer
    open_files: Gauge = None  # % of file-max
    load: Gauge = None  # one-minute load in % of the processors
    conntrack: Gauge = None  # % of nf_conntrack_max
    network: Gauge = None  # packets with an error or dropped, per million, since the last look
    booted: Gauge = None  # when the node started, Unix time by its own clock: another one tells a reboot


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What a coordinator asks: check yourself against this release and say what differs.

    `items` are shell-style patterns of item ids, empty for all. `answer_within_ms` and `spread_ms` count from the
    moment a node hears the question; `issued_at` is Unix time in whole seconds. A question never carries a command.

    `max_age_ms`: a node whose run of the same release and items ended not longer ago answers by that, without another
    run; 0 wants a run.

    `release` and `canary` (b"" without one) are prefixes of digests: while a canary is out, each node answers for the
    one of the two that its own pointer assigns to it. A `release` of ANY_RELEASE asks about whatever the node holds.
    """

    version: int = limits.wire_version
    sweep: bytes
    release: bytes
    number: int
    canary: bytes = b""
    items: tuple[str, ...] = ()
    answer_within_ms: int
    spread_ms: int = 0
    issued_at: int
    round: int = 0
    max_age_ms: int = 0
    who: Who = Everyone()
    signature: bytes = b""


class Answer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One node's verdict.

    `failing`, `erring` and `waived` (it fails, and a waiver says that it may) are item numbers of the release,
    ascending; `hashes` has one entry for each of `failing`, then `erring` (None: unknown, no room); `clear` maps item
    numbers to observed values, the worst first. `release` and `number` name the release that was really used, `basis`
    (`tally.basis_of`) the items of it that were looked at: by other tags than the asker knows, they are others. `clock`
    is the node's Unix time in milliseconds. `took_ms` is how long the run took; `age_ms` how long before this answer it
    had ended where it was made for another sweep, 0 where for this one.
    """

    version: int = limits.wire_version
    sweep: bytes
    state: Serving = Serving.VERDICT
    release: bytes
    number: int
    basis: bytes = b""
    counts: Counts = Counts()
    failing: tuple[int, ...] = ()
    erring: tuple[int, ...] = ()
    waived: tuple[int, ...] = ()
    hashes: tuple[bytes | None, ...] = ()
    clear: dict[int, str] = {}
    took_ms: int = 0
    age_ms: int = 0
    clock: int = 0
    vitals: Vitals = Vitals()
    truncated: bool = False
    incomplete: bool = False
    signature: bytes = b""
