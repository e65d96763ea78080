"""Memory modules and their slots, as the firmware tells of them: SMBIOS, from /sys/firmware/dmi below the root."""

from __future__ import annotations

from collections import Counter

from checklib import devices, dmi, limits
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import Kind, Property
from checklib.values import Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.contract import Item
    from checklib.devices import Look
    from checklib.node import Node
    from checklib.values import Observation

ALL = "all"
KIB_PER_MIB = 1024
_SLOT, _ARRAY = 17, 16
_SYSTEM_MEMORY = 3
_UNKNOWN, _EXTENDED = 0xFFFF, 0x7FFF
# DSP0134, 7.18.2 and 7.17.3, by number.
TYPES = {
    15: "SDRAM", 18: "DDR", 19: "DDR2", 20: "DDR2 FB-DIMM", 24: "DDR3", 25: "FBD2", 26: "DDR4", 27: "LPDDR",
    28: "LPDDR2", 29: "LPDDR3", 30: "LPDDR4", 31: "Logical non-volatile device", 32: "HBM", 33: "HBM2", 34: "DDR5",
    35: "LPDDR5", 36: "HBM3",
}  # fmt: skip
CORRECTIONS = {3: "none", 4: "parity", 5: "single-bit", 6: "multi-bit", 7: "crc"}


class Slot:
    """One slot. size_mib 0: nothing in it; texts and numbers are None where the firmware does not say."""

    __slots__ = ("configured_speed", "ecc", "manufacturer", "name", "part", "rank", "size_mib", "speed", "type")

    def __init__(self, structure: dmi.Structure, ecc: str | None) -> None:
        bank = dmi.said(structure.text(0x11))
        self.name = dmi.said(structure.text(0x10)) or bank or "slot"
        self.size_mib = _size(structure)
        self.type = TYPES.get(structure.number(0x12) or 0)
        self.speed = _speed(structure, 0x15, 0x54)
        self.configured_speed = _speed(structure, 0x20, 0x58)
        self.manufacturer = dmi.said(structure.text(0x17))
        self.part = dmi.said(structure.text(0x1A))
        self.rank = (structure.number(0x1B) or 0) & 0x0F or None
        self.ecc = ecc


def _size(structure: dmi.Structure) -> int | None:
    """MiB; None where the firmware does not know."""
    size = structure.number(0x0C, 2)
    if size is None or size == _UNKNOWN:
        return None
    if size == _EXTENDED:
        extended = structure.number(0x1C, 4)
        return None if extended is None else extended & 0x7FFF_FFFF
    return (size & 0x7FFF) // KIB_PER_MIB if size & 0x8000 else size


def _speed(structure: dmi.Structure, offset: int, extended: int) -> int | None:
    """MT/s; None where nobody says."""
    speed = structure.number(offset, 2)
    return (structure.number(extended, 4) if speed == _UNKNOWN else speed) or None


def slots_of(structures: list[dmi.Structure]) -> dict[str, Slot]:
    """Name of a slot, with its bank or a number where others are called the same -> slot. Of the main memory alone."""
    arrays = {one.handle: one for one in structures if one.kind == _ARRAY}
    told = []
    for structure in structures:
        array = arrays.get(structure.number(0x04, 2) or 0)
        if structure.kind == _SLOT and (array is None or array.number(0x05) == _SYSTEM_MEMORY):
            ecc = CORRECTIONS.get(array.number(0x06) or 0) if array else None
            told.append((Slot(structure, ecc), dmi.said(structure.text(0x11))))
    if len(told) > limits.devices_max:
        raise CannotTell(f"the firmware tells of more than {limits.devices_max} memory slots")
    names = Counter(slot.name for slot, _ in told)
    found: dict[str, Slot] = {}
    seen: Counter[str] = Counter()
    for slot, bank in told:
        plain = f"{bank} {slot.name}" if names[slot.name] > 1 and bank else slot.name
        seen[plain] += 1
        found[plain if seen[plain] == 1 else f"{plain} #{seen[plain]}"] = slot
    return found


def parse_slots(raw: bytes) -> dict[str, Slot]:
    """DMI tables -> name -> slot. Raises CannotTell where they are none."""
    return slots_of(dmi.parse_tables(raw))


def slots(node: Node) -> dict[str, Slot]:
    """The machine's. Raises NotApplicable where the firmware tells of none."""
    found = slots_of(dmi.tables(node))
    if not found:
        raise NotApplicable(f"the firmware tells of no memory slots{node.root.whereabouts()}")
    return found


def observe(item: Item, node: Node) -> Observed:
    """One slot; all of a pattern, of which the one decides that deviates; or all of them together."""
    found = node.once("memory slots", lambda: slots(node))

    def told(property_: str) -> Look:
        return lambda name: getattr(found[name], property_)

    names = list(found) if item.key == ALL else devices.meant(item, found, "memory slot")
    filled = [name for name in names if found[name].size_mib != 0]
    looks = {name: told(name) for name in Slot.__slots__ if name != "name"}
    seen = devices.tell(item, filled, looks)
    values: dict[str, Observation] = {**seen.values, "slots": len(names), "filled": len(filled)}
    shown = dict(seen.shown)
    if item.key == ALL:
        sizes = [found[name].size_mib for name in filled]
        known = [size for size in sizes if size is not None]
        values["size_mib"] = sum(known) if len(known) == len(sizes) else NotApplicable("not all sizes are told")
        shown.pop("size_mib", None)
    note = "the slot is empty" if names and not filled else seen.note
    return Observed(values, exists=bool(filled), shown=shown, note=note)


def discover(node: Node) -> list[str]:
    """All together, and each slot with something in it."""
    try:
        found = node.once("memory slots", lambda: slots(node))
    except NotApplicable:
        return []
    filled = [name for name, slot in found.items() if slot.size_mib]
    return [ALL, *filled] if filled else []


KIND = Kind(
    "dimm",
    title="memory modules and their slots",
    chapter="hardware",
    key=(
        "all, for all of them together; a slot as the firmware calls it, DIMM_A1, or a pattern as DIMM_*: then each "
        "module must be as expected. With its bank in front where several are called the same: `P0 CHANNEL A DIMM 0`"
    ),
    main="size_mib",
    properties={
        "size_mib": Property("number", "what the module holds; of all: together", unit="MiB"),
        "slots": Property("number", "how many slots there are of what the key says"),
        "filled": Property("number", "how many of these have a module"),
        "type": Property("word", "DDR4, DDR5 …"),
        "speed": Property("number", "what the module can do", unit="MT/s"),
        "configured_speed": Property("number", "what it is run at", unit="MT/s"),
        "manufacturer": Property("text", "who made the module, as it is written in it"),
        "part": Property("text", "its part number"),
        "rank": Property("number", "how many ranks it has"),
        "ecc": Property("word", "how errors are mended: none, parity, single-bit, multi-bit or crc"),
    },
    example={
        "all": {"equals": 524288, "expect": {"filled": 16, "type": "DDR4", "configured_speed": {"at_least": 3200}}},
        "DIMM_A1": {"expect": {"part": "M393A4K40DB3-CWE", "manufacturer": "Samsung"}},
    },
    outcomes=(
        "An empty slot is absent, and so is one that is not there, and what the firmware does not say of a module. "
        "Of all, or of a pattern, each module must be as expected. na where the firmware tells of no memory slots, as "
        "on virtual and many ARM machines. Any root with a /sys can be looked at. Only root may read the tables: an "
        "error for others. Serial numbers are not told."
    ),
    reads=[dmi.DMI],
    cost="the tables, some 10 KiB, once for all items",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
