"""Sockets that wait to be spoken to, and who holds them: /proc/net/{tcp,udp}{,6} and /proc/PID/fd below the root."""

from __future__ import annotations

import os
import sys

from checklib import kernelfs, limits
from checklib.accounts import name_of
from checklib.errors import CannotTell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from checklib.node import Node

_TCP_LISTEN, _UDP_UNCONNECTED = "0A", "07"  # a TCP socket that is closed is in no list, a UDP one never listens
_CHUNK_BYTES = 65_536
_LINK = "socket:["


class Waiting:
    """A socket that waits. address: of this machine, as people write it; mapped IPv4 as IPv4."""

    __slots__ = ("address", "inode", "port")

    def __init__(self, address: str, port: int, inode: str) -> None:
        self.address = address
        self.port = port
        self.inode = inode


class Holders:
    """Who holds sockets. of: inode -> pids; hidden: why some processes could not be looked at, or empty."""

    __slots__ = ("hidden", "looked_at", "of")

    def __init__(self) -> None:
        self.looked_at = 0
        self.of: dict[str, list[str]] = {}
        self.hidden = ""


def parse_sockets(text: str) -> list[Waiting]:
    """/proc/net/tcp, tcp6, udp or udp6 -> those that wait; a line that is none is left out."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) > 9 and words[3] in {_TCP_LISTEN, _UDP_UNCONNECTED} and words[9].isdecimal():
            try:
                address, port = address_of(words[1])
            except ValueError:
                continue
            found.append(Waiting(address, port, words[9]))
    return found


def address_of(text: str) -> tuple[str, int]:
    """`0100007F:0016` -> ("127.0.0.1", 22), words of 32 bits in the machine's own order. Raises ValueError."""
    import socket

    address, _, port = text.partition(":")
    raw = bytes.fromhex(address)
    if len(raw) not in {4, 16}:
        raise ValueError(text)
    if sys.byteorder == "little":
        raw = b"".join(raw[place : place + 4][::-1] for place in range(0, len(raw), 4))
    if raw[:12] == b"\0" * 10 + b"\xff\xff":
        raw = raw[12:]
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw), int(port, 16)


def waiting(node: Node, protocol: str) -> list[Waiting] | None:
    """All that wait by a protocol, looked at once a request: tcp, tcp6, udp or udp6. None where there is no list."""

    def look() -> list[Waiting] | None:
        try:
            text = _list_of(node, protocol)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if "local_address" not in text.partition("\n")[0]:
            raise CannotTell(f"/proc/net/{protocol} has no heading: it is no list of the kernel's")
        return parse_sockets(text)

    return node.once(f"sockets {protocol}", look)


def _list_of(node: Node, protocol: str) -> str:
    """The list; of TCP only its first part: all that listen come before all connections (proc_net_tcp, kernel docs)."""
    fd = node.root.open(f"/proc/net/{protocol}")
    raw = bytearray()
    try:
        while True:
            chunk = node.root.chunk(fd, f"/proc/net/{protocol}", _CHUNK_BYTES)
            raw += chunk
            if not chunk or (protocol.startswith("tcp") and _is_past_listening(raw)):
                break
            if len(raw) > limits.sockets_bytes_max:
                raise CannotTell(f"/proc/net/{protocol} has more than {limits.sockets_bytes_max} bytes")
    finally:
        os.close(fd)
    return raw.decode("ascii", "replace")


def _is_past_listening(raw: bytearray) -> bool:
    """Whether the last whole line is of a connection."""
    words = raw[raw.rfind(b"\n", 0, raw.rfind(b"\n")) + 1 :].split()
    return len(words) > 9 and words[0] != b"sl" and words[3] != _TCP_LISTEN.encode()


def holders(node: Node) -> Holders:
    """Who holds which socket: a look at all descriptors of all processes, once a request."""
    return node.once("socket holders", lambda: _look_through(node))


def _look_through(node: Node) -> Holders:
    found = Holders()
    for pid in kernelfs.pids(node):
        _look_at(node, pid, found)
    return found


def _look_at(node: Node, pid: str, found: Holders) -> None:
    """Add what one process holds."""
    try:
        fds = node.root.names(f"/proc/{pid}/fd")
        found.looked_at += len(fds)
        if found.looked_at > limits.descriptors_max:
            raise CannotTell(f"the processes have more than {limits.descriptors_max} files open")
        for inode in set(_sockets(node, pid, fds)):
            found.of.setdefault(inode, []).append(pid)
    except PermissionError:
        found.hidden = "some processes do not show their descriptors (it takes root, with all its capabilities)"


def _sockets(node: Node, pid: str, fds: Iterable[str]) -> Iterator[str]:
    for fd in fds:
        try:
            target = node.root.readlink(f"/proc/{pid}/fd/{fd}")
        except (FileNotFoundError, ProcessLookupError, NotADirectoryError):  # closed since, or the process has ended
            continue
        if target.startswith(_LINK):
            yield target[len(_LINK) : -1]


def program_of(node: Node, pid: str) -> str:
    """A process's name as the kernel has it; where that was cut, as its first argument has it. "" where it ended."""
    try:
        name = node.root.text(f"/proc/{pid}/comm").rstrip("\n")
        if len(name.encode()) < limits.process_name_bytes:
            return name
        called = node.root.text(f"/proc/{pid}/cmdline", limits.arguments_bytes_max).split("\0")[0].rpartition("/")[2]
    except (FileNotFoundError, ProcessLookupError, NotADirectoryError):
        return ""
    return called if called.startswith(name) else name


def user_of(node: Node, pid: str) -> str:
    """The user it runs as; "" where it ended."""
    try:
        status = node.root.text(f"/proc/{pid}/status")
    except (FileNotFoundError, ProcessLookupError, NotADirectoryError):
        return ""
    uids = next((line.split()[1:] for line in status.splitlines() if line.startswith("Uid:")), [])
    return name_of(node, "user", int(uids[1])) if len(uids) > 1 and uids[1].isdecimal() else ""
