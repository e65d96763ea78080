"""CORE. Why a node is in its state, in one line that a person can act on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from inspector_agent.wire import ANY_RELEASE, Answer, Serving
from inspector_coord.verdict import State

if TYPE_CHECKING:
    from inspector_coord.ledger import Node

__all__ = ["OTHER_ITEMS", "OTHER_ITEMS_BEGIN", "Evidence"]

OTHER_ITEMS_BEGIN = "looked at other items than "
"""So begins the evidence of a node whose verdict is on other items than its own."""

OTHER_ITEMS = f"{OTHER_ITEMS_BEGIN}its tags in the ring ask for: they have just changed; sweep it again"


class Evidence(msgspec.Struct, frozen=True):
    """Words for one sweep.

    numbers     of the releases that nodes are judged by, by the prefix of their digest
    asks_facts  some of these releases ask about facts, so that what the config center knows of a node counts
    """

    numbers: Mapping[bytes, int] = {}
    asks_facts: bool = False

    def of(self, node: Node, state: State, at_s: float) -> str:
        """Why the node is in this state at the end, `at_s`; "" where its findings say it."""
        if node.answer is None:
            return _unheard(node, state, at_s)
        if state is State.STALE:
            return self._stale(node, node.answer)
        return _heard(node.answer, node.answered_s or 0.0, state)

    def other_items(self, node: Node) -> str:
        """Why a verdict on other items than those expected here is none."""
        if not self.asks_facts:
            return OTHER_ITEMS
        return f"{OTHER_ITEMS_BEGIN}its tags in the ring and its facts ask for: {_facts_of(node)}"

    def _stale(self, node: Node, answer: Answer) -> str:
        """What it has, and what it should have."""
        at_s = node.answered_s or 0.0
        wanted = f"release {self.numbers[node.wants]}" if node.wants in self.numbers else "the release asked for"
        if answer.release == ANY_RELEASE:
            return f"has no release, could not get {wanted}: answered so at {at_s:.1f} s"
        held = f"release {answer.number} ({answer.release.hex()}…)"
        if answer.state is Serving.RELEASE:
            return f"has {held}, could not get {wanted}: answered so at {at_s:.1f} s"
        if answer.release not in self.numbers:
            return f"answered at {at_s:.1f} s for {held}, not for {wanted}"
        # One of the two that are current, canary and main one: the node decides by what it knows of itself.
        why = _facts_of(node) if self.asks_facts else "they have just changed; sweep it again"
        return f"judges itself by {held}, while its tags in the ring ask for {wanted}: {why}"


def _facts_of(node: Node) -> str:
    """How far the config center's word on a node's facts can be relied on."""
    if not node.seen:
        return "the config center does not know its facts yet; sweep it again once `config-center nodes` lists them"
    return f"its tags have just changed, or its facts since {node.seen}, when it sent them; sweep it again"


def _unheard(node: Node, state: State, at_s: float) -> str:
    """What is known of a node without an answer."""
    if state is State.DOWN:
        when = "from the start" if not node.status_s else f"at {node.status_s:.1f} s"
        heard = "" if node.acked_s is None else f", though it acked at {node.acked_s:.1f} s"
        return f"membership said failed {when}{heard}"
    if state is State.LEFT:
        return f"left the ring while the sweep ran (seen at {node.status_s:.1f} s)"
    times = "not asked" if not node.asked else f"asked {node.asked} time{'s' if node.asked > 1 else ''}"
    if node.malformed:
        garbled = f"{node.malformed} answer{'s' if node.malformed > 1 else ''} that cannot be read"
        return f"member {node.status}, {times}, {garbled}, no verdict by {at_s:.1f} s"
    if node.acked_s is not None:
        return f"member {node.status}, {times}, acked at {node.acked_s:.1f} s, no verdict by {at_s:.1f} s"
    return f"member {node.status}, {times}, neither ack nor verdict by {at_s:.1f} s"


def _heard(answer: Answer, at_s: float, state: State) -> str:
    """What an answer says of itself that is no finding."""
    if answer.state is Serving.BUSY:
        return f"answered at {at_s:.1f} s that it is busy: its queue of sweeps is full"
    if answer.state is Serving.CLOCK:
        return f"answered at {at_s:.1f} s that its clock makes the question look too old or too new"
    if answer.incomplete:
        return f"answered at {at_s:.1f} s with {answer.counts.total} items, others were still being checked"
    memory = f"from memory, by a run that had ended {answer.age_ms / 1000:.1f} s before" if answer.age_ms else ""
    if state is State.UNCOVERED:
        what = f"all {answer.counts.na} items do not apply there" if answer.counts.total else "no item applies to it"
        return f"answered at {at_s:.1f} s{' ' * bool(memory)}{memory}: {what}"
    return f"answered at {at_s:.1f} s {memory}" if memory else ""
