"""CORE. memberlist's transmit-limited queue: what a member still has to pass on, and what goes into the next packet.

Read in memberlist/queue.go (GetBroadcasts) and serf/delegate.go (GetBroadcasts). A member keeps one queue of
membership messages and three of Serf's: intents, queries, events. Packets are filled in that order. In each queue what
was sent less often goes first, of those the bigger, of those the newer; what does not fit any more is passed over.

Here all queues of a member are one sorted list of whole numbers, so that this order is the order of the list:

    kind (4 bits) | times sent (8) | 4,095 - cost (12) | newest first (32) | index of the message (24)

`cost` is the message's bytes and what framing it costs in a compound packet.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

__all__ = ["COST_MAX", "EVENT", "INDEX_MASK", "INTENT", "MEMBERSHIP", "QUERY", "SENT_MASK", "SENT_SHIFT", "Sendable",
           "key_of", "take", "times_sent"]  # fmt: skip

MEMBERSHIP, INTENT, QUERY, EVENT = range(4)
FRAMING = (2, 3, 3, 3)  # net.go compoundOverhead, and userMsgOverhead for what is Serf's own

INDEX_MASK = (1 << 24) - 1
_NEW_SHIFT, _NEW_MAX = 24, (1 << 32) - 1
_COST_SHIFT, COST_MAX = 56, 4095
SENT_SHIFT, SENT_MASK = 68, 255
_KIND_SHIFT = 76
_SENT_ONCE = 1 << SENT_SHIFT
_COST_LEAST = 16  # no message is smaller: nothing more fits


class Sendable(Protocol):
    """What the queue must know of a message: how often it may be sent."""

    limit: int


M = TypeVar("M", bound=Sendable)


def key_of(kind: int, size: int, order: int, index: int) -> int:
    """The entry of a message that was not sent yet. `order` grows with every message queued."""
    cost = COST_MAX - (size + FRAMING[kind])
    return ((kind << 8) << SENT_SHIFT) | (cost << _COST_SHIFT) | ((_NEW_MAX - order) << _NEW_SHIFT) | index


def times_sent(key: int) -> int:
    """How often that entry was sent."""
    return key >> SENT_SHIFT & SENT_MASK


def take(queue: list[int], room: int, messages: Sequence[M], obsolete: Callable[[M], bool] | None = None) -> list[M]:
    """What goes into one packet with that much room. Entries sent often enough leave the queue.

    `obsolete` tells messages that a newer one about the same member has replaced: they go without being sent.
    """
    taken: list[M] = []
    again: list[int] = []
    gone: list[int] = []
    for place, key in enumerate(queue):
        message = messages[key & INDEX_MASK]
        if obsolete is not None and obsolete(message):
            gone.append(place)
            continue
        cost = COST_MAX - (key >> _COST_SHIFT & COST_MAX)
        if cost > room:
            continue
        room -= cost
        taken.append(message)
        gone.append(place)
        if (key >> SENT_SHIFT & SENT_MASK) + 1 < message.limit:
            again.append(key + _SENT_ONCE)
        if room < _COST_LEAST:
            break
    if gone and gone[-1] == len(gone) - 1:
        del queue[: len(gone)]
    else:
        for place in reversed(gone):
            del queue[place]
    for key in again:
        insort(queue, key)
    return taken
