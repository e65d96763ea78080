"""CORE. Oracle: a healthy, reachable node ends with its verdict.

*Healthy*: its Serf agent and its inspection agent run all the time, its clock is right to within what an agent takes,
it holds the release or gets it soon, its checks end soon. *Reachable*: an entry that the coordinator has runs all the
time, is heard, and is on the node's side of every cut; at most 20 % of the packets are lost; nothing lasting more than
a moment happens to the ring (nor a burst of changed tags that holds questions back nearly to the deadline).
*With its verdict*: a whole one, of the right release.

What comes after a ring is closed excuses nobody in it, nor does a trouble of the network that leaves the rounds time
enough. Excused are, because the coordinator cannot do better:

    small rings with Serf's local profile    each member passes a question on to so few that some never hear it
    a zone that is cut off, in that profile  the same: of these few most are out of reach
    ... in which so few Serf agents run      of the eight copies that a member passes on less than three reach
        that of ten listed members not       somebody: now and then a question dies out, and five in a row may
        three pass a question on
    ... that others still hear               they have its nodes as failed, and it hears them say so
    ... if another entry is outside          questions go through each entry in turn, and the one in use, outside, may
                                             have the zone as failed
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from inspector_agent import limits as agent_limits
from inspector_coord.ledger import Node
from inspector_coord.verdict import Worth, worth_of
from inspector_lab.simulated import limits
from inspector_lab.simulated.agents import Habits
from inspector_lab.simulated.coordinator import Line
from inspector_lab.simulated.result import Result, Sweep
from inspector_lab.simulated.scenario import Fault

__all__ = ["check", "judged"]

BREAKS_SERF = ("crash", "serf-restart", "freeze", "leave")
BREAKS_A_NODE = (*BREAKS_SERF, "agent-crash", "agent-hang", "garbage", "other-sweep")
BREAKS_AN_ENTRY = (*BREAKS_SERF, "joined", "entry-down")
PASSES = ("loss", "delay", "entry-down")
"""Faults of which nothing is left at their end."""


def check(result: Result) -> list[str]:
    """Sentences about what does not hold."""
    return [
        f"sweep {number}: {node.name} of {node.ring} is {node.state}: {node.evidence}"
        for number, sweep in enumerate(result.sweeps)
        for node in judged(result, sweep)
        if not _has_verdict(node)
    ]


def judged(result: Result, sweep: Sweep) -> Iterator[Node]:
    """The targets of one sweep that must end with their verdict, whatever else happens."""
    rings = list(result.agents)
    for line in sweep.coordinator.lines:
        faults = _faults(result, sweep, line, rings.index(line.name))
        work_s = _work_s(result, line, faults)
        if work_s is None:
            continue
        agents = result.agents[line.name]
        zones = _reached(result, line, faults)
        hit = _hit(faults, BREAKS_A_NODE)
        for node in line.nodes.values():
            member = result.member(node)
            reached = agents.places[member].zone in zones
            if reached and member not in hit and _is_well(agents.habits(member), work_s):
                yield node


def _faults(result: Result, sweep: Sweep, line: Line, ring: int) -> list[Fault]:
    """What may keep a ring from answering this sweep: begun before it was closed, and not over in good time."""
    timeout_s, zero = result.scenario.timeout_s, result.sweeps[0].began
    began_s = sweep.began - zero
    closed_s = began_s + timeout_s if line.closed_at is None else line.closed_at - zero
    soon_s = began_s + timeout_s - limits.healthy_timeout_s
    return [
        fault
        for fault in result.scenario.faults
        if fault.ring in (ring, -1)
        and fault.at_s < closed_s
        and (fault.what not in PASSES or fault.until_s is None or fault.until_s > soon_s)
    ]


def _hit(faults: Sequence[Fault], kinds: Sequence[str]) -> set[int]:
    return {member for fault in faults if fault.what in kinds for member in fault.nodes}


def _reached(result: Result, line: Line, faults: Sequence[Fault]) -> set[str]:
    """The zones whose nodes an entry reaches and hears, whatever is cut off."""
    places = result.agents[line.name].places
    broken = _hit(faults, BREAKS_AN_ENTRY)
    entries = {places[entry].zone for entry in line.entries}
    good = {places[entry].zone for entry in line.entries if entry not in broken}
    cuts = {fault.zone: fault.way for fault in faults if fault.what == "cut"}
    whole = {place.zone for place in places} - set(cuts) if good - set(cuts) else set()
    if result.scenario.profile != "lan":
        return whole
    frozen = _hit(faults, BREAKS_SERF)
    carrying = Counter(place.zone for member, place in enumerate(places) if member not in frozen)
    least = limits.healthy_side_min * len(places)
    alone = {zone for zone in good & set(cuts) if entries == {zone} and carrying[zone] >= least}
    return whole | {zone for zone in alone if cuts[zone] != "out"}


def _work_s(result: Result, line: Line, faults: Sequence[Fault]) -> float | None:
    """How long a node may work for its verdict; None: what happens to the ring is more than asking again mends."""
    scenario = result.scenario
    loss = scenario.loss + sum(fault.amount for fault in faults if fault.what == "loss")
    members = len(result.agents[line.name].places)
    small = scenario.profile == "local" and members < limits.healthy_local_members_min
    if small or scenario.timeout_s < limits.healthy_timeout_s or loss > limits.healthy_loss_max:
        return None
    for fault in faults:
        if fault.what == "delay" and fault.amount > limits.healthy_delay_s:
            return None
        if fault.what == "retag" and len(fault.nodes) > limits.healthy_retags:
            drained_s = fault.at_s + limits.healthy_retag_s * len(fault.nodes)
            if drained_s + limits.healthy_timeout_s > scenario.timeout_s:
                return None
        if fault.what == "slow-coordinator" and fault.amount * scenario.nodes > limits.healthy_booking_s:
            return None
    return limits.healthy_work_s if loss <= limits.lossy else limits.healthy_work_lossy_s


def _is_well(habits: Habits, work_s: float) -> bool:
    """What it needs for its verdict does not take too long, and its clock is right enough."""
    if habits.took_s is None or abs(habits.skew_s) > agent_limits.clock_skew_s_max - 1:
        return False
    fetch_s: float | None = 0.0 if habits.holds is habits.own else habits.fetch_s
    return fetch_s is not None and fetch_s + 1.5 * habits.took_s <= work_s


def _has_verdict(node: Node) -> bool:
    return node.answer is not None and worth_of(node.answer, node.wants) is Worth.VERDICT
