"""What a report says to a person, before any face decides how it looks (core: no I/O).

Reads the report of `inspector.sweep/1` (DESIGN, the report) and yields plain, bounded, printable texts in the order a
person on call needs them. Faces only lay them out, so that terminal and page never tell different stories.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from inspector_coord.faces.alike import one_of, shape_of
from inspector_coord.faces.sentences import (
    again_told,
    cause_told,
    commands,
    exit_code,
    exit_told,
    headline,
    ring_lines,
    subtitle,
    waiver_told,
)
from inspector_coord.faces.words import LEDGER_STATES, NO_VERDICT, SECOND_ORDER, SEVERITIES, STATE_MEANINGS
from inspector_coord.fold import fold_names, teller
from inspector_coord.ledger import Key
from inspector_coord.plain import plain

__all__ = ["Group", "Missing", "Second", "State", "View", "Waived", "exit_code", "view"]

Report = Mapping[str, Any]

NODES_CHARS_MAX = 2000


class State(msgspec.Struct, frozen=True):
    """One line of the ledger."""

    name: str
    count: int
    meaning: str


class Group(msgspec.Struct, frozen=True):
    """Nodes that are wrong in the same way."""

    item: str
    outcome: str
    severity: str
    expected: str
    observed: str
    nodes: str
    count: int
    causes: tuple[str, ...]
    sources: tuple[str, ...]
    remediation: str
    second: str


class Missing(msgspec.Struct, frozen=True):
    """Nodes in one state without a verdict on their items, with the same evidence but for its times."""

    state: str
    nodes: str
    count: int
    evidence: str


class Second(msgspec.Struct, frozen=True):
    """What the second pass says; nodes with the same words are one line."""

    outcome: str
    nodes: str
    count: int
    message: str


class Waived(msgspec.Struct, frozen=True):
    """One waiver in use: what it excuses, and where."""

    waiver: str
    items: str
    nodes: str
    count: int


class View(msgspec.Struct, frozen=True):
    """All a face shows above its node table, in order."""

    headline: str
    tone: Literal["good", "bad", "incomplete"]
    subtitle: str
    targets: int
    states: tuple[State, ...]
    groups: tuple[Group, ...]
    missing: tuple[Missing, ...]
    second: tuple[Second, ...]
    second_counts: str
    waived: tuple[Waived, ...]
    rings: tuple[str, ...]
    again: str
    notes: tuple[str, ...]
    dropped: str
    exit: str
    next: tuple[str, ...]


def view(report: Report) -> View:
    """Everything the faces need of a report."""
    ledger = report["ledger"]
    groups = _groups(report)
    missing = _missing(report["nodes"])
    code = exit_code(report)
    second = _second(report["nodes"])
    dropped = [f"{count:,} {plain(name)}" for name, count in report.get("dropped", {}).items() if count]
    unasked = {ring.get("error") for ring in report.get("rings", ())}  # the ring's own line says it already
    return View(
        headline=headline(report),
        tone="incomplete" if code == 3 else "bad" if code else "good",
        subtitle=subtitle(report),
        targets=int(ledger["targets"]),
        states=tuple(
            State(state, int(ledger[state]), STATE_MEANINGS[state]) for state in LEDGER_STATES if ledger.get(state, 0)
        ),
        groups=groups,
        missing=missing,
        second=second,
        second_counts=_second_counts(report["nodes"]),
        waived=tuple(_waived(waiver) for waiver in report.get("waivers", ())),
        rings=ring_lines(report.get("rings", ())),
        again=again_told(report),
        notes=tuple(plain(note) for note in report.get("notes", ()) if note not in unasked),
        dropped=", ".join(dropped),
        exit=exit_told(report),
        next=commands(
            ((group.item, group.nodes) for group in groups),
            (each.nodes for each in missing if each.state != "left"),
            code,
        ),
    )


def _groups(report: Report) -> tuple[Group, ...]:
    """Worst first: severity, fail before error, then the bigger group."""
    ordered = sorted(
        report["groups"],
        key=lambda group: (
            SEVERITIES.index(group["severity"]) if group["severity"] in SEVERITIES else len(SEVERITIES),
            group["outcome"] != "fail",
            -group["count"],
            group["item"],
        ),
    )
    behind = _behind(report["nodes"])
    return tuple(_group(group, behind.get(_mark(group), ())) for group in ordered)


def _waived(waiver: Mapping[str, Any]) -> Waived:
    return Waived(
        waiver=waiver_told(waiver),
        items=plain(", ".join(waiver["items"])),
        nodes=plain(waiver["nodes"], NODES_CHARS_MAX),
        count=int(waiver["count"]),
    )


def _mark(finding: Mapping[str, Any]) -> tuple[str, str, str]:
    return (finding["item"], finding["outcome"], finding.get("observed") or "")


def _behind(nodes: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str, str], list[tuple[Any, Any]]]:
    """For every fingerprint, the (finding, node) pairs behind it."""
    behind: dict[tuple[str, str, str], list[tuple[Any, Any]]] = {}
    for node in nodes:
        for finding in node.get("findings", ()):
            behind.setdefault(_mark(finding), []).append((finding, node))
    return behind


def _group(group: Mapping[str, Any], behind: Sequence[tuple[Any, Any]]) -> Group:
    sources = Counter(plain(finding["source"]) for finding, _ in behind if finding.get("source"))
    hints = [group.get("remediation"), *(finding.get("remediation") for finding, _ in behind)]
    again = [_item_again(node, group["item"]) for _, node in behind]
    hints += [each.get("remediation") for each in again]
    outcomes = Counter(each["outcome"] for each in again if each)
    messages = [finding.get("message") for finding, _ in behind] if group["outcome"] == "error" else []
    observed = group.get("observed") or next((text for text in messages if text), "")
    return Group(
        item=plain(group["item"]),
        outcome=plain(group["outcome"]),
        severity=plain(group["severity"]),
        expected=plain(group.get("expected") or ""),
        observed=plain(observed or ""),
        nodes=plain(group["nodes"], NODES_CHARS_MAX),
        count=int(group["count"]),
        causes=tuple(cause_told(cause, int(group["count"])) for cause in group.get("causes", ())),
        sources=tuple(source for source, _ in sources.most_common(3)),
        remediation=plain(next((hint for hint in hints if hint), "")),
        second=", ".join(f"{count} {plain(outcome)}" for outcome, count in outcomes.most_common()),
    )


def _item_again(node: Mapping[str, Any], item: str) -> Mapping[str, Any]:
    """The second pass's word on one item of a node; its word on the node where it looked at no item; empty for none."""
    second: Mapping[str, Any] = node.get("second_pass") or {}
    for each in second.get("items", ()):
        if each["item"] == item:
            found: Mapping[str, Any] = each
            return found
    return second


