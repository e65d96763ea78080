"""Huge pages set aside, by size and NUMA node, from /sys/kernel/mm/hugepages below the root."""

from __future__ import annotations

from checklib.errors import CannotTell, NotApplicable
from checklib.kernelfs import KIB, MIB, parse_meminfo, parse_number, read, read_number
from checklib.kinds import Kind, Property
from checklib.values import Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from checklib.contract import Item
    from checklib.node import Node

HUGEPAGES = "/sys/kernel/mm/hugepages"
NODES = "/sys/devices/system/node"
MEMINFO = "/proc/meminfo"
DEFAULT = "default"
UNITS = {"K": 1, "M": 1024, "G": 1024 * 1024}
FILES = {
    "total": "nr_hugepages",
    "free": "free_hugepages",
    "reserved": "resv_hugepages",
    "surplus": "surplus_hugepages",
    "overcommit": "nr_overcommit_hugepages",
}
FIELDS = {
    "total": "HugePages_Total",
    "free": "HugePages_Free",
    "reserved": "HugePages_Rsvd",
    "surplus": "HugePages_Surp",
}


def parse_key(key: str) -> tuple[int, str]:
    """2M, 1G, default, each perhaps with .node1 -> (its size in KiB, node). 0 stands for the default size.

    Raises CannotTell where it is no size.
    """
    size, _, place = key.partition(".")
    if place and not (place.startswith("node") and place[4:].isascii() and place[4:].isdigit()):
        raise CannotTell(f"{key[:80]!r} names no NUMA node: write 2M.node0")
    if size == DEFAULT:
        return 0, place
    if size[-1:] not in UNITS:
        raise CannotTell(f"{key[:80]!r} is no size of a page: write 2M, 1G or {DEFAULT}")
    return parse_number(size[:-1]) * UNITS[size[-1]], place


def spell(kib: int) -> str:
    """A size in KiB as keys have it: 2048 -> 2M."""
    for unit, factor in reversed(UNITS.items()):
        if kib and kib % factor == 0:
            return f"{kib // factor}{unit}"
    return f"{kib}K"


def observe(item: Item, node: Node) -> Observed:
    """How many pages there are of a size; a size that this machine does not have is absent."""
    kib, place = parse_key(item.key)
    fields = node.once("hugepage meminfo", lambda: parse_meminfo(read(node, MEMINFO) or ""))
    default = fields.get("Hugepagesize", 0) // KIB
    kib = kib or default
    directory = f"{NODES}/{place}/hugepages" if place else HUGEPAGES
    if kib and node.root.exists(directory):
        path = f"{directory}/hugepages-{kib}kB"
        wanted = {"total", *item.expect}
        return _told(kib, {name: read_number(node, f"{path}/{FILES[name]}") for name in FILES if name in wanted})
    if place or not default:
        raise NotApplicable(f"there are no huge pages: no {directory}{node.root.whereabouts()}")
    if kib != default:
        raise NotApplicable(f"there is no {HUGEPAGES}{node.root.whereabouts()}, which alone tells of {item.key}")
    return _told(kib, {name: fields.get(field) for name, field in FIELDS.items()})


def _told(kib: int, counts: dict[str, int | None]) -> Observed:
    total = counts["total"]
    return Observed({**counts, "mib": None if total is None else total * kib * KIB // MIB}, exists=total is not None)


def discover(node: Node) -> Iterator[str]:
    """All sizes, and on which nodes there are such."""
    if parse_meminfo(read(node, MEMINFO) or "").get("Hugepagesize"):
        yield DEFAULT
    places = [name for name in node.root.names(NODES) if name[:4] == "node" and name[4:].isdigit()]
    for place, directory in [("", HUGEPAGES), *((place, f"{NODES}/{place}/hugepages") for place in places)]:
        for name in node.root.names(directory):
            size = name[len("hugepages-") : -len("kB")]
            if name == f"hugepages-{size}kB" and size.isascii() and size.isdigit() and len(size) < 12:
                yield f"{spell(int(size))}.{place}".rstrip(".")


KIND = Kind(
    "hugepage",
    title="huge pages set aside (hugetlbfs)",
    chapter="system",
    key="the size of a page (2M, 1G, 16G, 512M, 64K or default), with .node0 behind it for those of one NUMA node",
    main="total",
    properties={
        "total": Property("number", "how many there are"),
        "free": Property("number", "how many of them nobody uses"),
        "reserved": Property("number", "how many are promised and not used yet; not told of one node"),
        "surplus": Property("number", "how many there are beyond what was set aside"),
        "overcommit": Property("number", "how many there may be beyond that; not told of one node"),
        "mib": Property("number", "the memory that they take, whole MiB", unit="MiB"),
    },
    example={"1G": {"equals": 16}},
    outcomes=(
        "A size that this machine does not have is absent; na where the kernel has no huge pages. Below another root "
        "where only /proc/meminfo is to be seen, the default size can be told. Transparent huge pages are the kind thp."
    ),
    reads=[HUGEPAGES, NODES, MEMINFO],
    cost="five small reads",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
