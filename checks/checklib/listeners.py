"""Who listens although nobody has said that it may: sockets held against what an item allows."""

from __future__ import annotations

from checklib import sockets
from checklib.errors import CannotTell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.node import Node
    from checklib.sockets import Waiting

_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - what a socket says that is bound to no address


class Allowed:
    """What one word allows. address: a pattern, "" for all; ports: first and last; program: "" where it is of ports."""

    __slots__ = ("address", "ports", "program")

    def __init__(self, program: str, address: str = "", ports: tuple[int, int] = (0, 0)) -> None:
        self.program = program
        self.address = address
        self.ports = ports

    def has(self, one: Waiting) -> bool:
        """Whether it allows a socket by where that listens."""
        from fnmatch import fnmatchcase

        first, last = self.ports
        return first <= one.port <= last and (not self.address or fnmatchcase(one.address, self.address))


def parse_allowed(word: str) -> Allowed:
    """`22`, `30000-32767`, `127.0.0.1:*`, `[::1]:631` or `sshd`. Raises CannotTell."""
    address, colon, ports = word.rpartition(":")
    first, dash, last = ports.partition("-")
    if ports == "*" and colon:
        first, last, dash = "0", "65535", "-"
    numbers = [first, last] if dash else [first, first]
    is_port = all(one.isascii() and one.isdecimal() and len(one) <= 5 for one in numbers)
    if not colon and "/" not in word and any(map(str.isalpha, word)):
        return Allowed(word)
    if not is_port or (colon and not address):
        raise CannotTell(
            f"{word[:80]!r} names nothing that may listen: write 22, 8000-8010, 127.0.0.1:*, [::1]:22, sshd"
        )
    bare = address[1:-1] if address[:1] + address[-1:] == "[]" else address
    try:
        bare = bare if "*" in bare else plain_address(bare) if bare else ""
    except (OSError, ValueError):
        raise CannotTell(f"{word[:80]!r} has no address before its port") from None
    return Allowed("", bare, (int(numbers[0]), int(numbers[1])))


def plain_address(text: str) -> str:
    """An address as it is usually written. Raises OSError or ValueError where it is none."""
    import socket

    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    return socket.inet_ntop(family, socket.inet_pton(family, text))


def others(node: Node, found: list[Waiting], allowed: list[Allowed]) -> list[Waiting]:
    """Those that nothing allows. Raises CannotTell where that takes a program's name and it cannot be told."""
    places = [one for one in allowed if not one.program]
    left = [one for one in found if not any(place.has(one) for place in places)]
    programs = {one.program for one in allowed if one.program}
    if not programs or not left:
        return left
    named = [(one, _programs(node, one)) for one in left]
    if sockets.holders(node).hidden and not all(names for _, names in named):
        raise CannotTell(f"who listens cannot be told: {sockets.holders(node).hidden}")
    return [one for one, names in named if not names or not programs.issuperset(names)]


def _programs(node: Node, one: Waiting) -> list[str]:
    pids = sockets.holders(node).of.get(one.inode, ())
    return sorted({sockets.program_of(node, pid) for pid in pids} - {""})


def tell(node: Node, found: list[Waiting]) -> str:
    """Each by its port, with its address where it has one alone, and who holds it: `8080 (python3)`."""
    told = {}
    for one in found:
        where = "" if one.address in _EVERYWHERE else f"[{one.address}]:" if ":" in one.address else f"{one.address}:"
        names = " ".join(_programs(node, one))
        told[f"{where}{one.port}" + (f" ({names})" if names else "")] = (one.port, where)
    return ", ".join(sorted(told, key=lambda text: told[text]))
