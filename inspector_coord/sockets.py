"""The drop counter of an entry's gossip socket, where the entry runs on this machine.

Answers that come faster than the entry reads them are dropped by the kernel, and by nobody else told of. Linux counts
them for each socket in the last column of /proc/net/udp (Documentation/networking/proc_net_tcp.rst; sk_drops).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from pathlib import Path

from inspector_coord import limits

__all__ = ["drops_in", "entry_drops", "told"]

TABLES = (Path("/proc/net/udp"), Path("/proc/net/udp6"))


def entry_drops(address: str, port: int, *, is_here: bool) -> int | None:
    """Packets dropped so far by the UDP socket of this gossip address; None where there is no such socket here.

    `is_here`: the entry is known to run on this machine, so that a socket bound to all addresses is its own.
    """
    for table in TABLES:
        try:
            lines = table.read_text(encoding="ascii").splitlines()
        except OSError:
            continue
        found = drops_in(lines, address, port, is_here=is_here)
        if found is not None:
            return found
    return None


def drops_in(lines: Iterable[str], address: str, port: int, *, is_here: bool) -> int | None:
    """The same from the lines of one table."""
    try:
        wanted = ipaddress.ip_address(address)
    except ValueError:
        return None
    for line in lines:
        columns = line.split()
        host, colon, number = columns[1].partition(":") if len(columns) > 12 else ("", "", "")
        if not colon or int(number, 16) != port:
            continue
        bound = _address(host)
        if bound == wanted or (is_here and bound.is_unspecified):
            return int(columns[-1])
    return None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address as the kernel prints it: words of 32 bits, each in the machine's byte order (little-endian here)."""
    raw = bytes.fromhex(host)
    return ipaddress.ip_address(b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4)))


def told(address: str, dropped: int, targets: int, answers_per_s: float) -> list[str]:
    """What a person should know of packets an entry's socket dropped while so many targets answered; [] if nothing."""
    if dropped <= limits.drops_told_share * targets:
        return []
    said = (
        f"entry {address} dropped {dropped:,} packets, whose answers were asked for again: it takes fewer than the "
        f"{answers_per_s:,.0f} a second it was sent. Give its ring a lower `answers_per_s` in coordinator.yml, or the "
        "entry more processor; `inspector doctor` looks at its buffer"
    )
    return [said]
