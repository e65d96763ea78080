"""CORE. What comes under a member's name: an answer to this sweep, or something that is counted."""

from __future__ import annotations

from inspector_agent.errors import WireError
from inspector_agent.wire import Answer, decode_answer
from inspector_coord.ledger import Ledger, Node
from inspector_coord.phrasing import Plan

__all__ = ["taken_in"]


def taken_in(payload: bytes, node: Node | None, plan: Plan, ledger: Ledger) -> Answer | None:
    """The answer of a node of the roster to this sweep; None: it was counted as what it is instead."""
    try:
        answer = decode_answer(payload)
    except WireError:
        ledger.dropped["malformed"] += 1
        if node is not None:
            node.malformed += 1
        return None
    if answer.sweep != plan.sweep or (answer.age_ms and answer.age_ms > plan.age_ms_max):  # older than was asked for
        ledger.dropped["forged"] += 1
        return None
    if node is None:
        ledger.dropped["stranger"] += 1
        return None
    return answer
