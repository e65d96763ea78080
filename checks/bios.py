"""The machine and its firmware: BIOS, product, board, chassis; from /sys/class/dmi/id, else from the DMI tables."""

from __future__ import annotations

import re

from checklib import devices, dmi
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import Kind, Property
from checklib.values import Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from checklib.contract import Item
    from checklib.node import Node

ID = "/sys/class/dmi/id"
EFI = "/sys/firmware/efi"
SECURE_BOOT = f"{EFI}/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
FIRMWARE = "/sys/firmware"
FIELDS = {  # key -> file below ID, type of a structure, offset of the text's number in it
    "bios_vendor": ("bios_vendor", 0, 0x04),
    "bios_version": ("bios_version", 0, 0x05),
    "bios_date": ("bios_date", 0, 0x08),
    "vendor": ("sys_vendor", 1, 0x04),
    "product": ("product_name", 1, 0x05),
    "product_version": ("product_version", 1, 0x06),
    "sku": ("product_sku", 1, 0x19),
    "family": ("product_family", 1, 0x1A),
    "board_vendor": ("board_vendor", 2, 0x04),
    "board": ("board_name", 2, 0x05),
    "board_version": ("board_version", 2, 0x06),
    "chassis_vendor": ("chassis_vendor", 3, 0x04),
    "chassis_version": ("chassis_version", 3, 0x06),
}
RELEASES = {"bios_release": ("bios_release", 0x14), "ec_release": ("ec_firmware_release", 0x16)}
VERSIONS = {"bios_version", "bios_date", "bios_release", "ec_release", "board_version", "product_version"}
# DSP0134, 7.4.1: from 1 on.
CHASSIS = (
    "other", "unknown", "desktop", "low profile desktop", "pizza box", "mini tower", "tower", "portable", "laptop",
    "notebook", "hand held", "docking station", "all in one", "sub notebook", "space-saving", "lunch box",
    "main server chassis", "expansion chassis", "sub chassis", "bus expansion chassis", "peripheral chassis",
    "raid chassis", "rack mount chassis", "sealed-case pc", "multi-system", "compactpci", "advancedtca", "blade",
    "blade enclosing", "tablet", "convertible", "detachable", "iot gateway", "embedded pc", "mini pc", "stick pc",
)  # fmt: skip
_DATE = re.compile(r"(\d\d)/(\d\d)/(\d\d\d\d|\d\d)")
_NOT_RELEASED = 0xFF


def parse_date(text: str) -> str:
    """`04/12/2021`, as SMBIOS has it, month first -> 2021-04-12, which has an order; any other text is its own."""
    found = _DATE.fullmatch(text.strip())
    if not found:
        return text.strip()
    month, day, year = found.groups()
    return f"{year if len(year) == 4 else '19' + year}-{month}-{day}"


def parse_chassis(text: str) -> str:
    """The number of a form of chassis, perhaps with the bit of a lock -> its name. Raises CannotTell for no number."""
    number = devices.parse_whole(text) & 0x7F
    return CHASSIS[number - 1] if 0 < number <= len(CHASSIS) else f"form {number}"


def _release(structure: dmi.Structure | None, offset: int) -> str | None:
    if structure is None:
        return None
    major, minor = structure.number(offset), structure.number(offset + 1)
    if major is None or minor is None or major == _NOT_RELEASED:
        return None
    return f"{major}.{minor}"


def _of_tables(node: Node, key: str) -> str | None:
    structures = dmi.tables(node)
    if key in RELEASES:
        return _release(dmi.first(structures, 0), RELEASES[key][1])
    if key == "chassis":
        chassis = dmi.first(structures, 3)
        number = chassis.number(0x05) if chassis else None
        return None if number is None else str(number)
    _, kind, offset = FIELDS[key]
    structure = dmi.first(structures, kind)
    return structure.text(offset) if structure else None


def _text(node: Node, key: str) -> str | None:
    """What the kernel or, without it, the tables say of a key."""
    if node.root.names(ID):  # an empty directory in its place hides it
        file = "chassis_type" if key == "chassis" else RELEASES[key][0] if key in RELEASES else FIELDS[key][0]
        return devices.read(node, f"{ID}/{file}")
    return _of_tables(node, key)


def _boot(node: Node) -> str:
    if node.root.exists(EFI):
        return "uefi"
    if not node.root.exists(FIRMWARE):
        raise NotApplicable(f"there is no {FIRMWARE}{node.root.whereabouts()}")
    return "legacy"


def _secure_boot(node: Node) -> str:
    """Behind four bytes of attributes one byte says it; efivarfs holds it only where it is mounted."""
    if _boot(node) == "legacy":
        raise NotApplicable("this machine was not started by UEFI")
    try:
        raw = node.root.read(SECURE_BOOT)
    except (FileNotFoundError, NotADirectoryError):
        raise NotApplicable(f"there is no {SECURE_BOOT}{node.root.whereabouts()}") from None
    if len(raw) != 5:
        raise CannotTell(f"{SECURE_BOOT} has {len(raw)} bytes instead of 5")
    return "on" if raw[4] else "off"


KEYS = (*FIELDS, *RELEASES, "chassis", "boot", "secure_boot")


def observe(item: Item, node: Node) -> Observed:
    """What the machine says of one key."""
    if item.key not in KEYS:
        raise CannotTell(f"bios has no {item.key[:80]!r}: known are {', '.join(KEYS)}")
    if item.key in {"boot", "secure_boot"}:
        return Observed({"value": _boot(node) if item.key == "boot" else _secure_boot(node)})
    text = dmi.said(_text(node, item.key))
    if text is None:
        return Observed({}, exists=False)
    if item.key == "chassis":
        return Observed({"value": parse_chassis(text)})
    if item.key == "bios_date":
        text = parse_date(text)
    return Observed({"value": devices.version(text) if item.key in VERSIONS else text})


def discover(node: Node) -> Iterator[str]:
    """The keys of which something is said."""
    if node.root.exists(FIRMWARE):
        yield "boot"
    if node.root.exists(SECURE_BOOT):
        yield "secure_boot"
    if node.root.exists(ID) or node.root.exists(dmi.DMI):
        yield from (key for key in (*FIELDS, *RELEASES, "chassis") if dmi.said(_text(node, key)) is not None)


KIND = Kind(
    "bios",
    title="the machine and its firmware: BIOS, product, board, chassis",
    chapter="hardware",
    key=(
        "bios_version, bios_date (as 2021-04-12), bios_vendor, bios_release, ec_release, vendor, product, "
        "product_version, sku, family, board, board_vendor, board_version, chassis (its form), chassis_vendor, "
        "chassis_version, boot (uefi or legacy), secure_boot (on or off)"
    ),
    keys=KEYS,
    main="value",
    properties={"value": Property("text", "as the firmware tells it; versions and the date have an order")},
    example={
        "bios_version": {"at_least": "2.2.4"},
        "bios_date": {"at_least": "2021-04-12"},
        "product": {"one_of": ["PowerEdge R6515", "PowerEdge R6525"]},
    },
    outcomes=(
        "What nobody has filled in, as `Not Specified`, is absent. na where the kernel hands out no DMI, as on many "
        "virtual and ARM machines; boot where there is no /sys/firmware; secure_boot on machines not started by UEFI "
        "and where efivarfs is not mounted. Any root with a /sys can be looked at. Serial numbers are not told: they "
        "differ on every node."
    ),
    reads=[ID, dmi.DMI, EFI],
    cost="one small read; without /sys/class/dmi/id the tables, once for all items",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
