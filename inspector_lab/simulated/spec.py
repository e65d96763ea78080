"""CORE. What a simulated ring is made of."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from inspector_lab.simulated.inbox import SOCKET_BYTES
from inspector_lab.simulated.profile import Profile

__all__ = ["RingSpec", "SimMember"]


class SimMember(msgspec.Struct, frozen=True):
    """One node's Serf agent."""

    name: str
    address: str = ""
    zone: str = ""
    tags: Mapping[str, str] = {}


class RingSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A ring. `entries` are indices of members, in the coordinator's order. `socket_bytes`: the entries' buffers."""

    name: str
    members: tuple[SimMember, ...]
    entries: tuple[int, ...]
    profile: Profile
    socket_bytes: int = SOCKET_BYTES
