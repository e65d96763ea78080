"""CORE. memberlist's packets: bytes to messages, and the messages that members send to bytes.

A packet is one message, or a compound of several; compressed if that made it shorter; behind a checksum if the sender
knows that the receiver reads those (memberlist protocol 5). Written from memberlist v0.5.0, net.go and util.go. What is
encrypted has been opened by `sealing` before it comes here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from zlib import crc32

import msgspec

from inspector_lab.hollow import limits
from inspector_lab.hollow.errors import PacketError
from inspector_lab.hollow.lzw import compress, expand
from inspector_lab.hollow.packing import Fields, flag, octets, pack, read_map, text, whole

PING, INDIRECT, ACK, SUSPECT, ALIVE, DEAD, PUSH_PULL, COMPOUND, USER, COMPRESSED, ENCRYPTED, NACK, CHECKSUM = range(13)
VERSIONS = (1, 5, 2, 2, 5, 5)
"""What members speak: memberlist 1 to 5, now 2; Serf 2 to 5, now 5. As the Serf agent 0.9.4 itself says."""

UINT32, PORT, NAME = 0xFFFF_FFFF, 0xFFFF, 255
V4_IN_V6 = bytes(10) + b"\xff\xff"
Address = tuple[bytes, int]
"""(IP address, four bytes of it or more; port)."""


class Ping(msgspec.Struct, frozen=True, gc=False):
    """Are you there? `source` is where the ack goes; None: where the ping came from."""

    seq: int
    node: str
    source: Address | None


class IndirectPing(msgspec.Struct, frozen=True, gc=False):
    """Is `node` there? Ask it for me, and say so also if not, where `nack`."""

    seq: int
    node: str
    target: Address
    nack: bool
    source: Address | None


class Ack(msgspec.Struct, frozen=True, gc=False):
    """Somebody is there."""

    seq: int


class Nack(msgspec.Struct, frozen=True, gc=False):
    """Somebody was asked, and has not answered."""

    seq: int


class Doubt(msgspec.Struct, frozen=True, gc=False):
    """A member is suspected, or `dead`: held for that, or it has left."""

    node: str
    incarnation: int
    dead: bool


class Join(msgspec.Struct, frozen=True, gc=False):
    """A member is alive: news of others, which a hollow ring does not keep."""


class User(msgspec.Struct, frozen=True, gc=False):
    """A message of Serf's own."""

    body: bytes


Message = Ping | IndirectPing | Ack | Nack | Doubt | Join | User


def read_packet(data: bytes) -> list[Message]:
    """The messages of a packet, in order. Raises PacketError, and nothing else, where it is none."""
    if data[:1] == b"\x0c" and len(data) >= 5:
        if crc32(data[5:]) != int.from_bytes(data[1:5], "big"):
            raise PacketError("a wrong checksum")
        data = data[5:]
    return list(_messages(data, limits.nesting_max))


def _messages(data: bytes, depth: int) -> Iterator[Message]:
    if not data:
        raise PacketError("an empty message")
    if depth == 0:
        raise PacketError("messages in messages")
    kind, body = data[0], data[1:]
    if kind == COMPOUND:
        for part in _parts(body):
            yield from _messages(part, depth - 1)
    elif kind == COMPRESSED:
        yield from _messages(inflate(body), depth - 1)
    else:
        yield _message(kind, body)


def _parts(body: bytes) -> Iterator[bytes]:
    """The messages of a compound: a count, their lengths, then they themselves."""
    count = body[0] if body else 0
    at = 1 + 2 * count
    if not count or len(body) < at:
        raise PacketError("a compound without its lengths")
    for size in struct.unpack_from(f">{count}H", body, 1):
        if len(body) < at + size:
            raise PacketError("a compound that is cut short")
        yield body[at : at + size]
        at += size


def inflate(body: bytes, *, peek: int = 0) -> bytes:
    """What a compressed message holds; `peek` as in `lzw.expand`."""
    fields = read_map(body)
    if whole(fields, b"Algo", 255):
        raise PacketError("compressed in an unknown way")
    return expand(octets(fields, b"Buf", limits.stream_bytes_max), limits.inflated_bytes_max, peek=peek)


