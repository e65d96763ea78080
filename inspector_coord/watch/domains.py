"""CORE. What the nodes of an incident have in common: the tag that covers them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from inspector_coord.watch import limits

__all__ = ["best_domain"]


def best_domain(counts: Counter[str], size: int, of: Callable[[str], int], prefer: Iterable[str]) -> tuple[str, int]:
    """The tag that best covers the nodes of an incident, and how many members have it; ("", 0) where none does.

    It covers most of the incident, at least half of its members are in the incident, and those are a few at least.
    """
    order = {key: rank for rank, key in enumerate(prefer)}
    best: tuple[float, int, str, int] | None = None
    for tag, hits in counts.items():
        if hits < limits.domain_nodes_min or hits < limits.domain_recall_min * size:
            continue
        whole = max(hits, of(tag))
        if hits < limits.domain_share_min * whole:
            continue
        harmonic = 2 * hits / (whole + size)
        found = (-harmonic, order.get(tag.partition("=")[0], len(order)), tag, whole)
        if best is None or found < best:
            best = found
    return ("", 0) if best is None else (best[2], best[3])
