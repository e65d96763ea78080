"""Faults of a node, as the kernel tells of them: what was killed, hung, broke or ran out, and since when."""

from __future__ import annotations

import time

from checklib import counters, faulty, klog, parameters
from checklib.errors import CannotTell, NotApplicable
from checklib.faultstates import DUMPS, STATES
from checklib.kernelfs import numbered, parse_number, read, read_number
from checklib.kinds import MAY_SPAWN, Kind, Parameter, Property
from checklib.several import some, tellable
from checklib.values import Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from checklib.contract import Item
    from checklib.faulty import Said
    from checklib.node import Node
    from checklib.values import Observation

    Counter = tuple[int, list[str]]  # how many since boot, and the things it is about

WITHIN_H = 24
EDAC = "/sys/devices/system/edac/mc"
VMSTAT = "/proc/vmstat"
HUNG_TASKS = "/proc/sys/kernel/hung_task_detect_count"
CONNTRACK = "/proc/sys/net/netfilter/nf_conntrack"
CONNTRACK_STATISTICS = "/proc/net/stat/nf_conntrack"
DOCKER = "docker"  # the one whose messages are not the kernel's
BOOT_ID = "/proc/sys/kernel/random/boot_id"
COUNT, ORDER = "n", "order"  # short names in what is kept


def parse_oom_kills(text: str) -> int | None:
    """/proc/vmstat -> processes killed for want of memory since boot; None before Linux 4.13, which did not count."""
    for line in text.split("\n"):
        name, _, number = line.partition(" ")
        if name == "oom_kill":
            return parse_number(number)
    return None


def parse_conntrack_drops(text: str) -> int:
    """/proc/net/stat/nf_conntrack, a line of hexadecimal numbers a processor -> packets dropped as the table was full.

    Raises CannotTell where it has no such column.
    """
    lines = [line.split() for line in text.splitlines()]
    if len(lines) < 2 or "drop" not in lines[0]:
        raise CannotTell(f"{CONNTRACK_STATISTICS} has no column `drop`, or none of a processor")
    place = lines[0].index("drop")
    try:
        return sum(int(row[place][:16], 16) for row in lines[1:] if len(row) > place)
    except ValueError:
        raise CannotTell(f"{CONNTRACK_STATISTICS} holds something else than numbers") from None


def _oom(node: Node) -> Counter | None:
    killed = parse_oom_kills(read(node, VMSTAT) or "")
    return None if killed is None else (killed, [])


def _hung(node: Node) -> Counter | None:
    count = read_number(node, HUNG_TASKS)
    return None if count is None else (count, [])


def _dropped(node: Node) -> Counter | None:
    text = read(node, CONNTRACK_STATISTICS)
    if text is None:
        return None
    return parse_conntrack_drops(text), []


def _edac(which: str) -> Callable[[Node], Counter | None]:
    """which: ce or ue, as the kernel's files begin."""

    def count(node: Node) -> Counter | None:
        controllers = numbered(node, EDAC, "mc")
        if not controllers:
            return None
        total, labels = 0, []
        for number in controllers:
            count = read_number(node, f"{EDAC}/mc{number}/{which}_count")
            if count is None:
                raise CannotTell(f"{EDAC}/mc{number} has no {which}_count")
            total += count
            for dimm in numbered(node, f"{EDAC}/mc{number}", "dimm"):
                folder = f"{EDAC}/mc{number}/dimm{dimm}"
                if read_number(node, f"{folder}/dimm_{which}_count"):
                    labels.append(read(node, f"{folder}/dimm_label") or f"mc{number} dimm{dimm}")
        return total, sorted(labels)

    return count


# Fault -> a counter of the kernel's, which forgets nothing: before its log, where this kernel has it.
COUNTERS: dict[str, Callable[[Node], Counter | None]] = {
    "oom": _oom,
    "hung_task": _hung,
    "ecc_corrected": _edac("ce"),
    "ecc_uncorrected": _edac("ue"),
    "conntrack": _dropped,
}
# Fault that only a driver tells of -> what is missing where neither its counter nor a message is there.
DRIVERS = {
    "ecc_corrected": f"no memory controller is watched: there is no {EDAC}/mc0",
    "ecc_uncorrected": f"no memory controller is watched: there is no {EDAC}/mc0",
    "conntrack": f"no connections are tracked: there is no {CONNTRACK}_max",
}


