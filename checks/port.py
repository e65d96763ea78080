"""Ports that are listened on: at which addresses, by which programs, as whom; from /proc below the root.

And whether any is listened on that need not be.
"""

from __future__ import annotations

from checklib import listeners, parameters, sockets
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import Kind, Parameter, Property
from checklib.listeners import plain_address
from checklib.sockets import parse_sockets  # noqa: F401 - what case files try
from checklib.values import Observation, Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from checklib.contract import Item
    from checklib.node import Node
    from checklib.sockets import Waiting

# Protocol of a key -> the lists it looks at.
LISTS = {
    "tcp": ("tcp", "tcp6"), "tcp4": ("tcp",), "tcp6": ("tcp6",),
    "udp": ("udp", "udp6"), "udp4": ("udp",), "udp6": ("udp6",),
}  # fmt: skip
PORT_MAX = 65_535
ANY = 0  # for a port: all of them


def parse_key(key: str) -> tuple[str, str, int]:
    """`tcp:22`, `udp:10.0.0.1:53`, `tcp6:[::1]:80` or `tcp:*` -> protocol, address or "", port. Raises CannotTell."""
    protocol, _, rest = key.partition(":")
    address, colon, port = rest.rpartition(":")
    wrong = CannotTell(f"{key[:80]!r} names no port: write tcp:22, udp:53, tcp6:22 or tcp:127.0.0.1:22, tcp6:[::1]:22")
    is_one = port.isascii() and port.isdecimal() and 0 < int(port[:6]) <= PORT_MAX
    if protocol not in LISTS or not (is_one or port == "*"):
        raise wrong
    number = int(port) if is_one else ANY
    if not colon:
        return protocol, "", number
    try:
        return protocol, plain_address(address[1:-1] if address[:1] + address[-1:] == "[]" else address), number
    except (OSError, ValueError):
        raise wrong from None


def _is_meant(one: Waiting, address: str, port: int) -> bool:
    """Whether who speaks to that address and port reaches the socket."""
    if one.port != (port or one.port) or not one.port:
        return False
    return address in {"", one.address} or one.address == "::" or (one.address == "0.0.0.0" and ":" not in address)  # noqa: S104


def _found(node: Node, protocol: str, address: str, port: int) -> list[Waiting]:
    lists = [sockets.waiting(node, name) for name in LISTS[protocol]]
    told = [one for one in lists if one is not None]
    if not told:
        raise NotApplicable(f"there is no /proc/net/{LISTS[protocol][0]}{node.root.whereabouts()}")
    return [one for waiting in told for one in waiting if _is_meant(one, address, port)]


def _held(node: Node, found: list[Waiting], tell: Callable[[Node, str], str]) -> Observation:
    """What `tell` says of each process that holds one of them."""
    holders = sockets.holders(node)
    pids = {pid for one in found for pid in holders.of.get(one.inode, ())}
    told = sorted({tell(node, pid) for pid in pids} - {""})
    if not told and holders.hidden:
        return CannotTell(f"who listens cannot be told: {holders.hidden}")
    return told


def observe(item: Item, node: Node) -> Observed:
    """All sockets that wait there, together; of all ports those that are not excepted."""
    protocol, address, port = parse_key(item.key)
    found = _found(node, protocol, address, port)
    allowed = parameters.words(item, "except")
    if allowed and port != ANY:
        raise CannotTell(f"except is of {protocol}:*, which stands for all ports: this is one")
    found = listeners.others(node, found, [listeners.parse_allowed(word) for word in allowed])
    values: dict[str, Observation] = {"listening": bool(found)}
    if found:
        values["addresses"] = sorted({one.address for one in found})
    if found and "program" in item.expect:
        values["program"] = _held(node, found, sockets.program_of)
    if found and "user" in item.expect:
        values["user"] = _held(node, found, sockets.user_of)
    shown = {"listening": lambda: listeners.tell(node, found)} if found and port == ANY else {}
    return Observed(values, exists=bool(found), shown=shown)


def discover(node: Node) -> Iterator[str]:
    """All ports that are listened on, each once whatever its addresses."""
    for protocol in ("tcp", "udp"):
        lists = [sockets.waiting(node, name) or [] for name in LISTS[protocol]]
        for port in sorted({one.port for waiting in lists for one in waiting if one.port}):
            yield f"{protocol}:{port}"


KIND = Kind(
    "port",
    title="a port that is listened on",
    chapter="network",
    key=(
        "protocol and port, tcp:22 or udp:53; tcp4, tcp6, udp4 and udp6 for one family alone; with an address before "
        "the port, tcp:127.0.0.1:22 or tcp6:[::1]:22, only what can be reached there; * for the port: any that is not "
        "excepted, so that absent says what alone may listen"
    ),
    main="listening",
    properties={
        "listening": Property("bool", "whether anything waits there"),
        "addresses": Property("list", "at which addresses, in order; 0.0.0.0 and :: are all of a family"),
        "program": Property("list", "names of the programs that hold such a socket, in order"),
        "user": Property("list", "users these run as, in order"),
    },
    parameters={
        "except": Parameter(
            "list",
            "of *: what may listen: ports as 22 or 30000-32767, addresses with a port as 127.0.0.1:* or [::1]:631, and "
            "programs as sshd, wherever they listen",
        )
    },
    default={"listening": {"equals": True}},
    example={
        "tcp:22": {"equals": True, "expect": {"program": ["sshd"], "addresses": {"contains": "0.0.0.0"}}},  # noqa: S104
        "tcp:23": {"absent": True},
        "tcp:*": {"with": {"except": ["22", "10250", "30000-32767", "127.*:*"]}, "absent": True},
    },
    outcomes=(
        "What is not listened on is absent; na where there is no /proc/net with such a list. Program and user are an "
        "error where the agent may not look at other users' processes, and absent where the kernel itself or another "
        "container's process listens. Looked at is the network namespace of who looks: ports of containers with a "
        "network of their own are not in it. A socket on :: is taken to accept IPv4 too, as it does unless its program "
        "has switched that off: tcp4 wants one of its own. A finding about * names each listener with its program. A "
        "program that asks others by UDP, as a resolver does, has a port for as long: except it by its name. Below "
        "another root its own /proc, if it has one."
    ),
    reads=["/proc/net/tcp", "/proc/net/tcp6", "/proc/net/udp", "/proc/net/udp6", "/proc/PID/fd"],
    cost=(
        "one read of each list for all items together (some 2 ms); for program and user one look at the descriptors "
        "of all processes, some 20 ms for 1,000 of them"
    ),
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
