"""CORE. What an entry's Serf agent can take: its socket's buffer, and the queue between its reader and its handler.

Read in memberlist/net_transport.go (udpListen), net.go (packetListen, handleCommand, packetHandler). One goroutine
reads packets, another works them off; between them wait `HandoffQueueDepth` at most, and what comes then is dropped
with a log line. In front of the reader is the kernel's buffer, which drops silently. Both work here in the order of
arrival (Serf works the newest off first, which changes no count).

The two service times are fitted to what was measured at one entry on two cores. With a buffer of 2 MiB and these times:
20,000 answers a second are complete (as measured); of 50,000 members that all acknowledge beside their answers, 53 % of
the acks and 10 % of the answers are lost (measured: 70 % and 15 to 20 %); of 10,000 that do so at once, 13 % (measured:
up to 8 %).
"""

from __future__ import annotations

from collections import Counter

from inspector_lab.simulated.profile import Profile

__all__ = ["SOCKET_BYTES", "Inbox"]

SOCKET_BYTES = 2 * 212_992  # net.core.rmem_max as kernels ship it, which Linux doubles for its own bookkeeping
READ_S = 0.000_020  # a system call, a buffer of 64 kB, a checksum
HANDLE_S = 0.000_025  # msgpack, the query's bookkeeping, a record to the client
_SMALL_BYTES, _SMALL_TRUE, _BIG_TRUE = 128, 768, 1_280  # what Linux books for a packet: skb->truesize


class Inbox:
    """One entry's."""

    __slots__ = ("_counted", "_depth", "_handled", "_read", "_socket_bytes", "slower_s")

    def __init__(self, profile: Profile, counted: Counter[str], socket_bytes: int = SOCKET_BYTES) -> None:
        self._depth = profile.handoff_depth
        self._socket_bytes = socket_bytes
        self._counted = counted
        self.slower_s = 0.0  # that each packet takes longer to read, and to handle
        self._read = self._handled = 0.0  # when the reader and the handler are free again

    def take(self, now: float, size: int) -> float | None:
        """A packet of that size arrives: when it will have been handled; None: dropped, and counted."""
        true = _SMALL_TRUE if size <= _SMALL_BYTES else _BIG_TRUE
        read_s, handle_s = READ_S + self.slower_s, HANDLE_S + self.slower_s
        unread = (self._read - now) / read_s
        if unread * true > self._socket_bytes:
            self._counted["overflow_socket"] += 1
            return None
        read = self._read = max(self._read, now) + read_s
        if (self._handled - read) / handle_s > self._depth:
            self._counted["overflow_handoff"] += 1
            return None
        self._handled = max(self._handled, read) + handle_s
        return self._handled

    def stopped_until(self, now: float) -> None:
        """The process did not run until now: what its socket holds is read from now on."""
        self._read = max(self._read, now)
        self._handled = max(self._handled, now)
