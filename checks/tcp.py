"""Whether a TCP port of another machine can be reached from here, and how fast."""

from __future__ import annotations

import time

from checklib import measured, reaching
from checklib.errors import CannotTell
from checklib.kinds import MAY_SPAWN, Kind, Property
from checklib.values import Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.contract import Item
    from checklib.node import Node


def parse_key(key: str) -> tuple[str, int]:
    """`registry.example.com:443`, `10.0.0.1:22` or `[fd00::1]:22` -> host, port. Raises CannotTell."""
    host, _, port = key.rpartition(":")
    if host[:1] + host[-1:] == "[]":
        host = host[1:-1]
    elif ":" in host:
        host = ""
    if not host or not host.isprintable() or " " in host:
        raise CannotTell(f"{key[:80]!r} names no port of a host: write host:port, of an IPv6 address [fd00::1]:port")
    return host, reaching.parse_port(port)


def observe(item: Item, node: Node) -> Observed:
    """One line is opened, and closed without a word."""
    host, port = parse_key(item.key)
    reaching.hold_to_host(node)
    began = time.monotonic()
    try:
        reaching.connect(host, port, node, began + item.timeout_s).close()
    except reaching.Unreachable as reason:
        return reaching.unreached(item, reason, {"reachable": False})
    took_ms = 1000 * (time.monotonic() - began)
    return Observed({"reachable": True, "time_ms": took_ms}, shown={"time_ms": lambda: measured.about(took_ms)})


KIND = Kind(
    "tcp",
    title="a TCP port that this node can reach",
    chapter="network",
    key="host:port, of an IPv6 address [fd00::1]:port",
    main="reachable",
    properties={
        "reachable": Property("bool", "whether somebody takes the line"),
        "time_ms": Property("number", "how long that took, the look-up of the name too", unit="ms"),
    },
    default={"reachable": {"equals": True}},
    example={"registry.example.com:443": {"equals": True, "expect": {"time_ms": {"at_most": 50}}}},
    outcomes=(
        "A port that refuses, a host that does not answer within the item's time and a name that cannot be looked up "
        "are not reachable, and the reason is told; an address that has no way there too. Where no nameserver tells "
        "anything of a name, and it is not to be reachable, that is an error. na below another root. "
        "Names are looked up as the kind dns does it; all addresses of a name are tried, each with a share of the time."
    ),
    reads=["/etc/hosts", "/etc/resolv.conf", "the network"],
    cost="one connection, opened and closed; where nobody answers, the item's whole time",
    observe=observe,
    effort=MAY_SPAWN,  # it waits for others: after all that only reads
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
