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
from inspector_agent.veil import SECRET, is_secret

SCHEMA = "inspector.check/1"
TEXT_CHARS_MAX = 400
ID_CHARS_MAX = 48  # of the column: a longer id pushes its own line to the right, and no other's
OUTCOME_CHARS = 5  # of the column, unless something longer stands in it
WORST_FIRST = ("fail", "error", "waived", "na", "pass")
SHOWN = ("fail", "error", "waived")  # of all outcomes, unless everything is asked for


def verdict(run: Run) -> int:
    """The exit code: 0 all pass, or fail under a waiver; 1 some fail or err; 2 nothing applies."""
    counts = run.counts()
    if counts["fail"] or counts["error"]:
        return 1
    return 0 if counts["pass"] or counts["waived"] else 2


def as_text(run: Run, paint: Paint, *, everything: bool) -> Iterator[str]:
    """Lines: what was looked at, what differs (or everything), and the sum."""
    yield f"{run.node}: {run.source.about}, {len(run.items)} item{'' if len(run.items) == 1 else 's'}"
    shown = [item for item in _worst_first(run) if everything or run.outcome(item) in SHOWN]
    width = min(max((len(item.id) for item in shown), default=0), ID_CHARS_MAX)
    words = max([OUTCOME_CHARS, *(len(run.outcome(item)) for item in shown)])
    for item in shown:
        finding, outcome = run.found[item.number], run.outcome(item)
        yield f"  {paint(outcome, words)}  {item.id:<{width}}  {_sentence(item, finding)}"
        yield from (f"  {'':{words}}  {line}" for line in _details(item, finding, outcome))
    hidden = 0 if everything or verdict(run) == 2 else run.counts()["na"]
    yield _sum(run) + (f"; --all says why {hidden} cannot apply here" if hidden else "")


def _worst_first(run: Run) -> Sequence[Item]:
    return sorted(
        run.items,
        key=lambda item: (WORST_FIRST.index(run.outcome(item)), SEVERITIES.index(item.severity), item.number),
    )


def _sentence(item: Item, finding: Finding) -> str:
    if finding.outcome == "fail":
        return f"is {_observed(item, finding) or 'not as expected'}, expected {expected(item)}"
    if finding.outcome == "pass":
        return _observed(item, finding)
    return finding.message


def _observed(item: Item, finding: Finding) -> str:
    return SECRET if is_secret(item) else finding.observed


def expected(item: Item) -> str:
    """What is expected, in a line; of a secret the file that holds it."""
    files = [f"{matcher} what {path} holds" for some in item.from_file.values() for matcher, path in some.items()]
    return " and ".join([*([describe(item.expect)] if item.expect else []), *files])


def _details(item: Item, finding: Finding, outcome: str) -> Iterator[str]:
    """What helps to put an item right. A release's texts are people's, of any length and lines."""
    if outcome not in SHOWN:
        return
    if outcome == "waived":
        yield printable(f"waived until {item.waived_until} by {item.waiver}", TEXT_CHARS_MAX)
    owner = f"owner {item.owner}" if item.owner else ""
    about = (item.severity, item.source, item.title, owner, *item.references)
    yield printable(", ".join(part for part in about if part), TEXT_CHARS_MAX)
    more = _more(item, finding) if finding.outcome == "fail" else ""
    if more:
        yield more
    if item.remediation:
        yield printable(f"to put it right: {' '.join(item.remediation.split())}", TEXT_CHARS_MAX)


def _more(item: Item, finding: Finding) -> str:
    """What a message adds to what is said already: that something is expected is, and which part is missing may be."""
    said: dict[str, str] = {}
    for name, matched in item.expect.items():
        for some in (matched, *({matcher: operand} for matcher, operand in matched.items())):
            wanted = f"expected {describe({name: some}, name)}"
            said |= {wanted: "", f"{name} {wanted}": f"{name} "}
    told = []
    for part in finding.message.split("; "):
        expectation, _, rest = (part, "", "") if part in said else part.rpartition(": ")
        if expectation not in said:
            told.append(part)
        elif rest and rest not in finding.observed:
            told.append(f"{said[expectation]}{rest}")
    return "; ".join(told)


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
        "findings": [_finding(item, run.found[item.number], run.outcome(item)) for item in run.items],
    }


def _finding(item: Item, finding: Finding, outcome: str) -> dict[str, Any]:
    return {
        "item": item.id,
        "outcome": outcome,
        "expected": expected(item),
        "observed": _observed(item, finding),
        "message": finding.message,
        "severity": item.severity,
        **({"title": item.title} if item.title else {}),
        "source": item.source,
        "ms": finding.ms,
        **({"references": list(item.references)} if item.references else {}),
        **({"waiver": item.waiver, "waived_until": item.waived_until} if outcome == "waived" else {}),
    }
