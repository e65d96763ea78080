"""DER (X.690), as much of it as certificates need: bounded, strict about lengths, nothing but CannotTell for the rest.

An element is read from bytes that are all there; nothing is believed of a length that goes beyond them.
"""

from __future__ import annotations

from checklib import limits
from checklib.errors import CannotTell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, OID = 0x01, 0x02, 0x03, 0x04, 0x06
SEQUENCE, SET, UTC_TIME, GENERALIZED_TIME = 0x30, 0x31, 0x17, 0x18
_ENCODINGS = {
    0x0C: "utf-8",
    0x12: "ascii",
    0x13: "ascii",
    0x14: "latin-1",
    0x16: "ascii",
    0x1A: "ascii",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}
_LENGTH_BYTES_MAX = 4
_ARC_BYTES_MAX = 10  # of one number of an object identifier


class Element:
    """One element. tag: its first byte, of which only one-byte ones are read; whole: with tag and length."""

    __slots__ = ("content", "tag", "whole")

    def __init__(self, tag: int, content: bytes, whole: bytes) -> None:
        self.tag = tag
        self.content = content
        self.whole = whole

    def parts(self) -> list[Element]:
        """The elements inside."""
        return list(elements(self.content))

    def expect(self, tag: int, what: str) -> Element:
        """Itself, where it is of that tag. Raises CannotTell where it is another."""
        if self.tag != tag:
            raise CannotTell(f"the certificate's {what} is none: its tag is 0x{self.tag:02x}")
        return self


def elements(raw: bytes) -> Iterator[Element]:
    """The elements that stand behind each other, up to the last byte."""
    place = 0
    while place < len(raw):
        element = first(raw, place)
        yield element
        place += len(element.whole)


def first(raw: bytes, place: int = 0) -> Element:
    """The element that begins at a place. Raises CannotTell where none does that is whole."""
    begin = place
    if len(raw) - place < 2:
        raise CannotTell("the certificate is cut off")
    tag, size = raw[place], raw[place + 1]
    place += 2
    if tag & 0x1F == 0x1F:
        raise CannotTell("the certificate has a tag of more than one byte, which none needs")
    if size & 0x80:
        count = size & 0x7F
        if not 0 < count <= _LENGTH_BYTES_MAX or len(raw) - place < count:
            raise CannotTell("the certificate has a length that is none")
        size = int.from_bytes(raw[place : place + count], "big")
        place += count
    if size > limits.certificate_bytes_max or len(raw) - place < size:
        raise CannotTell("the certificate has a part that is longer than itself")
    return Element(tag, raw[place : place + size], raw[begin : place + size])


def oid(content: bytes) -> str:
    """An object identifier: 2.5.4.3."""
    arcs: list[int] = []
    number = count = 0
    for byte in content:
        number = number << 7 | byte & 0x7F
        count += 1
        if count > _ARC_BYTES_MAX:
            raise CannotTell("the certificate has an object identifier of a number too large")
        if not byte & 0x80:
            arcs.append(number)
            number = count = 0
    if not arcs or count:
        raise CannotTell("the certificate has an object identifier that is cut off")
    head = min(arcs[0] // 40, 2)
    return ".".join(map(str, [head, arcs[0] - 40 * head, *arcs[1:]]))


def integer(content: bytes) -> int:
    """A whole number, of any size that fits."""
    return int.from_bytes(content, "big", signed=True)


def text(element: Element) -> str:
    """A string of any of DER's sorts; what is no text of its sort is shown as replacement characters."""
    encoding = _ENCODINGS.get(element.tag)
    if encoding is None:
        return element.content.hex()
    return element.content.decode(encoding, "replace")


def moment(element: Element) -> int:
    """UTCTime or GeneralizedTime, in UTC as RFC 5280 wants it -> seconds since 1970."""
    from datetime import datetime, timezone

    digits = element.content[:-1].decode("ascii", "replace")
    if element.tag == UTC_TIME and len(digits) == 12:
        digits = ("19" if digits >= "50" else "20") + digits
    if element.content[-1:] != b"Z" or len(digits) != 14 or not digits.isdigit() or not digits.isascii():
        raise CannotTell("the certificate has a time that RFC 5280 does not know")
    month, day, hour, minute, second = (int(digits[place : place + 2]) for place in range(4, 14, 2))
    try:
        return int(datetime(int(digits[:4]), month, day, hour, minute, second, tzinfo=timezone.utc).timestamp())
    except ValueError as error:
        raise CannotTell(f"the certificate has a time that no clock shows: {error}") from error
