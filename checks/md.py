"""Arrays of the kernel's own RAID (md): state, disks, what is missing; from /sys/block, else /proc/mdstat."""

from __future__ import annotations

import re

from checklib import devices, limits
from checklib.errors import CannotTell, NotApplicable
from checklib.kernelfs import parse_number
from checklib.kinds import Kind, Property

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.contract import Item
    from checklib.devices import Look
    from checklib.node import Node
    from checklib.values import Observation, Observed

SYS = "/sys/block"
MDSTAT = "/proc/mdstat"
_HEAD = re.compile(r"(md\S*) : (\S+) ?(.*)")
_MEMBER = re.compile(r"([^\s\[\]]+)\[\d+\]((?:\([A-Z]\))*)")
_COUNTS = re.compile(r"\[(\d{1,6})/(\d{1,6})\]")
_CHUNK = re.compile(r"(\d{1,12})k chunk")
_SYNC = re.compile(r"(check|resync|recovery|reshape)\s*=\s*(?:([0-9]{1,3}(?:\.\d{1,3})?)%|(DELAYED|PENDING|REMOTE))")
_RUNS = frozenset({"clean", "active", "active-idle", "write-pending", "readonly", "read-auto", "suspended"})
OF_MEMBERS = ("faulty", "spares")
# One of these a member always is, whatever else.
_STATES = frozenset({"in_sync", "faulty", "spare", "journal"})
_WORDS = {"recovery": "recover"}  # as /sys has them


class Array:
    """One array.

    running   it can be read; level  raid1 …; "" where nobody says, as of one that does not run; disks  it should have
    missing   how many of them it lacks; 0 of levels that cannot lack any; None where nobody says
    members   names of its devices, in order; faulty and spares are some of them
    untold    a member whose state nobody tells, so that it may be faulty or a spare; "" where there is none
    sync      idle, check, repair, resync, recover, reshape, frozen; percent of that which is done, None: not under way
    """

    __slots__ = (
        "chunk_kib", "disks", "faulty", "level", "members", "missing", "percent", "running", "spares", "sync", "untold",
    )  # fmt: skip

    def __init__(self) -> None:
        self.running = False
        self.level = ""
        self.disks: int | None = None
        self.missing: int | None = None
        self.members: list[str] = []
        self.faulty: list[str] = []
        self.spares: list[str] = []
        self.untold = ""
        self.sync = "idle"
        self.percent: float | None = None
        self.chunk_kib: int | None = None

    def state(self) -> str:
        """optimal, degraded, inactive, or container: of firmware's metadata, which other arrays live in."""
        if self.level == "container":
            return "container"
        return "inactive" if not self.running else "degraded" if self.missing or self.faulty else "optimal"


def parse_mdstat(text: str) -> dict[str, Array]:
    """/proc/mdstat -> name -> array. Raises CannotTell where there are more than limits.devices_max."""
    found: dict[str, Array] = {}
    array = None
    for line in text.splitlines():
        head = _HEAD.fullmatch(line.rstrip())
        if head:
            array = found[head[1]] = Array()
            if len(found) > limits.devices_max:
                raise CannotTell(f"there are more than {limits.devices_max} arrays")
            _members(array, head[2] == "active", head[3])
        elif array is not None and line[:1].isspace():
            _details(array, line)
        else:
            array = None
    return found


def _members(array: Array, running: bool, text: str) -> None:  # noqa: FBT001 - a word of the line
    """The rest of the first line: `(read-only) raid1 sda1[0] sdb1[1](F)`."""
    array.running = running
    words = [word for word in text.split() if not (word.startswith("(") and word.endswith(")"))]
    if words and not _MEMBER.fullmatch(words[0]):
        array.level = words.pop(0)
    for found in filter(None, map(_MEMBER.fullmatch, words)):
        array.members.append(found[1])
        if "(F)" in found[2]:
            array.faulty.append(found[1])
        elif "(S)" in found[2]:
            array.spares.append(found[1])
    if array.level in {"raid0", "linear"}:
        array.disks, array.missing = len(array.members), 0
    for names in (array.members, array.faulty, array.spares):
        names.sort()


def _details(array: Array, line: str) -> None:
    """A line below the first: blocks and counts, or how far something is."""
    counts = _COUNTS.search(line)
    if counts and array.missing is None:
        array.disks = int(counts[1])
        array.missing = max(0, array.disks - int(counts[2]))
    if "super external:imsm" in line or "super external:ddf" in line:
        array.level = array.level or "container"
    chunk = _CHUNK.search(line)
    if chunk and "blocks" in line:
        array.chunk_kib = int(chunk[1])
    sync = _SYNC.search(line)
    if sync:
        array.sync = _WORDS.get(sync[1], sync[1])
        array.percent = float(sync[2]) if sync[2] else 0.0


def parse_disks(text: str) -> int:
    """raid_disks, `11 (10)` while it grows -> 11. Raises CannotTell where it is no number."""
    return parse_number(text.split("(", maxsplit=1)[0])


