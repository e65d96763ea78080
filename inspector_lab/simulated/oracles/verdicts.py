"""CORE. Oracle: no verdict under a wrong name or of a wrong sweep, and none that the node's checks do not bear out.

Each answer that was booked must be one that this very node's session made for this sweep, and say what its checks
found: the same counts, the same items, on the basis of the items that are the node's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from inspector_agent.wire import Answer, Counts, Serving, decode_answer
from inspector_coord.ledger import Node
from inspector_coord.verdict import State
from inspector_lab.simulated.agents import Habits
from inspector_lab.simulated.result import Result, Sweep

__all__ = ["check"]

SAID = (State.PASS, State.FAIL, State.UNCOVERED)


def check(result: Result) -> list[str]:
    """Sentences about what does not hold."""
    return [
        f"{node.name} of {node.ring} is {node.state}: {problem}"
        for sweep in result.sweeps
        for node in sweep.ledger
        if node.answer is not None
        for problem in _problems(result, sweep, node, node.answer)
    ]


def _problems(result: Result, sweep: Sweep, node: Node, answer: Answer) -> Iterator[str]:
    if answer.sweep != sweep.id:
        yield f"the verdict is of sweep {answer.sweep.hex()}"
    agents = result.agents[node.ring]
    member = result.member(node)
    habits = agents.habits(member)
    if habits.speaks or not any(decode_answer(said.raw) == answer for said in agents.said.get(member, ())):
        yield "its session never said that"
        return
    if answer.state is Serving.VERDICT and answer.release == node.wants:
        yield from _against_the_checks(result, habits, node, answer)
    elif node.state in SAID:
        yield f"its answer is {answer.state} for another release"


def _against_the_checks(result: Result, habits: Habits, node: Node, answer: Answer) -> Iterator[str]:
    outcomes, basis = result.truth(habits.own.items, habits)
    found = _counter(answer.counts)
    if answer.incomplete:
        if found - outcomes:
            yield f"it counts {dict(found)}, its checks can find only {dict(outcomes)}"
        if node.state in (State.PASS, State.UNCOVERED):
            yield "its checks were still running"
        return
    if answer.basis != basis:
        yield "it looked at other items than its own"
    if found != outcomes:
        yield f"it counts {dict(found)}, its checks find {dict(outcomes)}"
    expected = state_of(outcomes)
    if node.state is not expected:
        yield f"its checks make it {expected}"
    failing = tuple(item.number for item in habits.own.items if habits.outcome(item.number) == "fail")
    if answer.failing != failing:
        yield f"items {answer.failing} fail, its checks find {failing}"


def _counter(counts: Counts) -> Counter[str]:
    return +Counter({"pass": counts.pass_, "fail": counts.fail, "error": counts.error, "na": counts.na})


def state_of(outcomes: Counter[str]) -> State:
    """The state that a whole verdict with these outcomes makes."""
    if outcomes["fail"]:
        return State.FAIL
    if outcomes["error"]:
        return State.ERROR
    return State.PASS if outcomes["pass"] else State.UNCOVERED
