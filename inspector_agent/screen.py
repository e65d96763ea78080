"""What a run looks like to people and to programs. Pure: a run in, text out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from config_center.expectation import describe
from config_center.release import SEVERITIES
from config_center.resolve import Item
from inspector_agent.findings import Finding, printable
from inspector_agent.once import Run
from inspector_agent.paint import Paint

SCHEMA = "inspector.check/1"
TEXT_CHARS_MAX = 400
WORST_FIRST = ("fail", "error", "na", "pass")


def verdict(run: Run) -> int:
    """The exit code: 0 all pass, 1 some fail or err, 2 nothing applies."""
    counts = run.counts()
    if counts["fail"] or counts["error"]:
        return 1
    return 0 if counts["pass"] else 2


def as_text(run: Run, paint: Paint, *, everything: bool) -> Iterator[str]:
    """Lines: what was looked at, what differs (or everything), and the sum."""
    yield f"{run.node}: {run.source.about}, {len(run.items)} item{'' if len(run.items) == 1 else 's'}"
    shown = [
        (item, finding) for item, finding in _worst_first(run) if everything or finding.outcome in ("fail", "error")
    ]
    width = max((len(item.id) for item, _ in shown), default=0)
    for item, finding in shown:
        yield f"  {paint(finding.outcome, 5)}  {item.id:<{width}}  {_sentence(item, finding)}"
        yield from (f"         {line}" for line in _details(item, finding))
    yield _sum(run)


def _worst_first(run: Run) -> Sequence[tuple[Item, Finding]]:
    pairs = [(item, run.found[item.number]) for item in run.items]
    return sorted(
        pairs, key=lambda pair: (WORST_FIRST.index(pair[1].outcome), SEVERITIES.index(pair[0].severity), pair[0].number)
    )


def _sentence(item: Item, finding: Finding) -> str:
    if finding.outcome == "fail":
        return f"is {finding.observed or 'not as expected'}, expected {describe(item.expect)}"
    if finding.outcome == "pass":
        return finding.observed
    return finding.message


def _details(item: Item, finding: Finding) -> Iterator[str]:
    """What helps to put an item right. A release's texts are people's, of any length and lines."""
    if finding.outcome not in ("fail", "error"):
        return
    owner = f"owner {item.owner}" if item.owner else ""
    yield printable(", ".join(part for part in (item.severity, item.source, item.title, owner) if part), TEXT_CHARS_MAX)
    if finding.outcome == "fail" and not finding.message.startswith("expected "):  # which is said already
        yield finding.message
    if item.remediation:
        yield printable(f"to put it right: {' '.join(item.remediation.split())}", TEXT_CHARS_MAX)


def _sum(run: Run) -> str:
    counts = run.counts()
    if not run.items:
        return "uncovered: no layer has an item for this node (name and tags decide: see --name and --tag)"
    words = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    if verdict(run) == 2:
        return f"uncovered: none of its items applies here ({words}); see --all for the reasons"
    return f"{words} in {run.seconds:.2f} s"


def as_json(run: Run) -> dict[str, Any]:
    """All findings, by item number."""
    return {
        "schema": SCHEMA,
        "node": run.node,
        "release": {"number": run.source.release.number, "digest": run.source.release.digest, "from": run.source.about},
        "seconds": round(run.seconds, 3),
        "counts": run.counts(),
        "findings": [_finding(item, run.found[item.number]) for item in run.items],
    }


def _finding(item: Item, finding: Finding) -> dict[str, Any]:
    return {
        "item": item.id,
        "outcome": finding.outcome,
        "expected": describe(item.expect),
        "observed": finding.observed,
        "message": finding.message,
        "severity": item.severity,
        "source": item.source,
        "ms": finding.ms,
    }
