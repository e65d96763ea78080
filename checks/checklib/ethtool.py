"""What a network driver says of its card, asked of the kernel as ethtool(8) asks it, by ioctl(2). Linux only."""

from __future__ import annotations

import errno

from checklib import limits
from checklib.errors import NotApplicable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_SIOCETHTOOL = 0x8946
_DRIVER_INFO, _RINGS, _CHANNELS = 0x03, 0x10, 0x3C  # linux/ethtool.h: ETHTOOL_GDRVINFO, _GRINGPARAM, _GCHANNELS
_DRIVER_INFO_BYTES, _RINGS_BYTES, _CHANNELS_BYTES = 196, 36, 36
_NAME_BYTES = 15  # of an interface
_UNSAID = {"", "N/A", "n/a"}


class Card:
    """What a driver tells. Texts are None where it does not say, numbers where it has no such setting."""

    __slots__ = ("bus", "channels", "driver", "firmware", "rx_ring", "rx_ring_max", "tx_ring", "tx_ring_max", "version")

    def __init__(self) -> None:
        self.driver: str | None = None
        self.version: str | None = None
        self.firmware: str | None = None
        self.bus: str | None = None
        self.rx_ring: int | None = None
        self.rx_ring_max: int | None = None
        self.tx_ring: int | None = None
        self.tx_ring_max: int | None = None
        self.channels: int | None = None


def parse_driver_info(raw: bytes) -> list[str | None]:
    """struct ethtool_drvinfo -> driver, version, firmware version, bus address; None where the driver does not say."""
    texts = []
    for begin, length in ((4, 32), (36, 32), (68, 32), (100, 32)):
        text = raw[begin : begin + length].split(b"\0")[0].decode("utf-8", "replace").strip()
        texts.append(None if text in _UNSAID else text[: limits.text_chars_max])
    return texts


def ask(name: str) -> Card:
    """Of an interface of this machine, in the network namespace of who asks. Raises NotApplicable, OSError."""
    import socket

    card = Card()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as asker:

        def get(command: int, size: int) -> bytes | None:
            return _get(asker.fileno(), name, command, size)

        info = get(_DRIVER_INFO, _DRIVER_INFO_BYTES)
        if info is None:
            raise NotApplicable(f"the driver of {name} tells nothing of itself")
        card.driver, card.version, card.firmware, card.bus = parse_driver_info(info)
        _numbers(card, get)
    return card


def _numbers(card: Card, get: Callable[[int, int], bytes | None]) -> None:
    import struct

    rings = get(_RINGS, _RINGS_BYTES)
    if rings is not None:
        card.rx_ring_max, _, _, card.tx_ring_max, card.rx_ring, _, _, card.tx_ring = struct.unpack("=4x8I", rings)
    channels = get(_CHANNELS, _CHANNELS_BYTES)
    if channels is not None:
        *_, receive, send, _, combined = struct.unpack("=4x8I", channels)
        card.channels = combined or max(receive, send)


def _get(socket_fd: int, name: str, command: int, size: int) -> bytes | None:
    """One question; None where the driver does not know it."""
    import fcntl
    import struct
    from array import array

    buffer = array("B", struct.pack("=I", command) + bytes(size - 4))
    address, _ = buffer.buffer_info()
    request = struct.pack("16sP16x", name.encode()[:_NAME_BYTES], address)
    try:
        fcntl.ioctl(socket_fd, _SIOCETHTOOL, request)
    except OSError as error:
        if error.errno in {errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM}:
            return None
        error.filename = name
        raise
    return buffer.tobytes()
