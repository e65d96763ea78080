"""CORE. What failing nodes have in common: the tags that best tell them from those that do not fail.

Over the nodes that evaluated an item, a tag has a precision (how many with the tag have the finding) and a recall
(how many with the finding have the tag). Named are the best that no other tag beats in both, if they are above a floor:
a tag of everybody, or of one node alone, explains nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from inspector_coord import limits

__all__ = ["Cause", "TagCounts", "causes_of", "count_tags"]

TagCounts = Mapping[tuple[str, str], int]
"""(tag, value) -> nodes that have it."""


class Cause(msgspec.Struct, frozen=True):
    """One tag, `key=value`, and how well it separates (0 … 1)."""

    tag: str
    precision: float
    recall: float


def count_tags(tags: Iterable[Mapping[str, str]]) -> Counter[tuple[str, str]]:
    """How many nodes have which tag."""
    return Counter(pair for one in tags for pair in one.items())


def causes_of(failing: TagCounts, failing_nodes: int, evaluated: TagCounts, evaluated_nodes: int) -> list[Cause]:
    """The best few causes, best first; the same for the same counts.

    `evaluated` counts the nodes that looked at the item, the failing ones among them.
    """
    if failing_nodes < limits.cause_nodes_min:
        return []
    found = []
    for (key, value), hits in failing.items():
        tagged = max(hits, evaluated.get((key, value), 0))
        cause = Cause(f"{key}={value}", hits / tagged, hits / failing_nodes)
        without = evaluated_nodes - tagged
        elsewhere = (failing_nodes - hits) / without if without > 0 else 1.0
        if _is_cause(cause, elsewhere):
            found.append(cause)
    best = [cause for cause in found if not any(_beats(other, cause) for other in found)]
    best.sort(key=lambda cause: (-_harmonic(cause), -cause.precision, cause.tag))
    return best[: limits.causes_max]


def _is_cause(cause: Cause, elsewhere: float) -> bool:
    """Above every floor. `elsewhere`: the share of failing nodes among those without the tag."""
    return (
        cause.precision >= limits.cause_precision_min
        and cause.recall >= limits.cause_recall_min
        and cause.precision - elsewhere >= limits.cause_gain_min
    )


def _beats(one: Cause, other: Cause) -> bool:
    return (
        one.precision >= other.precision
        and one.recall >= other.recall
        and (one.precision, one.recall) != (other.precision, other.recall)
    )


def _harmonic(cause: Cause) -> float:
    return 2 * cause.precision * cause.recall / (cause.precision + cause.recall)
