"""The node's memory, from /proc/meminfo below the root."""

from __future__ import annotations

from checklib import measured
from checklib.errors import CannotTell, NotApplicable
from checklib.kernelfs import MIB, parse_meminfo
from checklib.kinds import Kind, Property
from checklib.values import Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from checklib.contract import Item
    from checklib.node import Node
    from checklib.values import Observation

MEMINFO = "/proc/meminfo"

# Key -> the field of proc_meminfo(5), or the sum of some, that it means.
FIELDS = {
    "total": ("MemTotal",),
    "available": ("MemAvailable",),
    "free": ("MemFree",),
    "buffers": ("Buffers",),
    "cached": ("Cached", "SReclaimable"),  # as free(1) counts its cache
    "shared": ("Shmem",),
    "anonymous": ("AnonPages",),
    "slab": ("Slab",),
    "unreclaimable": ("SUnreclaim",),
    "page_tables": ("PageTables",),
    "kernel_stack": ("KernelStack",),
    "percpu": ("Percpu",),
    "locked": ("Mlocked",),
    "dirty": ("Dirty",),
    "writeback": ("Writeback",),
    "hugetlb": ("Hugetlb",),
    "corrupted": ("HardwareCorrupted",),
    "committed": ("Committed_AS",),
    "commit_limit": ("CommitLimit",),
}
USED = "used"
FIXED = frozenset({"total", "hugetlb", "commit_limit"})  # by hardware and configuration: the same on equal nodes


def parse_used(fields: dict[str, int]) -> int | None:
    """Bytes in use as free(1) counts since procps 4: what is not available; None where the kernel does not say."""
    if "MemTotal" not in fields or "MemAvailable" not in fields:
        return None
    return max(0, fields["MemTotal"] - fields["MemAvailable"])


def observe(item: Item, node: Node) -> Observed:
    """One of the numbers, in MiB and in percent of the total."""
    if item.key not in {*FIELDS, USED}:
        raise CannotTell(f"memory has no {item.key[:80]!r}: known are {', '.join([*FIELDS, USED])}")
    fields = node.once(MEMINFO, lambda: _read(node))
    size = _size(item.key, fields)
    if size is None:
        raise NotApplicable(f"this kernel does not tell of memory {item.key}")
    values: dict[str, Observation] = {"mib": size // MIB, "percent": 100 * size // fields["MemTotal"]}
    return Observed(values, shown={} if item.key in FIXED else {"mib": lambda: measured.about_mib(size // MIB)})


def _size(key: str, fields: dict[str, int]) -> int | None:
    if key == USED:
        return parse_used(fields)
    found = [fields[name] for name in FIELDS[key] if name in fields]
    return sum(found) if found else None


def _read(node: Node) -> dict[str, int]:
    fields = parse_meminfo(node.root.text(node.root.first(MEMINFO)))
    if not fields.get("MemTotal"):
        raise CannotTell(f"{MEMINFO} does not say how much memory there is")
    return fields


def discover(node: Node) -> Iterator[str]:
    """What this kernel tells of."""
    if node.root.exists(MEMINFO):
        fields = node.once(MEMINFO, lambda: _read(node))
        yield from (key for key in (*FIELDS, USED) if _size(key, fields) is not None)


KIND = Kind(
    "memory",
    title="how much memory there is, and what it is used for",
    chapter="system",
    key=(
        "total (what the kernel can use: some less than is plugged in), available, free, used (total less available), "
        "or another part that the kernel counts"
    ),
    keys=(*FIELDS, USED),
    main="mib",
    properties={
        "mib": Property("number", "how much, whole MiB; shown roughly where it changes by itself", unit="MiB"),
        "percent": Property("number", "how much of the total, whole percent", unit="percent"),
    },
    example={"available": {"expect": {"percent": {"at_least": 10}}}},
    outcomes=(
        "na where there is no /proc/meminfo, and where this kernel does not count that part: before Linux 3.14 there "
        "is no `available`. Any root with a /proc/meminfo can be looked at."
    ),
    reads=[MEMINFO],
    cost="one small read for all items together",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
