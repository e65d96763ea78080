"""How transparent huge pages are set, from /sys/kernel/mm/transparent_hugepage below the root."""

from __future__ import annotations

from checklib.errors import CannotTell, NotApplicable
from checklib.kernelfs import parse_choice, read
from checklib.kinds import Kind, Property
from checklib.values import Observed, Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from checklib.contract import Item
    from checklib.node import Node

THP = "/sys/kernel/mm/transparent_hugepage"


def parse_key(key: str) -> str:
    """enabled, khugepaged.defrag, hugepages-64kB.enabled -> the file. Raises CannotTell where it cannot be one."""
    path = key.replace(".", "/")
    if any(part in {"", ".", ".."} for part in path.split("/")):
        raise CannotTell(f"{key[:80]!r} is no setting of transparent huge pages")
    return path


def observe(item: Item, node: Node) -> Observed:
    """What is chosen; a setting that this kernel does not have is absent."""
    path = parse_key(item.key)
    text = read(node, f"{THP}/{path}")
    if text is None and not node.root.names(THP):
        raise NotApplicable(f"there are no transparent huge pages: nothing in {THP}{node.root.whereabouts()}")
    if text is None:
        return Observed({"value": None}, exists=False)
    return Observed({"value": Words(parse_choice(text))})


def discover(node: Node) -> Iterator[str]:
    """All settings, also of khugepaged and of single sizes; no counters."""
    for name in node.root.names(THP):
        inner = [part for part in node.root.names(f"{THP}/{name}") if part != "stats"]
        keys = [f"{name}.{part}" for part in inner] or [name]
        for key in keys:
            try:
                node.root.text(f"{THP}/{parse_key(key)}")
            except (CannotTell, OSError):
                continue
            yield key


KIND = Kind(
    "thp",
    title="a setting of transparent huge pages",
    chapter="system",
    key="enabled, defrag, shmem_enabled, use_zero_page, khugepaged.defrag, hugepages-64kB.enabled, …: its file's name",
    main="value",
    properties={"value": Property("text", "what is chosen, such as madvise of `always [madvise] never`; or a number")},
    example={"enabled": "madvise"},
    outcomes=(
        "A setting that this kernel does not have is absent; na where the kernel has no transparent huge pages. Any "
        "root with a /sys can be looked at."
    ),
    reads=[THP],
    cost="one small read",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
