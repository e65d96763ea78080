"""CORE. A ring of Serf agents, as coordinator and inspection agents see it, and everything that may happen to it.

What is modelled, where it was read, and what is not modelled: docs/simulation.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import msgspec

from inspector_coord.signals import Ask, EntrySeen, Event, MembersRead, MembersUnread
from inspector_lab.errors import PlanError
from inspector_lab.simulated import messages
from inspector_lab.simulated.chance import Chance
from inspector_lab.simulated.gossip import DOWN, FROZEN, UP, Gossip
from inspector_lab.simulated.membership import Membership
from inspector_lab.simulated.network import Network
from inspector_lab.simulated.query_desk import FROZEN_RPC_S, RPC_S, QueryDesk
from inspector_lab.simulated.spec import RingSpec, SimMember
from inspector_lab.simulated.timeline import Timeline
from inspector_lab.simulated.transmit_queue import MEMBERSHIP

__all__ = ["RingSpec", "SerfRing", "SimMember"]

RETAGS_MAX = 250_000  # records times members: 500 members that all change a tag; each is an entry in each queue
LEAVE_S = 2.0  # serf.go Leave: the word goes out, then LeavePropagateDelay
MEMBER_READ_S = 0.000_01  # one record of `members`, from Serf to a decoded object


class SerfRing:
    """One ring. Members are indices into `spec.members`, entries indices into `spec.entries`.

    A ring that is told nothing else is whole and quiet: all members are up, known to all, and their queues are empty.
    """

    def __init__(self, timeline: Timeline, chance: Chance, spec: RingSpec, network: Network) -> None:
        self.spec = spec
        self.network = network
        self.members = list(spec.members)
        self._timeline = timeline
        self._counted: Counter[str] = Counter()
        chance = chance.part("ring", spec.name)
        profile, entries = spec.profile, spec.entries
        self._gossip = Gossip(timeline, chance, profile, self.members, network)
        self._membership = Membership(
            timeline, chance, profile, self.members, entries, network, self._forget, self._recall
        )
        self._desk = QueryDesk(
            timeline, chance, spec, self.members, network, self._gossip, self._membership, self._counted
        )
        self._gossip.heard = self._desk.heard_by
        self._away: set[int] = set()
        self._epochs: Counter[int] = Counter()  # of a member's life: what was planned for an earlier one is void

    # ---- as an inspection agent sees it -----------------------------------------------------------------------------
    @property
    def heard(self) -> Callable[[int, int, bytes], None]:
        """Called with (member, query number, payload) when that node's Serf agent hands a query over. To be set."""
        return self._desk.heard

    @heard.setter
    def heard(self, call: Callable[[int, int, bytes], None]) -> None:
        self._desk.heard = call

    def respond(self, member: int, query: int, payload: bytes) -> bool:
        """Answer. False is an error of Serf's: no such query any more, answered before, or too long an answer."""
        return self._desk.respond(member, query, payload)

    def forge(self, member: int, query: int, name: str, payload: bytes) -> None:
        """A member answers under another name."""
        self._desk.forge(member, query, name, payload)

    # ---- as a coordinator sees it -----------------------------------------------------------------------------------
    def ask(self, ask: Ask, sink: Callable[[Event], None], client: int = 0) -> None:
        """Ask through an entry: Acked, Answered, Phantom, QueryOver and QueryLost come into the sink.

        `client` tells coordinators apart: one starts its questions at an entry one after the other; those of two may
        start together, and overwrite each other.
        """
        self._desk.ask(ask, sink, client)

    def stop(self, query: int, client: int = 0) -> None:
        """Hang up: nothing more of that question comes into its sink."""
        self._desk.stop(query, client)

    def read_members(self, entry: int, sink: Callable[[Event], None]) -> None:
        """MembersRead or MembersUnread comes into the sink."""

        def read() -> None:
            sink(MembersRead(self._membership.statuses(entry)))

        reason = self._unreachable(entry)
        if reason:
            self._timeline.at(self._timeline.now + self._rpc_s(entry), sink, MembersUnread(reason))
        else:
            self._timeline.at(self._timeline.now + RPC_S + MEMBER_READ_S * len(self.members), read)

    def look_at_entry(self, entry: int, sink: Callable[[Event], None]) -> None:
        """EntrySeen comes into the sink."""
        seen = None if self._unreachable(entry) else self._desk.waiting(entry)
        self._timeline.at(self._timeline.now + self._rpc_s(entry), sink, EntrySeen(entry, seen))

    def statuses(self, entry: int = 0) -> Mapping[str, str]:
        """Name -> status, as this entry lists its members now. Not to be changed."""
        return self._membership.statuses(entry)

    @property
    def counted(self) -> Counter[str]:
        """Packets and bytes up to now.

        unicast_packets + duplicated = delivered + lost + overflow_socket + overflow_handoff + in_flight. Of what was
        delivered to an entry, Serf itself swallows what is `late`, `mismatched` (another query has its Lamport time)
        or `repeated`; `unheeded` came after the client hung up. `relayed` were sent on by a member, `refused` are
        answers that Serf did not take. gossip_packets, gossip_bytes, gossip_lost are of the epidemic.
        """
        return self._counted + self._gossip.counted

    def _unreachable(self, entry: int) -> str:
        state = self._gossip.states[self.spec.entries[entry]]
        if state == FROZEN:
            return "no answer"
        return "connection refused" if state == DOWN or self._desk.closed[entry] else ""

    def _rpc_s(self, entry: int) -> float:
        return FROZEN_RPC_S if self._gossip.states[self.spec.entries[entry]] == FROZEN else RPC_S

    # ---- what happens to members ------------------------------------------------------------------------------------
    def crash(self, member: int) -> None:
        """Its Serf agent ends without a word; the others find out by and by."""
        self._end(member)
        self._membership.stopped(member)

    def join_fresh(self, member: int) -> None:
        """It has just (re)joined: it hears everything, and passes nothing on until all records it learned are out."""
        self._epochs[member] += 1
        self._gossip.set_state(member, UP)
        self._membership.running(member)
        place = self.members[member]
        self._gossip.burden(member, len(self.members) - 1, messages.alive_bytes(place.name, place.tags))

    restart = join_fresh

    def freeze(self, member: int) -> None:
        """Its Serf agent stands still (SIGSTOP): packets wait in its socket."""
        self._gossip.set_state(member, FROZEN)
        self._membership.stopped(member)

    def thaw(self, member: int) -> None:
        """It runs on."""
        if self._gossip.states[member] == FROZEN:
            self._gossip.set_state(member, UP)
            self._membership.running(member)
            for entry in self._entries_of(member):
                self._desk.thawed(entry)

    def leave(self, member: int) -> None:
        """It takes its leave, and ends when the word is out."""
        self._membership.leaving(member)
        self._timeline.at(self._timeline.now + LEAVE_S, self._left, member, self._epochs[member])

    def retag(self, members: Iterable[int], tags: Mapping[str, str] | None = None) -> None:
        """They all change a tag at this moment (to `tags`, if it matters which): every record goes to everybody.

        Raises PlanError where that would be more queue entries than a machine holds.
        """
        chosen = list(members)
        if len(chosen) * len(self.members) > RETAGS_MAX:
            raise PlanError(
                f"{len(chosen)} of {len(self.members)} members change a tag at once: simulate a smaller ring, or fewer "
                f"changes (changes times members may be {RETAGS_MAX})"
            )
        for member in chosen:
            place = self.members[member]
            if tags is not None:
                place = self.members[member] = msgspec.structs.replace(place, tags=dict(tags))
            if self._gossip.states[member] == UP:
                self._gossip.start(member, MEMBERSHIP, messages.alive_bytes(place.name, place.tags), about=member)

    def entry_down(self, entry: int) -> None:
        """The entry's RPC hangs up, and takes no connection; its agent lives on."""
        self._desk.closed[entry] = True
        self._desk.hang_up(entry, "end of file")

    def entry_slower(self, entry: int, by_s: float) -> None:
        """Each packet takes its agent so much longer to read, and to handle; less, if negative."""
        self._desk.slow_down(entry, by_s)

    def entry_up(self, entry: int) -> None:
        """Its RPC is back."""
        self._desk.closed[entry] = False

    # ---- what happens to zones --------------------------------------------------------------------------------------
    def cut(self, zone: str, *, hears: bool = False, is_heard: bool = False) -> None:
        """A zone is cut off from all others: it still hears them, or is still heard, or neither."""
        for other in sorted({member.zone for member in self.members} - {zone}):
            if not hears:
                self.network.cut(other, zone)
            if not is_heard:
                self.network.cut(zone, other)
        self._membership.cuts_changed(one_way=hears or is_heard)

    def heal(self, zone: str) -> None:
        """The end of a zone's cut."""
        others = sorted({member.zone for member in self.members} - {zone})
        passes = self.network.zones_pass
        one_way = any(passes(zone, other) != passes(other, zone) for other in others)
        for other in others:
            self.network.heal(zone, other)
            self.network.heal(other, zone)
        self._membership.cuts_changed(one_way=one_way)

    # ---- within -----------------------------------------------------------------------------------------------------
    def _entries_of(self, member: int) -> list[int]:
        return [entry for entry, place in enumerate(self.spec.entries) if place == member]

    def _end(self, member: int) -> None:
        self._epochs[member] += 1
        self._gossip.set_state(member, DOWN)
        self._desk.forget(member)
        for entry in self._entries_of(member):
            self._desk.ended(entry)

    def _left(self, member: int, epoch: int) -> None:
        if self._epochs[member] == epoch:
            self._end(member)

    def _forget(self, member: int) -> None:
        """Others stop sending gossip to a member."""
        self._away.add(member)
        self._retarget()

    def _recall(self, member: int) -> None:
        """They start again."""
        self._away.discard(member)
        self._retarget()

    def _retarget(self) -> None:
        self._gossip.peers.targets = [one for one in range(len(self.members)) if one not in self._away]
