"""CORE. Oracle: a healthy, reachable node ends with its verdict.

*Healthy*: its Serf agent and its inspection agent run all the time, its clock is right to within what an agent takes,
it holds the release or gets it soon, its checks end soon. *Reachable*: its zone is not cut off, nothing lasting more
than a moment happens to its ring (nor a burst of changed tags that holds questions back nearly to the deadline), at
most 20 % of the packets are lost (5 % with Serf's local profile, which is made for loopback, in a ring of 40 or
more), and at least one entry of the ring runs all the time, is heard, and is in a zone that is not cut off.
*With its verdict*: a whole one, of the right release.
"""

from __future__ import annotations

from inspector_agent import limits as agent_limits
from inspector_coord.ledger import Node
from inspector_coord.verdict import Worth, worth_of
from inspector_lab.simulated import limits
from inspector_lab.simulated.agents import Habits
from inspector_lab.simulated.result import Result
from inspector_lab.simulated.scenario import Fault

__all__ = ["check"]

BREAKS_A_NODE = ("crash", "serf-restart", "freeze", "leave", "joined", "agent-crash", "agent-hang", "garbage",
                 "other-sweep")  # fmt: skip
BREAKS_AN_ENTRY = (*BREAKS_A_NODE, "entry-down")


def check(result: Result) -> list[str]:
    """Sentences about what does not hold."""
    scenario = result.scenario
    if scenario.timeout_s < limits.healthy_timeout_s or scenario.loss > limits.healthy_loss_max[scenario.profile]:
        return []
    work_s = limits.healthy_work_s if scenario.loss <= limits.lossy else limits.healthy_work_lossy_s
    wrong: list[str] = []
    for index, (ring, agents) in enumerate(result.agents.items()):
        faults = [fault for fault in scenario.faults if fault.ring in (index, -1)]
        if not _ring_holds(result, ring, faults):
            continue
        hit = {node for fault in faults if fault.what in BREAKS_A_NODE for node in fault.nodes}
        cut = {fault.zone for fault in faults if fault.what == "cut"}
        for number, sweep in enumerate(result.sweeps):
            for member, place in enumerate(agents.places):
                node = sweep.ledger.nodes.get((ring, place.name))
                healthy = member not in hit and place.zone not in cut and _is_well(agents.habits(member), work_s)
                if node is not None and healthy and not _has_verdict(node):
                    wrong.append(f"sweep {number}: {node.name} of {ring} is {node.state}: {node.evidence}")
    return wrong


def _ring_holds(result: Result, ring: str, faults: list[Fault]) -> bool:
    """Nothing happens to the ring that asking again could not mend in time, and an entry is good all the time."""
    places = result.agents[ring].places
    if result.scenario.profile == "local" and len(places) < limits.healthy_local_members_min:
        return False
    for fault in faults:
        if fault.what in ("loss", "delay") and fault.amount > limits.healthy_amounts[fault.what]:
            return False
        if fault.what == "retag" and len(fault.nodes) > limits.healthy_retags:
            drained_s = fault.at_s + limits.healthy_retag_s * len(fault.nodes)
            if drained_s + limits.healthy_timeout_s > result.scenario.timeout_s:
                return False
        if fault.what == "slow-coordinator" and fault.amount * result.scenario.nodes > limits.healthy_booking_s:
            return False
    cut = {fault.zone for fault in faults if fault.what == "cut"}
    hit = {node for fault in faults if fault.what in BREAKS_AN_ENTRY for node in fault.nodes}
    return any(entry not in hit and places[entry].zone not in cut for entry in range(result.scenario.entries))


def _is_well(habits: Habits, work_s: float) -> bool:
    """What it needs for its verdict does not take too long, and its clock is right enough."""
    if habits.took_s is None or abs(habits.skew_s) > agent_limits.clock_skew_s_max - 1:
        return False
    fetch_s: float | None = 0.0 if habits.holds is habits.own else habits.fetch_s
    return fetch_s is not None and fetch_s + 1.5 * habits.took_s <= work_s


def _has_verdict(node: Node) -> bool:
    return node.answer is not None and worth_of(node.answer, node.wants) is Worth.VERDICT
