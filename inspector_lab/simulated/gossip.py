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
from inspector_lab.simulated.messages import KNOWN, NEVER, Message, packet_bytes
from inspector_lab.simulated.network import Network, Place
from inspector_lab.simulated.peers import PACKET_BITS, PICK_BITS, PICK_MASK, Peers
from inspector_lab.simulated.profile import Profile
from inspector_lab.simulated.queues import Queues
from inspector_lab.simulated.timeline import Timeline

__all__ = ["DOWN", "FROZEN", "UP", "Gossip"]

UP, FROZEN, DOWN = range(3)
SLOTS = 128  # of 1.6 ms at 200 ms: far below what a network adds, and few enough to be cheap for a small ring
PING_BYTES = 90  # net.go ping: sequence number, both names, address and port
_OTHER = 1 << 60  # tells the draws of other things from those of a tick


class Gossip:
    """One ring's.

    heard     set by who wants to know: called with (member, message) at the moment at which a member takes one in
    peers     whom members send to
    states    of each member: UP, FROZEN or DOWN; changed by `set_state`
    """

    def __init__(
        self, timeline: Timeline, chance: Chance, profile: Profile, members: Sequence[Place], network: Network
    ) -> None:
        count = len(members)
        self.heard: Callable[[int, Message], None] = lambda _member, _message: None
        self.peers = Peers(members, network)
        self.states = bytearray(count)
        self._timeline = timeline
        self._fanout = profile.gossip_nodes
        self._handling_s = profile.handling_s
        self._network = network
        self._draw = chance.part("gossip").bits
        self._width = profile.gossip_interval_s / SLOTS
        self._ping_every = max(1, round(profile.probe_interval_s / profile.gossip_interval_s))
        self._ack_share = profile.gossip_interval_s / profile.probe_interval_s
        phase = chance.part("phase")
        self._phases = bytes(phase.below(SLOTS, member) for member in range(count))
        self._queues = Queues(count, profile.retransmits(count), profile.room_bytes)
        self._live: list[Message] = []  # those that somebody may still pass on
        self._slots: list[list[int]] = [[] for _ in range(SLOTS)]
        self._listed = bytearray(count)
        self._answers: dict[int, list[int]] = {}  # slot number -> members that answer a ping then
        self._held: dict[int, list[Message]] = {}  # what came to frozen members
        self._missing = 0  # members times live messages
        self._done = -1  # the last slot that was simulated
        self._next: int | None = None  # the slot that is due
        self._slept: int | None = None  # the last slot before everybody knew everything
        self._packets = self._bytes = self._lost = 0

    @property
    def counted(self) -> Counter[str]:
        """gossip_packets, gossip_bytes, gossip_lost: up to now."""
        self._catch_up()
        return Counter(gossip_packets=self._packets, gossip_bytes=self._bytes, gossip_lost=self._lost)

    def waiting(self, member: int, kind: int) -> int:
        """How many messages of a kind this member has queued."""
        self._catch_up()
        return self._queues.waiting(member, kind)

    # ---- messages in ------------------------------------------------------------------------------------------------
    def start(self, member: int, kind: int, size: int, load: Any = None, about: int = -1) -> Message:
        """A message that starts here. `about`: it replaces what was said about that member before."""
        self._catch_up()
        message = self._queues.create(kind, size, load, about)
        if message.older is not None:
            self._missing -= message.older.missing
            message.older.missing = 0
        self._learn(member, message)
        return message

    def burden(self, member: int, count: int, size: int) -> None:
        """This member has just joined: it passes on so many membership records that all others know."""
        self._catch_up()
        self._queues.burden(member, count, size)
        self._list(member)

    def _learn(self, member: int, message: Message) -> None:
        """A member takes a message in, and passes it on."""
        if not message.live:
            self._enliven(message)
        message.due[member] = KNOWN
        if message.newer is None:
            message.missing -= 1
            self._missing -= 1
        elif message.newer.due[member] == KNOWN:
            return
        self._queues.put(member, message)
        if not self._listed[member]:
            self._list(member)
        self.heard(member, message)

    def _enliven(self, message: Message) -> None:
        """It is on its way: from its start, or as somebody hears it after its end (he stood still for long)."""
        message.live = True
        self._live.append(message)
        if message.newer is None:
            each = zip(message.due, self.states, strict=True)
            message.missing = sum(due != KNOWN and state != DOWN for due, state in each)
            self._missing += message.missing

    # ---- members come and go ----------------------------------------------------------------------------------------
    def set_state(self, member: int, state: int) -> None:
        """UP, FROZEN (packets wait for it) or DOWN (they are lost, and so is all it knew)."""
        self._catch_up()
        before, self.states[member] = self.states[member], state
        held = self._held.pop(member, []) if state != FROZEN else []
        if (before == DOWN) != (state == DOWN):
            self._expect(member, 1 if before == DOWN else -1)
        if state == DOWN:
            self._queues.clear(member)
        elif state == UP:
            for message in held:
                if message.due[member] != KNOWN:
                    self._learn(member, message)
            if self._queues.of[member]:
                self._list(member)

    def _expect(self, member: int, change: int) -> None:
        """One more member, or one less, is to hear what is on its way."""
        for message in self._live:
            if message.due[member] != KNOWN and message.newer is None:
                message.missing += change
                self._missing += change
            message.due[member] = NEVER

    def _list(self, member: int) -> None:
        """This member has something to send: it is visited from its next tick on."""
        now = max(int(self._timeline.now / self._width), self._done)
        phase = self._phases[member]
        slot = now + 1 + (phase - now - 1) % SLOTS
        if not self._listed[member]:
            self._listed[member] = 1
            self._slots[phase].append(member)
            # Who pings it before its next tick gets an answer with messages: all are pinged once a probe interval.
            wait = (self._draw(member, _OTHER + now) & PICK_MASK) * SLOTS / self._ack_share / PICK_MASK
            if wait < slot - now - 1:
                slot = now + 1 + int(wait)
                self._answers.setdefault(slot, []).append(member)
        if self._next is None or slot < self._next:
            self._next = slot
            self._timeline.at(slot * self._width, self._run, slot)

    # ---- ticks ------------------------------------------------------------------------------------------------------
    def _run(self, slot: int) -> None:
        """All ticks of one slot: gossip, pings, and the answers to pings until the next tick."""
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
        queues, states, fanout = self._queues.of, self.states, self._fanout
        for member in active:
            if queues[member] and states[member] == UP:
                luck = self._draw(member, cycle)
                self._send(member, luck, fanout, 0)
                share = (luck >> 120) / 256
                if share < self._ack_share:
                    later = slot + 1 + int(share / self._ack_share * (SLOTS - 1))
                    self._answers.setdefault(later, []).append(member)
                if (cycle + member) % self._ping_every == 0:
                    self._send(member, self._draw(member, -1 - cycle), 1, PING_BYTES)
            if queues[member]:
                keep.append(member)
            else:
                self._listed[member] = 0
        for member in self._answers.pop(slot, ()):
            if queues[member] and states[member] == UP:
                self._send(member, self._draw(member, _OTHER - slot), 1, PING_BYTES)
        self._schedule(slot)

    def _schedule(self, slot: int) -> None:
        """The next slot in which somebody has something to send."""
        slots, answers = self._slots, self._answers
        for ahead in range(slot + 1, slot + 1 + SLOTS):
            if slots[ahead % SLOTS] or ahead in answers:
                self._next = ahead
                self._timeline.at(ahead * self._width, self._run, ahead)
                return
        for message in self._live:
            self._missing -= message.missing
            message.missing = 0
            message.live = False
        self._live.clear()

    def _send(self, member: int, luck: int, packets: int, used: int) -> None:
        """Packets to so many others. `luck` has 40 even bits for each; `used`: bytes of a ping in them."""
        queues, network = self._queues, self._network
        packets = min(packets, len(self.peers.targets) - 1)
        single = queues.take_single(member, packets)
        if single is not None:
            packets = single[1]
            if not (network.loss or network.selective):
                self._send_freely(member, luck, packets, single[0])
                return
        for peer, lost in self.peers.others(member, luck, packets):
            load = queues.take(member, used) if single is None else [single[0]]
            if not load:
                break
            self._packets += 1
            self._bytes += packet_bytes(load)
            self._lost += lost
            if not lost:
                self._launch(member, peer, load)

    def _send_freely(self, member: int, luck: int, packets: int, message: Message) -> None:
        """One message, and nothing can be lost: nearly all packets of a big run."""
        self._packets += packets
        self._bytes += packets * message.packet_bytes
        targets, due = self.peers.targets, message.due
        count = len(targets)
        first = second = -1
        for _ in range(packets):
            peer = targets[(luck & PICK_MASK) * count >> PICK_BITS]
            if peer == member or peer == first or peer == second:  # noqa: SIM109, PLR1714 (`in` takes longer)
                peer = self.peers.neighbour(peer, (member, first, second))
            second, first = first, peer
            if due[peer] != KNOWN and peer != member:
                self._launch(member, peer, [message])
            luck >>= PACKET_BITS

    def _launch(self, member: int, peer: int, load: Sequence[Message]) -> None:
        """A packet is on its way: an event, if it has news."""
        news = [message for message in load if message.due[peer] != KNOWN]
        if not news:
            return
        chance = self._draw(member << 24 | peer, _OTHER << 1 | self._done << 24 | news[0].index)
        arrival = self._timeline.now + self._handling_s + self._network.travel_s(chance)
        news = [message for message in news if arrival < message.due[peer]]
        for message in news:
            message.due[peer] = arrival
        if news:
            self._timeline.at(arrival, self._arrive, peer, news)

    def _arrive(self, member: int, news: Sequence[Message]) -> None:
        """A packet with news is there. A member that stands still has it when it runs on."""
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
        self._lost += state == DOWN

    # ---- while nothing happens --------------------------------------------------------------------------------------
    def _catch_up(self) -> None:
        """Everybody knew everything since `_slept`: what was sent meanwhile only wore the queues down."""
        slept, self._slept = self._slept, None
        if slept is None:
            return
        now = int(self._timeline.now / self._width)
        a_tick = self._fanout + 2 * self._ack_share  # with pings and answers to them
        for phase, active in enumerate(self._slots):
            ticks = (now - phase) // SLOTS - (slept - phase) // SLOTS
            if not active or not ticks:
                continue
            self._slots[phase] = keep = []
            for member in active:
                if self.states[member] == UP:
                    packets, octets = self._queues.wear(member, round(ticks * a_tick))
                    self._packets += packets
                    self._bytes += octets
                    self._lost += round(packets * self._network.loss)
                if self._queues.of[member]:
                    keep.append(member)
                else:
                    self._listed[member] = 0
        self._done = max(self._done, now)
        self._schedule(self._done)
