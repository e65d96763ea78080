"""The one UDP socket of all members: it hears every address of the ring, and sends from any.

IP_PKTINFO (ip(7)) tells the address that a packet was for, and sets the one that it is from.
"""

from __future__ import annotations

import socket
import struct
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from inspector_lab.errors import UpError
from inspector_lab.hollow import limits
from inspector_lab.hollow.fleet import Member
from inspector_lab.hollow.packets import Address

IP_PKTINFO = 8  # <linux/in.h>; the socket module names it from Python 3.14 on
PKTINFO = struct.Struct("=I4s4s")  # interface, our address for the route, address in the header
ANCILLARY_BYTES = socket.CMSG_SPACE(PKTINFO.size)
LOOPBACK_BYTE, IPV4_BYTES = b"\x7f", 4


class Arrived(NamedTuple):
    """A packet, the address that it was for, and where it came from."""

    packet: bytes
    to: bytes
    source: Address


class MemberSocket:
    """Non-blocking. What cannot be sent at once waits in `unsent`, in order."""

    def __init__(self, members: Sequence[Member], port: int) -> None:
        """Raises UpError where the port is taken."""
        self.unsent: deque[tuple[Member, Address, bytes]] = deque()
        self._from = [
            [(socket.IPPROTO_IP, IP_PKTINFO, PKTINFO.pack(0, member.address[0], bytes(4)))] for member in members
        ]
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(0)
        self.socket.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, limits.receive_buffer_bytes)
        try:
            self.socket.bind(("", port))
        except OSError as failure:
            self.socket.close()
            raise UpError(f"UDP port {port} cannot be had: {failure.strerror}") from failure

    def receive(self) -> Arrived | None:
        """The next packet; None: there is none now. What does not come from this machine is left out."""
        while True:
            try:
                packet, ancillary, _, source = self.socket.recvmsg(limits.packet_bytes_max, ANCILLARY_BYTES)
            except BlockingIOError:
                return None
            to = next((data[8:12] for _, kind, data in ancillary if kind == IP_PKTINFO), b"")
            address = socket.inet_aton(source[0])
            if to[:1] == LOOPBACK_BYTE == address[:1]:
                return Arrived(packet, to, (address, source[1]))

    def put(self, member: Member, address: Address, packet: bytes) -> None:
        """Send a packet of a member's as soon as the socket takes it. Nothing leaves this machine."""
        if address[0][:1] == LOOPBACK_BYTE and len(address[0]) == IPV4_BYTES and address[1]:
            self.unsent.append((member, address, packet))

    def flush(self, most: int) -> int:
        """Send up to `most` packets that wait. Returns how many were: fewer where the socket is full."""
        sent = 0
        send, unsent = self.socket.sendmsg, self.unsent
        while unsent and sent < most:
            member, address, packet = unsent[0]
            try:
                send((packet,), self._from[member.index], 0, (socket.inet_ntoa(address[0]), address[1]))
            except BlockingIOError:
                break
            unsent.popleft()
            sent += 1
        return sent

    def close(self) -> None:
        """Give the port back."""
        self.socket.close()