def _share(used: int | None, most: int | None) -> Observation:
    """In percent, rounded up, as df(1) does."""
    return None if used is None or not most else -(-100 * used // most)


def _conntrack_used(node: Node) -> Observation:
    return _share(read_number(node, f"{CONNTRACK}_count"), read_number(node, f"{CONNTRACK}_max"))


def _pids_used(node: Node) -> Observation:
    running = (read(node, "/proc/loadavg") or "").split()
    total = parse_number(running[3].partition("/")[2]) if len(running) > 3 else None
    most = [read_number(node, f"/proc/sys/kernel/{name}") for name in ("pid_max", "threads-max")]
    return _share(total, min([one for one in most if one], default=None))


def _files_used(node: Node) -> Observation:
    numbers = (read(node, "/proc/sys/fs/file-nr") or "").split()
    return _share(parse_number(numbers[0]), parse_number(numbers[2])) if len(numbers) == 3 else None


USED: dict[str, Callable[[Node], Observation]] = {
    "conntrack": _conntrack_used,
    "pids": _pids_used,
    "files": _files_used,
}
KEYS = (*faulty.SIGNS, *STATES)


def observe(item: Item, node: Node) -> Observed:
    """One fault."""
    if item.key in STATES:
        found = STATES[item.key](node)
        values: dict[str, Observation] = {"count": len(found), "recent": len(found), "what": sorted(set(found))}
        return Observed({**values, "used": _used(item.key, node)}, note=some(found))
    if item.key not in faulty.SIGNS:
        raise CannotTell(f"there is no fault {item.key[:80]!r}: known are {', '.join(KEYS)}")
    used = {"used": _used(item.key, node)} if "used" in item.expect else {}
    if set(item.expect) == {"used"}:  # no log has to be read for it
        return Observed(used)
    counted = COUNTERS[item.key](node) if item.key in COUNTERS else None
    try:
        seen = _counted(item, node, counted) if counted is not None else _logged(item, node)
    except NotApplicable as reason:
        return Observed({"count": reason, "recent": reason, "what": reason, "newest": reason, **used})
    return Observed({**seen.values, **used}, note=seen.note, keep=seen.keep)


def _used(key: str, node: Node) -> Observation:
    """How full a table is; na where there is none, for whatever reason."""
    if key not in USED:
        return NotApplicable(f"{key} has no limit that could be reached: only {', '.join(USED)} have")
    share = USED[key](node)
    if share is None:
        return NotApplicable(DRIVERS.get(key, "the kernel does not tell it") + node.root.whereabouts())
    return share


def _counted(item: Item, node: Node, counted: Counter) -> Observed:
    """By a counter since boot."""
    count, what = counted
    risen = counters.risen(item, node, {COUNT: count}, parameters.within_s(item, WITHIN_H))
    values: dict[str, Observation] = {"count": risen.since_last[COUNT], "recent": risen.recent[COUNT], "what": what}
    if "newest" in item.expect:
        values["newest"] = faulty.said(item.key, klog.of(node), -1).newest or None
    note = "; ".join(filter(None, [risen.note, some(what)])) if risen.recent[COUNT] else ""
    return Observed(values, note=note, keep=risen.keep)


def _logged(item: Item, node: Node) -> Observed:
    """By the messages in the kernel's log that came since the last look."""
    log = klog.of_docker(node, item.timeout_s) if item.key == DOCKER else klog.of(node)
    boot = f"{(read(node, BOOT_ID) or '')[:13]} {log.source.rpartition('/')[2]}"
    last = node.last(item)
    known, before = _known(last["value"] if last else None, boot)
    said = faulty.said(item.key, log, known)
    is_watched = item.key not in DRIVERS or (item.key == "conntrack" and node.root.exists(f"{CONNTRACK}_max"))
    if not is_watched and not said.count and not before:
        raise NotApplicable(f"{DRIVERS[item.key]}{node.root.whereabouts()}")
    orders = [record.order for record in log.records if record.order is not None]
    total = said.count + before if orders else said.count
    risen = counters.rises({COUNT: total}, last, boot, time.time(), parameters.within_s(item, WITHIN_H))
    values: dict[str, Observation] = {"count": risen.since_last[COUNT], "recent": risen.recent[COUNT]}
    values.update(what=said.what, newest=said.newest or None)
    keep = dict(risen.keep, **{ORDER: max([known, *orders])}) if risen.keep else None
    return Observed(values, note=_note(risen.note, log, said), keep=keep)


def _known(kept: object, boot: str) -> tuple[int, int]:
    """Up to which message the last look saw, and how many it had counted; -1 and 0 where none is known."""
    if not isinstance(kept, dict) or kept.get("boot") != boot or not isinstance(kept.get(ORDER), int):
        return -1, 0
    counted = kept.get("counts")
    pair = counted.get(COUNT) if isinstance(counted, dict) else None
    count = pair[0] if isinstance(pair, list) and pair else 0
    return kept[ORDER], count if isinstance(count, int) else 0


def _note(since: str, log: klog.Log, said: Said) -> str:
    """Nothing of a fault that never was, but where the log no longer goes back to the boot."""
    if since and not log.is_whole:
        since = f"{since}, as far back as {log.source} goes"
    elif not said.count:
        since = ""
    return "; ".join(filter(None, [since, said.newest]))


def discover(node: Node) -> Iterator[str]:
    """All that can be told here."""

    def count(key: str) -> None:
        if key not in COUNTERS or COUNTERS[key](node) is None:
            klog.of_docker(node, KIND.timeout_s) if key == DOCKER else klog.of(node)

    yield from tellable(STATES, lambda key: STATES[key](node))
    yield from tellable(faulty.SIGNS, count)


KIND = Kind(
    "fault",
    title="faults of the node: what was killed, hung, broke or ran out, as the kernel tells of it",
    chapter="faults",
    key=(
        "oom (processes killed for want of memory), hung_task, lockup (of a processor), oops (of the kernel, panics "
        "too), crash (of programs), machine_check, ecc_corrected, ecc_uncorrected, hardware_corrected, "
        "hardware_recoverable, hardware_fatal (what the firmware reports), pcie, gpu, thermal, disk, filesystem, "
        "filesystem_warning, nic (hangs and resets), netdev (that cannot be removed), conntrack, pids, files (each of "
        "them full), docker (its images and containers broken); and what is so now: readonly (filesystems the kernel "
        "no longer writes to), dumps (of crashes, kept), iptables (two packet filters at once), clock (not kept)"
    ),
    keys=KEYS,
    main="count",
    properties={
        "count": Property("number", "how often since the last look; of what is so now: how many there are"),
        "recent": Property("number", "how often within the last hours"),
        "used": Property("number", "of conntrack, pids and files: how full it is now", unit="percent"),
        "what": Property("list", "what it is about, where that is told: devices, programs, memory slots, mount points"),
        "newest": Property("text", "the last message about it, its long numbers as #"),
    },
    parameters={"within_h": Parameter("number", f"of recent: how many hours, {WITHIN_H} if left out")},
    default={"count": {"equals": 0}},
    example={
        "oom": {"expect": {"recent": 0}},
        "readonly": {"equals": 0, "severity": "critical"},
        "conntrack": {"equals": 0, "expect": {"used": {"at_most": 80}}},
    },
    outcomes=(
        "Where no earlier look is known (another boot, a check by hand, the second pass), all since boot counts, and "
        "the finding says so, and too where the log no longer goes back that far. Only the kernel's own messages "
        "count: what programs write into its log does not. na where there is no kernel log, and ecc_* and conntrack "
        "where no driver counts, and used of what has no limit; an error where the log may not be read "
        "(kernel.dmesg_restrict without root). Any root with a log file or a /proc can be looked at; of it clock and "
        "docker's journal are na. Bad sectors, network interfaces' errors, restarts and the clock's offset are told "
        "by the kinds drive, interface, service and time."
    ),
    reads=[
        klog.KMSG, *klog.FILES, VMSTAT, HUNG_TASKS, EDAC, CONNTRACK_STATISTICS, "/proc/1/mountinfo", *DUMPS,
        klog.DOCKER_FILE, "journalctl -t dockerd",
    ],
    cost="the kernel's log once for all items: some 3 ms a thousand messages; docker runs journalctl",
    observe=observe,
    discover=discover,
    effort=MAY_SPAWN,
)  # fmt: skip

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
