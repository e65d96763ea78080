"""The messages of DNS, RFC 1035: a question in bytes, and the addresses out of an answer. Pure; answers are hostile."""

from __future__ import annotations

import struct

from checklib import limits
from checklib.errors import CannotTell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

A, AAAA = 1, 28
OK, NO_SUCH_NAME = "NOERROR", "NXDOMAIN"
_CODES = {0: OK, 1: "FORMERR", 2: "SERVFAIL", 3: NO_SUCH_NAME, 4: "NOTIMP", 5: "REFUSED"}
_IN = 1
_HEADER_BYTES = 12
_RECURSION_DESIRED, _IS_ANSWER, _IS_CUT = 0x0100, 0x8000, 0x0200
_POINTER = 0xC0


class Answer:
    """What a nameserver said. code: NOERROR, NXDOMAIN, SERVFAIL …; is_cut: the rest is told over TCP alone."""

    __slots__ = ("addresses", "code", "is_cut")

    def __init__(self, code: str, is_cut: bool, addresses: list[str]) -> None:  # noqa: FBT001 - a plain record
        self.code = code
        self.is_cut = is_cut
        self.addresses = addresses


def question(number: int, name: str, kind: int) -> bytes:
    """A question for one kind of record. number: of 16 bits, comes back with the answer. Raises CannotTell."""
    return struct.pack(">6H", number, _RECURSION_DESIRED, 1, 0, 0, 0) + _name(name) + struct.pack(">HH", kind, _IN)


def _name(name: str) -> bytes:
    bare = name[:-1] if name.endswith(".") else name
    labels = bare.split(".")
    if (
        not bare.isascii()
        or len(bare) > limits.name_chars_max
        or not all(0 < len(label) <= limits.label_chars_max for label in labels)
    ):
        raise CannotTell(f"{name[:80]!r} cannot be looked up: between dots stand 1 to 63 ASCII characters")
    return b"".join(bytes([len(label)]) + label.encode("ascii") for label in labels) + b"\0"


def answer(raw: bytes, asked: bytes) -> Answer | None:
    """What a message says to the question `asked`; None where it is no answer to it. Raises CannotTell where broken."""
    if raw[:2] != asked[:2] or len(raw) < len(asked):
        return None
    _, flags, questions, answers = struct.unpack_from(">4H", raw)
    if not flags & _IS_ANSWER or questions != 1 or raw[12 : len(asked)].lower() != asked[12:].lower():
        return None
    code = _CODES.get(flags & 0xF, f"code {flags & 0xF}")
    kind = struct.unpack(">H", asked[-4:-2])[0]
    cut = bool(flags & _IS_CUT)
    return Answer(code, cut, [] if cut else list(_addresses(raw, len(asked), answers, kind)))


def _addresses(raw: bytes, place: int, count: int, wanted: int) -> Iterator[str]:
    """Of all records of that kind: a chain of other names leads to them, and the nameserver has followed it."""
    import socket

    if count > limits.dns_records_max:
        raise CannotTell(f"the nameserver's answer has more than {limits.dns_records_max} records")
    for _ in range(count):
        place = _after_name(raw, place)
        if place + 10 > len(raw):
            raise _broken()
        kind, class_, _, size = struct.unpack_from(">HHIH", raw, place)
        body = raw[place + 10 : place + 10 + size]
        place += 10 + size
        if place > len(raw):
            raise _broken()
        if (kind, class_) == (wanted, _IN):
            if size != (4 if wanted == A else 16):
                raise _broken()
            yield socket.inet_ntop(socket.AF_INET if wanted == A else socket.AF_INET6, body)


def _after_name(raw: bytes, place: int) -> int:
    """Where the name ends. It need not be read, so that no pointer in it has to be followed."""
    while place < len(raw):
        size = raw[place]
        if size & _POINTER == _POINTER:
            return place + 2
        place += 1 + size
        if size == 0:
            return place
    raise _broken()


def _broken() -> CannotTell:
    return CannotTell("the nameserver's answer is broken")
