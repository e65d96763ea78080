"""The sentences of a report: its verdict, its causes, what the exit code means, what to type next (core: no I/O)."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from inspector_coord.faces.words import LEDGER_STATES, NO_VERDICT
from inspector_coord.plain import plain

__all__ = [
    "again_told", "cause_told", "commands", "exit_code", "exit_told", "headline", "ring_lines", "subtitle",
    "waiver_told",
]  # fmt: skip

Report = Mapping[str, Any]

_SAFE_NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*:)?[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_SAFE_ITEM = re.compile(r"[a-z0-9_-]+:[ -~]+", re.ASCII)
# A cause is worth the headline when it is nearly the whole story.
HEADLINE_PRECISION = 0.8
HEADLINE_RECALL = 0.8


def exit_code(report: Report) -> int:
    """As the report has it; a report of an older program without it: 0 passed, 1 fail or error, 3 not all covered."""
    if "exit_code" in report:
        return int(report["exit_code"])
    ledger = report["ledger"]
    if any(ledger.get(state, 0) for state in NO_VERDICT) or _unasked(report):
        return 3
    return 1 if ledger.get("fail", 0) or ledger.get("error", 0) else 0


def headline(report: Report) -> str:
    """How many pass, how many are in each other state, and what nearly all failing nodes have in common."""
    ledger = report["ledger"]
    targets, passed = ledger["targets"], ledger.get("pass", 0)
    start = "Interrupted. " if report.get("interrupted") else ""
    unasked = _unasked(report)
    end = f"{_canary(report)}. Not asked: {', '.join(unasked)}." if unasked else f"{_canary(report)}."
    end += _memory(report)
    if passed == targets:
        whole = {0: "No node was asked", 1: "The only node passes"}.get(targets, f"All {targets} nodes pass")
        return f"{start}{whole}{end}"
    parts = [
        f"{ledger[state]} {state}" + (_headline_cause(report) if state == "fail" else "")
        for state in LEDGER_STATES
        if state != "pass" and ledger.get(state, 0)
    ]
    return f"{start}{passed} of {targets} nodes {'passes' if passed == 1 else 'pass'}; {', '.join(parts)}{end}"


def _canary(report: Report) -> str:
    """How many nodes are judged by the canary's release, while one is out."""
    canary = (report.get("release") or {}).get("canary")
    if not canary:
        return ""
    count = int(canary["count"])
    return f"; {count} {'node is' if count == 1 else 'nodes are'} judged by canary release {plain(canary['number'])}"


def _memory(report: Report) -> str:
    """What was not looked at for this sweep."""
    memory = report.get("memory") or {}
    count = int(memory.get("verdicts") or 0)
    if not count:
        return ""
    verdicts = "1 verdict is" if count == 1 else f"{count:,} verdicts are"
    return f" {verdicts} from memory, up to {math.ceil(float(memory['oldest_s']))} s old."


def again_told(report: Report) -> str:
    """What asking again brought; "" where nobody was asked again."""
    again = report.get("again") or {}
    asked, answered = int(again.get("asked") or 0), int(again.get("answered") or 0)
    if not asked:
        return ""
    questions = int(again["questions"])
    told = f"{asked:,} {'node was' if asked == 1 else 'nodes were'} asked again"
    return f"{told}, by {questions} question{'' if questions == 1 else 's'}: {answered:,} answered then"


def _unasked(report: Report) -> list[str]:
    """What the ledger does not hold although it was wanted: named nodes that are no members, rings in trouble."""
    absent = plain(report.get("absent") or "")
    rings = [f"ring {plain(ring['name'])}" for ring in report.get("rings", ()) if ring.get("error")]
    return [*([f"{absent} (no member)"] if absent else []), *rings]


def _headline_cause(report: Report) -> str:
    """The cause that explains most failing nodes, in brackets, if there is one worth it."""
    best: tuple[int, str] = (0, "")
    for group in report["groups"]:
        for cause in group.get("causes", ()):
            strong = cause["precision"] >= HEADLINE_PRECISION and cause["recall"] >= HEADLINE_RECALL
            if group["outcome"] == "fail" and strong:
                best = max(best, (group["count"], plain(cause["tag"])), key=lambda each: each[0])
    count, tag = best
    if not tag:
        return ""
    return f" ({tag})" if count >= report["ledger"]["fail"] else f" ({tag} explains {count})"


