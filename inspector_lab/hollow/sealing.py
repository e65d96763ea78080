"""The gossip's encryption, as memberlist's security.go: AES-GCM under the ring's key, version 1, without padding."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from inspector_lab.hollow import limits
from inspector_lab.hollow.errors import PacketError
from inspector_lab.hollow.packets import ENCRYPTED

VERSION, NONCE_BYTES, TAG_BYTES = b"\x01", 12, 16
STREAM_HEADER_BYTES = 5


class Seal:
    """Closes and opens what one ring sends; without a key it changes nothing."""

    def __init__(self, key: bytes = b"") -> None:
        """`key`: 16, 24 or 32 bytes; b"": the ring is not encrypted."""
        self._cipher = AESGCM(key) if key else None

    def close(self, packet: bytes) -> bytes:
        """A packet as it travels."""
        if self._cipher is None:
            return packet
        return self._close(packet, None)

    def open(self, packet: bytes) -> bytes:
        """A packet that has arrived. Raises PacketError if it is not of this ring."""
        return packet if self._cipher is None else self._open(packet, None)

    def close_stream(self, message: bytes) -> bytes:
        """A message as it goes through a stream: its size before it, both under the seal."""
        if self._cipher is None:
            return message
        size = len(VERSION) + NONCE_BYTES + len(message) + TAG_BYTES
        header = bytes((ENCRYPTED,)) + size.to_bytes(4, "big")
        return header + self._close(message, header)

    def stream_size(self, data: bytes) -> int | None:
        """Bytes of an encrypted stream's message with its header; None: not known yet. Raises PacketError."""
        if len(data) < STREAM_HEADER_BYTES:
            return None
        if self._cipher is None or data[0] != ENCRYPTED:
            raise PacketError("a stream that is encrypted in a ring that is not, or the other way round")
        size = int.from_bytes(data[1:STREAM_HEADER_BYTES], "big")
        if size > limits.stream_bytes_max:
            raise PacketError(f"a stream of {size} bytes")
        return STREAM_HEADER_BYTES + size

    def open_stream(self, data: bytes) -> bytes:
        """The message of a whole encrypted stream."""
        return self._open(data[STREAM_HEADER_BYTES:], data[:STREAM_HEADER_BYTES])

    @property
    def encrypts(self) -> bool:
        """Whether there is a key."""
        return self._cipher is not None

    def _close(self, plain: bytes, data: bytes | None) -> bytes:
        if self._cipher is None:
            raise PacketError("no key")
        nonce = os.urandom(NONCE_BYTES)
        return VERSION + nonce + self._cipher.encrypt(nonce, plain, data)

    def _open(self, packet: bytes, data: bytes | None) -> bytes:
        if self._cipher is None or packet[:1] != VERSION or len(packet) < 1 + NONCE_BYTES + TAG_BYTES:
            raise PacketError("not encrypted as this ring does it")
        try:
            return self._cipher.decrypt(packet[1 : 1 + NONCE_BYTES], packet[1 + NONCE_BYTES :], data)
        except InvalidTag as problem:
            raise PacketError("encrypted with another key") from problem
