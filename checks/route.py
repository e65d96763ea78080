"""Routes of the main table: asked of the kernel, or as its lists in /proc have them below another root."""

from __future__ import annotations

import re
import struct
from collections import namedtuple

from checklib import netlink
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import Kind, Property
from checklib.values import Observation, Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from checklib.contract import Item
    from checklib.node import Node

DEFAULT = "0.0.0.0/0"
LISTS = ("/proc/net/route", "/proc/net/ipv6_route")
MAIN_TABLE = 254
TYPES = {1: "unicast", 6: "blackhole", 7: "unreachable", 8: "prohibit", 9: "throw"}  # those that lie in a main table
_CLONED = 0x200  # an entry of a cache (RTM_F_CLONED)
_DST, _OIF, _GATEWAY, _PRIORITY, _METRICS, _MULTIPATH, _TABLE, _VIA = 1, 4, 5, 6, 8, 9, 15, 18  # RTA_*
_MTU = 2  # RTAX_MTU
# Of /proc/net/ipv6_route (route.h, ipv6_route.h): rejected; of this machine itself; no entry at all.
_REJECT, _LOCAL, _ANYCAST, _NO_METRIC = 0x200, 0x80000000, 0x100000, 0xFFFFFFFF

_IPV6_ROUTE = re.compile(r"[0-9a-f]{32} [0-9a-f]{2} ")
# destination: as ipaddress writes a network; hops: ((via or "", device or ""), …)
Route = namedtuple("Route", "destination type metric mtu hops")


def parse_key(key: str) -> str:
    """`default`, `10.0.0.0/8`, `fd00::/8` or a bare address -> the network as it is always written."""
    import ipaddress

    try:
        return DEFAULT if key == "default" else str(ipaddress.ip_network(key))
    except ValueError as error:
        raise CannotTell(f"{key[:80]!r} is no destination: write default, ::/0 or 10.0.0.0/8 ({error})"[:250]) from None


def parse_route(text: str) -> list[Route]:
    """/proc/net/route; lines that are none are left out. What it calls MTU is another thing (advmss + 40)."""
    found = []
    for line in text.splitlines():
        words = line.split()
        try:
            destination, gateway, flags, mask = (int(words[place], 16) for place in (1, 2, 3, 7))
            network = f"{_ipv4(destination)}/{bin(mask).count('1')}"
            device, via = words[0].replace("*", ""), _ipv4(gateway) if gateway else ""
            kind = "unreachable" if flags & _REJECT else "unicast" if device else "blackhole"
            found.append(Route(network, kind, int(words[6]), None, ((via, device),)))
        except (ValueError, IndexError, struct.error):
            continue
    return found


def _ipv4(number: int) -> str:
    """The list has addresses as numbers of the machine's own byte order."""
    return ".".join(map(str, struct.pack("=I", number)))


def parse_ipv6_route(text: str) -> list[Route]:
    """/proc/net/ipv6_route, which has the entries of all tables; those of this machine's own addresses are left out."""
    found = []
    for line in text.splitlines():
        words = line.split()
        try:
            metric, flags = int(words[5], 16), int(words[8], 16)
            network, via = f"{_ipv6(words[0])}/{int(words[1], 16)}", _ipv6(words[4])
        except (ValueError, IndexError, OSError):
            continue
        if metric != _NO_METRIC and not flags & (_LOCAL | _ANYCAST) and not words[0].startswith("ff"):
            rejected = flags & _REJECT
            hop = ("", "") if rejected else ("" if via == "::" else via, words[9] if len(words) > 9 else "")
            found.append(Route(network, "unreachable" if rejected else "unicast", metric, None, (hop,)))
    return found


def _ipv6(digits: str) -> str:
    import socket

    return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(digits))


def of_kernel(header: bytes, attributes: dict[int, bytes], names: dict[int, str]) -> Route | None:
    """An entry of rtnetlink(7); None where it is not one of the main table. names: of interfaces, by number."""
    family, bits, _, _, table, _, _, kind, flags = struct.unpack("=8BI", header)
    if (netlink.number(attributes.get(_TABLE)) or table) != MAIN_TABLE or kind not in TYPES or flags & _CLONED:
        return None
    everything = "0.0.0.0" if family == 2 else "::"  # noqa: S104 - an address to show; AF_INET is 2
    destination = f"{netlink.address(attributes.get(_DST)) or everything}/{bits}"
    mtu = netlink.number(netlink.attributes(attributes.get(_METRICS, b"")).get(_MTU))
    hops = tuple(_hops(attributes, names)) if kind == 1 else (("", ""),)
    return Route(destination, TYPES[kind], netlink.number(attributes.get(_PRIORITY)) or 0, mtu, hops)


