"""The shell of one ring's rounds: carries their effects out over Serf's RPC, and brings them what comes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import trio

from inspector_agent import ring
from inspector_agent.ring import RingClient, RingError, connect
from inspector_agent.wire import QUERY_NAME
from inspector_coord import limits
from inspector_coord.ledger import Ledger
from inspector_coord.roster import Opened, RingRoster
from inspector_coord.rounds import RingRounds
from inspector_coord.signals import (
    Acked,
    Answered,
    Ask,
    Begin,
    Effect,
    EntrySeen,
    Event,
    Interrupt,
    LookAtEntry,
    MembersRead,
    MembersUnread,
    Phantom,
    QueryLost,
    QueryOver,
    ReadMembers,
    Stop,
    Tick,
)
from inspector_coord.sockets import entry_drops
from inspector_coord.turns import turn_at

__all__ = ["HEARING_NAME", "RingSweep"]

HEARING_NAME = "inspect-heard"
"""A query that no agent answers: Serf's own acks tell whether an entry is heard."""


class RingSweep:
    """One ring, from the first question to its end.

    `opened` is connected to the first entry of the roster; others are connected to when they are needed. `turns` is the
    folder of lock files, see `turns`. `closed_at` is the trio time at which the rounds ended, `questions` how many were
    asked through which entry (tests of hearing are none), `dropped` what the first entry's socket dropped, `notes` what
    a person should know.
    """

    def __init__(
        self,
        roster: RingRoster,
        rounds: RingRounds,
        ledger: Ledger,
        opened: Opened,
        auth_key: str | None,
        prefix: str,
        turns: Path,
    ) -> None:
        self.closed_at: float | None = None
        self.questions: Counter[str] = Counter()
        self.dropped = 0
        self.notes: list[str] = []
        self._roster = roster
        self._rounds = rounds
        self._ledger = ledger
        self._client = opened.client
        self._patience_s = max(limits.further_connect_s, limits.further_connect_factor * opened.took_s)
        self._auth_key = auth_key
        self._prefix = prefix
        self._changed = trio.Event()
        self._turns = turns
        self._stuck: dict[object, tuple[str, float]] = {}  # addresses whose Serf owes something, since when
        self._unheard: dict[int, trio.CancelScope] = {}
        self._scopes: dict[int, trio.CancelScope] = {}
        self._nursery: trio.Nursery | None = None

    async def run(self) -> None:
        """Sweep the ring; returns when its rounds are closed."""
        before = self._drops()
        async with trio.open_nursery() as self._nursery:
            self._take(Begin())
            while not self._rounds.closed:
                with trio.move_on_at(self._rounds.wake_at):
                    await self._changed.wait()
                self._changed = trio.Event()
                if trio.current_time() >= self._rounds.wake_at:
                    self._take(Tick())
            self.closed_at = trio.current_time()
            self._say_stuck(self.closed_at)
            self._nursery.cancel_scope.cancel()
        after = self._drops()
        if before is not None and after is not None:
            self.dropped = max(0, after - before)
            self._ledger.dropped["socket"] += self.dropped

    def collided(self) -> None:
        """A question of somebody's was overwritten at the first entry: ask those again that nobody has answered yet."""
        for scope in self._unheard.values():
            scope.cancel()

    def interrupt(self) -> None:
        """Close now, with what is known."""
        self._take(Interrupt())

    def _say_stuck(self, now: float) -> None:
        """An entry may freeze in mid-sweep while others bring what is missing: it is named all the same."""
        late = {address for address, since in self._stuck.values() if now - since >= limits.members_read_s}
        self.notes += [f"entry {address} does not answer any more: is its Serf agent frozen?" for address in late]

    @contextmanager
    def _owing(self, address: str) -> Iterator[None]:
        mark = object()
        self._stuck[mark] = address, trio.current_time()
        try:
            yield
        finally:
            del self._stuck[mark]

    def _drops(self) -> int | None:
        if self._roster.gossip is None:
            return None
        loopback = self._roster.entries[0].address.startswith(("127.", "[::1]", "localhost:"))
        return entry_drops(*self._roster.gossip, is_here=loopback)

    def _take(self, event: Event) -> None:
        """Give the rounds an event, and do what they want done."""
        for effect in self._rounds.handle(event, trio.current_time()):
            self._do(effect)
        self._changed.set()

    def _do(self, effect: Effect) -> None:
        if self._nursery is None:
            raise RuntimeError("the sweep of a ring is used before it runs")
        match effect:
            case Ask():
                self._nursery.start_soon(self._ask, effect)
            case Stop(query=query):
                if query in self._scopes:
                    self._scopes[query].cancel()
            case ReadMembers(entry=entry):
                self._nursery.start_soon(self._read_members, entry)
            case LookAtEntry(entry=entry):
                self._nursery.start_soon(self._look, entry)

    @asynccontextmanager
    async def _connected(self, entry: int, *, fresh: bool) -> AsyncIterator[RingClient]:
        """A client of an entry; `fresh`: not the one of the roster, whose connection may be gone."""
        if entry == 0 and not fresh:
            yield self._client
        else:
            address = self._roster.entries[entry].address
            async with connect(address, auth_key=self._auth_key, timeout_s=self._patience_s) as client:
                yield client

    async def _ask(self, ask: Ask) -> None:
        """One question, from its start to its end or the rounds' Stop. One starts at a time at each entry."""
        scope = self._scopes[ask.query] = trio.CancelScope()
        try:
            with scope:
                async with self._connected(ask.entry, fresh=False) as client:
                    await self._converse(ask, client)
                self._take(QueryOver(ask.query))
        except ring.NotConnected as problem:
            self._take(QueryLost(ask.query, problem.problem))
        except (RingError, OSError) as problem:
            self._take(QueryLost(ask.query, str(problem)))
        finally:
            del self._scopes[ask.query]

    async def _converse(self, ask: Ask, client: RingClient) -> None:
        """Ask, and once more at once if the entry says that the question was overwritten by another one."""
        for more in range(limits.collisions_max, -1, -1):
            self.questions[client.address] += not ask.hearing
            question = client.query(
                HEARING_NAME if ask.hearing else self._prefix + QUERY_NAME,
                ask.payload,
                timeout_s=ask.timeout_s,
                filter_nodes=ask.names,
                filter_tags=ask.tags,
                request_ack=ask.ack,
                relay_factor=ask.relay,
                turn=turn_at(client.address, self._turns),
            )
            async with AsyncExitStack() as stack:
                with self._owing(client.address):
                    records = await stack.enter_async_context(question)
                with trio.CancelScope() as scope:
                    if more and ask.entry == 0:  # of the others the log is not followed
                        self._unheard[ask.query] = scope
                    await self._listen(ask, records)
            self._unheard.pop(ask.query, None)
            if not scope.cancelled_caught:
                return
            note = f"another question overwrote this one at {client.address}: it was asked again at once"
            self.notes += [note] if note not in self.notes else []

    async def _listen(self, ask: Ask, records: ring.Subscription[ring.QueryRecord]) -> None:
        async for record in records:
            self._unheard.pop(ask.query, None)
            match record:
                case ring.Answer(name=name, payload=payload):
                    self._take(Answered(ask.query, name, payload))
                case ring.Ack(name=name):
                    self._take(Acked(ask.query, name))
                case ring.Phantom():
                    self._take(Phantom(ask.query))

    async def _look(self, entry: int) -> None:
        """How many queries wait at an entry, on a connection of its own: it may be frozen."""
        waiting = ""
        try:
            with trio.move_on_after(self._patience_s):
                async with self._connected(entry, fresh=True) as client:
                    waiting = (await client.stats()).get("serf", {}).get("query_queue", "")
        except (RingError, OSError):
            waiting = ""
        self._take(EntrySeen(entry, int(waiting) if waiting.isdecimal() else None))

    async def _read_members(self, entry: int) -> None:
        try:
            with trio.fail_after(limits.connect_s):
                with self._owing(self._roster.entries[entry].address):
                    async with self._connected(entry, fresh=True) as client:
                        members = await client.members()
        except (RingError, OSError, trio.TooSlowError) as problem:
            self._take(MembersUnread(str(problem)))
        else:
            self._take(MembersRead({member.name: member.status for member in members}))
