"""CORE. The drift report in words: what every face says in the same way. All foreign text is made plain here."""

from __future__ import annotations

from collections.abc import Iterator

from inspector_coord.causes import Cause
from inspector_coord.drift.document import ORIGINS, Before, Document, Group
from inspector_coord.drift.period import ago, told_for
from inspector_coord.plain import plain

__all__ = [
    "ORIGIN_MEANINGS",
    "before_told",
    "cause_told",
    "coverage_told",
    "exit_told",
    "group_details",
    "headline",
    "left_told",
    "many",
    "nodes_told",
    "observed_told",
    "since_told",
    "subtitle",
    "why_told",
]

ORIGIN_MEANINGS = {
    "drift": "the node moved, the baseline did not",
    "intended": "the baseline moved, the node has not followed",
    "first": "judged for the first time: nobody knows since when",
    "unknown": "no release was at hand to compare by",
}

_KINDS = {
    "reboot": "a reboot", "kernel": "another kernel", "package": "a package change", "driver": "another driver",
    "moved": "a move", "joined": "joining the ring", "left": "leaving the ring", "rebuilt": "a rebuild",
    "release": "a release", "operation": "an operation", "note": "a note",
}  # fmt: skip


def headline(document: Document) -> str:
    """The one sentence of the report."""
    sums = document.summary
    if not document.sweeps.count:
        return "No sweep in this period: nothing is known of it"
    if not sums.new + sums.flapping:
        said = "Nothing new is wrong"
    else:
        of_origin = document.origins
        told = [
            f"{counts.new + counts.flapping} {_origin(origin)}"
            for origin in ORIGINS
            if (counts := of_origin.get(origin)) is not None and counts.new + counts.flapping
        ]
        said = f"{many(sums.new + sums.flapping, 'new deviation')}: {', '.join(told)}"
    rest = [
        (sums.flapping, "flapping"),
        (sums.open, "still open"),
        (sums.back, "back to normal"),
        (sums.unknown, "unknown"),
    ]
    others = ", ".join(f"{count} {word}" for count, word in rest if count)
    return f"{said} ({others})" if others else said


def _origin(origin: str) -> str:
    return {"first": "judged for the first time", "unknown": "of unknown origin"}.get(origin, origin)


def subtitle(document: Document) -> str:
    """What the report is about."""
    about = f"{many(document.nodes, 'node')}, {many(document.sweeps.count, 'sweep')} ({document.sweeps.whole} whole)"
    asked = [plain(one) for one in (*document.targets, *document.items)]
    return f"{document.since} … {document.until}, {about}" + (f", only {' '.join(asked)}" if asked else "")


def exit_told(document: Document) -> str:
    """The exit code in words."""
    words = {
        0: "no new drift",
        1: f"new drift of severity {document.fail_on} or worse" if document.fail_on != "info" else "new drift",
        3: "coverage is incomplete: of some nodes or items nobody knows",
    }
    return f"exit {document.exit_code}: {words.get(document.exit_code, '')}"


def many(count: int, what: str) -> str:
    """`1 node`, `2 nodes`."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def nodes_told(group: Group, chars_max: int = 2_000) -> str:
    """`12 nodes n[025-036], 1 not judged now (n030)`."""
    unknown = (
        f", {group.unknown_count} not judged now ({plain(group.unknown, chars_max)})" if group.unknown_count else ""
    )
    left = f" and {group.nodes_left} more" if group.nodes_left else ""
    return f"{many(group.count, 'node')} {plain(group.nodes, chars_max)}{left}{unknown}"


def observed_told(group: Group) -> str:
    """What was observed, in one line."""
    text = plain(group.observed) or ("(not told)" if group.outcome == "fail" else "error")
    return f"{text} and {many(group.values - 1, 'other value')}" if group.values > 1 else text


def since_told(group: Group, until: str) -> str:
    """Since when, or when it ended, or how often."""
    if group.class_ == "flapping":
        return f"{group.openings} times since {ago(group.opened, until)} ago"
    if group.class_ == "back":
        return f"{ago(group.opened, until)} … {ago(group.closed or until, until)} ago"
    return f"since {ago(group.opened, until)} ago"


def cause_told(cause: Cause) -> str:
    """`rack=b2: 100% of its nodes have it, 100% of those that have it are there`."""
    precision, recall = (
        f"{cause.precision:.0%} of its nodes have it",
        f"{cause.recall:.0%} of those that have it are there",
    )
    return f"{plain(cause.tag)}: {precision}, {recall}"


def before_told(before: Before) -> str:
    """`a reboot 4 m before on 12 nodes: …`."""
    kind = _KINDS.get(before.kind, f"being {before.kind}" if before.kind else "something")
    text = f": {plain(before.text)}" if before.text else ""
    source = f" ({plain(before.source)})" if before.source else ""
    when = f"{told_for(before.seconds_before)} before" if before.seconds_before >= 1 else "at the same time"
    return f"{kind} {when} on {many(before.count, 'node')}{text}{source}"


def why_told(group: Group) -> str:
    """The best reason there is, short enough for the end of a line; "" where there is none."""
    if group.before:
        first = group.before[0]
        if first.kind == "release":
            return f"after {plain(first.text.partition(':')[0], 60)} {plain(first.source, 80)}".rstrip()
        return f"after {_KINDS.get(first.kind, first.kind)}"
    if group.causes:
        return f"on {plain(group.causes[0].tag, 60)}"
    return ""


def group_details(group: Group) -> Iterator[tuple[str, str]]:
    """(what, text) lines of one group."""
    yield "nodes", nodes_told(group)
    yield "expected", f"{plain(group.expected)}   {plain(group.source)}".rstrip()
    yield "observed", observed_told(group)
    yield "origin", f"{group.origin}: {ORIGIN_MEANINGS[group.origin]}"
    yield "first", f"{plain(group.first.node)} at {group.first.at}"
    if group.newest != group.first.at:
        yield "newest", group.newest
    yield "confirmed", group.confirmed
    if group.closed is not None:
        ended = ", ".join(f"{count} {how}" for how, count in sorted(group.ended.items()))
        yield "ended", f"{group.closed} ({ended})" if ended else group.closed
    for each in group.before:
        yield "before", before_told(each)
    for cause in group.causes:
        yield "cause", cause_told(cause)
    if group.release:
        yield "release", f"judged by release {group.release}"
    if group.owner:
        yield "owner", plain(group.owner)


def left_told(document: Document) -> Iterator[str]:
    """How much of it no face shows; nothing where that is nothing."""
    if document.groups_left:
        left = f"… and {many(document.groups_left, 'older or narrower group')} ({document.deviations_left} deviations)"
        yield f"{left}: narrow it by TARGET, --item or --since"


def coverage_told(document: Document) -> Iterator[str]:
    """Whom nobody knows anything of."""
    coverage = document.coverage
    if coverage.unknown.count:
        yield f"{many(coverage.unknown.count, 'node')} cannot be judged now: {plain(coverage.unknown.nodes, 2_000)}"
    for state, nodes in coverage.states.items():
        lag = " (lag: they have not adopted their release yet)" if state == "stale" else ""
        yield f"{plain(state)}{lag}: {plain(nodes.nodes, 2_000)}"
    if coverage.never.count:
        yield f"{many(coverage.never.count, 'node')} never judged: {plain(coverage.never.nodes, 2_000)}"
    for each in coverage.long:
        for_so_long = ago(each.since, document.until)
        yield f"{plain(each.nodes, 2_000)} {plain(each.state)} for {for_so_long}, since {each.since}"
    if coverage.long_left:
        yield f"… and {many(coverage.long_left, 'more time')} since when some are not judged"
