"""CORE. Oracle: a state is borne out by what the coordinator heard.

`down` only if membership said so, `stalled` only with an ack or with bytes that cannot be read, `silent` only without
either, `left` only if it left, `stale` only where the right release was not at hand.
"""

from __future__ import annotations

from inspector_agent import limits as agent_limits
from inspector_agent.wire import Serving
from inspector_coord.ledger import GONE, Node
from inspector_coord.verdict import State
from inspector_lab.simulated.coordinator import Heard
from inspector_lab.simulated.result import Result

__all__ = ["check"]


def check(result: Result) -> list[str]:
    """Sentences about what does not hold."""
    wrong: list[str] = []
    for number, sweep in enumerate(result.sweeps):
        heard = {line.name: line.heard for line in sweep.coordinator.lines}
        for node in sweep.ledger:
            if node.answer is None:
                expected = _unheard(node, heard[node.ring])
                if node.state is not expected:
                    wrong.append(f"sweep {number}: {node.name} is {node.state}, what was heard makes it {expected}")
            else:
                wrong += [f"sweep {number}: {node.name} is {node.state} {why}" for why in _excused(result, node)]
    return wrong


def _unheard(node: Node, heard: Heard) -> State:
    """The state of a node without an answer."""
    status = heard.statuses[node.name]
    if status == "failed":
        return State.DOWN
    if status in GONE:
        return State.LEFT
    garbled = node.name in heard.garbled
    return State.STALLED if garbled or node.name in heard.acked else State.SILENT


def _excused(result: Result, node: Node) -> list[str]:
    """An answer that is an excuse, and none that its node has."""
    habits = result.agents[node.ring].habits(result.member(node))
    answer = node.answer
    if answer is None:
        return []
    if node.state is State.STALE and habits.holds is habits.own:
        return ["although it holds the right release"]
    if answer.state is Serving.CLOCK and abs(habits.skew_s) < agent_limits.clock_skew_s_max - 1:
        return [f"by its clock, which is only {habits.skew_s:g} s wrong"]
    return []