def parse_completed(text: str) -> float | None:
    """sync_completed, `1569888 / 2093056` -> percent, one decimal; None of `none` and `delayed`."""
    done, slash, total = text.partition("/")
    if not slash:
        return None
    whole = parse_number(total)
    return round(100 * parse_number(done) / whole, 1) if whole else None


def _of_sys(node: Node, name: str) -> Array:
    md = f"{SYS}/{name}/md"
    array = Array()
    array.running = (devices.read(node, f"{md}/array_state") or "") in _RUNS
    array.level = devices.read(node, f"{md}/level") or ""
    disks = devices.read(node, f"{md}/raid_disks")
    array.disks = None if disks is None else parse_disks(disks)
    array.missing = devices.number(node, f"{md}/degraded")
    if array.missing is None and array.level in {"raid0", "linear"}:
        array.missing = 0
    array.sync = devices.read(node, f"{md}/sync_action") or "idle"
    done = devices.read(node, f"{md}/sync_completed")
    array.percent = None if array.sync == "idle" or done is None else parse_completed(done)
    chunk = devices.number(node, f"{md}/chunk_size")
    array.chunk_kib = chunk // 1024 if chunk else None
    for entry in node.root.names(md):
        if entry.startswith("dev-"):
            member = entry[len("dev-") :]
            array.members.append(member)
            states = (devices.read(node, f"{md}/{entry}/state") or "").split(",")
            if _STATES.isdisjoint(states):
                array.untold = member
            if "faulty" in states:
                array.faulty.append(member)
            elif "spare" in states:
                array.spares.append(member)
    return array


def arrays(node: Node) -> dict[str, Array]:
    """Name -> array. Raises NotApplicable where there is none."""
    names = [name for name in node.root.names(SYS) if node.root.exists(f"{SYS}/{name}/md/array_state")]
    if names:
        return {name: _of_sys(node, name) for name in names}
    text = devices.read(node, MDSTAT)
    found = parse_mdstat(text) if text else {}
    if not found:
        raise NotApplicable(f"there is no array of md{node.root.whereabouts()}")
    return found


def _all(node: Node) -> dict[str, Array]:
    return node.once("arrays", lambda: arrays(node))


def _untold(name: str, array: Array) -> CannotTell:
    return CannotTell(f"the state of {array.untold} in {name} is not told")


def _state(name: str, array: Array) -> str:
    state = array.state()
    if state == "optimal" and array.untold:
        raise _untold(name, array)
    if state == "optimal" and array.missing is None:
        raise CannotTell(f"{name} runs, and how many of its disks it lacks is not told")
    return state


def observe(item: Item, node: Node) -> Observed:
    """One array; of those that a pattern stands for, the one that decides, property by property."""
    found = _all(node)

    def told(property_: str) -> Look:
        def look(name: str) -> Observation:
            value: Observation = getattr(found[name], property_)
            if property_ in OF_MEMBERS and found[name].untold and not value:
                raise _untold(name, found[name])
            return None if value == "" else value

        return look

    looks = {name: told(name) for name in Array.__slots__ if name not in {"running", "untold"}}
    looks["state"] = lambda name: _state(name, found[name])
    return devices.tell(item, devices.meant(item, found, "array"), looks)


def discover(node: Node) -> list[str]:
    """All arrays."""
    try:
        return sorted(_all(node))
    except NotApplicable:
        return []


KIND = Kind(
    "md",
    title="arrays of the kernel's own RAID (md)",
    chapter="hardware",
    key="its name as md0, or a pattern such as md*: then each of them must be as expected",
    main="state",
    properties={
        "state": Property("word", "optimal, degraded, inactive; container where firmware's arrays live in it"),
        "level": Property("word", "raid0, raid1, raid5, raid6, raid10, linear …"),
        "disks": Property("number", "how many disks it should have, without spares"),
        "missing": Property("number", "how many of these it lacks"),
        "members": Property("list", "its devices, in order of names"),
        "faulty": Property("list", "those of them that failed"),
        "spares": Property("list", "those of them that wait, or are being filled"),
        "sync": Property("word", "idle, check, resync, recover, reshape …"),
        "percent": Property("number", "how much of that is done; absent where nothing is under way", unit="percent"),
        "chunk_kib": Property("number", "its chunk size; absent where it has none", unit="KiB"),
    },
    default={"state": {"equals": "optimal"}},
    example={
        "md*": {"equals": "optimal"},
        "md0": {"expect": {"level": "raid1", "disks": 2, "missing": 0, "faulty": {"absent": True}}},
    },
    outcomes=(
        "An array that is not there is absent; na where there is none at all, and where a pattern stands for none, "
        "unless `any` asks for one. An array is degraded while a disk is missing or a failed one has not been taken "
        "out; where nobody says how many are missing, its state is an error. Any root with a /sys or a /proc can be "
        "looked at. Controllers with a RAID of their own need their maker's tool: kind nagios or command."
    ),
    reads=["/sys/block/md*/md", MDSTAT],
    cost="some ten small reads an array, once for all items",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
