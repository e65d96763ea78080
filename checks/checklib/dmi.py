"""The tables in which firmware describes a machine: SMBIOS (DSP0134), as the kernel hands them out.

A structure is a header (type, length, handle), fields at fixed offsets, and texts that fields name by their number.
"""

from __future__ import annotations

from checklib import limits
from checklib.errors import CannotTell, NotApplicable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.node import Node

DMI = "/sys/firmware/dmi/tables/DMI"
END = 127
_HEADER_BYTES = 4
# What vendors write where nobody has filled in anything.
UNSAID = frozenset(
    {
        "",
        "not specified",
        "unknown",
        "none",
        "no dimm",
        "not provided",
        "undefined",
        "n/a",
        "[empty]",
        "dimm not present",
    }
)


class Structure:
    """One structure. kind: its type; data: its fixed part with the header; texts: those behind it, in order."""

    __slots__ = ("data", "handle", "kind", "texts")

    def __init__(self, kind: int, handle: int, data: bytes, texts: list[str]) -> None:
        self.kind = kind
        self.handle = handle
        self.data = data
        self.texts = texts

    def number(self, offset: int, size: int = 1) -> int | None:
        """The number in a field; None where this structure is too short, of an older version, to have it."""
        field = self.data[offset : offset + size]
        return int.from_bytes(field, "little") if len(field) == size else None

    def text(self, offset: int) -> str | None:
        """The text that a field names, without the white space around it; None where there is none."""
        place = self.number(offset)
        return self.texts[place - 1].strip() or None if place and place <= len(self.texts) else None


def parse_tables(raw: bytes) -> list[Structure]:
    """All structures, in order, up to the end or to what is no whole structure any more, as dmidecode(8) does.

    Raises CannotTell where there is not a single one, or more than limits.dmi_structures_max.
    """
    found: list[Structure] = []
    place = 0
    while place + _HEADER_BYTES <= len(raw):
        kind, length = raw[place], raw[place + 1]
        data = raw[place : place + length]
        if length < _HEADER_BYTES or len(data) < length:
            break
        end = raw.find(b"\0\0", place + length)
        if end < 0:
            break
        texts = [_text(text) for text in raw[place + length : end].split(b"\0")]
        found.append(Structure(kind, int.from_bytes(data[2:4], "little"), data, texts))
        if len(found) > limits.dmi_structures_max:
            raise CannotTell(f"the DMI tables have more than {limits.dmi_structures_max} structures")
        place = end + 2
        if kind == END:
            break
    if not found:
        raise CannotTell("the DMI tables have no structure that can be read")
    return found


def _text(raw: bytes) -> str:
    """Of an unprintable byte a dot is left, as of dmidecode(8)."""
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in raw)


def tables(node: Node) -> list[Structure]:
    """The machine's, read once for all items. Raises NotApplicable where the kernel hands none out."""

    def make() -> list[Structure]:
        try:
            return parse_tables(node.root.read(DMI))
        except (FileNotFoundError, NotADirectoryError):
            raise NotApplicable(f"there are no DMI tables: no {DMI}{node.root.whereabouts()}") from None

    return node.once(DMI, make)


def first(structures: list[Structure], kind: int) -> Structure | None:
    """The first structure of that type."""
    return next((one for one in structures if one.kind == kind), None)


def said(text: str | None) -> str | None:
    """A text that says something; None for what stands where nobody has filled in anything."""
    return None if text is None or text.strip().lower() in UNSAID else text.strip()
