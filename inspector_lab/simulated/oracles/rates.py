"""CORE. Oracle: asker and answerers keep within their rates.

Questions a second of one ring, their bytes, acks only where Serf itself filters; one answer of a node to a question,
few to a sweep; answers a second at an entry no more than its questions were spread for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from inspector_agent import limits as agent_limits
from inspector_coord import limits as coord_limits
from inspector_coord.asking import Plan
from inspector_coord.signals import Ask
from inspector_lab.simulated import limits
from inspector_lab.simulated.agents import Said
from inspector_lab.simulated.coordinator import Line
from inspector_lab.simulated.result import Result

__all__ = ["check"]

RESTARTS = ("crash", "serf-restart", "joined")


def check(result: Result) -> list[str]:
    """Sentences about what does not hold."""
    wrong: list[str] = []
    for number, sweep in enumerate(result.sweeps):
        for line in sweep.coordinator.lines:
            plan = sweep.plans[line.name]
            problems = [*_questions(line, plan), *_at_the_entry(line, plan, result)]
            wrong += [f"sweep {number}, ring {line.name}: {problem}" for problem in problems]
    # A Serf agent that restarts forgets what it has heard, and hears what is still gossiped once more.
    again = {(fault.ring, node) for fault in result.scenario.faults if fault.what in RESTARTS for node in fault.nodes}
    for index, (ring, agents) in enumerate(result.agents.items()):
        for member, said in agents.said.items():
            most = limits.answers_of_a_node_max * len(result.sweeps)
            if (index, member) not in again:
                wrong += [f"{agents.places[member].name} of {ring} {problem}" for problem in _answers(said, most)]
    return wrong


def _questions(line: Line, plan: Plan) -> Iterator[str]:
    asks = [ask for _, ask in line.heard.asks]
    times = [at for at, _ in line.heard.asks]
    most = most_within(times, 1.0)
    if most > limits.questions_per_s_max:
        yield f"{most} questions in one second"
    octets = most_within(times, 1.0, [query_bytes(ask, plan) for ask in asks])
    if octets > limits.question_bytes_per_s_max:
        yield f"{octets} bytes of questions in one second"
    for ask in asks:
        if len(ask.payload) > agent_limits.question_bytes_max:
            yield f"question {ask.query} has {len(ask.payload)} bytes"
        size = query_bytes(ask, plan)
        if size > coord_limits.query_bytes_max:
            yield f"question {ask.query} makes a query of {size} bytes"
        if ask.ack and not ask.names and not ask.tags:
            yield f"question {ask.query} wants acks of everybody"


def _answers(said: Sequence[Said], most: int) -> Iterator[str]:
    twice = [query for query, count in Counter(one.query for one in said if one.taken).items() if count > 1]
    if twice:
        yield f"answered question {twice[0]} twice"
    if len(said) > most:
        yield f"answered {len(said)} times"


def _at_the_entry(line: Line, plan: Plan, result: Result) -> Iterator[str]:
    rate = plan.timing.rate_per_s * limits.rate_slack + limits.burst_answers
    rate *= 1 + result.scenario.duplicates
    most = most_within(line.heard.answers_at, 1.0)
    if most > rate:
        yield f"{most} answers in one second, {plan.timing.rate_per_s:.0f} were meant"


def query_bytes(ask: Ask, plan: Plan) -> int:
    """How long Serf's message is at most, as `inspector_coord.limits` counts headers."""
    own = len(plan.entries[ask.entry].node.encode())
    names = sum(len(name.encode()) + (1 if len(name.encode()) < 32 else 3) for name in ask.names)
    return coord_limits.query_headers_bytes + own + len(ask.payload) + names


def most_within(times: Sequence[float], width_s: float, weights: Sequence[int] = ()) -> int:
    """How many of these times, which never go back, lie within one such width at most; or the sum of their weights."""
    most = first = held = 0
    for last, at in enumerate(times):
        held += weights[last] if weights else 1
        while at - times[first] >= width_s:
            held -= weights[first] if weights else 1
            first += 1
        most = max(most, held)
    return most
