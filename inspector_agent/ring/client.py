"""The ring client: `connect` to a Serf agent's RPC, and ask."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

import trio

from inspector_agent.ring import commands, limits
from inspector_agent.ring.errors import Unreachable
from inspector_agent.ring.exchange import Exchange, running
from inspector_agent.ring.link import open_link
from inspector_agent.ring.records import Coordinate, KeyReport, Member, QueryRecord, RingEvent
from inspector_agent.ring.subscription import QueryRecords, Subscription


class RingClient:
    """A connection to one Serf agent; made by `connect`.

    Every method raises CommandRefused if Serf says no, and one of NotConnected if the connection has ended. Any call
    may be cancelled at any time: the connection goes on, and the late reply is read over. Serf works on the commands of
    one connection one after the other, and some take seconds (join, leave, keys): use a connection of their own for
    those. A frozen Serf does not answer at all: give calls a timeout (`trio.fail_after`).

    Attributes:
        address: `host:port` of the agent's RPC.
        start_within_s: seconds for the connection of a query, and for its start; as long as `connect` was given.
    """

    def __init__(self, exchange: Exchange, auth_key: str | None, timeout_s: float) -> None:
        self.address = exchange.address
        self._exchange = exchange
        self._auth_key = auth_key
        self.start_within_s = timeout_s
        self._query_start = trio.Lock()

    @property
    def swallowed(self) -> int:
        """Frames that came for calls and streams which had been cancelled or left; by design, and counted."""
        return self._exchange.swallowed

    async def members(
        self,
        *,
        name: str | Sequence[str] | None = None,
        status: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> list[Member]:
        """Members as this agent knows them, in no order. All that is given must match, as a whole text.

        Of several names any one. A tag that a node does not have is, for Serf, an empty one.
        """
        return await self._exchange.ask(commands.members(name=name, status=status, tags=tags))

    async def stats(self) -> dict[str, dict[str, str]]:
        """The agent's figures by section; all are texts. `stats["agent"]["name"]` is its node's name."""
        return await self._exchange.ask(commands.Stats())

    async def event(self, name: str, payload: bytes, *, coalesce: bool = False) -> None:
        """Send a user event to the whole ring: at most 512 bytes with its name, as Serf is usually configured."""
        await self._exchange.ask(commands.Event(name, payload, coalesce))

    async def respond(self, query_id: int, payload: bytes) -> None:
        """Answer a QueryEvent that a stream *of this client* gave. Raises QueryOver if its time is over.

        Once per query. Serf sends it as one packet and refuses what is too long; `inspector_agent.wire.answer_budget`
        says how much fits.
        """
        await self._exchange.ask(commands.Respond(query_id, payload))

    async def tags(self, set_: Mapping[str, str], delete: Sequence[str] = ()) -> None:
        """Change the tags of this agent's node. Each change is gossiped as a new member record, before any query."""
        await self._exchange.ask(commands.Tags(dict(set_), tuple(delete)))

    async def coordinate(self, node: str) -> Coordinate | None:
        """A node's network coordinate as this agent has it cached; None: it has none."""
        return await self._exchange.ask(commands.GetCoordinate(node))

    async def join(self, addresses: Sequence[str], *, replay: bool = False) -> int:
        """Join other nodes by their gossip addresses; how many could be reached. Raises CommandRefused for none."""
        return await self._exchange.ask(commands.Join(tuple(addresses), replay))

    async def leave(self) -> None:
        """Make this agent's node leave the ring, and the Serf agent end."""
        await self._exchange.ask(commands.Leave())

    async def force_leave(self, name: str, *, prune: bool = False) -> None:
        """Declare a failed node left; with `prune`, forget it. Serf says nothing if there is no such node."""
        await self._exchange.ask(commands.ForceLeave(name, prune))

    async def install_key(self, key: str) -> KeyReport:
        """Give a gossip key (base64 of 16, 24 or 32 bytes) to all nodes. Raises KeysRefused if a node fails."""
        return await self._exchange.ask(commands.InstallKey(key))

    async def use_key(self, key: str) -> KeyReport:
        """Encrypt gossip with an installed key, on all nodes. Raises KeysRefused if a node fails."""
        return await self._exchange.ask(commands.UseKey(key))

    async def remove_key(self, key: str) -> KeyReport:
        """Take a key from all nodes; not the one in use. Raises KeysRefused if a node fails."""
        return await self._exchange.ask(commands.RemoveKey(key))

    async def list_keys(self) -> KeyReport:
        """All gossip keys and on how many nodes they are. Raises KeysRefused if a node fails, or has no encryption."""
        return await self._exchange.ask(commands.ListKeys())

    @asynccontextmanager
    async def stream(
        self, types: str = "*", *, buffered_max: int = limits.events_buffered_max
    ) -> AsyncIterator[Subscription[RingEvent]]:
        """Follow events, from now on until the context is left.

        `types` are joined by commas: `*`, `user`, `user:NAME`, `query`, `query:NAME`, `member-join`, `member-failed` ….
        When more than `buffered_max` events wait for a slow reader, the oldest are dropped and counted.
        """
        async with self._exchange.subscribe(commands.Stream(types), buffered_max) as subscription:
            yield subscription

    @asynccontextmanager
    async def monitor(
        self, level: str = "WARN", *, buffered_max: int = limits.events_buffered_max
    ) -> AsyncIterator[Subscription[str]]:
        """Follow the agent's log from `level` (TRACE, DEBUG, INFO, WARN, ERR) up; one at a time on a connection.

        Serf first sends the lines that it remembers, up to 512 of all levels.
        """
        async with self._exchange.subscribe(commands.Monitor(level), buffered_max) as subscription:
            yield subscription

    @asynccontextmanager
    async def query(
        self,
        name: str,
        payload: bytes,
        *,
        timeout_s: float,
        filter_nodes: Sequence[str] = (),
        filter_tags: Mapping[str, str] | None = None,
        request_ack: bool = False,
        relay_factor: int = 0,
        turn: AbstractAsyncContextManager[None] | None = None,
    ) -> AsyncIterator[Subscription[QueryRecord]]:
        """Ask the ring. The context begins when Serf has sent the query out, and the next may be started then.

        Iterating gives Ack, Answer and Phantom records as they come, and ends about `timeout_s` seconds later, when
        Serf ends the query. Leaving the context ends it at once: each query opens a connection of its own to the same
        agent and closes it on exit, because nothing else ends a query. Name, payload and filters together have about
        1,000 bytes. `filter_tags` are whole values. Queries that start together can overwrite each other inside Serf,
        so this client starts one after the other; other clients and programs at the same agent are not its to hold
        back. They may agree on a `turn`, which is entered while the query starts.
        """
        command = commands.query(
            name,
            payload,
            timeout_s=timeout_s,
            filter_nodes=filter_nodes,
            filter_tags=filter_tags or {},
            request_ack=request_ack,
            relay_factor=relay_factor,
        )
        async with open_link(self.address, self._auth_key, self.start_within_s) as link:
            async with self._query_start, turn or nullcontext():
                with trio.move_on_after(self.start_within_s) as patience:
                    seq, _ = await link.ask(command)
                if patience.cancelled_caught:
                    raise Unreachable(f"the query was not taken within {self.start_within_s:g} s", self.address)
            yield QueryRecords(link, seq)


@asynccontextmanager
async def connect(
    address: str, *, auth_key: str | None = None, timeout_s: float = limits.connect_s
) -> AsyncIterator[RingClient]:
    """A client of the Serf agent whose RPC listens at `address` (`host:port`), closed on exit.

    `timeout_s` seconds are for TCP, handshake and auth together. Raises Unreachable, HandshakeRefused, AuthRefused,
    Disconnected or ProtocolError; ValueError if the address is malformed.
    """
    async with open_link(address, auth_key, timeout_s) as link, running(Exchange(link)) as exchange:
        yield RingClient(exchange, auth_key, timeout_s)
