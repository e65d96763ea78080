"""`witness:` of agent.yml: where a node's sshd listens, and whether its neighbours may be pinged.

witness: {ssh_port: 22, ping: auto}      # ssh_port 0: not looked at; ping: auto (where the kernel allows it) or never
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from inspector_agent.config_values import short
from inspector_agent.witness import limits

KEYS = ("ssh_port", "ping")
PINGS = ("auto", "never")


@dataclass(frozen=True)
class WitnessSettings:
    """Settings that are checked.

    Attributes:
        ssh_port: of the sshd of every member; 0: it is not looked at.
        ping: whether members are pinged where the kernel allows it.
    """

    ssh_port: int = limits.ssh_port_default
    ping: bool = True


def read_witness(found: Mapping[str, object], mistakes: list[str]) -> WitnessSettings:
    """The settings in a mapping with no other keys than `KEYS`; what is wrong with them is added to `mistakes`."""
    port, ping = found.get("ssh_port", limits.ssh_port_default), found.get("ping", PINGS[0])
    if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port < 65_536:
        mistakes.append(f"`witness.ssh_port` is a port, or 0 for none, not {short(port)}")
        port = 0
    if ping not in PINGS:
        mistakes.append(f"`witness.ping` is one of {', '.join(PINGS)}, not {short(ping)}")
    return WitnessSettings(port, ping=ping == PINGS[0])
