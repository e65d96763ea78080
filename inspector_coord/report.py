"""CORE. The report of a sweep: `inspector.sweep/1`, the stable document that faces and other programs read (DESIGN 11).

Beyond the keys of the contract: `memory` (verdicts that nodes remembered of another sweep), `again` (what asking again
brought), `interrupted`, `exit_code`, `targets`, `exclude` and `items` (what was asked for), `absent` (nodes
named as targets that are no members), `rings` (one line each), `notes` (sentences for a person), `waivers` (those in
use, see `waived`); of the release, while one is out, `canary`; of a group `remediation`; of a node `evidence`, `facts`
(those that are asked about), `canary` (true where it is judged by that), and with an answer `counts`, `took_ms`,
`clock_offset_s`, `vitals`, `incomplete`, `truncated` and, where it is another, `release`; of a finding `severity`, and
`waiver` and `secret` where it has one or is one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from config_center.match import Terms
from config_center.release import Release
from config_center.resolve import Baseline
from inspector_coord import limits
from inspector_coord.causes import causes_of
from inspector_coord.current import prefix_of
from inspector_coord.fold import Group, Texts, fold_names, groups_of, teller
from inspector_coord.ledger import DROPPED, Key, Ledger, Node
from inspector_coord.reading import Evaluated, Reader
from inspector_coord.report_nodes import node_entry
from inspector_coord.verdict import WAIVED, Finding, State, Worth, worth_of
from inspector_coord.waived import ending, unnamed, waivers_in_use

__all__ = ["INCOMPLETE", "SCHEMA", "Facts", "Report", "RingFacts", "add_second_pass", "baselines", "build", "exit_code"]

SCHEMA = "inspector.sweep/1"

Report = dict[str, Any]

INCOMPLETE = (State.DOWN, State.SILENT, State.STALLED, State.STALE, State.UNCOVERED)
"""States of nodes that the sweep says nothing about: coverage is incomplete, which wins over any failure."""


class RingFacts(msgspec.Struct, frozen=True):
    """One ring's line.

    entry      the one that the roster was read through; `through`: those it was asked through, in order
    seconds    from the first question to any ring until this one was closed
    error      why its nodes are not in the ledger, or ""
    questions  sent to it, the first and those that asked again
    """

    name: str
    entry: str
    members: int
    targets: int
    seconds: float
    error: str = ""
    questions: int = 0
    through: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger does not know of its sweep.

    started  RFC 3339, of the first question; `epoch` is the same as Unix time
    seconds  from the first question sent to the ledger closed
    canary   the release of the nodes that `match` covers, while one is out; `release` is everybody else's
    twins    names that members of more than one ring have, whether they were asked or not
    """

    sweep: bytes
    started: str
    epoch: float
    seconds: float
    release: Release
    canary: Release | None = None
    match: Terms = {}
    targets: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    max_age_s: float = 0.0
    absent: tuple[str, ...] = ()
    twins: frozenset[str] = frozenset()
    rings: tuple[RingFacts, ...] = ()
    notes: tuple[str, ...] = ()
    interrupted: bool = False


def reader_of(facts: Facts) -> Reader:
    """A reader of the answers of this sweep."""
    releases = [facts.release] if facts.canary is None else [facts.release, facts.canary]
    return Reader({prefix_of(release): release for release in releases}, facts.items)


def build(facts: Facts, ledger: Ledger, past: Mapping[bytes, Release], reader: Reader | None = None) -> Report:
    """The whole report of a closed ledger.

    `past`: releases by digest prefix, to read stale answers with. `reader`: the one the ledger was closed with, which
    has resolved all baselines already.
    """
    reader = reader or reader_of(facts)
    reader.learn(past)
    nodes = sorted(ledger, key=lambda node: node.key)
    findings = {node.key: reader.findings(node) for node in nodes}
    texts = Texts(finding for several in findings.values() for finding in several)
    current = {node.key: findings[node.key] for node in nodes if _is_current(node)}
    tell = teller(node.key for node in nodes)
    in_use = waivers_in_use(current, tell)
    main = prefix_of(facts.release)
    notes = [*facts.notes, *ending(in_use, facts.epoch), *unnamed(nodes, tell)]
    report: Report = {
        "schema": SCHEMA,
        "sweep": facts.sweep.hex(),
        "started": facts.started,
        "seconds": round(facts.seconds, 3),
        "release": _release(facts, nodes, tell),
        "ledger": _sums(nodes),
        "groups": _groups(current, texts, reader.evaluated(nodes), _remediations(nodes, reader), tell),
        "waivers": in_use,
        "nodes": [node_entry(node, findings[node.key], texts, main, facts.epoch) for node in nodes],
        "dropped": {word: ledger.dropped[word] for word in DROPPED},
        "interrupted": facts.interrupted,
        "memory": _memory(nodes, facts.max_age_s),
        "again": _again(nodes, facts.rings),
        "targets": list(facts.targets),
        "exclude": list(facts.exclude),
        "items": list(facts.items),
        "absent": fold_names(facts.absent),
        "rings": _rings(nodes, facts.rings),
        "notes": notes[: limits.notes_max],
    }
    report["exit_code"] = exit_code(report)
    return report


