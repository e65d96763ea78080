"""CORE. Queries in a ring: asked at an entry, heard by members, answered in single packets, told to who asked.

Read in serf/serf.go (Query, handleQuery, handleQueryResponse), query.go (filters, relayResponse), event.go (Respond)
and cmd/serf/command/agent (ipc.go, ipc_query_response_stream.go).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from inspector_agent.wire import QUERY_NAME
from inspector_coord.signals import Acked, Answered, Ask, Event, Phantom, QueryLost, QueryOver
from inspector_lab.simulated import messages
from inspector_lab.simulated.chance import Chance
from inspector_lab.simulated.gossip import DOWN, FROZEN, UP, Gossip
from inspector_lab.simulated.inbox import Inbox
from inspector_lab.simulated.membership import ALIVE, Membership
from inspector_lab.simulated.messages import Message
from inspector_lab.simulated.network import Network
from inspector_lab.simulated.queries import ANSWERED, NOT_HEARD, Query, RingQueries
from inspector_lab.simulated.spec import RingSpec, SimMember
from inspector_lab.simulated.timeline import Timeline
from inspector_lab.simulated.transmit_queue import QUERY
from inspector_lab.simulated.unicast import Unicast

__all__ = ["FROZEN_RPC_S", "RPC_S", "QueryDesk"]

RPC_S = 0.000_5  # a command to Serf on the same machine, and its answer
TOGETHER_S = 0.000_2  # queries that start within this read the same Lamport time
SOON_S = 0.000_1  # an entry that has nothing to do handles a packet at once
FROZEN_RPC_S = 0.7  # then a client gives up an entry that says nothing


class QueryDesk:
    """One ring's.

    heard    set by who plays the agents: (member, query number, payload), as a Serf agent hands a query over
    closed   by entry: its RPC takes no connection
    """

    def __init__(
        self,
        timeline: Timeline,
        chance: Chance,
        spec: RingSpec,
        members: Sequence[SimMember],
        network: Network,
        gossip: Gossip,
        membership: Membership,
        counted: Counter[str],
    ) -> None:
        self.heard: Callable[[int, int, bytes], None] = lambda _member, _number, _payload: None
        self.closed = [False] * len(spec.entries)
        self._timeline = timeline
        self._members = members
        self._entries = spec.entries
        self._gossip = gossip
        self._membership = membership
        self._counted = counted
        self._unicast = Unicast(timeline, spec.profile.handling_s, members, gossip.states, network, counted)
        self._draw = chance.part("unicast").bits
        self._queries: dict[int, Query] = {}
        self._asked: dict[tuple[int, int], Query] = {}  # (client, its own number)
        self._kept = [RingQueries() for _ in spec.entries]
        self._inboxes = [Inbox(spec.profile, counted, spec.socket_bytes) for _ in spec.entries]
        self._free_at: dict[tuple[int, int], float] = {}  # (entry, client): one start at a time
        self._entry_of = {member: entry for entry, member in reversed(list(enumerate(spec.entries)))}
        self._waiting: list[list[tuple[Query, str, bytes | None]]] = [[] for _ in spec.entries]  # while it is frozen
        self._overdue: list[list[Query]] = [[] for _ in spec.entries]

    # ---- asking -----------------------------------------------------------------------------------------------------
    def ask(self, ask: Ask, sink: Callable[[Event], None], client: int) -> None:
        """Start a question, as soon as the client's last one at this entry has started."""
        query = Query(len(self._queries) + 1, ask, client, sink, len(self._members))
        self._queries[query.number] = self._asked[client, ask.query] = query
        at = max(self._timeline.now, self._free_at.get((ask.entry, client), 0.0)) + RPC_S
        self._free_at[ask.entry, client] = at
        self._timeline.at(at, self._start, query)

    def stop(self, number: int, client: int) -> None:
        """The client hangs up: nothing more is told. The query itself goes on."""
        query = self._asked.get((client, number))
        if query is not None:
            query.sink = None

    def hang_up(self, entry: int, reason: str) -> None:
        """The entry's RPC ends: all its clients lose their questions."""
        for query in list(self._asked.values()):
            if query.entry == entry:
                self._lose(query, reason)

    def ended(self, entry: int) -> None:
        """The entry's agent has ended: it keeps nothing of what it asked."""
        self._kept[entry].clear()
        self._overdue[entry].clear()
        self._waiting[entry].clear()
        self.hang_up(entry, "end of file")

    def slow_down(self, entry: int, by_s: float) -> None:
        """Each packet takes the entry's agent so much longer to read, and to handle; less, if negative."""
        self._inboxes[entry].slower_s += by_s

    def waiting(self, entry: int) -> int:
        """Queries in the entry's own broadcast queue: serf.query_queue of its stats."""
        return self._gossip.waiting(self._entries[entry], QUERY)

    def _lose(self, query: Query, reason: str) -> None:
        sink, query.sink = query.sink, None
        self._asked.pop((query.client, query.ask.query), None)
        if sink is not None:
            sink(QueryLost(query.ask.query, reason))

    def _start(self, query: Query) -> None:
        ask, member, now = query.ask, self._entries[query.entry], self._timeline.now
        state = self._gossip.states[member]
        if query.sink is None:
            return
        if state == DOWN or self.closed[query.entry]:
            self._lose(query, "connection refused")
            return
        if state == FROZEN:
            self._timeline.at(now + FROZEN_RPC_S, self._lose, query, "no answer")
            return
        node = self._members[member].name
        size = messages.query_bytes(QUERY_NAME, node, len(ask.payload), ask.timeout_s, ask.names, ask.tags)
        if size > messages.QUERY_BYTES_MAX:
            self._lose(query, f"query exceeds limit of {messages.QUERY_BYTES_MAX} bytes")
            return
        kept = self._kept[query.entry]
        together = now - kept.started_at < TOGETHER_S and kept.started_by != query.client
        kept.started_at, kept.started_by = now, query.client
        query.deadline = now + ask.timeout_s
        self._counted["queries"] += 1
        self._counted["collided"] += together
        kept.keep(query, at_once_with_last=together)
        self._timeline.at(query.deadline, self._end, query)
        self._gossip.start(member, QUERY, size, query)

    def _end(self, query: Query) -> None:
        """Serf closes the query. Its two timers race: where the channels close first, empty records are read."""
        if self._gossip.states[self._entries[query.entry]] == FROZEN:
            self._overdue[query.entry].append(query)
            return
        self._kept[query.entry].end(query)
        sink, query.sink = query.sink, None
        self._asked.pop((query.client, query.ask.query), None)
        if sink is None:
            return
        luck = self._draw(query.number, 1 << 50)
        ready = 3 if query.ask.ack else 2  # a closed channel of acks, one of answers, and the timer
        phantom = luck & 1
        while phantom and self._phantoms_go_on(luck, ready):
            luck >>= 8
            self._counted["phantoms"] += 1
            sink(Phantom(query.ask.query))
        sink(QueryOver(query.ask.query))

    @staticmethod
    def _phantoms_go_on(luck: int, ready: int) -> bool:
        """Go picks evenly among what is ready: not yet the timer."""
        return (luck >> 8 & 0xFF) * ready >= 256

    # ---- hearing ----------------------------------------------------------------------------------------------------
    def heard_by(self, member: int, message: Message) -> None:
        """A member takes a query in."""
        query = message.load
        if not isinstance(query, Query):
            return
        entry = self._entry_of.get(member)
        if entry is not None:
            self._kept[entry].witness(query.ltime)
        place = self._members[member]
        if (query.names or query.tags) and not query.asks(place.name, place.tags):
            return
        ask = query.ask
        query.deadlines[member] = self._timeline.now + ask.timeout_s
        if ask.ack:
            self._respond(query, member, place.name, None)
        if not ask.hearing:
            self.heard(member, query.number, ask.payload)

    def forget(self, member: int) -> None:
        """A member's agent has ended: what it was asked is not known to the next one."""
        for query in self._queries.values():
            query.deadlines[member] = NOT_HEARD

    # ---- answering --------------------------------------------------------------------------------------------------
    def respond(self, member: int, number: int, payload: bytes) -> bool:
        """What `respond` over RPC does: False is an error of Serf's."""
        query = self._queries.get(number)
        if query is None or self._gossip.states[member] != UP:
            return False
        if query.deadlines[member] in (ANSWERED, NOT_HEARD) or query.deadlines[member] < self._timeline.now:
            self._counted["refused"] += 1
            return False
        name = self._members[member].name
        if messages.response_bytes(name, len(payload)) > messages.RESPONSE_BYTES_MAX:
            self._counted["refused"] += 1
            return False
        if not self._respond(query, member, name, payload):
            self._counted["refused"] += 1
            return False
        query.deadlines[member] = ANSWERED
        return True

    def forge(self, member: int, number: int, name: str, payload: bytes) -> None:
        """A member sends an answer under another one's name: Serf takes any that its port receives."""
        query = self._queries.get(number)
        if query is not None:
            self._respond(query, member, name, payload)

    def _respond(self, query: Query, member: int, name: str, payload: bytes | None) -> bool:
        """One packet to the entry, and one through each relay. False: too big to be relayed (and sent plain)."""
        size = messages.response_bytes(name, len(payload or b""))
        target = self._entries[query.entry]
        kind = 2 if payload is None else 3
        salt = query.number << 8 | kind
        luck = self._draw(member, salt)
        self._unicast.send(member, target, size, luck, self._arrive, query, size, name, payload)
        count = len(self._members)
        if not query.ask.relay or count < query.ask.relay + 1:
            return True
        wrapped = size + messages.RELAY_HEADERS_BYTES + len(self._members[target].name.encode())
        if wrapped > messages.RESPONSE_BYTES_MAX:
            return False
        chosen: list[int] = []
        for attempt in range(3 * count):
            if len(chosen) == query.ask.relay:
                break
            luck = self._draw(member, salt | (attempt + 1) << 40)
            relay = (luck >> 80) * count >> 48
            if relay != member and relay not in chosen and self._membership.listed(relay) == ALIVE:
                chosen.append(relay)
                self._unicast.send(member, relay, wrapped, luck, self._relay, relay, query, size, luck, name, payload)
        return True

    def _relay(self, relay: int, query: Query, size: int, luck: int, name: str, payload: bytes | None) -> None:
        """A member is to send an answer on. One that stands still has forgotten it when it runs on."""
        self._counted["delivered"] += 1
        if self._gossip.states[relay] == UP:
            self._counted["relayed"] += 1
            luck = self._draw(relay, luck >> 64)
            self._unicast.send(relay, self._entries[query.entry], size, luck, self._arrive, query, size, name, payload)

    def _arrive(self, query: Query, size: int, name: str, payload: bytes | None) -> None:
        """An answer reaches its entry's socket."""
        done = self._inboxes[query.entry].take(self._timeline.now, size)
        if done is None:
            return
        self._counted["delivered"] += 1
        if self._gossip.states[self._entries[query.entry]] == FROZEN:
            self._waiting[query.entry].append((query, name, payload))
        elif done - self._timeline.now < SOON_S:
            self._take(query, name, payload)
        else:
            self._timeline.at(done, self._take, query, name, payload)

    def thawed(self, entry: int) -> None:
        """The entry's agent runs on: what waited for it is read now."""
        waiting, self._waiting[entry] = self._waiting[entry], []
        self._inboxes[entry].stopped_until(self._timeline.now)
        for query, name, payload in waiting:
            self._take(query, name, payload)
        overdue, self._overdue[entry] = self._overdue[entry], []
        for query in overdue:
            self._end(query)

    def _take(self, query: Query, name: str, payload: bytes | None) -> None:
        """handleQueryResponse: what is late, or came before, is not told to anybody."""
        what = self._kept[query.entry].find(query, self._timeline.now)
        seen = query.acked if payload is None else query.answered
        if not what and name in seen:
            what = "repeated"
        if what:
            self._counted[what] += 1
            return
        seen.add(name)
        if query.sink is None:
            self._counted["unheeded"] += 1
        elif payload is None:
            query.sink(Acked(query.ask.query, name))
        else:
            query.sink(Answered(query.ask.query, name, payload))
