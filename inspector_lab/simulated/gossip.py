"""CORE. The epidemic: how messages get from member to member.

Read in memberlist/state.go (gossip, probe) and net.go (sendMsg). Every member has one moment in each gossip interval at
which it sends what it has queued to a few others picked at random, a packet each; every sending of a message counts
against its limit. Pings, and the answers to them, take messages along in the room they leave.

The ticks of one interval fall into SLOTS moments. Only members that have something queued are visited, and a packet
whose receiver knows all of it is counted without an event. While everybody knows everything that is queued, nothing is
simulated: it is made up for when something new comes (`_catch_up`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from inspector_lab.simulated.chance import Chance
from inspector_lab.simulated.messages import KNOWN, NEVER, Message
from inspector_lab.simulated.network import Network, Place
from inspector_lab.simulated.profile import Profile
from inspector_lab.simulated.timeline import Timeline
from inspector_lab.simulated.transmit_queue import INDEX_MASK, MEMBERSHIP, SENT_SHIFT, key_of, take, times_sent

__all__ = ["DOWN", "FROZEN", "UP", "Gossip"]

UP, FROZEN, DOWN = range(3)
SLOTS = 128  # of 1.6 ms at 200 ms: far below what a network adds, and few enough to be cheap for a small ring
PACKET_BYTES = 7  # net.go: a checksum and the header of a compound
PING_BYTES = 90  # net.go ping: sequence number, both names, address and port
_PICK_BITS, _PICK_MASK = 24, (1 << 24) - 1
_LUCK_MASK = (1 << 16) - 1
_LAUNCH = 1 << 60  # tells the draws of a packet's way from those of a tick


class Gossip:
    """One ring's.

    heard     set by who wants to know: called with (member, message) at the moment at which a member takes one in
    targets   the members that others still send to
    states    of each member: UP, FROZEN or DOWN; changed by `set_state`
    """

    def __init__(
        self,
        timeline: Timeline,
        chance: Chance,
        profile: Profile,
        members: Sequence[Place],
        network: Network,
    ) -> None:
        count = len(members)
        self.heard: Callable[[int, Message], None] = lambda _member, _message: None
        self.targets: Sequence[int] = range(count)
        self.states = bytearray(count)
        self._timeline = timeline
        self._profile = profile
        self._members = members
        self._network = network
        self._draw = chance.part("gossip").bits
        self._width = profile.gossip_interval_s / SLOTS
        self._ping_every = max(1, round(profile.probe_interval_s / profile.gossip_interval_s))
        self._ack_share = profile.gossip_interval_s / profile.probe_interval_s
        phase = chance.part("phase")
        self._phases = bytes(phase.below(SLOTS, member) for member in range(count))
        self._limit = profile.retransmits(count)
        self._messages: list[Message] = []
        self._live: list[Message] = []
        self._queues: list[list[int]] = [[] for _ in range(count)]
        self._slots: list[list[int]] = [[] for _ in range(SLOTS)]
        self._listed = bytearray(count)
        self._answers: dict[int, list[int]] = {}  # slot number -> members that answer a ping then
        self._held: dict[int, list[Message]] = {}  # what came to frozen members
        self._newest: dict[int, Message] = {}  # by the member it is about
        self._all_known = [KNOWN] * count
        self._order = 0
        self._missing = 0  # members times messages
        self._done = -1  # the last slot that was simulated
        self._next: int | None = None  # the slot that is due
        self._slept: int | None = None
        self._counted: Counter[str] = Counter()

    @property
    def counted(self) -> Counter[str]:
        """gossip_packets, gossip_bytes, gossip_lost: up to now."""
        if self._slept is not None:
            self._catch_up()
        return self._counted

    def waiting(self, member: int, kind: int) -> int:
        """How many messages of a kind this member has queued."""
        if self._slept is not None:
            self._catch_up()
        messages = self._messages
        return sum(messages[key & INDEX_MASK].kind == kind for key in self._queues[member])

    # ---- messages in ------------------------------------------------------------------------------------------------
    def start(self, member: int, kind: int, size: int, load: Any = None, about: int = -1) -> Message:
        """A message that starts here. `about`: it replaces what was said about that member before."""
        if self._slept is not None:
            self._catch_up()
        message = Message(len(self._messages), kind, size, self._limit, [NEVER] * len(self._members), load, about)
        self._messages.append(message)
        self._live.append(message)
        message.missing = sum(state != DOWN for state in self.states)
        self._missing += message.missing
        if about >= 0:
            older = self._newest.get(about)
            if older is not None:
                older.newer = message
                self._missing -= older.missing
                older.missing = 0
            self._newest[about] = message
        self._learn(member, message)
        return message

    def burden(self, member: int, count: int, size: int) -> None:
        """This member has just joined: it passes on so many membership records that all others know."""
        if self._slept is not None:
            self._catch_up()
        message = Message(len(self._messages), MEMBERSHIP, size, self._limit, self._all_known, None, -1)
        self._messages.append(message)
        self._order += count
        queue = self._queues[member]
        queue += [key_of(MEMBERSHIP, size, self._order - place, message.index) for place in range(count)]
        queue.sort()
        self._list(member)

    def _learn(self, member: int, message: Message) -> None:
        """A member takes a message in, and passes it on."""
        message.due[member] = KNOWN
        newer = message.newer
        if newer is None:
            message.missing -= 1
            self._missing -= 1
        elif newer.due[member] == KNOWN:
            return
        self._order += 1
        queue = self._queues[member]
        queue.append(key_of(message.kind, message.size, self._order, message.index))
        if len(queue) > 1:
            queue.sort()
        self._list(member)
        self.heard(member, message)

    # ---- members come and go ----------------------------------------------------------------------------------------
    def set_state(self, member: int, state: int) -> None:
        """UP, FROZEN (packets wait for it) or DOWN (they are lost, and so is all it knew)."""
        if self._slept is not None:
            self._catch_up()
        before, self.states[member] = self.states[member], state
        held = self._held.pop(member, ()) if state != FROZEN else ()
        if before == DOWN and state != DOWN:
            for message in self._live:
                if message.newer is None:
                    message.missing += 1
                    self._missing += 1
        elif state == DOWN and before != DOWN:
            self._queues[member].clear()
            for message in self._live:
                if message.due[member] != KNOWN and message.newer is None:
                    message.missing -= 1
                    self._missing -= 1
                message.due[member] = NEVER
        elif state == UP:
            for message in held:
                if message.due[member] != KNOWN:
                    self._learn(member, message)
            if self._queues[member]:
                self._list(member)

    def _list(self, member: int) -> None:
        """This member has something to send: it is visited from its next tick on."""
        now = max(int(self._timeline.now / self._width), self._done)
        phase = self._phases[member]
        slot = now + 1 + (phase - now - 1) % SLOTS
        if not self._listed[member]:
            self._listed[member] = 1
            self._slots[phase].append(member)
            # Who pings it meanwhile gets an answer with messages: each member is pinged once a probe interval.
            luck = (self._draw(member, _LAUNCH + now) & _PICK_MASK) / (_PICK_MASK + 1)
            wait = int(luck * SLOTS / self._ack_share)
            if wait < slot - now - 1:
                self._answers.setdefault(now + 1 + wait, []).append(member)
                slot = now + 1 + wait
        if self._slept is None and (self._next is None or slot < self._next):
            self._next = slot
            self._timeline.at(slot * self._width, self._run, slot)

    # ---- ticks ------------------------------------------------------------------------------------------------------
    def _run(self, slot: int) -> None:
        """All ticks of one slot."""
        if slot != self._next:
            return
        self._next = None
        if not self._missing:
            self._slept = slot - 1
            self._answers.clear()
            return
        self._done = slot
        cycle, phase = divmod(slot, SLOTS)
        active = self._slots[phase]
        self._slots[phase] = keep = []
        queues, states = self._queues, self.states
        for member in active:
            if states[member] == UP and queues[member]:
                self._tick(member, cycle, slot)
            if queues[member]:
                keep.append(member)
            else:
                self._listed[member] = 0
        for member in self._answers.pop(slot, ()):
            if states[member] == UP and queues[member]:
                self._send(member, self._draw(member, _LAUNCH - slot), 1, PING_BYTES)
        self._schedule(slot)

    def _schedule(self, slot: int) -> None:
        slots, answers = self._slots, self._answers
        for ahead in range(slot + 1, slot + 1 + SLOTS):
            if slots[ahead % SLOTS] or ahead in answers:
                self._next = ahead
                self._timeline.at(ahead * self._width, self._run, ahead)
                return
        for message in self._live:  # nobody passes anything on any more
            self._missing -= message.missing
            message.missing = 0
        self._live.clear()

    def _tick(self, member: int, cycle: int, slot: int) -> None:
        """One member's gossip, its ping, and the answer to somebody's ping until the next tick."""
        luck = self._draw(member, cycle)
        self._send(member, luck, self._profile.gossip_nodes, 0)
        share = (luck >> 120) / 256
        if share < self._ack_share:
            self._answers.setdefault(slot + 1 + int(share / self._ack_share * (SLOTS - 1)), []).append(member)
        if (cycle + member) % self._ping_every == 0:
            self._send(member, self._draw(member, -1 - cycle), 1, PING_BYTES)

    def _send(self, member: int, luck: int, packets: int, taken_bytes: int) -> None:
        """Packets to so many others. `luck` has 40 even bits for each: whom, and whether it is lost."""
        queue, messages, targets, network = self._queues[member], self._messages, self.targets, self._network
        key = queue[0] if len(queue) == 1 else 0
        load: Sequence[Message] = (messages[key & INDEX_MASK],) if key else ()
        if key and load[0].newer is None:
            # Nearly all packets carry one question: all that `take` would do, at once.
            sent, limit = times_sent(key), load[0].limit
            packets = min(packets, limit - sent)
            if sent + packets < limit:
                queue[0] = key + (packets << SENT_SHIFT)
            else:
                queue.clear()
        else:
            key = 0
        room = self._profile.room_bytes - taken_bytes
        loss = network.loss * (_LUCK_MASK + 1)
        selective = network.selective
        count = len(targets)
        lost = octets = done = 0
        first = second = -1
        while done < packets:
            place = (luck & _PICK_MASK) * count >> _PICK_BITS
            peer = targets[place]
            if peer == member or peer == first or peer == second:  # noqa: PLR1714 (a third of the time of `in`)
                peer = self._neighbour(place, (member, first, second))
                if peer < 0:
                    break
            second, first = first, peer
            if not key:
                load = take(queue, room, messages, self._replaced(member) if self._newest else None)
                if not load:
                    break
            done += 1
            octets += PACKET_BYTES + sum(message.size + 3 for message in load)
            if (luck >> _PICK_BITS & _LUCK_MASK) < loss or (
                selective and not network.passes(self._members[member], self._members[peer])
            ):
                lost += 1
            else:
                for message in load:
                    if message.due[peer] != KNOWN:
                        self._launch(member, peer, load)
                        break
            luck >>= 40
        counted = self._counted
        counted["gossip_packets"] += done
        counted["gossip_bytes"] += octets
        counted["gossip_lost"] += lost

    def _neighbour(self, place: int, taken: tuple[int, ...]) -> int:
        """The next target that is not yet taken; -1: there is none."""
        count = len(self.targets)
        for step in range(1, min(count, 4)):
            peer = self.targets[(place + step) % count]
            if peer not in taken:
                return peer
        return -1

    @staticmethod
    def _replaced(member: int) -> Callable[[Message], bool]:
        """Whether this member knows something newer than a message."""
        return lambda message: message.newer is not None and message.newer.due[member] == KNOWN

    def _launch(self, member: int, peer: int, load: Sequence[Message]) -> None:
        """A packet with news is on its way."""
        chance = self._draw(member << 24 | peer, _LAUNCH << 1 | self._done << 24 | load[0].index)
        arrival = self._timeline.now + self._profile.handling_s + self._network.travel_s(chance)
        news = [message for message in load if arrival < message.due[peer]]
        for message in news:
            message.due[peer] = arrival
        if news:
            self._timeline.at(arrival, self._arrive, peer, news)

    def _arrive(self, member: int, news: Sequence[Message]) -> None:
        state = self.states[member]
        for message in news:
            if message.due[member] == KNOWN:
                continue
            if state == UP:
                self._learn(member, message)
            elif state == FROZEN:
                self._held.setdefault(member, []).append(message)
            else:
                message.due[member] = NEVER
        if state == DOWN:
            self._counted["gossip_lost"] += 1

    # ---- while nothing happens --------------------------------------------------------------------------------------
    def _catch_up(self) -> None:
        """Everybody knew everything since `_slept`: what was sent meanwhile only wore the queues down."""
        slept, self._slept = self._slept, None
        if slept is None:
            return
        now = int(self._timeline.now / self._width)
        for phase, active in enumerate(self._slots):
            ticks = (now - phase) // SLOTS - (slept - phase) // SLOTS
            if not active or not ticks:
                continue
            self._slots[phase] = keep = []
            for member in active:
                if self.states[member] == UP:
                    self._wear(member, ticks)
                if self._queues[member]:
                    keep.append(member)
                else:
                    self._listed[member] = 0
        self._done = max(self._done, now)
        self._schedule(self._done)

    def _wear(self, member: int, ticks: int) -> None:
        """So many ticks of one member, with a ping and an answer to one in each probe interval."""
        packets = int(ticks * (self._profile.gossip_nodes + 2 * self._ack_share) + 0.5)
        queue, counted = self._queues[member], self._counted
        done = octets = 0
        if len(queue) == 1:
            key = queue[0]
            message = self._messages[key & INDEX_MASK]
            done = min(packets, message.limit - times_sent(key))
            octets = done * (PACKET_BYTES + message.size + 3)
            if times_sent(key) + done < message.limit:
                queue[0] = key + (done << SENT_SHIFT)
            else:
                queue.clear()
            packets = done
        while queue and done < packets:
            load = take(queue, self._profile.room_bytes, self._messages, self._replaced(member))
            if load:
                done += 1
                octets += PACKET_BYTES + sum(message.size + 3 for message in load)
        counted["gossip_packets"] += done
        counted["gossip_bytes"] += octets
        counted["gossip_lost"] += round(done * self._network.loss)
