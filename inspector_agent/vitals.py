"""The node's gauges, read below its root and parsed by pure functions: numbers for an answer, None where there is none.

Only filesystems on local devices are asked how full they are: their figures are in the kernel's memory, while those of
a network's could hang, and the agent with them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from inspector_agent import below, limits
from inspector_agent.wire import Vitals

GAUGE_MAX = 0xFFFF_FFFF
LOCAL = frozenset(["ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "vfat", "jfs", "reiserfs", "zfs", "overlay"])

_ESCAPE = re.compile(r"\\(040|011|012|043|134)")  # all that the kernel writes so: any other backslash is a name's own


def percent(part: float, whole: float) -> int | None:
    """How much of the whole, rounded up, so that 100 means full and 1 is not nothing; None without a whole."""
    if whole <= 0 or part < 0:
        return None
    return min(-int(-100 * part // whole), GAUGE_MAX)


def memory_used(meminfo: str) -> int | None:
    """Percent of memory that is not available, from /proc/meminfo."""
    fields = _fields(meminfo)
    total, available = fields.get("MemTotal"), fields.get("MemAvailable")
    return None if total is None or available is None else percent(total - available, total)


def threads_used(loadavg: str, threads_max: str, pid_max: str) -> int | None:
    """Percent of the threads that may be, from /proc/loadavg (`… running/all …`) and the two limits of the kernel."""
    _, _, everything = (loadavg.split() + [""] * 4)[3].partition("/")
    bounds = [number for number in (_number(threads_max), _number(pid_max)) if number]
    count = _number(everything)
    return None if count is None or not bounds else percent(count, min(bounds))


def files_open(file_nr: str) -> int | None:
    """Percent of the open files that may be, from /proc/sys/fs/file-nr (`allocated unused maximum`)."""
    words = file_nr.split()
    if len(words) != 3:
        return None
    allocated, maximum = _number(words[0]), _number(words[2])
    return None if allocated is None or maximum is None else percent(allocated, maximum)


def load_of(loadavg: str, online: str) -> int | None:
    """The one-minute load in percent of the processors, from /proc/loadavg and /sys/devices/system/cpu/online."""
    words = loadavg.split()
    try:
        return percent(float(words[0]), _members(online))
    except (IndexError, ValueError, OverflowError):
        return None


def conntrack_used(count: str, maximum: str) -> int | None:
    """Percent of the connection tracking table, from nf_conntrack_count and nf_conntrack_max."""
    now, most = _number(count), _number(maximum)
    return None if now is None or most is None else percent(now, most)


def packets(net_dev: str) -> tuple[int, int] | None:
    """(packets, those with an error or dropped), both ways, of all interfaces but loopback, from /proc/net/dev."""
    total = bad = 0
    seen = False
    for line in net_dev.splitlines()[2:]:
        name, _, rest = line.partition(":")
        figures = [_number(word) or 0 for word in rest.split()]
        if name.strip() != "lo" and len(figures) >= 12:
            seen = True
            total += figures[1] + figures[9]
            bad += figures[2] + figures[3] + figures[10] + figures[11]
    return (total, bad) if seen else None


def bad_packets(last: tuple[int, int] | None, now: tuple[int, int] | None) -> int | None:
    """Packets with an error or dropped, per million, between two looks; None with one look, or after a restart."""
    if last is None or now is None or now[0] < last[0] or now[1] < last[1]:
        return None
    good, bad = now[0] - last[0], now[1] - last[1]
    return round(1_000_000 * bad / max(1, good + bad))


def boot_time(stat: str) -> int | None:
    """When the kernel started, Unix time in seconds, from /proc/stat (`btime …`)."""
    for line in stat.splitlines():
        if line.startswith("btime "):
            seconds = _number(line.removeprefix("btime "))
            return seconds if seconds is not None and 0 < seconds <= GAUGE_MAX else None
    return None


def local_mounts(mounts: str) -> list[str]:
    """Mount points of filesystems on local devices, each device once, from /proc/mounts."""
    points: dict[str, str] = {}
    for line in mounts.split("\n"):
        words = line.split(" ")
        if len(words) >= 3 and words[2] in LOCAL:
            device = words[0] if words[0].startswith("/") else words[1]
            points.setdefault(device, _ESCAPE.sub(lambda found: chr(int(found[1], 8)), words[1]))
    return list(points.values())[: limits.mounts_read_max]


def fullest(figures: Iterable[tuple[int, int, int]]) -> int | None:
    """The highest percentage of (total, free, available to users) triples: as `df` counts, root's reserve apart."""
    known = [percent(total - free, total - free + available) for total, free, available in figures if total > 0]
    return max((value for value in known if value is not None), default=None)


class Gauges:
    """Reads the vitals of the node below `root`. Keeps the packet counters of the last look."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._packets: tuple[int, int] | None = None

    def look(self) -> Vitals:
        """All gauges now. Raises nothing."""
        last, self._packets = self._packets, packets(self._read("proc/net/dev"))
        loadavg = self._read("proc/loadavg")
        disk, inodes = self._filesystems()
        netfilter = "proc/sys/net/netfilter/nf_conntrack"
        return Vitals(
            disk=disk,
            inodes=inodes,
            memory=memory_used(self._read("proc/meminfo")),
            threads=threads_used(
                loadavg, self._read("proc/sys/kernel/threads-max"), self._read("proc/sys/kernel/pid_max")
            ),
            open_files=files_open(self._read("proc/sys/fs/file-nr")),
            load=load_of(loadavg, self._read("sys/devices/system/cpu/online")),
            conntrack=conntrack_used(self._read(f"{netfilter}_count"), self._read(f"{netfilter}_max")),
            network=bad_packets(last, self._packets),
            booted=boot_time(self._read("proc/stat")),
        )

    def _filesystems(self) -> tuple[int | None, int | None]:
        blocks, inodes = [], []
        for point in ["/", *local_mounts(self._read("proc/mounts"))]:
            try:
                figures = below.statvfs(self._root, point)
            except OSError:
                continue  # unmounted since, or not below this root
            blocks.append((figures.f_blocks, figures.f_bfree, figures.f_bavail))
            inodes.append((figures.f_files, figures.f_ffree, figures.f_favail))
        return fullest(blocks), fullest(inodes)

    def _read(self, path: str) -> str:
        try:
            return os.fsdecode(below.read(self._root, path, limits.proc_file_bytes_max))
        except OSError:
            return ""


def _fields(meminfo: str) -> dict[str, int]:
    found = {}
    for line in meminfo.splitlines():
        name, _, rest = line.partition(":")
        number = _number((rest.split() or [""])[0])
        if number is not None:
            found[name] = number
    return found


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else None


def _members(ranges: str) -> int:
    """How many numbers `0-3,7` holds."""
    count = 0
    for part in ranges.strip().split(","):
        first, _, last = part.partition("-")
        low, high = _number(first), _number(last or first)
        if low is None or high is None:
            raise ValueError("no list of numbers")
        count += high - low + 1
    return count