def _key(node: Mapping[str, Any]) -> Key:
    return (node["ring"], node["name"])


def _missing(nodes: Sequence[Mapping[str, Any]]) -> tuple[Missing, ...]:
    tell = teller(map(_key, nodes))
    together: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for node in nodes:
        if node["state"] in (*NO_VERDICT, "left"):
            evidence = plain(node.get("evidence") or "")
            together.setdefault((node["state"], shape_of(evidence)), []).append((tell(_key(node)), evidence))
    order = {state: index for index, state in enumerate((*NO_VERDICT, "left"))}
    ranked = sorted(together.items(), key=lambda each: (order[each[0][0]], -len(each[1]), each[1][0]))
    return tuple(
        Missing(
            state,
            plain(fold_names(name for name, _ in alike), NODES_CHARS_MAX),
            len(alike),
            one_of([evidence for _, evidence in alike]),
        )
        for (state, _), alike in ranked
    )


def _second(nodes: Sequence[Mapping[str, Any]]) -> tuple[Second, ...]:
    tell = teller(map(_key, nodes))
    together: dict[tuple[str, str], list[str]] = {}
    for node in nodes:
        second = node.get("second_pass")
        if second:
            # Who is spoken for by others is one line, whoever the others are.
            message = "sampled out" if second.get("represented_by") else plain(second.get("message") or "")
            together.setdefault((second["outcome"], message), []).append(tell(_key(node)))
    order = {outcome: index for index, outcome in enumerate(SECOND_ORDER)}
    ranked = sorted(together.items(), key=lambda each: (order.get(each[0][0], 9), -len(each[1]), each[1][0]))
    return tuple(
        Second(plain(outcome), plain(fold_names(names), NODES_CHARS_MAX), len(names), message)
        for (outcome, message), names in ranked
    )


def _second_counts(nodes: Sequence[Mapping[str, Any]]) -> str:
    counts = Counter(node["second_pass"]["outcome"] for node in nodes if node.get("second_pass"))
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in SECOND_ORDER if counts[outcome])
