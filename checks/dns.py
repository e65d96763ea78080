"""What resolv.conf says, and whether a name can be looked up, to what, and how fast; asked in bounded time."""

from __future__ import annotations

import time

from checklib import limits, matchers, measured, resolving
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import MAY_SPAWN, Kind, Parameter, Property
from checklib.values import Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from checklib.contract import Item
    from checklib.node import Node

RESOLV_CONF = "resolv.conf"
OF_FILE = ("nameservers", "search", "options")
UNTOLD = "no nameserver has told"
OF_NAME = ("resolves", "addresses", "time_ms")


def parse_resolv_conf(text: str) -> dict[str, list[str]]:
    """resolv.conf(5) -> its nameservers and domains in order, its options."""
    config = resolving.parse_resolv_conf(text)
    return {"nameservers": config.servers, "search": config.search, "options": config.options}


def parse_server(text: str) -> tuple[str, int]:
    """`10.0.0.2`, `10.0.0.2:5353`, `fd00::2` or `[fd00::2]:5353` -> address, port. Raises CannotTell."""
    address, _, port = text.rpartition(":")
    if resolving.is_address(text):
        address, port = text, str(resolving.PORT)
    elif address[:1] + address[-1:] == "[]":
        address = address[1:-1]
    if not resolving.is_address(address) or not (port.isascii() and port.isdecimal()) or not 0 < int(port[:6]) < 65_536:
        raise CannotTell(f"{text[:80]!r} is no nameserver: write its address, with :port behind it if that is not 53")
    return address, int(port)


def observe(item: Item, node: Node) -> Observed:
    """The file, or a look-up of the name."""
    return _of_file(node) if item.key == RESOLV_CONF else _of_name(item, node)


def _of_file(node: Node) -> Observed:
    reason = NotApplicable(f"{RESOLV_CONF} is no name to look up: expect {', '.join(OF_FILE)} of it")
    try:
        told = parse_resolv_conf(node.root.written(resolving.RESOLV_CONF))
    except FileNotFoundError:
        return Observed({}, exists=False)
    return Observed({**told, **dict.fromkeys(OF_NAME, reason)})


def _of_name(item: Item, node: Node) -> Observed:
    if not node.root.is_host:
        raise NotApplicable(f"what this machine can look up says nothing of {node.root.path}")
    began = time.monotonic()
    found = _look_up(item, node, began + item.timeout_s)
    took_ms = 1000 * (time.monotonic() - began)
    there = bool(found.addresses)  # that a name leads nowhere is certain only where a nameserver has said so
    return Observed(
        {
            "resolves": there if found.is_known else matchers.untold(there, item.expect.get("resolves", {}), UNTOLD),
            "addresses": sorted(found.addresses) if found.is_known else CannotTell(UNTOLD),
            "time_ms": took_ms if there else None,
            **dict.fromkeys(OF_FILE, NotApplicable(f"only {RESOLV_CONF} has nameservers, search and options")),
        },
        exists=there,
        note="; ".join(found.notes) or ("" if found.addresses else f"there is no {item.key[:80]}"),
        shown={"time_ms": lambda: measured.about(took_ms)},
    )


def _look_up(item: Item, node: Node, deadline: float) -> resolving.Found:
    server = item.parameters.get("server")
    if server is None:
        return resolving.addresses_of(item.key, node, deadline)
    names = resolving.candidates(item.key, resolving.config_of(node))
    return resolving.ask_for(names, [parse_server(str(server))], deadline)


def discover(node: Node) -> Iterable[str]:
    """The file, if it is there: which names matter nobody can list."""
    return [RESOLV_CONF] if node.root.exists(resolving.RESOLV_CONF) else []


KIND = Kind(
    "dns",
    title="the resolver's configuration, or the look-up of a name",
    chapter="network",
    key=f"{RESOLV_CONF} for the configuration; else a name that is looked up",
    main="resolves",
    properties={
        "resolves": Property("bool", "whether the name leads to an address"),
        "addresses": Property("list", "its IPv4 and IPv6 addresses, in order of their text; absent where it has none"),
        "time_ms": Property("number", "how long the look-up took", unit="ms"),
        "nameservers": Property("list", f"of {RESOLV_CONF}: in the order in which they are asked"),
        "search": Property("list", f"of {RESOLV_CONF}: the domains that are tried behind a short name"),
        "options": Property("list", f"of {RESOLV_CONF}: such as ndots:2"),
    },
    parameters={
        "server": Parameter("text", "ask this nameserver alone, not hosts: 10.0.0.2, or with a port 10.0.0.2:5353"),
    },
    default={"resolves": {"equals": True}},
    example={
        "registry.example.com": {"equals": True, "expect": {"time_ms": {"at_most": 100}}},
        RESOLV_CONF: {"expect": {"nameservers": ["10.0.0.2", "10.0.0.3"], "options": {"contains": "timeout:1"}}},
    },
    outcomes=(
        "/etc/hosts is asked first, then each nameserver in its order, with the domains searched: for an A and an AAAA "
        "record, over TCP where the answer is too long. No other name service is asked (mDNS, a directory). The item's "
        f"time is shared by up to {limits.nameservers_max} nameservers; which did not answer is said. A name that does "
        "not exist does not resolve, and neither does one of which no nameserver tells anything; where it is not to "
        "resolve, that is an error then, and so are its addresses. Look-ups are na below another root."
    ),
    reads=["/etc/resolv.conf", "/etc/hosts", "the nameservers in it, UDP and TCP port 53"],
    cost="two questions to a nameserver; where none answers, the item's whole time",
    observe=observe,
    discover=discover,
    effort=MAY_SPAWN,  # it waits for others: after all that only reads
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
