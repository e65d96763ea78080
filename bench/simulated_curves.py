"""The simulated side of the calibration: the same rings and the same questions as the real ones, over many seeds."""

from __future__ import annotations

from collections.abc import Sequence

from bench.real_ring import TAGS
from inspector_coord.signals import Acked, Ask, Event
from inspector_lab.plan import address, node_names
from inspector_lab.simulated.chance import Chance
from inspector_lab.simulated.network import Network
from inspector_lab.simulated.profile import profile_named
from inspector_lab.simulated.scenario import Fault, Scenario
from inspector_lab.simulated.serf_ring import RingSpec, SerfRing, SimMember
from inspector_lab.simulated.timeline import Timeline
from inspector_lab.simulated.told import document
from inspector_lab.simulated.world import simulate

Arrivals = tuple[float, ...]
TIMEOUT_S = 15.0
LONG_AGO_S = -5.0  # slowness begins before the first question


def acks(nodes: int, payload: bytes, seed: int, *, retagged_s: float | None = None) -> Arrivals:
    """When each acknowledgement arrives, in seconds after asking, sorted.

    `retagged_s`: so long before, all nodes have changed a tag.
    """
    timeline, chance = Timeline(), Chance(seed)
    names = node_names(nodes)
    members = tuple(SimMember(name, address(1, place), "a", TAGS) for place, name in enumerate(names))
    spec = RingSpec(name="main", members=members, entries=(0,), profile=profile_named("lan"))
    ring = SerfRing(timeline, chance, spec, Network())
    ring.heard = lambda _member, _query, _payload: None
    began = 1.0 + chance.part("moment").real()  # at any time of the gossip interval
    timeline.run_until(began)
    if retagged_s is not None:
        ring.retag(range(nodes))
        began += retagged_s
        timeline.run_until(began)
    arrivals: list[float] = []

    def take(event: Event) -> None:
        if isinstance(event, Acked):
            arrivals.append(timeline.now - began)

    ring.ask(Ask(query=1, entry=0, payload=payload, names=(), ack=True, relay=0, timeout_s=TIMEOUT_S), take)
    while len(arrivals) < nodes and timeline.now < began + TIMEOUT_S and timeline.step():
        pass
    return tuple(sorted(arrivals))


def verdicts(nodes: int, took_s: Sequence[float], seed: int) -> Arrivals:
    """When each verdict is booked, in seconds after the first question, sorted.

    `took_s`: what checks took on the real nodes, in the order in which these heard the question: on a busy machine the
    many in the middle are in each other's way, the last ones are not. The same ring is simulated once before, for who
    hears it in which order: that does not depend on checks.
    """
    order = sorted(_verdicts(Scenario(nodes=nodes, seed=seed)))
    slow = tuple(
        Fault("takes", nodes=(member,), at_s=LONG_AGO_S, amount=amount)
        for (_, member), amount in zip(order, took_s, strict=True)
    )
    return tuple(sorted(at for at, _ in _verdicts(Scenario(nodes=nodes, seed=seed, faults=slow))))


def _verdicts(scenario: Scenario) -> list[tuple[float, int]]:
    """When each member's verdict was booked, in the members' order."""
    nodes = document(simulate(scenario), {}, "")["nodes"]
    return [(node["seconds"], member) for member, node in enumerate(nodes) if node["via"] == "query"]
