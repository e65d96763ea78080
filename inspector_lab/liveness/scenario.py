"""CORE. What is simulated: a ring, who watches it from where, and what happens to it. Plain data, the same as JSON.

A scenario is complete: the same one gives the same bytes. `mixtures` draws what happens, `scenarios` writes it down.
Times are seconds of simulated time, 0 being the start of the watcher; what begins before 0 it finds as it is.
"""

from __future__ import annotations

import msgspec

__all__ = ["ALL", "KINDS", "WAYS", "Fault", "Scenario"]

ALL = "all"
"""The domain that is everybody."""

KINDS = {
    "off": "the hosts have no power; on again at the end",
    "cut": "a domain hears nothing from the others (in), is not heard by them (out), or both; or by one zone only",
    "loss": "so many packets more are lost",
    "busy": "processors and queues are so full that a question needs so many seconds more to be heard",
    "flap": "goes and comes back, once in so many seconds",
    "churn": "a share of all nodes a minute fails, restarts or leaves, each for a while",
    "slow": "processor time is stolen: late by about so many seconds, unwell by Serf's score, at times falsely failed",
    "late": "its inspection agent answers so many seconds late",
    "unwell": "its Serf agent has this health score",
    "serf-frozen": "its Serf agent stops in its tracks, the kernel still takes connections",
    "serf-dead": "its Serf agent is gone, its host is there; starts again at the end",
    "agent-frozen": "its inspection agent stops in its tracks, Serf does not",
    "agent-dead": "its inspection agent is gone; starts again at the end",
    "false": "Serf says failed of a member that is well, until that refutes it so many seconds later",
    "leave": "leaves the ring in good order; joins again at the end",
    "join": "a host that was no member joins",
    "retag": "gets another role",
    "prune": "somebody makes the ring forget it, if it is failed",
    "entry-down": "a vantage hangs up, and takes no connection until the end",
    "overflow": "so many of the batches of a vantage's stream get lost",
    "watcher-restart": "the watcher ends and starts again; incidents that it knew as open are read back",
}
"""Everything that can happen here, and what it means."""

WAYS = ("both", "in", "out")


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that happens.

    what      one of KINDS
    nodes     indices of hosts; of vantages for entry-down and overflow
    domain    instead: "zone=a", "rack=b2", "role=db" or "all"
    at_s      when it begins; until_s: when it ends, None for never
    amount    how much, as KINDS says
    way       of a cut, seen from the domain: both, in (it cannot hear) or out (it cannot send)
    other     of a cut: the zone on its other side; "" for everybody else
    """

    what: str
    nodes: tuple[int, ...] = ()
    domain: str = ""
    at_s: float = 0.0
    until_s: float | None = None
    amount: float = 0.0
    way: str = "both"
    other: str = ""


class Scenario(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One simulated watch.

    nodes       members at the start; spare: hosts beside, that a fault may let join
    zones       a, b, c …; rack_nodes: hosts in a rack; racks a1, b1, c1, a2 … are dealt to the zones in turn
    loss        share of all packets that is lost, all the time
    seconds     until the end
    vantages    the zone of each entry
    watcher     the zone it runs in, so that a cut may part it from entries; "" is a network of its own, never cut
    ssh, ping   whether witnesses may look at these, too
    opens_max   so many incidents may be opened at most; -1: nobody has counted
    """

    name: str = ""
    seed: int = 0
    nodes: int
    spare: int = 0
    zones: int = 3
    rack_nodes: int = 10
    loss: float = 0.0
    seconds: float = 300.0
    vantages: tuple[str, ...] = ("a", "b")
    watcher: str = ""
    ssh: bool = True
    ping: bool = False
    opens_max: int = -1
    faults: tuple[Fault, ...] = ()
