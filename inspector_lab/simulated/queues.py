"""CORE. What all members of a ring have queued, and the messages themselves."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from inspector_lab.simulated.messages import KNOWN, NEVER, Message, packet_bytes
from inspector_lab.simulated.transmit_queue import (
    INDEX_MASK,
    KIND_SHIFT,
    MEMBERSHIP,
    QUERY,
    SENT_MASK,
    SENT_SHIFT,
    insert,
    key_of,
    take,
)

__all__ = ["Queues"]

KINDS = range(QUERY + 2)  # those that are played, and where the last one ends


class Queues:
    """`of[member]` is that member's queue, as transmit_queue has it; `messages` are all there ever were."""

    __slots__ = ("_all_known", "_limit", "_newest", "_numbers", "_room", "messages", "of")

    def __init__(self, members: int, limit: int, room: int) -> None:
        """`limit`: how often each member sends a message; `room`: bytes of messages in a packet."""
        self.of: list[list[int]] = [[] for _ in range(members)]
        self.messages: list[Message] = []
        self._limit = limit
        self._room = room
        self._newest: dict[int, Message] = {}
        self._numbers: dict[tuple[int, int], int] = {}  # (member, kind): the last number given out since it was empty
        self._all_known = [KNOWN] * members

    def create(self, kind: int, size: int, load: Any, about: int) -> Message:
        """A message that nobody knows. `about`: it replaces the last one about that member (-1: none)."""
        message = Message(len(self.messages), kind, size, self._limit, [NEVER] * len(self.of), load)
        self.messages.append(message)
        if about >= 0:
            message.older = self._newest.get(about)
            if message.older is not None:
                message.older.newer = message
            self._newest[about] = message
        return message

    def put(self, member: int, message: Message) -> None:
        """A member is to pass this on; what it replaces leaves the queue."""
        queue = self.of[member]
        older = message.older
        while older is not None:
            index = older.index
            queue[:] = [key for key in queue if key & INDEX_MASK != index]
            older = older.older
        whose = member, message.kind
        number = self._numbers[whose] = self._numbers.get(whose, 0) + 1
        insert(queue, key_of(message.kind, message.size, number, message.index))

    def burden(self, member: int, count: int, size: int) -> None:
        """A member is to pass on so many membership records that all others know."""
        message = Message(len(self.messages), MEMBERSHIP, size, self._limit, self._all_known, None)
        self.messages.append(message)
        queue = self.of[member]
        first = self._numbers.get((member, MEMBERSHIP), 0) + 1
        queue += [key_of(MEMBERSHIP, size, number, message.index) for number in range(first, first + count)]
        queue.sort()
        self._numbers[member, MEMBERSHIP] = first + count - 1

    def clear(self, member: int) -> None:
        """A member has forgotten everything."""
        self.of[member].clear()
        for kind in (MEMBERSHIP, QUERY):
            self._numbers.pop((member, kind), None)

    def waiting(self, member: int, kind: int) -> int:
        """How many messages of a kind this member has queued."""
        return sum(key >> KIND_SHIFT == kind for key in self.of[member])

    def take(self, member: int, used: int = 0) -> list[Message]:
        """What goes into this member's next packet, beside `used` bytes of something else."""
        queue = self.of[member]
        starts = [bisect_left(queue, kind << KIND_SHIFT) for kind in KINDS]
        load = take(queue, self._room - used, self.messages)
        taken = [message.kind for message in load]
        for kind in (MEMBERSHIP, QUERY):
            if taken.count(kind) == starts[kind + 1] - starts[kind]:  # the queue is empty for a moment
                self._numbers.pop((member, kind), None)
        return load

    def take_single(self, member: int, packets: int) -> tuple[Message, int] | None:
        """Where only one message is queued: it, and into how many of so many packets it goes."""
        queue = self.of[member]
        if len(queue) != 1:
            return None
        key = queue[0]
        message = self.messages[key & INDEX_MASK]
        self._numbers.pop((member, message.kind), None)
        left = message.limit - (key >> SENT_SHIFT & SENT_MASK)
        if packets < left:
            queue[0] = key + (packets << SENT_SHIFT)
            return message, packets
        queue.clear()
        return message, left

    def wear(self, member: int, packets: int) -> tuple[int, int]:
        """So many packets leave that tell nobody anything new: packets and bytes that really did."""
        single = self.take_single(member, packets)
        if single is not None:
            message, done = single
            return done, done * message.packet_bytes
        done = octets = 0
        while self.of[member] and done < packets:
            load = self.take(member)
            if load:
                done += 1
                octets += packet_bytes(load)
        return done, octets
