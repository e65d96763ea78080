"""Network interfaces: state, speed, MTU, bonds, errors, from /sys/class/net below the root; addresses of the kernel."""

from __future__ import annotations

from functools import partial

from checklib import counters, devices, limits, netlink, parameters
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import Kind, Parameter, Property
from checklib.several import WILD
from checklib.values import Observed, or_reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from checklib.contract import Item
    from checklib.counters import Risen
    from checklib.node import Node
    from checklib.values import Observation

    Look = Callable[[Node, str], Observation]

SYS = "/sys/class/net"
COUNTERS = {  # property -> its file below the interface
    "rx_errors": "statistics/rx_errors",
    "tx_errors": "statistics/tx_errors",
    "rx_dropped": "statistics/rx_dropped",
    "tx_dropped": "statistics/tx_dropped",
    "rx_missed": "statistics/rx_missed_errors",
    "rx_crc_errors": "statistics/rx_crc_errors",
    "link_changes": "carrier_changes",
}
RISES = {  # property -> the counters it adds up; missed ones are among the errors of no driver
    "errors_risen": ("rx_errors", "tx_errors", "rx_missed_errors"),
    "drops_risen": ("rx_dropped", "tx_dropped"),
}
WITHIN_H = 24
_IFA_ADDRESS, _IFA_LOCAL = 1, 2


def read(node: Node, name: str, file: str) -> str | None:
    """One of an interface's files; None where it is not there, or has nothing to say, as of a link that is down."""
    try:
        return node.root.text(f"{SYS}/{name}/{file}").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        import errno

        if error.errno in {errno.EINVAL, errno.EOPNOTSUPP, errno.ENODEV}:
            return None
        raise


def parse_number(text: str) -> int:
    """A whole number, perhaps negative. Raises CannotTell where it is none."""
    bare = text.strip()
    digits = bare[1:] if bare.startswith("-") else bare
    if not (digits.isdecimal() and digits.isascii()) or len(digits) > limits.digits_max:
        raise CannotTell(f"{bare[:40]!r} is no number")
    return int(bare)


def parse_mode(text: str) -> str:
    """`802.3ad 4` of a bond -> 802.3ad."""
    return text.split(maxsplit=1)[0] if text.split() else ""


def _number(file: str) -> Look:
    def look(node: Node, name: str) -> Observation:
        text = read(node, name, file)
        return None if text is None else parse_number(text)

    return look


def _word(file: str) -> Look:
    return lambda node, name: read(node, name, file) or None


def _speed(node: Node, name: str) -> Observation:
    text = read(node, name, "speed")
    speed = -1 if text is None else parse_number(text)
    return None if speed in devices.UNKNOWN_SPEEDS else speed


def _master(node: Node, name: str) -> Observation:
    try:
        return node.root.readlink(f"{SYS}/{name}/master").rpartition("/")[2]
    except (FileNotFoundError, NotADirectoryError):
        return None


def _bond_mode(node: Node, name: str) -> Observation:
    return parse_mode(read(node, name, "bonding/mode") or "") or None


def _slaves(node: Node, name: str) -> list[str] | None:
    text = read(node, name, "bonding/slaves")
    return None if text is None else sorted(text.split())


def _slaves_up(node: Node, name: str) -> Observation:
    """By the bond's own monitoring. Older kernels have a slave's file below the bond alone."""
    slaves = _slaves(node, name)
    if slaves is None:
        return None
    return [one for one in slaves if _mii(node, name, one) == "up"]


def _mii(node: Node, bond: str, slave: str) -> str:
    file = "bonding_slave/mii_status"
    places = ((slave, file), (bond, f"lower_{slave}/{file}"), (bond, f"slave_{slave}/{file}"))
    told = next(filter(None, (read(node, *place) for place in places)), None)
    if told is None:
        raise CannotTell(f"{bond} does not tell whether the link of {slave} is up")
    return told


def _addresses(node: Node, name: str) -> Observation:
    if not node.root.is_host:
        return NotApplicable(f"addresses are told by the kernel, of this machine only, not of {node.root.path}")
    return sorted(node.once("addresses", _all_addresses).get(name, []))


