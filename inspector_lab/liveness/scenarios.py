"""CORE. Scenarios with a name: one for each thing that happens to rings, at a hundred nodes and at ten thousand.

`named(name, nodes)` makes it for a ring of any size. What a seed has found is made small, written down here, and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from inspector_lab.liveness.scenario import ALL, Fault, Scenario

__all__ = ["SCENARIOS", "Named", "named"]

USUAL = 100
BIG = 1_000  # from so many nodes on racks have 40


class Named(NamedTuple):
    """What it shows, in a sentence, and what makes it for so many nodes."""

    about: str
    make: Callable[[int], Scenario]


def named(name: str, nodes: int = 0) -> Scenario:
    """The scenario of this name, for its usual size, or for `nodes`. Raises KeyError where there is none."""
    made = SCENARIOS[name].make(nodes or USUAL)
    return msgspec.structs.replace(made, name=name)


def _scenario(nodes: int, *faults: Fault, **more: object) -> Scenario:
    base = Scenario(nodes=nodes, seed=1, rack_nodes=40 if nodes >= BIG else 10, faults=faults)
    return msgspec.structs.replace(base, **more)


def _spread(nodes: int, count: int) -> tuple[int, ...]:
    """So many hosts all over the ring, none of them an entry."""
    step = max(1, nodes // count)
    return tuple(index for index in range(step // 2 + 1, nodes, step))[:count]


def _kill(nodes: int) -> Scenario:
    hosts = _spread(nodes, nodes // 10 if nodes <= 300 else nodes // 100)
    return _scenario(nodes, Fault("off", hosts, at_s=70.0, until_s=170.0), opens_max=3)


def _rack(nodes: int, until_s: float | None) -> Scenario:
    return _scenario(nodes, Fault("off", domain="rack=b2", at_s=70.0, until_s=until_s), rack_nodes=_rack_nodes(nodes))


def _rack_nodes(nodes: int) -> int:
    return 40 if nodes >= BIG else 14  # of 100 in 3 zones: b2 is a whole one


def _cut(way: str, **more: object) -> Callable[[int], Scenario]:
    def make(nodes: int) -> Scenario:
        fault = Fault("cut", domain="zone=c", at_s=70.0, until_s=140.0, way=way)
        return _scenario(nodes, fault, **{"vantages": ("a", "c"), "seconds": 400.0, "opens_max": 1, **more})

    return make


def _lifeguard(nodes: int) -> Scenario:
    slow = _spread(nodes, nodes // 10)
    return _scenario(
        nodes,
        Fault("slow", slow, at_s=30.0, until_s=1230.0, amount=0.3),
        loss=0.1,
        seconds=1500.0,
        vantages=("a", "b", "c"),
    )


def _flap(nodes: int) -> Scenario:
    host = _spread(nodes, 10)[3]
    return _scenario(nodes, Fault("flap", (host,), at_s=70.0, until_s=370.0, amount=10.0), seconds=800.0, opens_max=3)


def _some(what: str, amount: float = 0.0, **more: object) -> Callable[[int], Scenario]:
    def make(nodes: int) -> Scenario:
        hosts = _spread(nodes, max(1, nodes // 50))[:20]
        return _scenario(
            nodes, Fault(what, hosts, at_s=70.0, until_s=250.0, amount=amount), **{"seconds": 600.0, **more}
        )

    return make


SCENARIOS: Mapping[str, Named] = {
    "kill": Named("one in ten dies at once (one in a hundred of a big ring), and comes back", _kill),
    "rack-off": Named("a rack loses power, for good: one incident", lambda n: _with(_rack(n, None), opens_max=1)),
    "rack-off-and-back": Named(
        "a rack loses power and has it again: one incident, closed once", lambda n: _with(_rack(n, 150.0), opens_max=1)
    ),
    "zone-cut": Named("a zone is cut off both ways; entries on both sides", _cut("both")),
    "zone-cannot-send": Named("a zone hears, and is not heard", _cut("out")),
    "zone-cannot-hear": Named("a zone is heard, and hears nothing", _cut("in")),
    "zone-cut-one-entry": Named(
        "a zone is cut off, and no entry is in it: nobody can tell it from one without power",
        _cut("both", vantages=("a",), opens_max=3),
    ),
    "slow-ring": Named(
        "a ring so busy that questions need seconds to be heard, as a zone is cut off, cannot hear: never isolated",
        lambda n: _with(
            _cut("in", vantages=("a", "b", "c"))(n),
            faults=(Fault("busy", at_s=40.0, until_s=220.0, amount=3.0), *_cut("in")(n).faults),
        ),
    ),
    "two-zones-cut": Named(
        "two zones do not reach each other, a third reaches both",
        lambda n: _scenario(
            n, Fault("cut", domain="zone=a", other="b", at_s=70.0, until_s=200.0), vantages=("a", "b", "c")
        ),
    ),
    "watcher-in-the-minority": Named(
        "the zone that is cut off has the watcher and its only entry: it accuses nobody",
        _cut("both", vantages=("c",), watcher="c", opens_max=1, seconds=500.0),
    ),
    "flapping": Named("a node goes and comes back 30 times in 5 minutes: one event with a count", _flap),
    "agents-restart": Named(
        "all inspection agents are restarted: nobody is accused",
        lambda n: _scenario(n, Fault("agent-dead", domain=ALL, at_s=59.0, until_s=64.0), opens_max=0, seconds=400.0),
    ),
    "churn": Named(
        "one in a hundred a minute fails, restarts or leaves",
        lambda n: _scenario(n, Fault("churn", at_s=30.0, until_s=330.0, amount=0.01), seconds=700.0),
    ),
    "lifeguard": Named("10 % loss and 10 % slow nodes for 20 minutes: nobody is called down", _lifeguard),
    "serf-frozen": Named("some Serf agents stand still, their hosts are well: stalled", _some("serf-frozen")),
    "agent-frozen": Named("some inspection agents stand still: stalled", _some("agent-frozen")),
    "late": Named("some agents answer three seconds late: gray", _some("late", 1.05)),
    "unwell": Named("some Serf agents call themselves unwell: gray", _some("unwell", 5.0)),
    "entry-dies": Named(
        "the first entry's host dies: the second one goes on",
        lambda n: _scenario(n, Fault("off", (0,), at_s=70.0, until_s=200.0), seconds=400.0),
    ),
    "entries-hang-up": Named(
        "no entry can be connected to for a while: the watcher says so, and accuses nobody",
        lambda n: _scenario(n, Fault("entry-down", (0, 1), at_s=70.0, until_s=130.0), opens_max=1, seconds=400.0),
    ),
    "overflow": Named(
        "the stream loses all it has, while one in ten dies: lists are compared",
        lambda n: _scenario(
            n,
            Fault("off", _spread(n, n // 10 if n <= 300 else n // 100), at_s=70.0, until_s=300.0),
            Fault("overflow", (0, 1), at_s=60.0, until_s=120.0, amount=1.0),
            seconds=450.0,
        ),
    ),
    "watcher-restart": Named(
        "the watcher restarts while a rack is off: the incident stays the same one",
        lambda n: _with(
            _rack(n, 250.0), faults=(*_rack(n, 250.0).faults, Fault("watcher-restart", at_s=150.0)),
            opens_max=1, seconds=500.0,
        ),
    ),
    "false-alarms": Named(
        "Serf calls many failed that are well, and takes it back: nobody is accused",
        lambda n: _scenario(
            n,
            *(Fault("false", (h,), at_s=60.0 + 0.7 * i, amount=4.0) for i, h in enumerate(_spread(n, min(n // 3, 60)))),
            opens_max=0,
        ),
    ),
}  # fmt: skip
"""By name."""


def _with(scenario: Scenario, **more: object) -> Scenario:
    return msgspec.structs.replace(scenario, **more)
