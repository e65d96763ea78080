"""What is configured to be mounted, and whether that is what is mounted."""

from __future__ import annotations

from functools import partial

from checklib import units
from checklib.applied import Entry, deviations, parse_fstab
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import Kind, Property
from checklib.mounts import plain_path
from checklib.values import Observation, Observed, or_reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.contract import Item
    from checklib.node import Node

FSTAB = "/etc/fstab"
ALL = "all"


def observe(item: Item, node: Node) -> Observed:
    """One entry, or all of them."""
    entries = node.once("fstab", lambda: _read(node))
    if item.key == ALL:
        return _all(item, node, entries)
    key = plain_path(item.key) if item.key.startswith("/") else item.key
    entry = next((one for one in entries if one.key == key), None)
    if entry is None:
        return Observed(
            {"configured": False}, exists=False, shown={"configured": lambda: "absent"}, note=_by_systemd(key, node)
        )
    values: dict[str, Observation] = {
        "configured": True,
        "source": entry.source,
        "fstype": entry.fstype,
        "options": entry.options,
        "pass": entry.passno,
    }
    note = ""
    if "applied" in item.expect:
        values["applied"], note = _applied([entry], node)
    return Observed(values, note=note[len(f"{entry.key}: ") :])


def _by_systemd(target: str, node: Node) -> str:
    """For people: a unit of systemd's that mounts there instead, where there is one."""
    if not target.startswith("/"):
        return ""
    unit = units.mount_unit(target)
    path = f"{units.ADMIN}/{unit}"  # what systemd brings along lies below /usr, which may be a dead server's
    return f"{path} mounts there: ask the kind service of {unit}" if node.root.exists(path) else ""


def _read(node: Node) -> list[Entry]:
    try:
        return parse_fstab(node.root.written(FSTAB))
    except FileNotFoundError:
        return []


def _all(item: Item, node: Node, entries: list[Entry]) -> Observed:
    none = NotApplicable("all entries together have none: name one")
    values: dict[str, Observation] = dict.fromkeys(("source", "fstype", "options", "pass"), none)
    values["configured"] = bool(entries)
    note = ""
    if "applied" in item.expect:
        values["applied"], note = _applied(entries, node)
    return Observed(values, exists=bool(entries), note=note)


def _applied(entries: list[Entry], node: Node) -> tuple[Observation, str]:
    """Whether all that is to be mounted is, and how not. One that surely deviates counts more than one untold."""
    told: dict[str, Observation] = {}
    for entry in reversed(entries):  # the first of a name counts
        told[entry.key] = or_reason(partial(deviations, entry, node))
    found = [f"{key}: {', '.join(one)}" for key, one in told.items() if one and isinstance(one, list)]
    if found:
        return False, "; ".join(found[::-1])
    untold = [one for one in told.values() if isinstance(one, CannotTell)]
    if untold:
        return untold[-1], ""
    reasons = [one for one in told.values() if isinstance(one, NotApplicable)]
    if len(reasons) == len(told):
        return reasons[-1] if reasons else NotApplicable(f"nothing is configured in {FSTAB}"), ""
    return True, ""


def discover(node: Node) -> list[str]:
    """Every entry. All together may be an error, where one of them cannot be told."""
    return list(dict.fromkeys(entry.key for entry in node.once("fstab", lambda: _read(node))))


KIND = Kind(
    "fstab",
    title="what is configured to be mounted, and whether it is",
    chapter="files",
    key="the mount point; of swap, which has none, its source as it is written; all: every entry",
    main="configured",
    properties={
        "configured": Property("bool", "whether there is such an entry; of two with one mount point the first counts"),
        "source": Property("word", "as it is written: UUID=…, /dev/…, server:/export"),
        "fstype": Property("word", "as it is written"),
        "options": Property("list", "as they are written"),
        "pass": Property("number", "when fsck looks at it: 1 first, 2 after that, 0 never"),
        "applied": Property(
            "bool",
            "whether that is what is mounted or swapped to: type, source, ro nosuid nodev noexec sync dirsync "
            "nosymfollow, access times, the size of a tmpfs; other options of a filesystem are not compared",
        ),
    },
    default={"applied": {"equals": True}},
    example={"/srv": {"expect": {"options": {"contains": ["nodev", "nosuid"]}, "applied": True}}},
    outcomes=(
        "What is not in /etc/fstab is absent. applied is na of a noauto entry that nobody has mounted, and where there "
        "is no /proc; an error where it cannot be found out which device a UUID= or LABEL= means. Any root can be "
        "looked at, and applied where it has a /proc and a /dev. What a .mount unit of systemd mounts is not in fstab: "
        "a finding names that unit, and the kind service tells of it by its name, as srv-data.mount of /srv/data."
    ),
    reads=["/etc/fstab", "/proc/1/mountinfo", "/proc/swaps", "/dev/disk", units.ADMIN],
    cost="one read of fstab and of the mount table for all items together; the filesystems themselves are not touched",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
