"""Swap space in use, from /proc/swaps below the root."""

from __future__ import annotations

import re

from checklib.errors import CannotTell, NotApplicable
from checklib.kernelfs import KIB, MIB, parse_number
from checklib.kinds import Kind, Property
from checklib.values import Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from checklib.contract import Item
    from checklib.node import Node

SWAPS = "/proc/swaps"
MEMINFO = "/proc/meminfo"
ALL = "all"
_ESCAPED = re.compile(r"\\([0-7]{3})")


class Device:
    """One swap device or file. kind: partition, file or zram; size and used in bytes."""

    __slots__ = ("kind", "path", "priority", "size", "used")

    def __init__(self, path: str, kind: str, size: int, used: int, priority: int) -> None:
        self.path = path
        self.kind = "zram" if path.startswith("/dev/zram") else kind
        self.size = size
        self.used = used
        self.priority = priority


def parse_swaps(text: str) -> list[Device]:
    """/proc/swaps, in the kernel's order. Raises CannotTell where a line is none that the kernel writes."""
    found = []
    for line in text.splitlines()[1:]:
        words = line.rsplit(None, 4)
        if not words:
            continue
        if len(words) < 5:
            raise CannotTell(f"{SWAPS} has a line without a priority: {line[:80]!r}")
        path = _ESCAPED.sub(lambda match: chr(int(match[1], 8)), words[0])
        priority = parse_number(words[4].lstrip("-")) * (-1 if words[4].startswith("-") else 1)
        found.append(Device(path, words[1], parse_number(words[2]) * KIB, parse_number(words[3]) * KIB, priority))
    return found


def observe(item: Item, node: Node) -> Observed:
    """All swap together, or one device of it; absent where the node does not swap."""
    devices = node.once(SWAPS, lambda: _read(node))
    found = [device for device in devices if item.key in {ALL, device.path}]
    size, used = sum(device.size for device in found), sum(device.used for device in found)
    return Observed(
        {
            "size_mib": size // MIB if found or item.key == ALL else None,
            "used_mib": used // MIB if found or item.key == ALL else None,
            "used_percent": -(-100 * used // size) if size else 0 if item.key == ALL else None,
            "devices": [device.path for device in found] if found or item.key == ALL else None,
            "kinds": list(dict.fromkeys(device.kind for device in found)) if found or item.key == ALL else None,
            "priority": max(device.priority for device in found) if found else None,
        },
        exists=bool(found),
    )


def _read(node: Node) -> list[Device]:
    try:
        text = node.root.text(SWAPS)
    except (FileNotFoundError, NotADirectoryError):
        if node.root.exists(MEMINFO):  # a kernel that cannot swap at all has no such file
            return []
        raise NotApplicable(f"there is no {SWAPS}{node.root.whereabouts()}") from None
    if not text.startswith("Filename"):
        raise CannotTell(f"{SWAPS} has no heading: it is no list of the kernel's")
    return parse_swaps(text)


def discover(node: Node) -> Iterator[str]:
    """All together, and each device."""
    if node.root.exists(SWAPS):
        yield ALL
        yield from (device.path for device in node.once(SWAPS, lambda: _read(node)))


KIND = Kind(
    "swap",
    title="swap space in use",
    chapter="system",
    key="all, for all of it together, or the path of one device or file as /proc/swaps has it",
    main="size_mib",
    properties={
        "size_mib": Property("number", "how much there is, whole MiB; 0 where the node does not swap", unit="MiB"),
        "used_mib": Property("number", "how much of it is in use, whole MiB", unit="MiB"),
        "used_percent": Property("number", "how much of it is in use, whole percent, rounded up", unit="percent"),
        "devices": Property("list", "the paths, in the kernel's order"),
        "kinds": Property("list", "what they are: partition, file, zram"),
        "priority": Property("number", "the highest priority of them; what is used first"),
    },
    example={"all": {"absent": True}},
    outcomes=(
        "all is absent, and its size 0, where nothing is swapped to; a device is absent where it is not swapped to. na "
        "where there is neither /proc/swaps nor /proc/meminfo. Any root with a /proc can be looked at."
    ),
    reads=[SWAPS],
    cost="one small read for all items together",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