def _hops(attributes: dict[int, bytes], names: dict[int, str]) -> Iterator[tuple[str, str]]:
    raw = attributes.get(_MULTIPATH)
    if raw is None:
        yield _via(attributes), names.get(netlink.number(attributes.get(_OIF)) or 0, "")
        return
    while len(raw) >= 8:
        size, device = struct.unpack_from("=Hxxi", raw)
        yield _via(netlink.attributes(raw[8:size])), names.get(device, "")
        raw = raw[max(8, (size + 3) & ~3) :]


def _via(attributes: dict[int, bytes]) -> str:
    """The gateway; one of the other family (an IPv4 route over IPv6 neighbours) is told after its family."""
    return netlink.address(attributes.get(_GATEWAY) or attributes.get(_VIA, b"")[2:])


def _routes(node: Node) -> dict[str, list[Route]]:
    """All, by destination."""
    found: dict[str, list[Route]] = {}
    for one in _all_of_kernel() if node.root.is_host else _all_of_lists(node):
        found.setdefault(one.destination, []).append(one)
    return found


def _all_of_kernel() -> Iterator[Route]:
    import socket

    names = netlink.interface_names()
    for family in (socket.AF_INET, socket.AF_INET6):
        for header, attributes in netlink.dump(netlink.GET_ROUTES, family):
            one = of_kernel(header, attributes, names)
            if one is not None and header[0] == family:  # without IPv6 the kernel answers for all families
                yield one


def _all_of_lists(node: Node) -> Iterable[Route]:
    text = node.root.text(node.root.first(LISTS[0]))
    if not text.startswith("Iface"):
        raise CannotTell(f"{LISTS[0]} has no heading: it is no list of the kernel's")
    other = node.root.text(LISTS[1]) if node.root.exists(LISTS[1]) else ""  # a kernel without IPv6
    if other and not _IPV6_ROUTE.match(other):
        raise CannotTell(f"{LISTS[1]} has a line that is no route: it is no list of the kernel's")
    return parse_route(text) + parse_ipv6_route(other)


def observe(item: Item, node: Node) -> Observed:
    """The way there: of several routes the one with the lowest metric, of one with several hops all of them."""
    routes = node.once("routes", lambda: _routes(node)).get(parse_key(item.key), [])
    if not routes:
        return Observed({"count": 0}, exists=False)
    metric = min(one.metric for one in routes)
    best = [one for one in routes if one.metric == metric]
    hops = [hop for one in best for hop in one.hops]
    mtu: Observation = best[0].mtu
    if not node.root.is_host:
        mtu = NotApplicable(f"the lists in /proc do not tell a route's MTU{node.root.whereabouts()}")
    return Observed(
        {
            "via": sorted({via for via, _ in hops if via}),
            "dev": sorted({device for _, device in hops if device}),
            "metric": metric,
            "mtu": mtu,
            "type": best[0].type,
            "count": len({one.metric for one in routes}),
        }
    )


def discover(node: Node) -> Iterable[str]:
    """All destinations."""
    try:
        return ["default" if one == DEFAULT else one for one in node.once("routes", lambda: _routes(node))]
    except NotApplicable:
        return []


KIND = Kind(
    "route",
    title="a route of the main table",
    chapter="network",
    key="where it leads: default, ::/0 for IPv6, 10.0.0.0/8, fd00::/8; a bare address is a route to it alone",
    main="via",
    properties={
        "via": Property("list", "the gateways, in order of their text; none where it leads to neighbours directly"),
        "dev": Property("list", "the interfaces, in order; none of a blackhole"),
        "metric": Property("number", "its metric, 0 where none is set"),
        "mtu": Property("number", "the MTU set for this route; absent where none is", unit="bytes"),
        "type": Property("word", "unicast, blackhole, unreachable, prohibit or throw"),
        "count": Property("number", "how many routes of different metrics lead there"),
    },
    default={"via": {"any": True}},
    example={
        "default": {"equals": ["10.0.0.1"], "expect": {"dev": ["bond0"], "count": 1}},
        "10.0.0.0/8": {"any": True},
        "169.254.169.254": {"absent": True},
    },
    outcomes=(
        "A destination without an entry of its own is absent, also where a wider one leads there. Of several routes "
        "the one with the lowest metric is told; one over several hops has them all. Below another root it is told "
        "from /proc/net/route, which has only the first hop of an IPv4 route and no MTU, and from "
        "/proc/net/ipv6_route, which has all tables; na where there is no such list of IPv4."
    ),
    reads=["rtnetlink(7)", "/proc/net/route and /proc/net/ipv6_route below another root"],
    cost="two questions to the kernel for all items together, without a program: some 0.3 ms and 10 µs a route",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
