"""Disks: model, firmware, size, and how healthy they say they are; from /sys/block below the root, and smartctl."""

from __future__ import annotations

from checklib import devices
from checklib.errors import CannotTell, NotApplicable
from checklib.kernelfs import parse_choice
from checklib.kinds import MAY_SPAWN, Kind, Property
from checklib.smart import ASLEEP, COMMAND_LINE, NOT_READ, OPEN_FAILED, parse_smart
from checklib.values import Cut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from checklib.contract import Item
    from checklib.devices import Look
    from checklib.node import Node
    from checklib.values import Observation, Observed

SYS = "/sys/block"
SECTOR_BYTES = 512  # the kernel counts in these, whatever the disk does
GB = 10**9
# Made of files, memory or other disks; drives that hold no disk of their own.
LAYERS = ("loop", "ram", "zram", "dm-", "md", "nbd", "rbd", "drbd", "zd", "bcache", "sr", "fd", "mtdblock")
NO_TOOL = "only smartctl can tell it, and there is no smartctl here"
SCSI_MODEL_CHARS = 16  # of an ATA disk's 40 the kernel's SCSI layer tells these
_TIMEOUT_S = 15.0


def parse_identify(raw: bytes) -> tuple[str, str]:
    """vpd_pg89, the page of SAT in which a disk's IDENTIFY DEVICE stands -> model and firmware, whole.

    Raises CannotTell where it is too short or holds none.
    """
    identify = raw[60 : 60 + 512]
    if len(identify) < 94 or raw[1:2] != b"\x89":
        raise CannotTell("the disk's page 89 is too short to have a model")

    def text(first_word: int, end_word: int) -> str:
        field = identify[2 * first_word : 2 * end_word]
        swapped = b"".join(field[place : place + 2][::-1] for place in range(0, len(field), 2))
        return swapped.decode("ascii", "replace").replace("\0", "").strip()

    return text(27, 47), text(23, 27)


def disks(node: Node) -> list[str]:
    """All disks, in order. Raises NotApplicable where there are none to be seen."""
    names = [name for name in node.root.names(SYS) if not name.startswith(LAYERS)]
    if not names:
        raise NotApplicable(f"there is no disk in {SYS}{node.root.whereabouts()}")
    return names


def _identity(node: Node, name: str) -> tuple[str, str] | None:
    try:
        return parse_identify(node.root.read(f"{SYS}/{name}/device/vpd_pg89"))
    except (OSError, CannotTell):
        return None  # no ATA disk, or a kernel or controller that does not hand it out: others can tell it too


def _is_ata(node: Node, name: str) -> bool:
    return devices.read(node, f"{SYS}/{name}/device/vendor") == "ATA"


def _model(node: Node, name: str) -> Observation:
    identity = _identity(node, name)
    if identity and identity[0]:
        return identity[0]
    text = devices.read(node, f"{SYS}/{name}/device/model") or devices.read(node, f"{SYS}/{name}/device/name")
    if text and _is_ata(node, name) and len(text) >= SCSI_MODEL_CHARS:
        return Cut(text)
    return devices.needed(text, f"{name} does not tell its model")


def _firmware(item: Item, node: Node, name: str) -> Observation:
    identity = _identity(node, name)
    if identity and identity[1]:
        text: str | None = identity[1]
    elif _is_ata(node, name):  # of eight characters the kernel's SCSI layer tells four
        text = _smart(item, node, name).get("firmware")
    else:
        places = (f"{SYS}/{name}/device/{file}" for file in ("firmware_rev", "rev", "fwrev"))
        text = next(filter(None, (devices.read(node, place) for place in places)), None)
    if text is None:
        return NotApplicable(f"{name} does not tell its firmware")
    return devices.version(text)


def _smart(item: Item, node: Node, name: str) -> dict[str, Any]:
    """What smartctl tells of a disk, asked once. One that sleeps is left to sleep."""
    device = f"/dev/{name.replace('!', '/')}"
    of_scsi = [] if name.startswith("nvme") or _is_ata(node, name) else ["-l", "ssd", "-l", "error"]
    argv = ["-j", "-n", "standby", "-i", "-H", "-A", *of_scsi, device]
    ended = node.tool("smartctl", *argv, timeout_s=item.timeout_s, na=NO_TOOL)
    if ended.code & COMMAND_LINE and not ended.stdout.strip():
        raise CannotTell(f"smartctl ended with {ended.code}: {ended.stderr.strip()[:120]}")
    found = parse_smart(ended.stdout)
    if ASLEEP in found:
        raise NotApplicable(f"{name} is in {found[ASLEEP]}, and is not woken up to be asked")
    if ended.code & (COMMAND_LINE | OPEN_FAILED) and not found:
        raise NotApplicable(f"smartctl cannot ask {name}: it has no SMART, or is behind a controller")
    return found


def _needed(name: str, found: dict[str, Any], property_: str) -> Observation:
    if property_ not in found and NOT_READ in found:
        return CannotTell(f"{name} has SMART, and did not tell it when smartctl asked")
    return devices.needed(found.get(property_), f"{name} does not tell it")


