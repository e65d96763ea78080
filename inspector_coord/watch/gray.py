"""CORE. Who answers, but slowly or unwell, against all others that were asked the same at the same time."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from inspector_coord.watch import limits
from inspector_coord.watch.members import Node

__all__ = ["Usual", "mark", "usual"]

_WINDOW = (1 << limits.gray_looks) - 1


class Usual(msgspec.Struct, frozen=True):
    """Above what a node stands out: answers in seconds, timers in milliseconds, Serf's health score."""

    took_s: float
    lag_ms: float
    health: int

    def stands_out(self, node: Node) -> str:
        """Why a node's last answer is not like the others, "" where it is."""
        if node.took_s > self.took_s:
            return f"answered after {node.took_s:.1f} s, the others within {self.took_s:.1f} s"
        if node.lag_ms > self.lag_ms:
            return f"its timers are {node.lag_ms} ms late"
        if node.health >= self.health:
            return f"its Serf health score is {node.health}"
        return ""


def usual(nodes: Sequence[Node]) -> Usual | None:
    """What is usual among the answers of one question: median and six median deviations; None: too few to tell."""
    if len(nodes) < limits.gray_peers_min:
        return None
    return Usual(
        _bound([node.took_s for node in nodes], limits.gray_took_s_min),
        _bound([float(node.lag_ms) for node in nodes], limits.gray_lag_ms_min),
        max(limits.gray_health, sorted(node.health for node in nodes)[len(nodes) // 2] + limits.gray_health_above),
    )


def mark(node: Node, *, out: bool) -> bool:
    """Book one look; whether the node is gray by its last ones."""
    node.marks = (node.marks << 1 | out) & _WINDOW
    node.looks = min(node.looks + 1, limits.gray_looks)
    return node.marks.bit_count() >= limits.gray_marks


def _bound(values: list[float], least: float) -> float:
    values.sort()
    median = values[len(values) // 2]
    deviation = sorted(abs(value - median) for value in values)[len(values) // 2]
    return median + max(least, limits.gray_deviations * deviation)
