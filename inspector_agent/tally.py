"""From findings to what an answer says: counts, item numbers, hashes, and the worst values in clear."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from config_center.release import SEVERITIES
from inspector_agent import limits
from inspector_agent.details import clear_text, observed_hash
from inspector_agent.findings import Finding
from inspector_agent.wire import Counts

if TYPE_CHECKING:
    from config_center.resolve import Item

NO_FINDING = "no finding"
OUTCOMES = ("pass", "fail", "error", "na")  # of checks


@dataclass(frozen=True, slots=True)
class Tally:
    """The part of an answer that the findings make. Fields as in `wire.Answer`."""

    counts: Counts
    failing: tuple[int, ...]
    erring: tuple[int, ...]
    waived: tuple[int, ...]
    hashes: tuple[bytes | None, ...]
    clear: dict[int, str]
    basis: bytes

    def fields(self) -> dict[str, Any]:
        """As keywords of `wire.Answer`."""
        return {field: getattr(self, field) for field in self.__slots__}


def basis_of(items: Iterable[Item]) -> bytes:
    """Four bytes that stand for these items of a release, the lines they come from and the waivers that cover them.

    A node and a coordinator that know the node by other tags resolve the release to other items: a verdict on those is
    no verdict on what the coordinator asked.
    """
    lines = "\n".join(f"{item.number} {item.source} {item.waiver}" for item in items)
    return blake2b(lines.encode(), digest_size=limits.basis_bytes).digest()


def selected(items: Iterable[Item], patterns: Sequence[str]) -> tuple[Item, ...]:
    """The items whose id is, or matches, one of the shell-style patterns; all of them if there is no pattern."""
    if not patterns:
        return tuple(items)
    exact = frozenset(patterns)
    # re keeps at most 512 compiled patterns; fnmatch's own cache could grow by every question ever heard
    wanted = [re.compile(translate(pattern)) for pattern in patterns]
    return tuple(item for item in items if item.id in exact or any(pattern.match(item.id) for pattern in wanted))


def outcome_of(item: Item, finding: Finding, today: str) -> str:
    """The outcome that counts on that day ("YYYY-MM-DD"): a fail under a waiver is `waived`, an error never is."""
    if finding.outcome == "fail" and item.is_waived(today):
        return "waived"
    return finding.outcome if finding.outcome in OUTCOMES else "error"


def tally(items: Sequence[Item], found: Mapping[int, Finding], today: str, *, missing: str | None) -> Tally:
    """The tally of `items` by what was `found`, keyed by item number, with the waivers of that day ("YYYY-MM-DD").

    An item without a finding errs for the reason `missing`: whatever was not looked at is never a pass. While the run
    goes on `missing` is None, and such an item is not counted yet.
    """
    outcomes: dict[str, list[Item]] = {word: [] for word in (*OUTCOMES, "waived")}
    wrong: dict[int, Finding] = {}
    for item in items:
        finding = found.get(item.number)
        if finding is None:
            if missing is None:
                continue
            finding = Finding(item.number, item.id, "error", message=missing or NO_FINDING)
        outcome = outcome_of(item, finding, today)
        outcomes[outcome].append(item)
        if outcome in ("fail", "error"):
            wrong[item.number] = finding
    # sorting is stable: where equally severe, a fail before an error
    worst = sorted(outcomes["fail"] + outcomes["error"], key=_severity)[: limits.clear_texts_max]
    failing, erring, waived = (tuple(item.number for item in outcomes[word]) for word in ("fail", "error", "waived"))
    return Tally(
        counts=Counts(*(len(outcomes[word]) for word in ("pass", "fail", "error", "na", "waived"))),
        failing=failing,
        erring=erring,
        waived=waived,
        hashes=tuple(wrong[number].mark or observed_hash(_words(wrong[number])) for number in failing + erring),
        clear={item.number: clear_text(_words(wrong[item.number])) for item in worst if not wrong[item.number].mark},
        basis=basis_of(items),
    )


def _words(finding: Finding) -> str:
    """What to show of a finding in few characters: the value where there is one, else why there is none."""
    if finding.outcome == "fail":
        return finding.observed or finding.message
    return finding.message or finding.observed


def _severity(item: Item) -> int:
    return SEVERITIES.index(item.severity) if item.severity in SEVERITIES else len(SEVERITIES)