def subtitle(report: Report) -> str:
    """Which sweep, when, against which release, for how long."""
    release = report.get("release") or {}
    digest = plain(release.get("digest", ""))[:12]
    parts = [f"sweep {plain(report['sweep'])[:16]}", plain(report["started"])]
    if release:
        parts.append(f"release {plain(release.get('number', '?'))}" + (f" ({digest})" if digest else ""))
    if release.get("canary"):
        parts.append(f"canary {plain(release['canary']['number'])} ({plain(release['canary']['digest'])[:12]})")
    return " · ".join([*parts, f"{float(report['seconds']):.2f} s"])


def waiver_told(waiver: Mapping[str, Any]) -> str:
    """`OPS-12 until 2031-01-31 (ann): the vendor's tool sets it`."""
    told = f"{plain(waiver['ticket'])} until {plain(waiver['expires'])} ({plain(waiver['owner'])})"
    return f"{told}: {plain(waiver['reason'])}"


def cause_told(cause: Mapping[str, Any], count: int) -> str:
    """`rack=b2 explains all 5 (precision 1.0, recall 1.0)`. Recall 1: all of the group; precision 1: nobody else."""
    explained = round(cause["recall"] * count)
    share = f"all {count}" if explained >= count else f"{explained} of {count}"
    rest = "" if cause["precision"] >= 1 else "; other nodes with it are right"
    figures = f"precision {_ratio(cause['precision'])}, recall {_ratio(cause['recall'])}{rest}"
    return f"{plain(cause['tag'])} explains {share} ({figures})"


def _ratio(value: float) -> str:
    """Two places at most, cut and not rounded: 1.0 is said of nothing less."""
    text = f"{math.floor(value * 100) / 100:.2f}"
    return text.removesuffix("0")


def ring_lines(rings: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """A line a ring, those in trouble first; none for a single ring in good order: the ledger tells all about it."""
    ordered = sorted(rings, key=lambda ring: not ring.get("error"))
    return tuple(map(_ring, ordered)) if len(rings) > 1 or any(ring.get("error") for ring in rings) else ()


def _ring(ring: Mapping[str, Any]) -> str:
    """`east: 5,000 targets, 4,990 pass, 10 fail, 1.31 s, through 10.0.0.1:7373`."""
    name, targets = plain(ring["name"]), int(ring["targets"])
    if ring.get("error"):
        return f"{name}: not asked: {plain(ring['error']).removeprefix(f'ring {name}: ')}"
    members, states = int(ring.get("members", targets)), ring.get("states") or {}
    told = [f"{targets:,} of {members:,} members" if members != targets else f"{targets:,} targets"]
    told += [f"{states[state]:,} {state}" for state in LEDGER_STATES if states.get(state)]
    told += [f"{float(ring.get('seconds') or 0):.2f} s"] if targets else []
    told += [f"through {plain(', then '.join(ring['through']))}"] if ring.get("through") else []
    return f"{name}: {', '.join(told)}"


def exit_told(report: Report) -> str:
    """What the exit code means for this report."""
    code = exit_code(report)
    ledger = report["ledger"]
    gaps = [f"{ledger[state]} {state}" for state in NO_VERDICT if ledger.get(state, 0)]
    gaps += [f"not asked: {each}" for each in _unasked(report)]
    said = {
        0: "every target passed",
        1: "every target gave its verdict, and some fail or err",
        3: f"coverage incomplete ({', '.join(gaps)}); this wins over any fail",
    }.get(code, "see the documentation of inspector sweep")
    end = " (interrupted: the ledger was closed early)" if report.get("interrupted") else ""
    return f"exit {code}: {said}{end}"


def commands(groups: Iterable[tuple[str, str]], absent: Iterable[str], code: int) -> tuple[str, ...]:
    """Commands worth typing now; a name or an item that is not plain is never put into one.

    `groups` are (item, node set), worst first; `absent` the node sets without a verdict, worst first.
    """
    item, nodes = next(iter(groups), ("", ""))
    names = dict.fromkeys((_first_name(nodes), _first_name(next(iter(absent), ""))))
    typed = [f"inspector explain {name}" for name in names if name]
    if _SAFE_ITEM.fullmatch(item):
        typed.append(f"inspector sweep --item {shlex.quote(item)}")
    elif code == 3:
        typed.append("inspector doctor")
    return tuple(typed)


def _first_name(nodes: str) -> str:
    """The first node of a folded set, if it is a plain name: `n[006-010],x` -> n006."""
    head = re.sub(r"\[([^\],-]*)[^\]]*\]", r"\1", re.split(r",(?![^\[]*\])", nodes)[0])
    return head if _SAFE_NAME.fullmatch(head) else ""
