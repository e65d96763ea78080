"""CORE. What a witness is asked, and what it answers: the types. How they travel is in `encoding`."""

from __future__ import annotations

from enum import StrEnum

import msgspec

QUERY_NAME = "witness"
"""Serf's name for the query, after the configured prefix."""


class Reach(StrEnum):
    """How one attempt to reach a port, or a host, ended. The order is what travels: append only."""

    OK = "ok"
    REFUSED = "refused"  # its kernel answers, and nothing listens
    UNREACHABLE = "unreachable"  # a router, or this node's own kernel, says there is no way
    TIMEOUT = "timeout"
    SKIPPED = "skipped"  # not allowed, not configured, or no time left


class Sight(msgspec.Struct, frozen=True):
    """What one witness saw of one node.

    status  of the node in the witness's own member list: alive, leaving, left, failed; "" where it is not in there
    gossip  TCP to the port its Serf gossips on;  ssh  TCP to the port of its sshd;  ping  ICMP, where that is allowed
    took_ms  of the fastest that was OK; 0 where none was
    """

    status: str
    gossip: Reach
    ssh: Reach
    ping: Reach
    took_ms: int = 0

    @property
    def reached(self) -> bool:
        """Whether anything of it could be reached."""
        return Reach.OK in (self.gossip, self.ssh, self.ping)


class Picture(msgspec.Struct, frozen=True):
    """How a node sees the ring: its member list by status, without those that have left."""

    alive: int
    failed: int


class WitnessQuestion(msgspec.Struct, frozen=True):
    """Look at these nodes; without any, just say how you are.

    id      4 bytes, new for each question, the same for those that are asked in parts of one
    origin  through which vantage it was asked, as the watcher numbers them (0 … 255)
    targets  names of ring members, at most `limits.targets_max`; addresses are never taken from the wire
    """

    id: bytes
    origin: int
    issued_at: int
    answer_within_ms: int
    spread_ms: int = 0
    targets: tuple[str, ...] = ()
    signature: bytes = b""


class WitnessAnswer(msgspec.Struct, frozen=True):
    """What a witness says.

    sights   one for each target, in the question's order; None where there was no time for it
    health   Serf's own health score: 0 is well, 7 the worst; 8 where its Serf does not say, and `picture` is of nobody
    heard    ids of the witness questions it has heard last, newest first: they tell whose gossip reaches it
    lag_ms   how late its own timers are: a node short of processor time is a bad observer
    """

    id: bytes
    sights: tuple[Sight | None, ...]
    picture: Picture
    health: int
    heard: tuple[bytes, ...]
    lag_ms: int
