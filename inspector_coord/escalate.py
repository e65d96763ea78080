"""From a closed ledger to the second pass: which nodes Ansible looks at, with what, or why not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from pathlib import Path
from typing import Any

import msgspec

from config_center.release import Release
from config_center.resolve import Baseline
from inspector_agent.veil import is_secret
from inspector_coord import second_pass
from inspector_coord.config import Config, SecondPass
from inspector_coord.current import prefix_of
from inspector_coord.ledger import Key, Ledger, Node
from inspector_coord.release_cache import ReleaseCache
from inspector_coord.report import Report, baselines
from inspector_coord.sweep import Outcome
from inspector_coord.verdict import WAIVED, State

__all__ = ["escalate", "subjects_of", "why_not"]

LOOKED_AT = (State.FAIL, State.ERROR, State.STALLED, State.SILENT, State.DOWN, State.STALE)
"""States that leave something to find out; a node without items, or one that left, has nothing to look at."""


def why_not(config: Config, home: Path, environment: Mapping[str, str]) -> str:
    """Why there is nothing to connect to nodes with; "" where there is.

    An inventory or any `second_pass` setting says that a second pass is wanted; else ssh must have been set up.
    """
    if config.second_pass is not None or environment.get("SSH_AUTH_SOCK"):
        return ""
    keys = [path for path in (home / ".ssh").glob("id_*") if path.suffix != ".pub"]
    if keys or (home / ".ssh/config").is_file():
        return ""
    return (
        "second pass skipped: there is no inventory, no ssh agent, no key and no ~/.ssh/config to reach nodes with; "
        "set second_pass.inventory in coordinator.yml"
    )


async def escalate(
    config: Config, outcome: Outcome, report: Report, say: Callable[[str], None]
) -> dict[Key, dict[str, Any]]:
    """Look again at every node that fails, errs or gave no verdict. What is found, by node, as the report has it."""
    wanted = baselines(outcome.facts, outcome.ledger, outcome.reader)
    subjects = subjects_of(outcome.ledger, report, wanted, outcome.facts.twins)
    if not subjects:
        return {}
    how = config.second_pass or SecondPass()
    cache = ReleaseCache.of(config)
    checks = await _site_checks(cache, outcome.facts.release, subjects)
    subjects = await _of_the_canary(cache, outcome, subjects)
    settings = second_pass.Settings(
        inventory=how.inventory,
        forks=how.forks,
        batch=how.batch,
        sample=how.sample,
        host_timeout_s=how.host_timeout_s,
        site_checks=checks,
    )
    say(f"second pass: {len(subjects)} nodes")
    outcomes = await second_pass.run(subjects, settings, say)
    return {key: found.as_json() for key, found in outcomes.items()}


def subjects_of(
    ledger: Ledger, report: Report, wanted: Mapping[Key, Baseline], twins: Set[str] = frozenset()
) -> list[second_pass.Subject]:
    """The nodes to look at, with the items that fail or err there and what they said of them.

    `twins`: the names that more than one ring has.
    """
    told = {(entry["ring"], entry["name"]): entry["findings"] for entry in report["nodes"]}
    return [
        _subject(node, told[node.key], wanted[node.key], twin=node.name in twins)
        for node in ledger
        if node.state in LOOKED_AT
    ]


def _subject(node: Node, findings: list[Report], baseline: Baseline, *, twin: bool) -> second_pass.Subject:
    wrong = [finding for finding in findings if finding["outcome"] != WAIVED]
    named = {finding["item"] for finding in wrong} if node.state in (State.FAIL, State.ERROR) else set()
    items = tuple(item for item in baseline.items if item.id in named)
    clear = node.answer.clear if node.answer is not None else {}
    return second_pass.Subject(
        ring=node.ring,
        name=node.name,
        address=node.address,
        state=str(node.state),
        tags=node.tags,
        items=items,
        observed={item.id: clear[item.number] for item in items if item.number in clear and not is_secret(item)},
        erring=frozenset(finding["item"] for finding in wrong if finding["outcome"] == "error"),
        fingerprints=tuple(sorted((finding["item"], finding["observed"]) for finding in wrong)),
        twin=twin,
    )


async def _of_the_canary(
    cache: ReleaseCache, outcome: Outcome, subjects: list[second_pass.Subject]
) -> list[second_pass.Subject]:
    """The same, those that are judged by the canary with the executables of its release."""
    canary = outcome.facts.canary
    if canary is None:
        return subjects
    prefix = prefix_of(canary)
    its = {node.key for node in outcome.ledger if node.wants == prefix}
    found = await _site_checks(cache, canary, [subject for subject in subjects if subject.key in its])
    own = {name: str(path) for name, path in found.items()}
    return [
        msgspec.structs.replace(subject, site_checks=own) if subject.key in its else subject for subject in subjects
    ]


async def _site_checks(cache: ReleaseCache, release: Release, subjects: list[second_pass.Subject]) -> dict[str, Path]:
    """The site's own executables that these subjects need; without a config center those that are kept."""
    kinds = {item.check for subject in subjects for item in subject.items}
    if not kinds & {check.name for check in release.checks}:
        return {}
    return await cache.site_checks(release, kinds)