def _memory(nodes: Sequence[Node], max_age_s: float) -> Report:
    """How many verdicts were not made for this sweep, and how old the oldest of them is."""
    ages = [node.answer.age_ms for node in nodes if node.answer is not None and node.answer.age_ms]
    return {"max_age_s": max_age_s, "verdicts": len(ages), "oldest_s": round(max(ages, default=0) / 1000, 3)}


def _again(nodes: Sequence[Node], rings: Sequence[RingFacts]) -> Report:
    """What was asked after the first question, of how many nodes, and how many of these answered then."""
    asked = [node for node in nodes if node.asked > 1]
    return {
        "questions": sum(max(0, ring.questions - 1) for ring in rings),
        "asked": len(asked),
        "answered": sum(node.answer is not None and bool(node.round) for node in asked),
    }


def _rings(nodes: Sequence[Node], rings: Sequence[RingFacts]) -> list[Report]:
    """One entry a ring, with its own sums."""
    sums = Counter((node.ring, str(node.state)) for node in nodes)
    return [
        msgspec.to_builtins(ring) | {"states": {str(state): sums[ring.name, str(state)] for state in State}}
        for ring in rings
    ]


def _release(facts: Facts, nodes: Sequence[Node], tell: Callable[[Key], str]) -> Report:
    """Which release was asked for, and who was judged by the canary."""
    told: Report = {"number": facts.release.number, "digest": facts.release.digest}
    if facts.canary is None:
        return told
    prefix = prefix_of(facts.canary)
    names = [tell(node.key) for node in nodes if node.wants == prefix]
    canary = {"number": facts.canary.number, "digest": facts.canary.digest, "match": msgspec.to_builtins(facts.match)}
    return told | {"canary": {**canary, "nodes": fold_names(names), "count": len(names)}}


def add_second_pass(report: Report, found: Mapping[Key, Mapping[str, Any]]) -> None:
    """Put what the second pass found to its nodes."""
    for entry in report["nodes"]:
        key = (entry["ring"], entry["name"])
        if key in found:
            entry["second_pass"] = dict(found[key])


def baselines(facts: Facts, ledger: Ledger, reader: Reader | None = None) -> dict[Key, Baseline]:
    """What each node that is not a plain pass should be: the second pass looks at it by that."""
    reader = reader or reader_of(facts)
    return {node.key: reader.baseline(node) for node in ledger if node.state is not State.PASS}


def exit_code(report: Mapping[str, Any]) -> int:
    """What `inspector sweep` ends with: 0 every target passed, 1 some fail or err, 3 some were not covered.

    A ring that could not be asked, and a node named as a target that is no member, are not covered either.
    """
    sums = report["ledger"]
    gaps = (
        any(sums[state] for state in INCOMPLETE) or report["absent"] or any(ring["error"] for ring in report["rings"])
    )
    if gaps:
        return 3
    return 1 if sums[State.FAIL] or sums[State.ERROR] else 0


def _sums(nodes: Sequence[Node]) -> dict[str, int]:
    sums = {"targets": len(nodes), **{str(state): 0 for state in State}}
    for node in nodes:
        if node.state is None:
            raise AssertionError(f"{node.key} is unaccounted")
        sums[node.state] += 1
    if sum(sums[state] for state in State) != sums["targets"]:
        raise AssertionError("the ledger's sums do not add up")
    return sums


def _is_current(node: Node) -> bool:
    return node.answer is not None and worth_of(node.answer, node.wants) >= Worth.INCOMPLETE


def _remediations(nodes: Sequence[Node], reader: Reader) -> dict[str, str]:
    """The remediation of each item that anybody fails or errs on."""
    found: dict[str, str] = {}
    seen: set[int] = set()
    for node in nodes:
        if node.answer is not None and (node.answer.failing or node.answer.erring):
            items = reader.baseline(node).items
            if id(items) not in seen:
                seen.add(id(items))
                found |= {item.id: item.remediation for item in items if item.remediation}
    return found


def _groups(
    findings: Mapping[Key, Sequence[Finding]],
    texts: Texts,
    evaluated: Evaluated,
    remediations: Mapping[str, str],
    tell: Callable[[Key], str],
) -> list[Report]:
    erring: dict[str, list[Key]] = defaultdict(list)
    wrong: dict[Key, list[Finding]] = defaultdict(list)
    for key, several in findings.items():
        for finding in several:
            if finding.outcome != WAIVED:
                wrong[key].append(finding)
            if finding.outcome == "error":
                erring[finding.item].append(key)
    return [
        _group(group, evaluated, erring.get(group.item, []), remediations.get(group.item, ""), tell)
        for group in groups_of(wrong, texts)
    ]


def _group(
    group: Group, evaluated: Evaluated, erring: Sequence[Key], remediation: str, tell: Callable[[Key], str]
) -> Report:
    without = erring if group.outcome == "fail" else ()
    counts, nodes = evaluated.of(group.item, without)
    causes = causes_of(evaluated.tags(group.nodes), len(group.nodes), counts, nodes)
    entry: Report = {
        "item": group.item,
        "outcome": group.outcome,
        "expected": group.expected,
        "observed": group.observed,
        "severity": group.severity,
        "nodes": fold_names(map(tell, group.nodes)),
        "count": len(group.nodes),
        "causes": [
            {"tag": cause.tag, "precision": round(cause.precision, 3), "recall": round(cause.recall, 3)}
            for cause in causes
        ],
    }
    return entry | ({"remediation": remediation} if remediation else {})