def _looks(item: Item, node: Node) -> dict[str, Look]:
    def number(file: str) -> Look:
        return lambda name: devices.number(node, f"{SYS}/{name}/{file}")

    def flag(file: str) -> Look:
        return lambda name: devices.flag(node, f"{SYS}/{name}/{file}")

    def smart(property_: str) -> Look:
        return lambda name: _needed(name, _smart(item, node, name), property_)

    def size(name: str) -> Observation:
        sectors = devices.number(node, f"{SYS}/{name}/size")
        return None if sectors is None else sectors * SECTOR_BYTES // GB

    def scheduler(name: str) -> Observation:
        text = devices.read(node, f"{SYS}/{name}/queue/scheduler")
        return None if text is None else parse_choice(text)

    return {
        "model": lambda name: _model(node, name),
        "firmware": lambda name: _firmware(item, node, name),
        "vendor": lambda name: devices.read(node, f"{SYS}/{name}/device/vendor"),
        "size_gb": size,
        "rotational": flag("queue/rotational"),
        "removable": flag("removable"),
        "read_only": flag("ro"),
        "block_size": number("queue/logical_block_size"),
        "physical_block_size": number("queue/physical_block_size"),
        "scheduler": scheduler,
        "write_cache": lambda name: devices.read(node, f"{SYS}/{name}/queue/write_cache"),
        "state": lambda name: devices.read(node, f"{SYS}/{name}/device/state"),
        **{name: smart(name) for name in SMART},
    }


SMART = {
    "health": Property("word", "passed or failed: what the disk thinks of itself"),
    "wear": Property("number", "how much of its life an SSD has used; may be over 100", unit="percent"),
    "spare": Property("number", "how much an NVMe disk has left to replace bad blocks", unit="percent"),
    "media_errors": Property("number", "how many blocks or reads were lost for good"),
    "reallocated": Property("number", "how many sectors were replaced"),
    "pending": Property("number", "how many sectors cannot be read and wait to be replaced"),
    "warnings": Property("number", "an NVMe disk's critical warnings as the number that their bits make; none is 0"),
    "temperature": Property("number", "how warm it is", unit="°C"),
}


def observe(item: Item, node: Node) -> Observed:
    """One disk; of those that a pattern stands for, the one that decides, property by property."""
    if "/" in item.key:
        raise CannotTell(f"{item.key[:80]!r} is no name of a disk as in {SYS}")
    names = node.once("disks", lambda: disks(node))
    return devices.tell(item, devices.meant(item, names, "disk"), _looks(item, node))


def discover(node: Node) -> list[str]:
    """All disks."""
    try:
        return disks(node)
    except NotApplicable:
        return []


KIND = Kind(
    "drive",
    title="disks: model, firmware, size, health and wear",
    chapter="hardware",
    key="its name as sda or nvme0n1, or a pattern as sd* or *: then each of them must be as expected",
    main="model",
    properties={
        "model": Property("text", "what it is called"),
        "firmware": Property("text", "the version of its firmware; where it is a number it has an order"),
        "vendor": Property("text", "who made it, as the kernel tells it; ATA of SATA disks"),
        "size_gb": Property("number", "its size, whole GB of 1,000,000,000 bytes", unit="GB"),
        "rotational": Property("bool", "it turns, or says so; virtual disks often do"),
        "removable": Property("bool", "it can be taken out, as a stick"),
        "read_only": Property("bool", "the kernel writes nothing to it"),
        "block_size": Property("number", "of the blocks it is addressed by", unit="bytes"),
        "physical_block_size": Property("number", "of the blocks it has inside", unit="bytes"),
        "scheduler": Property("word", "the kernel's scheduler for it: none, mq-deadline, bfq, kyber"),
        "write_cache": Property("text", "write back or write through"),
        "state": Property("word", "running, offline, blocked … of SCSI; live of NVMe"),
        **SMART,
    },
    default={"health": {"equals": "passed"}},
    example={
        "nvme*": {"expect": {"firmware": "GDC5902Q", "wear": {"at_most": 80}, "size_gb": {"at_least": 3840}}},
        "sd*": {"expect": {"health": "passed", "reallocated": 0, "pending": 0}},
    },
    outcomes=(
        "A disk that is not there is absent; na where there is none, and where a pattern stands for none, unless `any` "
        "asks for one. What a disk does not tell, as its model where it is virtual, is na; what the kernel does not "
        "tell is absent. Health, wear and the other counts are smartctl's: na without it, below another root, and of "
        "disks behind a controller that hides them, and of disks in standby, which are not woken up; an error where a "
        "disk with SMART does not answer to it. The firmware of a SATA disk is smartctl's too where the kernel has "
        "only half of it. Any root with a /sys can be looked at. What is made of files, memory or other disks (loop, "
        "zram, dm, md) is no disk."
    ),
    reads=[SYS, "smartctl -j -n standby -i -H -A, of SCSI disks also -l ssd -l error"],
    cost="one small read for each property; smartctl some 20 ms a disk, once for all items",
    effort=MAY_SPAWN,
    timeout_s=_TIMEOUT_S,
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
