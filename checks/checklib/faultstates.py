"""Faults that are there now, whoever has seen them begin: read-only filesystems, crash dumps, two packet filters."""

from __future__ import annotations

from checklib import mounts, timex
from checklib.errors import NotApplicable
from checklib.kernelfs import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from checklib.node import Node

MOUNTS = ("/proc/1/mountinfo", "/proc/self/mountinfo")
# Never written by anybody: their superblock is read-only from the start.
_READ_ONLY_TYPES = frozenset({"squashfs", "iso9660", "erofs", "cramfs", "romfs", "udf", "overlay"})
_BROKEN = frozenset({"ro", "emergency_ro", "shutdown"})
# Where crash dumps lie, and which names there are some.
DUMPS: dict[str, Callable[[str], bool]] = {
    "/sys/fs/pstore": lambda name: name.startswith("dmesg-"),
    "/var/crash": lambda name: name[:1].isdecimal() or name.startswith("dump.") or name.endswith(".crash"),
    "/var/spool/abrt": lambda name: "-20" in name,  # oops-2024-…, ccpp-2024-…, Python3-2024-…
    "/var/lib/systemd/coredump": lambda name: name.startswith("core."),
}
LEGACY_TABLES = ("/proc/net/ip_tables_names", "/proc/net/ip6_tables_names")
_LINKS = ("/etc/alternatives/iptables", "/usr/sbin/iptables", "/sbin/iptables")


def parse_read_only(text: str) -> list[str]:
    """proc_pid_mountinfo(5) -> mount points that are to be written to, while their filesystem is read-only.

    That is what the kernel makes of a filesystem that it has found broken: the mount's own options stay `rw`. Since
    Linux 6.14 ext4 stays `rw` too, and says emergency_ro or shutdown. Raises CannotTell where it is no such table.
    """
    found = set()
    for fields in mounts.rows_of(text):
        dash = fields.index("-", 6)
        fstype, source = fields[dash + 1], fields[min(dash + 2, len(fields) - 1)]
        is_broken = "ro" not in fields[5].split(",") and not _BROKEN.isdisjoint(fields[-1].split(","))
        if is_broken and source.startswith("/dev/") and fstype not in _READ_ONLY_TYPES:
            found.add(mounts.unescape(fields[4]))
    return sorted(found)


def read_only(node: Node) -> list[str]:
    """Mount points of filesystems that became read-only."""
    for path in MOUNTS:
        text = read(node, path)
        if text is not None:
            return parse_read_only(text)
    raise NotApplicable(f"there is no {MOUNTS[0]}{node.root.whereabouts()}")


def dumps(node: Node) -> list[str]:
    """The folder of every crash dump that lies there."""
    if not any(map(node.root.exists, DUMPS)):
        raise NotApplicable(f"crash dumps are kept nowhere: there is no {', '.join(DUMPS)}{node.root.whereabouts()}")
    return [folder for folder, is_dump in DUMPS.items() for name in node.root.names(folder) if is_dump(name)]


def filters(node: Node) -> list[str]:
    """Tables of the older packet filter that hold rules beside those of an iptables command that writes nftables'."""
    link = next((path for path in _LINKS if node.root.exists(path)), None)
    if link is None:
        raise NotApplicable(f"there is no iptables{node.root.whereabouts()}")
    try:
        target = node.root.readlink(link)
    except OSError:
        target = ""  # a program, and no link: a distribution that never had another
    if "nft" not in target:
        return []
    return sorted({word for path in LEGACY_TABLES for word in (read(node, path) or "").split()})


def clock(node: Node) -> list[str]:
    """The kernel's clock, where nothing keeps it."""
    if not node.root.is_host:
        raise NotApplicable(f"the clock is this machine's, and says nothing of {node.root.path}")
    return ["clock"] if node.once("clock", timex.kernel_status) & timex.UNSYNCHRONISED else []


STATES: dict[str, Callable[[Node], list[str]]] = {
    "readonly": read_only,
    "dumps": dumps,
    "iptables": filters,
    "clock": clock,
}
