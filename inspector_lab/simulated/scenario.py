"""CORE. What is simulated: a fleet, its network, and the faults that happen to it. Plain data, the same as JSON.

A scenario is complete: the same one gives the same bytes. Faults are drawn by `faults`, or written down by `scenarios`.
Times are seconds of simulated time, 0 being the first question.
"""

from __future__ import annotations

import msgspec

__all__ = ["KINDS", "Fault", "Scenario"]

KINDS = {
    "loss": "so many packets more are lost",
    "delay": "every packet takes so many seconds longer, on average",
    "cut": "a zone is cut off: it hears nothing (in), is not heard (out), or both",
    "crash": "the whole node dies; it starts again at the end",
    "serf-restart": "its Serf agent restarts, the inspection agent lives on",
    "freeze": "everything on the node stops in its tracks",
    "leave": "it leaves the ring",
    "retag": "its tags change: membership messages go before questions",
    "joined": "it has just joined: its own membership messages go first, nobody hears what starts there",
    "agent-crash": "its inspection agent dies; it starts again at the end",
    "agent-hang": "its inspection agent stops in its tracks, Serf does not",
    "slow": "its checks take about so many seconds",
    "takes": "its checks take just so many seconds, as a calibration wants it",
    "hung": "its checks never end",
    "skew": "its clock is so many seconds wrong",
    "stale": "it holds the release before; it gets the right one after so many seconds, never if 0",
    "bare": "it holds no release; it gets the right one after so many seconds, never if 0",
    "drift": "an item fails",
    "erring": "an item cannot be evaluated",
    "na": "no item applies",
    "garbage": "it answers with bytes that are no answer",
    "other-sweep": "it answers for another sweep",
    "impostor": "it sends answers of other sweeps, of nobody and of no sense under other members' names",
    "entry-down": "an entry hangs up, and takes no connection until the end",
    "slow-entry": "each packet takes an entry's Serf agent so many seconds more to read, and to handle",
    "phantoms": "so many records of nobody come through the entry",
    "rival": "another coordinator asks everybody, through the same entry",
    "slow-coordinator": "booking one record takes the coordinator so many seconds",
}
"""Everything that can go wrong here, and what it means."""


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that goes wrong.

    what      one of KINDS
    ring      index of the ring; -1: all of them
    nodes     indices of members in it
    at_s      when it begins; until_s: when it ends, None for never
    amount    how much, as KINDS says
    zone      of a cut; way: in, out or both
    """

    what: str
    ring: int = 0
    nodes: tuple[int, ...] = ()
    at_s: float = 0.0
    until_s: float | None = None
    amount: float = 0.0
    zone: str = ""
    way: str = "both"


class Scenario(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One simulated sweep.

    nodes       of all rings together, as even as can be
    loss        share of packets lost; duplicates: that come twice; reorder: that are overtaken
    timeout_s   as `inspector sweep --timeout`
    entries     of each ring
    profile     Serf's timing: lan or local
    items       that every node is checked for
    targets     "": everybody; "zone=b": by Serf's tag filter; "half": every second one by name
    canary      a canary release is out, for zone a
    same_names  rings name their nodes alike
    twice       the coordinator is given every record twice: it must make no difference
    """

    name: str = ""
    seed: int = 0
    nodes: int
    rings: int = 1
    zones: int = 3
    loss: float = 0.0
    duplicates: float = 0.0
    reorder: float = 0.0
    timeout_s: float = 10.0
    entries: int = 1
    profile: str = "lan"
    items: int = 6
    targets: str = ""
    canary: bool = False
    same_names: bool = False
    twice: bool = False
    faults: tuple[Fault, ...] = ()
