"""CORE. What happened, as it is printed with --json and kept in the journal: one JSON object a line.

{"schema": "inspector.watch/1", "ring": "main", "incident": 3, "action": "opened", "kind": "down",
 "at": "2026-11-22T00:03:07.120000Z", "since": "…", "domain": "rack=b2", "of": 40, "nodes": ["n041", …],
 "evidence": "…", "direction": "", "parted": [], "count": 0, "back": [], "closed_by": null,
 "carried": false}
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from inspector_coord.watch.conclusions import Action, Happening, Kind

__all__ = ["Record", "happening_of", "read_record", "record_of", "written"]

Instant = Annotated[datetime, Meta(tz=True)]
Count = Annotated[int, Meta(ge=0)]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One line. at: when it was told; since: when the first node changed; carried: repeated at the head of a file."""

    schema: Literal["inspector.watch/1"] = "inspector.watch/1"
    ring: str
    incident: Annotated[int, Meta(ge=1)]
    action: Action
    kind: Kind
    at: Instant
    since: Instant
    domain: str
    of: Count
    nodes: tuple[str, ...]
    evidence: str
    direction: str = ""
    parted: tuple[str, ...] = ()
    count: Count = 0
    back: tuple[str, ...] = ()
    closed_by: int | None = None
    carried: bool = False


_decode = msgspec.json.Decoder(Record).decode
_encode = msgspec.json.Encoder().encode


def record_of(ring: str, happening: Happening, unix: float) -> Record:
    """`unix`: the wall clock at `happening.at`."""
    return Record(
        ring=ring, incident=happening.number, action=happening.action, kind=happening.kind,
        at=datetime.fromtimestamp(unix, UTC),
        since=datetime.fromtimestamp(unix - max(0.0, happening.at - happening.since), UTC),
        domain=happening.domain, of=happening.of, nodes=happening.nodes, evidence=happening.evidence,
        direction=happening.direction, parted=happening.parted, count=happening.count, back=happening.back,
        closed_by=happening.closed_by,
    )  # fmt: skip


def happening_of(record: Record, unix: float, now: float) -> Happening:
    """The same in a clock that says `now` when the wall clock says `unix`. What lies ahead of that counts as now."""
    at, since = (now - max(0.0, unix - moment.timestamp()) for moment in (record.at, record.since))
    return Happening(
        number=record.incident, action=record.action, kind=record.kind, nodes=record.nodes, domain=record.domain,
        of=record.of, since=min(since, at), at=at, evidence=record.evidence, direction=record.direction,
        count=record.count, back=record.back, closed_by=record.closed_by, parted=record.parted,
    )  # fmt: skip


def written(record: Record) -> bytes:
    """The line, with its end."""
    return _encode(record) + b"\n"


def read_record(line: bytes) -> Record | None:
    """The record of a line; None where it is none, as the last line of a crash may be."""
    try:
        return _decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
