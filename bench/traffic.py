"""What a sweep puts on the network: every packet between the Serf agents of a real ring, read as memberlist writes it.

The packets are taken from the loopback device, which needs root. Counted is what the Internet protocol counts: headers
of IP and UDP (28 bytes) and all behind them, once for each packet that is sent.
"""

from __future__ import annotations

import ctypes
import ipaddress
import socket
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from bench.figures import Figure
from bench.fleet import Fleet
from bench.parts import NOT_HERE
from bench.sweep_overhead import LIGHT
from inspector_lab.hollow.errors import PacketError
from inspector_lab.hollow.packets import User, read_packet
from inspector_lab.limits import gossip_port

QUERY, RESPONSE, RELAY = 4, 5, 9  # of Serf's messages, serf/messages.go
IPV4, UDP = 0x0800, 17  # ETH_P_IP: what comes in, so that loopback shows each packet once; IPPROTO_UDP
SOL_PACKET, PACKET_STATISTICS, SO_ATTACH_FILTER = 263, 6, 26
BUFFER_BYTES = 16 * 2**20
AFTER_S = 1.0  # what is still on its way when a sweep has ended


class Wire:
    """The packets of one ring, counted by kind while they pass.

    Kinds: `answers` (responses and acknowledgements, also relayed ones), `question` (gossip packets that carry one,
    whatever else is in them), `background` (all others, and TCP), `unread`. `packets` and `octets` count each kind.
    """

    def __init__(self, network: ipaddress.IPv4Network) -> None:
        self.packets: Counter[str] = Counter()
        self.octets: Counter[str] = Counter()
        self._over = threading.Event()
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self._socket.settimeout(0.2)
        _only(self._socket, network)
        self._socket.bind(("lo", IPV4))
        self._reader = threading.Thread(target=self._read)

    @contextmanager
    def open(self) -> Iterator[Wire]:
        """Count until the block ends. Exits the program if the kernel had to drop packets."""
        with self._socket:
            self._reader.start()
            try:
                yield self
            finally:
                self._over.set()
                self._reader.join()
            _seen, dropped = struct.unpack("II", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        if dropped:
            raise SystemExit(f"the kernel dropped {dropped} packets: this machine is too busy to count them")

    def _read(self) -> None:
        while not self._over.is_set():
            try:
                packet = self._socket.recv(65_535)
            except TimeoutError:
                continue
            kind = kind_of(packet)
            if kind:
                self.packets[kind] += 1
                self.octets[kind] += len(packet)


def _only(taker: socket.socket, network: ipaddress.IPv4Network) -> None:
    """Let the kernel hand over only what this network sends: a program for its packet filter."""
    program = [
        (0x20, 0, 0, 12),  # load the sender's address
        (0x54, 0, 0, int(network.netmask)),  # of it, the network's part
        (0x15, 0, 1, int(network.network_address)),  # another one: to the end
        (0x06, 0, 0, 65_535),  # take it
        (0x06, 0, 0, 0),  # leave it
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    taker.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(program), ctypes.addressof(code)))


def kind_of(packet: bytes) -> str:
    """What an IP packet is; "": not of the gossip at all."""
    header = 4 * (packet[0] & 15)
    if gossip_port not in struct.unpack_from(">HH", packet, header):
        return ""
    if packet[9] != UDP:
        return "background"
    try:
        messages = read_packet(packet[header + 8 :])
    except PacketError:
        return "unread"
    serf = {message.body[0] for message in messages if isinstance(message, User) and message.body}
    if serf & {RESPONSE, RELAY}:
        return "answers"
    return "question" if QUERY in serf else "background"


def measure(fleet: Fleet, *, runs: int, idle_s: float) -> list[Figure]:
    """Bytes a node of `runs` sweeps, and of the idle ring."""
    nodes = fleet.settled(*LIGHT)
    network = ipaddress.IPv4Network(f"{nodes[0]['address']}/16", strict=False)
    try:
        wire = Wire(network)
    except PermissionError:
        print("bytes on the wire are not measured: that needs root", file=sys.stderr)
        raise SystemExit(NOT_HERE) from None
    unicast, gossip, packets = [], [], []
    with wire.open():
        time.sleep(idle_s)
        background = wire.octets.total() / len(nodes) / idle_s
        for _ in range(runs):
            before, before_packets = wire.octets.copy(), wire.packets.copy()
            fleet.sweep(*LIGHT)
            time.sleep(AFTER_S)
            unicast.append((wire.octets["answers"] - before["answers"]) / len(nodes))
            gossip.append((wire.octets["question"] - before["question"]) / len(nodes))
            packets.append((wire.packets["answers"] - before_packets["answers"]) / len(nodes))
    if wire.packets["unread"] or not wire.packets["answers"]:
        raise SystemExit(f"packets were taken that could not be read, or none: {dict(wire.packets)}")
    return [
        Figure(
            "bytes_per_node",
            f"sweep, unicast bytes a node, real ring of {len(nodes)}",
            "bytes",
            tuple(unicast),
            1_200,
            note="answers, acks and relayed ones, as read off the loopback device, with their IP and UDP headers; "
            "light items, as 50 nodes that share two cores are asked again while their checks wait",
        ),
        Figure("unicast_packets_per_node", "  in packets", "", tuple(packets)),
        Figure(
            "gossip_bytes_per_node",
            "  gossip of the questions, bytes a node",
            "bytes",
            tuple(gossip),
            note="every packet that carries a question, whole, with the membership messages that share it",
        ),
        Figure(
            "background_bytes_per_node_s",
            f"  the idle ring, bytes a node and second, {idle_s:g} s",
            "bytes/s",
            (background,),
            note="pings, their acks, gossip, and the exchange of all state over TCP",
        ),
    ]
