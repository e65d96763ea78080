"""CORE. What an answer says: the node's state, and its findings with what was expected and where that is written.

An answer carries item numbers; the release's item table turns them into ids, the node's baseline (resolved here, with
the roster's tags) says what was expected, by which file and line. Where an answer is about another release, that one's
table reads it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence

import msgspec

from config_center.expectation import describe
from config_center.release import SEVERITIES, SEVERITY_DEFAULT
from config_center.resolve import Baseline, Item
from inspector_agent.wire import Answer, Serving

__all__ = ["SEVERITY_RANK", "Finding", "State", "Worth", "findings_of", "state_of", "worth_of"]

SEVERITY_RANK: Mapping[str, int] = {severity: rank for rank, severity in enumerate(SEVERITIES)}
"""0 is the worst."""


class State(enum.StrEnum):
    """What a roster node ends in: exactly one of these (DESIGN 2), in the order of the report."""

    PASS = "pass"  # noqa: S105 -- an outcome
    FAIL = "fail"
    ERROR = "error"
    UNCOVERED = "uncovered"
    STALE = "stale"
    STALLED = "stalled"
    SILENT = "silent"
    DOWN = "down"
    LEFT = "left"


class Worth(enum.IntEnum):
    """How much an answer tells: a worse one never replaces a better one."""

    EXCUSE = 0  # busy, or a clock that is wrong
    OTHER_RELEASE = 1
    INCOMPLETE = 2
    VERDICT = 3


class Finding(msgspec.Struct, frozen=True):
    """One item that fails or errs on one node.

    `observed` is None where the answer had no room for it in clear; `hash` stands for it (None: no room either).
    `expected` and `source` are empty where the item is not in the baseline resolved here; `message` says so.
    """

    item: str
    outcome: str
    expected: str
    observed: str | None
    hash: bytes | None
    severity: str
    source: str
    message: str = ""


def worth_of(answer: Answer, release: bytes) -> Worth:
    """How much an answer tells about the release asked for (its digest's prefix)."""
    if answer.state in (Serving.BUSY, Serving.CLOCK):
        return Worth.EXCUSE
    if answer.state is Serving.RELEASE or answer.release != release:
        return Worth.OTHER_RELEASE
    return Worth.INCOMPLETE if answer.incomplete else Worth.VERDICT


def state_of(answer: Answer, release: bytes) -> State:
    """The node's state if this answer is the last word. An incomplete verdict is never a pass."""
    worth = worth_of(answer, release)
    if worth is Worth.EXCUSE:
        return State.ERROR
    if worth is Worth.OTHER_RELEASE:
        return State.STALE
    counts = answer.counts
    if counts.fail:
        return State.FAIL
    if counts.error or worth is Worth.INCOMPLETE:
        return State.ERROR
    return State.PASS if counts.pass_ or counts.waived else State.UNCOVERED


def findings_of(answer: Answer, table: Sequence[str], baseline: Baseline) -> tuple[Finding, ...]:
    """What fails and errs, worst severity first, then by item.

    `table` is the item table of the release the answer is about, `baseline` what that release resolves to for the node.
    """
    known = {item.number: item for item in baseline.items}
    listed = [(number, "fail") for number in answer.failing] + [(number, "error") for number in answer.erring]
    hashes = answer.hashes or (None,) * len(listed)
    findings = [
        _finding(number, outcome, table, known.get(number), answer.clear.get(number), digest)
        for (number, outcome), digest in zip(listed, hashes, strict=True)
    ]
    return tuple(sorted(findings, key=lambda finding: (SEVERITY_RANK[finding.severity], finding.item)))


def _finding(
    number: int, outcome: str, table: Sequence[str], item: Item | None, observed: str | None, digest: bytes | None
) -> Finding:
    if item is None:
        known = number < len(table)
        why = "is not in the node's baseline by the roster's tags" if known else "is not in the release"
        name = table[number] if known else f"#{number}"
        return Finding(name, outcome, "", observed, digest, SEVERITY_DEFAULT, "", f"the item {why}")
    message = observed or "" if outcome == "error" else ""
    return Finding(item.id, outcome, describe(item.expect), observed, digest, item.severity, item.source, message)
