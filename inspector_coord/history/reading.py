"""CORE. The report of a sweep (`inspector.sweep/1`) read as what the history books of it.

A report comes from a sweep that has just ended, or from a file: everything is checked, and cut where it is too long.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from inspector_coord.errors import ReportError
from inspector_coord.evidence import OTHER_ITEMS_BEGIN
from inspector_coord.history import limits
from inspector_coord.history.model import NO_VERDICT, PARTIAL, Booking, Key, Seen, Sweep, Wrong
from inspector_coord.report import SCHEMA
from inspector_coord.verdict import SEVERITY_RANK, WAIVED, State

__all__ = ["read", "tags_text"]

Name = Annotated[str, Meta(min_length=1)]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Number = Annotated[int, Meta(ge=0, le=2**53)]

_SURE = frozenset({State.PASS, State.FAIL, State.ERROR, State.UNCOVERED})
_encode = msgspec.json.Encoder(order="sorted").encode
_OUTCOMES = ("pass", "fail", "error", "na", "waived")


class _Finding(msgspec.Struct, frozen=True, gc=False):
    item: Name
    outcome: str
    expected: str = ""
    observed: str = ""
    source: str = ""
    message: str = ""
    severity: str = ""
    waiver: Any = None


class _Held(msgspec.Struct, frozen=True, gc=False):
    number: Number = 0


class _Node(msgspec.Struct, frozen=True):
    name: Name
    ring: Name
    state: State
    tags: dict[str, str] = {}
    findings: Annotated[tuple[_Finding, ...], Meta(max_length=limits.findings_node_max)] = ()
    evidence: str = ""
    facts: dict[str, str] = {}
    canary: bool = False
    counts: dict[str, Count] | None = None
    clock_offset_s: float = 0.0
    vitals: dict[str, Count] = {}
    incomplete: bool = False


class _Canary(msgspec.Struct, frozen=True):
    number: Number
    digest: str


class _Release(msgspec.Struct, frozen=True):
    number: Number
    digest: Annotated[str, Meta(max_length=64)]
    canary: _Canary | None = None


class _Ring(msgspec.Struct, frozen=True):
    name: str
    error: str = ""


class _Report(msgspec.Struct, frozen=True):
    schema: str
    sweep: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
    started: datetime
    seconds: Annotated[float, Meta(ge=0)]
    release: _Release
    ledger: dict[str, Count]
    nodes: Annotated[tuple[_Node, ...], Meta(max_length=limits.nodes_max)]
    dropped: dict[str, Count] = {}
    interrupted: bool = False
    targets: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    rings: tuple[_Ring, ...] = ()
    exit_code: Annotated[int, Meta(ge=0, le=255)] = 0


def read(report: Mapping[str, Any], known: Mapping[str, Mapping[str, str]] | None = None) -> Booking:
    """What is to be booked of a report. known: facts of nodes by name, beyond those the report tells.

    Raises ReportError for what is no report.
    """
    try:
        told = msgspec.convert(report, _Report)
    except (msgspec.ValidationError, RecursionError) as problem:
        raise ReportError(f"this is no report of a sweep: {problem}") from problem
    if told.schema != SCHEMA:
        raise ReportError(f"this is no report of a sweep: its schema is {_cut(told.schema, 40)!r}, not {SCHEMA}")
    if told.started.tzinfo is None:
        raise ReportError("this is no report of a sweep: `started` names no time zone")
    if not 0 <= told.started.timestamp() <= limits.moment_unix_s_max:
        raise ReportError("this is no report of a sweep: `started` is no time of our age")
    nodes: dict[Key, Seen] = {}
    for node in told.nodes:
        seen = _seen(node, told, (known or {}).get(node.name, {}))
        nodes.setdefault(seen.key, seen)
    return Booking(_sweep(told), tuple(nodes.values()), frozenset(ring.name for ring in told.rings if ring.error))


def tags_text(tags: Mapping[str, str]) -> str:
    """Tags as they are kept: a JSON object with sorted keys."""
    kept = {_cut(key): _cut(value) for key, value in sorted(tags.items())[: limits.tags_max]}
    return _encode(kept).decode()


def _sweep(told: _Report) -> Sweep:
    items = dict.fromkeys(_OUTCOMES, 0)
    for node in told.nodes:
        if node.counts is not None and node.state in _SURE:
            for outcome in _OUTCOMES:
                items[outcome] += node.counts.get(outcome, 0)
    patterns = tuple(_cut(pattern) for pattern in told.items)
    targets = (*map(_cut, told.targets), *(f"-{_cut(name)}" for name in told.exclude))
    return Sweep(
        uid=bytes.fromhex(told.sweep),
        started=told.started.timestamp(),
        seconds=told.seconds if math.isfinite(told.seconds) else 0.0,
        whole=not (targets or patterns or told.interrupted),
        targets=targets,
        patterns=patterns,
        release=told.release.number,
        release_digest=told.release.digest,
        canary=told.release.canary.number if told.release.canary is not None else None,
        exit_code=told.exit_code,
        interrupted=told.interrupted,
        ledger={"targets": len(told.nodes), **{str(state): told.ledger.get(state, 0) for state in State}},
        items=items,
        dropped=sum(told.dropped.values()),
    )


def _seen(node: _Node, told: _Report, known: Mapping[str, str]) -> Seen:
    canary = told.release.canary
    release = canary.number if node.canary and canary is not None else told.release.number
    facts = {**known, **node.facts}
    state = _state(node)
    judged = state in ("", PARTIAL)
    booted = _booted(node) if judged else None
    return Seen(
        key=(_cut(node.ring), _cut(node.name)),
        state=state,
        tags=tags_text(node.tags),
        facts={_cut(key, limits.fact_key_chars_max): _cut(facts[key]) for key in sorted(facts)[: limits.facts_max]},
        release=release,
        wrong={_cut(one.item): _wrong(one) for one in node.findings if one.outcome in ("fail", "error")}
        if judged
        else {},
        waived=frozenset(_cut(one.item) for one in node.findings if one.outcome == WAIVED),
        waived_all=_listed(node, WAIVED) == (node.counts or {}).get(WAIVED, 0),
        covered=node.state is not State.UNCOVERED,
        booted=booted,
        clock_s=0.0 if booted is None else node.clock_offset_s,
    )


def _booted(node: _Node) -> float | None:
    """When it started, by its own clock; None where it tells none, or a time that cannot be."""
    booted, ahead_s = float(node.vitals.get("booted", 0)), node.clock_offset_s
    plausible = 0 < booted <= limits.moment_unix_s_max and 0 <= booted - ahead_s <= limits.moment_unix_s_max
    return booted if plausible else None


def _state(node: _Node) -> str:
    """Why a node was not judged, or not wholly; "" where it was."""
    if node.state not in _SURE:
        return str(node.state)
    if node.counts is None:
        return "" if node.state is State.PASS else PARTIAL if node.findings else NO_VERDICT
    if node.state is State.ERROR and (
        node.evidence.startswith(OTHER_ITEMS_BEGIN) or not (node.incomplete or node.counts.get("error"))
    ):
        return NO_VERDICT  # busy, a wrong clock, or it looked at other items: nothing is known of its own
    if node.incomplete or any(_listed(node, word) < node.counts.get(word, 0) for word in ("fail", "error")):
        return PARTIAL
    return ""


def _listed(node: _Node, outcome: str) -> int:
    return sum(one.outcome == outcome for one in node.findings) if node.findings else 0


def _wrong(one: _Finding) -> Wrong:
    return Wrong(
        outcome=one.outcome,
        severity=one.severity if one.severity in SEVERITY_RANK else "",
        expected=_cut(one.expected, limits.text_chars_max),
        source=_cut(one.source),
        observed=_cut(one.observed or one.message, limits.text_chars_max),
        ended=one.waiver is not None,
    )


def _cut(text: str, most: int = limits.name_chars_max) -> str:
    """At most so many characters, without what PostgreSQL cannot keep."""
    kept = text if len(text) <= most else text[: most - 1] + "…"
    return kept.replace("\0", "·").encode("utf-8", "replace").decode() if not kept.isascii() or "\0" in kept else kept
