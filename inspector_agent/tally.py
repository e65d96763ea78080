"""From findings to what an answer says: counts, item numbers, hashes, and the worst values in clear."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from hashlib import blake2b
from typing import TYPE_CHECKING

from config_center.release import SEVERITIES
from inspector_agent import limits
from inspector_agent.details import clear_text, observed_hash
from inspector_agent.wire import Counts

if TYPE_CHECKING:
    from config_center.resolve import Item
    from inspector_agent.findings import Finding

NO_FINDING = "no finding"


@dataclass(frozen=True, slots=True)
class Tally:
    """The part of an answer that the findings make. Fields as in `wire.Answer`."""

    counts: Counts
    failing: tuple[int, ...]
    erring: tuple[int, ...]
    hashes: tuple[bytes | None, ...]
    clear: dict[int, str]
    basis: bytes


def basis_of(items: Iterable[Item]) -> bytes:
    """Four bytes that stand for these items of a release and the lines they come from.

    A node and a coordinator that know the node by other tags resolve the release to other items: a verdict on those is
    no verdict on what the coordinator asked.
    """
    lines = "\n".join(f"{item.number} {item.source}" for item in items)
    return blake2b(lines.encode(), digest_size=limits.basis_bytes).digest()


def selected(items: Iterable[Item], patterns: Sequence[str]) -> tuple[Item, ...]:
    """The items whose id is, or matches, one of the shell-style patterns; all of them if there is no pattern."""
    if not patterns:
        return tuple(items)
    exact = frozenset(patterns)
    # re keeps at most 512 compiled patterns; fnmatch's own cache could grow by every question ever heard
    wanted = [re.compile(translate(pattern)) for pattern in patterns]
    return tuple(item for item in items if item.id in exact or any(pattern.match(item.id) for pattern in wanted))


def tally(items: Sequence[Item], found: Mapping[int, Finding], *, missing: str | None) -> Tally:
    """The tally of `items` by what was `found`, keyed by item number.

    An item without a finding errs for the reason `missing`: whatever was not looked at is never a pass. While the run
    goes on `missing` is None, and such an item is not counted yet.
    """
    outcomes: dict[str, list[Item]] = {"pass": [], "fail": [], "error": [], "na": [], "waived": []}
    observed: dict[int, str] = {}
    for item in items:
        finding = found.get(item.number)
        if finding is None and missing is None:
            continue
        outcome = finding.outcome if finding is not None and finding.outcome in outcomes else "error"
        outcomes[outcome].append(item)
        if outcome in ("fail", "error"):
            observed[item.number] = _words(finding) if finding is not None else missing or NO_FINDING
    wrong = outcomes["fail"] + outcomes["error"]  # sorting is stable: where equally severe, a fail before an error
    worst = sorted(wrong, key=_severity)[: limits.clear_texts_max]
    failing, erring = (tuple(item.number for item in outcomes[word]) for word in ("fail", "error"))
    return Tally(
        counts=Counts(*(len(outcomes[word]) for word in ("pass", "fail", "error", "na", "waived"))),
        failing=failing,
        erring=erring,
        hashes=tuple(observed_hash(observed[number]) for number in failing + erring),
        clear={item.number: clear_text(observed[item.number]) for item in worst},
        basis=basis_of(items),
    )


def _words(finding: Finding) -> str:
    """What to show of a finding in few characters: the value where there is one, else why there is none."""
    if finding.outcome == "fail":
        return finding.observed or finding.message
    return finding.message or finding.observed


def _severity(item: Item) -> int:
    return SEVERITIES.index(item.severity) if item.severity in SEVERITIES else len(SEVERITIES)
