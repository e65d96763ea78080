"""CORE. memberlist's transmit-limited queue: what a member still has to pass on, and what goes into the next packet.

Read in memberlist/queue.go (GetBroadcasts) and serf/delegate.go (GetBroadcasts). A member keeps one queue of
membership messages and three of Serf's: intents, queries, events. Packets are filled in that order. In each queue what
was sent less often goes first, of those the bigger, of those the newer; what does not fit any more is passed over.

Here all queues of a member are one sorted list of whole numbers, so that this order is the order of the list:

    kind (4 bits) | times sent (8) | 4,095 - cost (12) | 2**32 - 1 - number (32) | index of the message (24)

`cost` is the message's bytes and what framing it costs in a compound packet. `number` counts what came into the queue,
and begins anew whenever the queue is empty, if only because all of it is just being sent. So two messages of the same
length can come to the same number, and when both were sent equally often, one takes the other's place in the tree that
memberlist keeps: that member forgets it. This is so in the source (deleteItem, addItem), and so it is here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Protocol, TypeVar

__all__ = ["COST_MAX", "EVENT", "INDEX_MASK", "INTENT", "KIND_SHIFT", "MEMBERSHIP", "QUERY", "SENT_MASK", "SENT_SHIFT",
           "Sendable", "insert", "key_of", "take"]  # fmt: skip

MEMBERSHIP, INTENT, QUERY, EVENT = range(4)
FRAMING = (2, 3, 3, 3)  # net.go compoundOverhead, and userMsgOverhead for what is Serf's own

INDEX_MASK = (1 << 24) - 1
_INDEX_BITS = 24
_NUMBER_SHIFT, _NUMBER_MAX = 24, (1 << 32) - 1
_COST_SHIFT, COST_MAX = 56, 4095
SENT_SHIFT, SENT_MASK = 68, 255
KIND_SHIFT = 76
_SENT_ONCE = 1 << SENT_SHIFT
_COST_LEAST = 16  # no message is smaller: nothing more fits


class Sendable(Protocol):
    """What the queue must know of a message: how often it may be sent."""

    limit: int


M = TypeVar("M", bound=Sendable)


def key_of(kind: int, size: int, number: int, index: int) -> int:
    """The entry of a message that was not sent yet."""
    cost = COST_MAX - (size + FRAMING[kind])
    return (kind << KIND_SHIFT) | (cost << _COST_SHIFT) | ((_NUMBER_MAX - number) << _NUMBER_SHIFT) | index


def insert(queue: list[int], key: int) -> None:
    """Put an entry in its place, and out of it the one that differs in nothing but the message."""
    place = bisect_left(queue, key & ~INDEX_MASK)
    if place < len(queue) and queue[place] >> _INDEX_BITS == key >> _INDEX_BITS:
        queue[place] = key
    else:
        queue.insert(place, key)


def take(queue: list[int], room: int, messages: Sequence[M]) -> list[M]:
    """What goes into one packet with that much room. Entries sent often enough leave the queue."""
    taken: list[M] = []
    again: list[int] = []
    places: list[int] = []
    for place, key in enumerate(queue):
        cost = COST_MAX - (key >> _COST_SHIFT & COST_MAX)
        if cost > room:
            continue
        room -= cost
        message = messages[key & INDEX_MASK]
        taken.append(message)
        places.append(place)
        if (key >> SENT_SHIFT & SENT_MASK) + 1 < message.limit:
            again.append(key + _SENT_ONCE)
        if room < _COST_LEAST:
            break
    if places and places[-1] == len(places) - 1:
        del queue[: len(places)]
    else:
        for place in reversed(places):
            del queue[place]
    for key in again:
        insert(queue, key)
    return taken
