"""CORE. What an answer says: the node's state, and its findings with what was expected and where that is written.

An answer carries item numbers; the release's item table turns them into ids, the node's baseline (resolved here, with
the traits known here) says what was expected, by which file and line. Where an answer is about another release, that
one's table reads it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence

import msgspec

from config_center.release import SEVERITIES, SEVERITY_DEFAULT, Waiver
from config_center.resolve import Baseline, Item
from inspector_agent.veil import is_secret
from inspector_agent.wire import ANY_RELEASE, Answer, Serving
from inspector_coord.wanted import expected

__all__ = ["SEVERITY_RANK", "WAIVED", "Finding", "State", "Worth", "findings_of", "state_of", "worth_of"]

WAIVED = "waived"
"""The outcome of an item that fails while a waiver lasts."""

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


# What 50,000 answers a second are compared with: looking a member of an enum up costs more than the comparison.
_VERDICT, _COMPLETE, _INCOMPLETE, _PASS = Serving.VERDICT, Worth.VERDICT, Worth.INCOMPLETE, State.PASS


class Finding(msgspec.Struct, frozen=True):
    """One item that fails, errs or is waived on one node.

    `observed` is None where the answer had no room for it in clear; `hash` stands for it (None: no room either). Of a
    waived item neither is known, and of a secret one there is a hash at most, made with a key of the node's.
    `expected` and `source` are empty where the item is not in the baseline resolved here; `message` says so.
    `waiver` excuses the item, or did until it ended.
    """

    item: str
    outcome: str
    expected: str
    observed: str | None
    hash: bytes | None
    severity: str
    source: str
    message: str = ""
    secret: bool = False
    waiver: Waiver | None = None


def worth_of(answer: Answer, wants: bytes) -> Worth:
    """How much an answer tells about the release that the node should be judged by (its digest's prefix)."""
    state = answer.state
    if state is _VERDICT and wants in (answer.release, ANY_RELEASE):  # nearly all of them
        return _INCOMPLETE if answer.incomplete else _COMPLETE
    if state in (Serving.BUSY, Serving.CLOCK):
        return Worth.EXCUSE
    if wants != ANY_RELEASE:
        return Worth.OTHER_RELEASE
    return _INCOMPLETE if answer.incomplete else _COMPLETE


def state_of(answer: Answer, wants: bytes) -> State:
    """The node's state if this answer is the last word. An incomplete verdict is no pass, a waived item no fail."""
    worth = worth_of(answer, wants)
    counts = answer.counts
    if worth is _COMPLETE:
        if counts.fail:
            return State.FAIL
        if counts.error:
            return State.ERROR
        return _PASS if counts.pass_ or counts.waived else State.UNCOVERED
    if worth is Worth.EXCUSE:
        return State.ERROR
    if worth is Worth.OTHER_RELEASE:
        return State.STALE
    return State.FAIL if counts.fail else State.ERROR


def findings_of(
    answer: Answer, table: Sequence[str], baseline: Baseline, waivers: Mapping[str, Waiver]
) -> tuple[Finding, ...]:
    """What fails, errs and is waived, worst severity first, then by item.

    `table` is the item table of the release the answer is about, `baseline` what that release resolves to for the node,
    `waivers` are the release's own by their source.
    """
    known = {item.number: item for item in baseline.items}
    listed = [(number, "fail") for number in answer.failing] + [(number, "error") for number in answer.erring]
    hashes = answer.hashes or (None,) * len(listed)
    seen = [(number, outcome, digest) for (number, outcome), digest in zip(listed, hashes, strict=True)]
    seen += [(number, WAIVED, None) for number in answer.waived]
    findings = []
    for number, outcome, digest in seen:
        item = known.get(number)
        observed = answer.clear.get(number)
        if item is None:
            findings.append(_stranger(number, outcome, table, observed, digest))
        else:
            waiver = waivers.get(item.waiver) if outcome != "error" else None
            findings.append(_finding(item, outcome, observed, digest, waiver))
    return tuple(sorted(findings, key=lambda finding: (SEVERITY_RANK[finding.severity], finding.item)))


def _stranger(number: int, outcome: str, table: Sequence[str], observed: str | None, digest: bytes | None) -> Finding:
    """An item that the node has looked at, and that is none of its own as it is known here."""
    known = number < len(table)
    why = "is not in the node's baseline by the roster's tags" if known else "is not in the release"
    name = table[number] if known else f"#{number}"
    return Finding(name, outcome, "", observed, digest, SEVERITY_DEFAULT, "", f"the item {why}")


def _finding(item: Item, outcome: str, observed: str | None, digest: bytes | None, waiver: Waiver | None) -> Finding:
    secret = is_secret(item)
    if secret and outcome == "fail":
        observed = None  # whatever a node says in clear of a secret is not passed on
    message = observed or item.problem if outcome == "error" else ""
    if outcome == "fail" and waiver is not None:
        message = f"waiver {waiver.ticket} ended on {waiver.expires}"
    return Finding(
        item=item.id,
        outcome=outcome,
        expected=expected(item),
        observed=observed,
        hash=digest,
        severity=item.severity,
        source=item.source,
        message=message,
        secret=secret,
        waiver=waiver,
    )
