"""PCI devices: which there are, their drivers, links and errors; from /sys/bus/pci below the root."""

from __future__ import annotations

import re

from checklib import devices, pci
from checklib.errors import CannotTell
from checklib.kinds import Kind, Property
from checklib.values import Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from checklib.contract import Item
    from checklib.node import Node

_KEY = re.compile(r"(?:class:[0-9a-f]{2,6}|[0-9a-f]{4}:(?:[0-9a-f]{4}|\*))")


def _named(item: Item, node: Node, names: list[str]) -> list[str]:
    """The devices that a key stands for: by address or pattern of it, vendor and device, or class."""
    key = item.key.lower()
    if not _KEY.fullmatch(key):
        if ":" not in key and key != "*":
            raise CannotTell(
                f"{item.key[:80]!r} is neither an address as 0000:3b:00.0, nor VENDOR:DEVICE as 8086:1572, nor class:02"
            )
        return devices.meant(item, names, "PCI device")
    if key.startswith("class:"):
        wanted = key[len("class:") :]
        return [one for one in names if pci.told(node, f"{pci.SYS}/{one}", "class").startswith(wanted)]
    vendor, _, device = key.partition(":")
    found = [one for one in names if pci.told(node, f"{pci.SYS}/{one}", "vendor") == vendor]
    return [one for one in found if device in {"*", pci.told(node, f"{pci.SYS}/{one}", "device")}]


def observe(item: Item, node: Node) -> Observed:
    """How many devices there are of what the key says, and what each has."""
    names = _named(item, node, node.once("PCI devices", lambda: pci.addresses(node)))
    seen = devices.tell(item, names, pci.looks(node))
    return Observed({**seen.values, "count": len(names)}, exists=bool(names), shown=seen.shown, note=seen.note)


def discover(node: Node) -> Iterator[str]:
    """The addresses of all devices, and which devices there are."""
    seen = set()
    for name in node.root.names(pci.SYS):
        yield name
        ids = (pci.identity(node, f"{pci.SYS}/{name}", file) for file in ("vendor", "device"))
        seen.add(":".join(one or "" for one in ids))
    if all(len(one) == len("8086:1572") for one in seen):  # any other may be one of each
        yield from sorted(seen)


KIND = Kind(
    "pci",
    title="PCI devices: which there are, their drivers, links and errors",
    chapter="hardware",
    key=(
        "an address as 0000:3b:00.0 or a pattern of it, VENDOR:DEVICE as 8086:1572 (15b3:* for all of a vendor), or "
        "class:02 (01 storage, 02 network, 03 display, 0108 NVMe …); each of them must be as expected"
    ),
    main="count",
    properties={
        "count": Property("number", "how many there are"),
        "vendor": Property("word", "who made it, four hexadecimal digits"),
        "device": Property("word", "what it is, four hexadecimal digits"),
        "subsystem_vendor": Property("word", "who made the card, four hexadecimal digits"),
        "subsystem_device": Property("word", "which card it is, four hexadecimal digits"),
        "class": Property("word", "what it is for, six hexadecimal digits: 020000 Ethernet"),
        "revision": Property("word", "its revision, two hexadecimal digits"),
        "driver": Property("word", "the driver that is bound to it; absent where none is"),
        "numa_node": Property("number", "the number of the NUMA node it is nearest to; -1 where nobody says"),
        "link_speed": Property("number", "of its PCI Express link, as negotiated", unit="GT/s"),
        "link_speed_max": Property("number", "what it could do", unit="GT/s"),
        "link_width": Property("number", "how many lanes its link uses"),
        "link_width_max": Property("number", "how many it could use"),
        "errors_correctable": Property("number", "how many errors the link mended since boot"),
        "errors_nonfatal": Property("number", "how many requests were lost since boot"),
        "errors_fatal": Property("number", "how many errors made the link unreliable since boot"),
    },
    example={
        "15b3:1017": {"equals": 2, "expect": {"driver": "mlx5_core", "link_width": 16, "link_speed": 8}},
        "class:0108": {"at_least": 4},
        "*": {"expect": {"errors_fatal": 0}},
    },
    outcomes=(
        "No such device is absent, count 0; na where there is no PCI at all, and where a pattern of addresses stands "
        "for none, unless `any` asks for one. What a device does not have, as a link of one that is not PCI Express, "
        "is absent. Any root with a /sys can be looked at."
    ),
    reads=[pci.SYS],
    cost="one small read for each property of a device; two for each device of the machine to find a vendor's",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
