"""How full the filesystem of a path is, as df(1) counts; from statvfs below the root."""

from __future__ import annotations

import os
from functools import partial

from checklib import measured
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import Kind, Property
from checklib.values import Observation, Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.contract import Item
    from checklib.node import Node


GIB = 1 << 30


def percent(used: int, available: int) -> int | None:
    """Whole percent, rounded up as df(1) does: 99.1 % is 100. None where there is nothing that could be used."""
    total = used + available
    return -(-100 * used // total) if total > 0 else None


def parse_statvfs(figures: os.statvfs_result) -> dict[str, Observation]:
    """The properties that statvfs(3) tells. Blocks kept for root count neither as free nor as used, as in df(1)."""
    used = percent(figures.f_blocks - figures.f_bfree, figures.f_bavail)
    inodes = percent(figures.f_files - figures.f_ffree, figures.f_favail)
    return {
        "used_percent": NotApplicable("this filesystem has no blocks") if used is None else used,
        "free_bytes": figures.f_bavail * figures.f_frsize,
        "size_bytes": figures.f_blocks * figures.f_frsize,
        "inodes_used_percent": NotApplicable("this filesystem does not count inodes") if inodes is None else inodes,
        "read_only": bool(figures.f_flag & os.ST_RDONLY),
    }


def observe(item: Item, node: Node) -> Observed:
    """The filesystem that holds the path."""
    path = item.key
    if not path.startswith("/"):
        raise CannotTell(f"{path[:80]!r} is no absolute path")
    try:
        values = parse_statvfs(node.root.statvfs(path))
        values["mounted"] = _is_mount_point(path, node)
    except (FileNotFoundError, NotADirectoryError):
        return Observed({}, exists=False, note=f"there is no {path}{node.root.whereabouts()}")
    return Observed(values, shown={"free_bytes": partial(_roughly, values["free_bytes"])})


def _roughly(free_bytes: Observation) -> str:
    """So that nodes which are full alike say the same: their last bytes differ."""
    return f"{measured.about(free_bytes // GIB)} GiB" if isinstance(free_bytes, int) else ""


def _is_mount_point(path: str, node: Node) -> bool:
    """It is on another device than the directory above it, or there is none above it."""
    here, above = node.root.stat(path), node.root.stat(f"{path}/..")
    return here.st_dev != above.st_dev or here.st_ino == above.st_ino


KIND = Kind(
    "disk",
    title="how full a filesystem is",
    chapter="files",
    key="a path in it, best its mount point",
    key_begins="/",
    main="used_percent",
    properties={
        "used_percent": Property("number", "used space, rounded up and without root's reserve, as df", unit="percent"),
        "free_bytes": Property("number", "what may still be written by others than root", unit="bytes"),
        "size_bytes": Property("number", "the whole filesystem", unit="bytes"),
        "inodes_used_percent": Property("number", "used inodes; na where inodes are not counted", unit="percent"),
        "read_only": Property("bool", "whether it is mounted read-only"),
        "mounted": Property("bool", "whether a filesystem is mounted at the path itself"),
    },
    example={"/": {"at_most": 85, "expect": {"inodes_used_percent": {"at_most": 90}, "read_only": False}}},
    outcomes="A path that is not there is absent; an error where nothing answers. Any root can be looked at.",
    reads=["statvfs(3) of the path"],
    cost="one statvfs; a dead network filesystem makes it hang until the item's timeout",
    observe=observe,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
