"""A nameserver on loopback with a zone of its own, well-behaved or not; in a thread, or as a program.

As a program: `dns_server.py ADDRESS PORT`, prints a line as soon as it can be asked.
"""

from __future__ import annotations

import socket
import socketserver
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3
A, AAAA, CNAME = 1, 28, 5

ONLY_FOUR, NOT_FOUR = "four.example.com", "not-four.example.com"  # of an IPv6 address it says nothing at all
# Name -> its addresses. What is not here does not exist.
ZONE = {
    ONLY_FOUR: ["192.0.2.4"],
    NOT_FOUR: [],
    "one.example.com": ["192.0.2.1"],
    "both.example.com": ["192.0.2.2", "192.0.2.1", "2001:db8::1"],
    "six.example.com": ["2001:db8::6"],
    "none.example.com": [],
    "many.example.com": [f"10.0.{number // 250}.{number % 250 + 1}" for number in range(300)],
    "alias.example.com": ["192.0.2.7"],
}
ALIASES = {"alias.example.com": "real.example.com"}
# Questions about these are answered in other ways.
FAILING, SILENT, BROKEN, STRANGE = (
    "fails.example.com",
    "silent.example.com",
    "broken.example.com",
    "strange.example.com",
)
UDP_BYTES = 512


def encode(name: str) -> bytes:
    """A name as DNS has it."""
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def respond(asked: bytes, *, by_tcp: bool) -> bytes | None:
    """The answer to one question; None for silence."""
    end = 12 + asked[12:].index(b"\0") + 1
    labels, place = [], 12
    while asked[place]:
        labels.append(asked[place + 1 : place + 1 + asked[place]].decode())
        place += 1 + asked[place]
    name, kind = ".".join(labels).lower(), struct.unpack(">H", asked[end : end + 2])[0]
    question = asked[12 : end + 4]
    if name == SILENT or (name in {ONLY_FOUR, NOT_FOUR} and kind == AAAA):
        return None
    if name == BROKEN:
        return asked[:2] + struct.pack(">5H", 0x8180, 1, 9, 0, 0) + question + b"\xc0"
    if name == STRANGE:
        return bytes([asked[0] ^ 1]) + asked[1:2] + struct.pack(">5H", 0x8180, 1, 0, 0, 0) + question
    known = name in ZONE
    code = SERVFAIL if name == FAILING else NOERROR if known else NXDOMAIN
    family = socket.AF_INET if kind == A else socket.AF_INET6
    addresses = [one for one in ZONE.get(name, []) if (":" in one) == (kind == AAAA)]
    owner, records = b"\xc0\x0c", []
    if name in ALIASES:
        real = encode(ALIASES[name])
        records.append(owner + struct.pack(">HHIH", CNAME, 1, 60, len(real)) + real)
        owner = real
    for one in addresses:
        raw = socket.inet_pton(family, one)
        records.append(owner + struct.pack(">HHIH", kind, 1, 60, len(raw)) + raw)
    body = b"".join(records)
    cut = not by_tcp and len(body) > UDP_BYTES
    flags = 0x8180 | code | (0x0200 if cut else 0)
    whole = asked[:2] + struct.pack(">5H", flags, 1, len(records), 0, 0) + question + body
    return whole[:UDP_BYTES] if cut else whole  # in the middle of a record, as some do


class Udp(socketserver.BaseRequestHandler):
    """One question in a datagram."""

    def handle(self) -> None:
        """One question, or silence."""
        asked, line = self.request
        told = respond(asked, by_tcp=False)
        if told is not None:
            line.sendto(told, self.client_address)


class Tcp(socketserver.BaseRequestHandler):
    """One question a line; the answer comes in pieces, as a network may have it."""

    def handle(self) -> None:
        """One question."""
        told = respond(self.request.recv(4096)[2:], by_tcp=True) or b""
        whole = struct.pack(">H", len(told)) + told
        self.request.sendall(whole[:1])
        self.request.sendall(whole[1:])


@contextmanager
def serving(address: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """The port at which it answers, by UDP and TCP."""
    with socketserver.TCPServer((address, port), Tcp) as door:
        number = door.server_address[1]
        with socketserver.UDPServer((address, number), Udp) as line:
            threads = [threading.Thread(target=one.serve_forever, args=(0.02,)) for one in (door, line)]
            for thread in threads:
                thread.start()
            try:
                yield number
            finally:
                for one in (door, line):
                    one.shutdown()
                for thread in threads:
                    thread.join()


def main(address: str, port: str) -> None:
    """Serve until killed."""
    with serving(address, int(port)):
        print("ready", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
