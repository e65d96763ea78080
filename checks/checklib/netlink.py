"""The kernel's own tables of routes and addresses, asked over rtnetlink(7): a list in text leaves out half of a route.

Pure but for `dump`. Numbers are in the machine's own order, addresses in the network's.
"""

from __future__ import annotations

import os
import struct

from checklib import limits
from checklib.errors import CannotTell

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    Table = list[tuple[bytes, dict[int, bytes]]]

GET_LINKS, GET_ADDRESSES, GET_ROUTES = 18, 22, 26  # RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE
HEADER = {GET_LINKS: 16, GET_ADDRESSES: 8, GET_ROUTES: 12}  # bytes of struct ifinfomsg, ifaddrmsg and rtmsg
_ERROR, _DONE = 2, 3
_REQUEST_DUMP = 0x301
_INTERRUPTED = 0x10


def dump(what: int, family: int) -> Table:
    """All entries of a table: (header, attributes by number). family: as of the socket module.

    Raises OSError where the kernel refuses, CannotTell where the table never stands still or is too large.
    """
    import socket

    request = struct.pack("=IHHIIBxxx", 20, what, _REQUEST_DUMP, 1, 0, family)
    for _ in range(limits.netlink_tries_max):
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
            kernel.send(request)
            found, interrupted = _receive(kernel, HEADER[what])
        if not interrupted:
            return found
    raise CannotTell("the kernel's table changes faster than it can be read")


def _receive(kernel: socket.socket, header_bytes: int) -> tuple[Table, bool]:
    found: Table = []
    interrupted = False
    while True:
        raw = kernel.recv(limits.netlink_bytes)
        for kind, flags, body in messages(raw):
            interrupted = interrupted or bool(flags & _INTERRUPTED)
            if kind == _DONE:
                return found, interrupted
            if kind == _ERROR:
                number = -struct.unpack_from("=i", body)[0]
                raise OSError(number, os.strerror(number), "rtnetlink")
            found.append((body[:header_bytes], attributes(body[header_bytes:])))
        if len(found) > limits.routes_max:
            raise CannotTell(f"the kernel's table has more than {limits.routes_max} entries")


def messages(raw: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(type, flags, body) of each message in what was received."""
    place = 0
    while place + 16 <= len(raw):
        size, kind, flags = struct.unpack_from("=IHH", raw, place)
        if size < 16:
            return
        yield kind, flags, raw[place + 16 : place + size]
        place += (size + 3) & ~3


def attributes(raw: bytes) -> dict[int, bytes]:
    """Attributes by their number; of two of the same the last counts."""
    found = {}
    place = 0
    while place + 4 <= len(raw):
        size, kind = struct.unpack_from("=HH", raw, place)
        if size < 4:
            break
        found[kind & 0x3FFF] = raw[place + 4 : place + size]  # the two bits above are flags
        place += (size + 3) & ~3
    return found


def number(raw: bytes | None) -> int | None:
    """An attribute of 32 bits; None where it is not there."""
    return struct.unpack("=I", raw)[0] if raw is not None and len(raw) == 4 else None


def address(raw: bytes | None) -> str:
    """An attribute that is an IPv4 or IPv6 address; "" where it is not there."""
    import socket

    if raw is None or len(raw) not in {4, 16}:
        return ""
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


def interface_names() -> dict[int, str]:
    """Number -> name of all interfaces there are now."""
    import socket

    return dict(socket.if_nameindex())