def _all_addresses() -> dict[str, list[str]]:
    """Name of an interface -> its addresses with the length of their prefix."""
    import struct

    names = netlink.interface_names()
    found: dict[str, list[str]] = {}
    for header, attributes in netlink.dump(netlink.GET_ADDRESSES, 0):
        bits, index = struct.unpack("=xBxxI", header)
        address = netlink.address(attributes.get(_IFA_LOCAL, attributes.get(_IFA_ADDRESS)))
        if address and index in names:
            found.setdefault(names[index], []).append(f"{address}/{bits}")
    return found


LOOKS: dict[str, Look] = {
    "state": _word("operstate"),
    "speed": _speed,
    "duplex": _word("duplex"),
    "mtu": _number("mtu"),
    "mac": _word("address"),
    "master": _master,
    "bond_mode": _bond_mode,
    "bond_slaves": _slaves,
    "bond_up": _slaves_up,
    "bond_active": _word("bonding/active_slave"),
    "bond_ports": _number("bonding/ad_num_ports"),
    "addresses": _addresses,
    **{name: _number(file) for name, file in COUNTERS.items()},
}


def _risen(item: Item, node: Node, names: list[str]) -> tuple[dict[str, dict[str, Observation]], Risen | None]:
    """Property -> interface -> how much its counters rose, where an item wants to know. Zeros take no room."""
    wanted = [name for name in RISES if name in item.expect]
    if not wanted:
        return {}, None
    within_s = parameters.within_s(item, WITHIN_H)
    now = {name: {one: or_reason(partial(_count, node, one, name)) for one in names} for name in wanted}
    known = {f"{one} {name[0]}": count for name in wanted for one, count in now[name].items() if isinstance(count, int)}
    risen = counters.risen(item, node, {name: count for name, count in known.items() if count}, within_s)
    for name, counts in now.items():
        counts.update((one, risen.recent.get(f"{one} {name[0]}", 0)) for one in names if f"{one} {name[0]}" in known)
    return now, risen


def _count(node: Node, name: str, property_: str) -> int:
    """What one interface has counted so far."""
    texts = {file: read(node, name, f"statistics/{file}") for file in RISES[property_]}
    untold = [file for file, text in texts.items() if text is None]
    if untold:
        raise CannotTell(f"{name} does not tell its {untold[0]}")
    return sum(parse_number(text or "") for text in texts.values())


def _names(node: Node) -> list[str]:
    """All interfaces: beside them lie files of drivers."""
    names = node.root.names(SYS)
    if not names:
        raise NotApplicable(f"there is no {SYS}{node.root.whereabouts()}")
    found = [name for name in names if node.root.exists(f"{SYS}/{name}/mtu")]
    if not found:
        raise NotApplicable(f"there is no interface in {SYS}{node.root.whereabouts()}, not even lo")
    return found


def _meant(item: Item, node: Node) -> list[str]:
    """The interfaces that the key stands for. Raises NotApplicable where a pattern stands for none.

    Not so where `absent` or `any` asks for that very thing: whether there is one.
    """
    if "/" in item.key or item.key in {".", ".."}:
        raise CannotTell(f"{item.key[:80]!r} is no name of an interface")
    names = node.once("interfaces", lambda: _names(node))
    if WILD.isdisjoint(item.key):
        return [item.key] if item.key in names else []
    from fnmatch import fnmatchcase  # seldom needed

    passed = parameters.words(item, "except")
    found = [name for name in names if fnmatchcase(name, item.key) and name not in passed]
    if len(found) > limits.interfaces_max:
        raise CannotTell(f"{item.key[:80]} stands for more than {limits.interfaces_max} interfaces")
    if not found and item.expect.get(KIND.main, {}).keys().isdisjoint({"absent", "any"}):
        raise NotApplicable(f"there is no interface {item.key[:80]} here")
    return found


