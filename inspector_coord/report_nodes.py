"""CORE. One node in the report of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from inspector_agent.wire import Answer
from inspector_coord import limits
from inspector_coord.fold import Texts
from inspector_coord.ledger import Node
from inspector_coord.verdict import Finding, State
from inspector_coord.waived import told as waiver_told

__all__ = ["node_entry"]


def node_entry(node: Node, findings: Sequence[Finding], texts: Texts, main: bytes, epoch: float) -> dict[str, Any]:
    """Its whole entry. `main`: prefix of the release for everybody; `epoch`: Unix time of the first question."""
    entry: dict[str, Any] = {
        "name": node.name,
        "ring": node.ring,
        "address": node.address,
        "tags": dict(node.tags),
        "state": str(node.state),
        "via": _via(node),
        "round": None if node.round is None else node.round + 1,
        "seconds": None if node.answered_s is None else round(node.answered_s, 3),
        "findings": [_finding(finding, texts) for finding in findings],
        "evidence": node.evidence,
    }
    if node.facts:
        entry["facts"] = dict(node.facts)
    if node.wants != main:
        entry["canary"] = True
    if node.answer is not None:
        entry |= _answer(node.answer, node.answered_s or 0.0, node.wants, epoch)
    return entry


def _via(node: Node) -> str | None:
    """How it is known: by its answer, by an ack alone, by membership, or not at all."""
    if node.answer is not None:
        return "query"
    if node.state in (State.DOWN, State.LEFT):
        return "membership"
    return "ack" if node.state is State.STALLED else None


def _answer(answer: Answer, answered_s: float, wants: bytes, epoch: float) -> dict[str, Any]:
    counts = answer.counts
    told: dict[str, Any] = {
        "counts": {
            "pass": counts.pass_,
            "fail": counts.fail,
            "error": counts.error,
            "na": counts.na,
            "waived": counts.waived,
        },
        "took_ms": answer.took_ms,
        "age_ms": answer.age_ms,
        "clock_offset_s": round(answer.clock / 1000 - (epoch + answered_s), 1),
        "vitals": {name: value for name, value in msgspec.structs.asdict(answer.vitals).items() if value is not None},
        "incomplete": answer.incomplete,
        "truncated": answer.truncated,
    }
    if answer.release != wants:
        told["release"] = {"number": answer.number, "digest": answer.release.hex()}
    return told


def _finding(finding: Finding, texts: Texts) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "item": finding.item,
        "outcome": finding.outcome,
        "expected": finding.expected,
        "observed": texts.observed(finding)[: limits.observed_chars_max],
        "source": finding.source,
        "message": finding.message or (texts.observed(finding) if finding.outcome == "error" else ""),
        "severity": finding.severity,
    }
    if finding.secret:
        entry["secret"] = True
    return entry if finding.waiver is None else entry | {"waiver": waiver_told(finding.waiver)}