def _message(kind: int, body: bytes) -> Message:
    if kind == USER:
        return User(body)
    if kind == ALIVE:
        return Join()
    if kind not in (PING, INDIRECT, ACK, NACK, SUSPECT, DEAD):
        raise PacketError(f"a message of the unknown kind {kind}")
    fields = read_map(body)
    if kind in (SUSPECT, DEAD):
        return Doubt(text(fields, b"Node", NAME), whole(fields, b"Incarnation", UINT32), kind == DEAD)
    seq = whole(fields, b"SeqNo", UINT32)
    if kind == ACK:
        return Ack(seq)
    if kind == NACK:
        return Nack(seq)
    node, source = text(fields, b"Node", NAME), _source(fields)
    if kind == PING:
        return Ping(seq, node, source)
    target = ip(fields, b"Target"), whole(fields, b"Port", PORT)
    return IndirectPing(seq, node, target, flag(fields, b"Nack"), source)


def _source(fields: Fields) -> Address | None:
    address, port = ip(fields, b"SourceAddr"), whole(fields, b"SourcePort", PORT)
    return (address, port) if address and port else None


def ip(fields: Fields, name: bytes) -> bytes:
    """An IP address; one of IPv4 in four bytes, however Go has written it."""
    found = octets(fields, name, 16)
    return found[12:] if len(found) == 16 and found.startswith(V4_IN_V6) else found


# ---- what members send ----------------------------------------------------------------------------------------------


def ping(seq: int, node: str, source: Address, name: str) -> bytes:
    """A member asks a node whether it is there."""
    fields = {"SeqNo": seq, "Node": node, "SourceAddr": source[0], "SourcePort": source[1], "SourceNode": name}
    return bytes((PING,)) + pack(fields)


def ack(seq: int, payload: bytes = b"") -> bytes:
    """A member is there. `payload`: its network coordinate, which a hollow member does not have."""
    return bytes((ACK,)) + pack({"SeqNo": seq, "Payload": payload or None})


def nack(seq: int) -> bytes:
    """The one that was to be asked has not answered."""
    return bytes((NACK,)) + pack({"SeqNo": seq})


def alive(node: str, address: Address, meta: bytes, incarnation: int) -> bytes:
    """A member says that it is alive, with its tags."""
    return bytes((ALIVE,)) + pack(
        {
            "Incarnation": incarnation,
            "Node": node,
            "Addr": address[0],
            "Port": address[1],
            "Meta": meta,
            "Vsn": bytes(VERSIONS),
        }
    )


def suspect(node: str, incarnation: int, accuser: str) -> bytes:
    """A member says that another one does not answer."""
    return bytes((SUSPECT,)) + pack({"Incarnation": incarnation, "Node": node, "From": accuser})


def left(node: str, incarnation: int) -> bytes:
    """A member says that it is gone: memberlist's dead message, from the dead one itself."""
    return bytes((DEAD,)) + pack({"Incarnation": incarnation, "Node": node, "From": node})


def state(node: str, address: Address, meta: bytes, incarnation: int) -> bytes:
    """One member in a list of states; alive."""
    return pack(
        {
            "Name": node,
            "Addr": address[0],
            "Port": address[1],
            "Meta": meta,
            "Incarnation": incarnation,
            "State": 0,
            "Vsn": bytes(VERSIONS),
        }
    )


def push_pull(states: Sequence[bytes], user: bytes, *, join: bool) -> bytes:
    """A whole list of states, as it goes through a stream; `user` is Serf's part of it."""
    header = pack({"Nodes": len(states), "UserStateLen": len(user), "Join": join})
    return b"".join((bytes((PUSH_PULL,)), header, *states, user))


def compressed(message: bytes) -> bytes:
    """The packet of a message: compressed, if that makes it shorter."""
    smaller = bytes((COMPRESSED,)) + pack({"Algo": 0, "Buf": compress(message)})
    return smaller if len(smaller) < len(message) else message


def checked(packet: bytes) -> bytes:
    """A packet behind its checksum, for receivers of memberlist protocol 5."""
    return bytes((CHECKSUM,)) + crc32(packet).to_bytes(4, "big") + packet