def observe(item: Item, node: Node) -> Observed:
    """One interface; of those that a pattern stands for, the one that decides, property by property."""
    names = _meant(item, node)
    if not names:
        return Observed({}, exists=False)
    rises, risen = _risen(item, node, names)
    looks: dict[str, devices.Look] = {name: partial(look, node) for name, look in LOOKS.items()}
    seen = devices.tell(item, names, {**looks, **{name: told.__getitem__ for name, told in rises.items()}})
    if risen:
        seen.note = "; ".join(filter(None, [risen.note, seen.note]))
        seen.keep = risen.keep
    return seen


def discover(node: Node) -> Iterable[str]:
    """All interfaces."""
    try:
        return _names(node)
    except NotApplicable:
        return []


KIND = Kind(
    "interface",
    title="a network interface, or all of a pattern",
    chapter="network",
    key="its name; a pattern such as eth* stands for all that match, and then all must be as expected",
    main="state",
    properties={
        "state": Property("word", "up, down, lowerlayerdown, dormant …; unknown of lo and others without a link"),
        "speed": Property("number", "as negotiated; absent where not known, as of a link that is down", unit="Mbit/s"),
        "duplex": Property("word", "full, half or unknown"),
        "mtu": Property("number", "its MTU", unit="bytes"),
        "mac": Property("word", "its hardware address"),
        "master": Property("word", "the bond, bridge or VRF it belongs to; absent where it belongs to none"),
        "bond_mode": Property("word", "of a bond: balance-rr, active-backup, 802.3ad …"),
        "bond_slaves": Property("list", "of a bond: its interfaces, in order of names"),
        "bond_up": Property("list", "of a bond: those of them whose link is up, as the bond itself monitors it"),
        "bond_active": Property("word", "of a bond that uses one at a time: the one in use"),
        "bond_ports": Property("number", "of an 802.3ad bond: how many the switch has agreed to use together"),
        "addresses": Property("list", "its addresses with the length of the prefix, 10.0.0.2/24, in order; fe80:: too"),
        "rx_errors": Property(
            "number", "how many bad packets came since the driver was loaded; errors_risen tells more", unit="packets"
        ),
        "tx_errors": Property("number", "how many packets could not be sent", unit="packets"),
        "rx_dropped": Property(
            "number", "how many packets came and were dropped: no memory, or nobody wants them", unit="packets"
        ),
        "tx_dropped": Property("number", "how many packets were dropped before they were sent", unit="packets"),
        "rx_missed": Property("number", "how many packets the card had no room for", unit="packets"),
        "rx_crc_errors": Property(
            "number", "how many packets had a wrong checksum: a bad cable or transceiver", unit="packets"
        ),
        "link_changes": Property("number", "how often the link came or went"),
        "errors_risen": Property("number", "how many errors were counted within the last hours, in both directions"),
        "drops_risen": Property("number", "how many packets were dropped within the last hours, in both directions"),
    },
    parameters={
        "except": Parameter("list", "names that a pattern does not stand for, such as lo"),
        "within_h": Parameter("number", f"how many hours errors and drops count: {WITHIN_H} if not said"),
    },
    default={"state": {"equals": "up"}},
    example={
        "bond0": {"equals": "up", "expect": {"mtu": 9000, "bond_up": ["eth0", "eth1"], "bond_ports": 2}},
        "eth*": {"expect": {"speed": {"at_least": 10000}, "duplex": "full", "errors_risen": 0}},
    },
    outcomes=(
        "An interface that is not there is absent; na where there is no /sys/class/net, and where a pattern stands for "
        "none, unless `any` asks for one. What an interface does not have, as the mode of one that is no bond, is "
        "absent. Counters differ on every node and keep what is long past: better expect errors_risen and drops_risen, "
        "which the resident agent tells from its earlier looks; without one all since boot counts, and it says so. Any "
        "root with a /sys can be looked at; addresses are na there. It is the network namespace of who looks."
    ),
    reads=["/sys/class/net", "rtnetlink(7) for addresses"],
    cost="one small read for each property of an interface; one question to the kernel for all addresses",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
