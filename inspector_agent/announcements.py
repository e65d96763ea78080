"""CORE. What is believed of the user event that announces a release: nothing, but that it is time to look.

Anybody in the ring can send one. So it only makes an agent ask its center a little earlier, which the center and its
signatures answer; and whoever sends many gains no more than one who sends a few.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import msgspec
from msgspec import Meta

from inspector_agent import limits

MALFORMED, REPEATED = "malformed-event", "repeated-event"


class Announcement(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """An act of the center. serial: of its pointer; release: the first bytes of the digest it is about."""

    serial: Annotated[int, Meta(ge=1, le=2**53)]
    release: Annotated[bytes, Meta(min_length=limits.id_bytes, max_length=limits.id_bytes)]


_decode = msgspec.msgpack.Decoder(Announcement).decode


def decode_announcement(payload: bytes) -> Announcement | None:
    """What an event says; None where it is no announcement."""
    if len(payload) > limits.announcement_bytes_max:
        return None
    try:
        return _decode(payload)
    except (msgspec.MsgspecError, ValueError):
        return None


class Announcements:
    """Which of them are news. `counted` gets `announced`, `malformed-event` and `repeated-event`."""

    def __init__(self, counted: Counter[str]) -> None:
        self._counted = counted
        self._last: Announcement | None = None

    def hear(self, payload: bytes) -> bool:
        """Whether it is time to look. The same one again is none: Serf repeats events after a reconnection."""
        found = decode_announcement(payload)
        if found is None:
            self._counted[MALFORMED] += 1
            return False
        if found == self._last:
            self._counted[REPEATED] += 1
            return False
        self._last = found
        self._counted["announced"] += 1
        return True
