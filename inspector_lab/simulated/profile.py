"""CORE. The numbers that Serf and memberlist run on, each with the constant it was read from.

Read in Serf v0.9.4 and memberlist v0.5.0 (the two that Debian's `serf` is built of). "config.go" is memberlist's
DefaultLANConfig and DefaultLocalConfig; the `serf agent` chooses between them by its `profile`.
"""

from __future__ import annotations

import math

import msgspec

__all__ = ["PROFILES", "Profile", "profile_named"]


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """The timing of one ring.

    gossip_interval_s  config.go GossipInterval: how often a member sends what it has queued
    gossip_nodes       config.go GossipNodes: to so many others at a time
    gossip_to_dead_s   config.go GossipToTheDeadTime: a failed member is sent gossip for so long
    retransmit_mult    config.go RetransmitMult: see `retransmits`
    probe_interval_s   config.go ProbeInterval: each member pings one other so often
    probe_timeout_s    config.go ProbeTimeout: then others are asked to ping it
    suspicion_mult     config.go SuspicionMult; suspicion_max_mult: SuspicionMaxTimeoutMult
    packet_bytes       config.go UDPBufferSize: most that one gossip packet holds
    handoff_depth      config.go HandoffQueueDepth: packets read, not yet handled
    encrypt            security.go encryptOverhead: 29 bytes a packet less
    handling_s         from a packet's arrival until it is handled, on an idle machine
    """

    name: str
    gossip_interval_s: float = 0.2
    gossip_nodes: int = 3
    gossip_to_dead_s: float = 30.0
    retransmit_mult: int = 4
    probe_interval_s: float = 1.0
    probe_timeout_s: float = 0.5
    suspicion_mult: int = 4
    suspicion_max_mult: int = 6
    packet_bytes: int = 1400
    handoff_depth: int = 1024
    encrypt: bool = False
    handling_s: float = 0.000_1

    @property
    def room_bytes(self) -> int:
        """What a gossip packet has for messages: state.go gossip(), less compoundHeaderOverhead and encryption."""
        return self.packet_bytes - 2 - (29 if self.encrypt else 0)

    def retransmits(self, members: int) -> int:
        """How often each member sends one message: util.go retransmitLimit. Each receiver counts as one."""
        return self.retransmit_mult * math.ceil(math.log10(members + 1))

    def suspicion_s(self, members: int) -> tuple[float, float]:
        """Shortest and longest time from suspect to failed: util.go suspicionTimeout."""
        scale = max(1.0, math.log10(max(1, members)))
        shortest = self.suspicion_mult * math.floor(scale * 1000) / 1000 * self.probe_interval_s
        return shortest, shortest * self.suspicion_max_mult


LAN = Profile(name="lan")
LOCAL = Profile(
    name="local",
    gossip_interval_s=0.1,
    gossip_to_dead_s=15.0,
    retransmit_mult=2,
    probe_timeout_s=0.2,
    suspicion_mult=3,
)
PROFILES = {profile.name: profile for profile in (LAN, LOCAL)}


def profile_named(name: str, *, encrypt: bool = False) -> Profile:
    """`lan` or `local`, as `serf agent -profile` has them. Raises KeyError for another."""
    return msgspec.structs.replace(PROFILES[name], encrypt=encrypt)
