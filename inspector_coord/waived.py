"""CORE. Waivers: which are in use in a sweep, for whom, and which of them end soon."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from config_center.release import Waiver
from inspector_coord import limits
from inspector_coord.fold import fold_names
from inspector_coord.ledger import Key, Node
from inspector_coord.verdict import WAIVED, Finding

__all__ = ["ending", "told", "unnamed", "waivers_in_use"]


def told(waiver: Waiver) -> dict[str, str]:
    """A waiver as a finding of the report names it."""
    return {
        "source": waiver.source,
        "owner": waiver.owner,
        "reason": waiver.reason,
        "ticket": waiver.ticket,
        "expires": waiver.expires,
    }


def waivers_in_use(findings: Mapping[Key, Iterable[Finding]], tell: Callable[[Key], str]) -> list[dict[str, Any]]:
    """The report's `waivers`: each that excuses something, with its items and nodes; who ends first comes first.

    `tell` names a node to a person, see `fold.teller`.
    """
    items: dict[tuple[str, ...], set[str]] = defaultdict(set)
    nodes: dict[tuple[str, ...], set[Key]] = defaultdict(set)
    words: dict[tuple[str, ...], dict[str, str]] = {}
    for key, several in findings.items():
        for finding in several:
            if finding.outcome == WAIVED and finding.waiver is not None:
                said = told(finding.waiver)
                mark = tuple(said.values())  # of two releases, canary and main one, one line may say two things
                words[mark] = said
                items[mark].add(finding.item)
                nodes[mark].add(key)
    in_use = [
        {
            **words[mark],
            "items": sorted(items[mark]),
            "nodes": fold_names(map(tell, nodes[mark])),
            "count": len(nodes[mark]),
        }
        for mark in words
    ]
    return sorted(in_use, key=lambda each: (each["expires"], each["ticket"], each["source"], each["reason"]))


def ending(in_use: Sequence[Mapping[str, Any]], epoch: float) -> list[str]:
    """A sentence for each waiver that ends within `waiver_ends_days` of Unix time `epoch`."""
    today = datetime.fromtimestamp(epoch, UTC).date()
    notes = []
    for waiver in in_use:
        days = (date.fromisoformat(waiver["expires"]) - today).days
        if days <= limits.waiver_ends_days:
            what, more = waiver["items"][0], len(waiver["items"]) - 1
            others = f" and {more} more item{'s' if more > 1 else ''}" if more else ""
            notes.append(f"waiver {waiver['ticket']} {_ends(days)}: {what}{others} on {waiver['nodes']}")
    return notes


def unnamed(nodes: Iterable[Node], tell: Callable[[Key], str]) -> list[str]:
    """A sentence where answers had no room for the numbers of all their waived items."""
    missing = {
        tell(node.key): count
        for node in nodes
        if node.answer is not None and (count := node.answer.counts.waived - len(node.answer.waived)) > 0
    }
    if not missing:
        return []
    return [
        f"{sum(missing.values())} more items are waived on {fold_names(missing)}, whose answers had no room for them"
    ]


def _ends(days: int) -> str:
    """It counts to the end of its last day."""
    if days < 0:
        return "has ended, by the clock here"  # a node's clock decides
    return {0: "ends today", 1: "ends tomorrow"}.get(days, f"ends in {days} days")
