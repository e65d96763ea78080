"""One entry of a ring as long as the watch lasts: connected, its member events followed, questions asked through it.

Events are subscribed to before the list is read, so nothing can happen in between unseen. The list is read again after
every reconnect, whenever events were dropped, and when the core wants it. The entry's log is followed, too: it names
who has changed before the event comes. A Serf agent that is frozen keeps its
connections open, so it has to say something every few seconds.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypeVar

import trio

from inspector_agent import ring
from inspector_agent.errors import WireError
from inspector_agent.ring import (
    CommandRefused,
    Disconnected,
    Failure,
    MemberEvent,
    NotConnected,
    RingError,
    reconnecting,
)
from inspector_agent.witness.encoding import decode_answer, encode_question, question_budget
from inspector_agent.witness.messages import QUERY_NAME, WitnessQuestion
from inspector_coord.turns import turn_at
from inspector_coord.watch import shell_limits as limits
from inspector_coord.watch.incidents import lasting
from inspector_coord.watch.model import (
    Acked,
    Answered,
    Ask,
    AskOver,
    Event,
    MembersChanged,
    MembersRead,
    VantageDown,
    VantageUp,
)
from inspector_coord.watch.noticing import EVENT_OF, changed_name, dropped

__all__ = ["EntryLink"]

T = TypeVar("T")

MEMBER_EVENTS = "member-join,member-leave,member-failed,member-update,member-reap"


class EntryLink:
    """Runs for ever; what happens is given to `give`, what a person should know to `say`.

    number   of the vantage, as the core knows it
    prefix   of the query's name;  turns: the folder of lock files, see `turns`
    counted  what went wrong, and what was done, by word: shared by all entries of a ring
    node     the entry's own name, once it was connected;  up: it is now
    """

    def __init__(
        self,
        number: int,
        address: str,
        auth_key: str | None,
        *,
        prefix: str,
        turns: Path,
        give: Callable[[Event], None],
        say: Callable[[str], None],
        counted: Counter[str],
    ) -> None:
        self.number, self.address, self.node = number, address, ""
        self._auth_key = auth_key
        self._query_name = f"{prefix}{QUERY_NAME}"
        self._turns = turns
        self._give, self._say, self._counted = give, say, counted
        self._client: ring.RingClient | None = None
        self._wanted = trio.Event()
        self._named: set[str] = set()
        self._noticed = trio.Event()
        self._asking = 0
        self._down_since: float | None = None

    @property
    def up(self) -> bool:
        """Whether it is connected."""
        return self._client is not None

    async def run(self) -> None:
        """Connect, and again whenever the connection ends."""
        await reconnecting(
            self.address,
            self._use,
            on_failure=self._lost,
            auth_key=self._auth_key,
            cap_s=limits.entry_retry_s_max,
        )

    def read_again(self) -> None:
        """Read the whole list, beginning from now on."""
        self._wanted.set()

    # ---- the connection ---------------------------------------------------------------------------------------------

    async def _use(self, client: ring.RingClient) -> None:
        async with AsyncExitStack() as stack:
            stream = client.stream(MEMBER_EVENTS, buffered_max=limits.events_buffered_max)
            events = await self._patiently(stack.enter_async_context(stream))
            stats = await self._patiently(client.stats())
            self.node, self._client = stats.get("agent", {}).get("name", ""), client
            stack.callback(self._gone)
            if self._down_since is not None:
                self._say(f"entry {self.address} is back after {lasting(trio.current_time() - self._down_since)}")
                self._down_since = None
            self._give(VantageUp(self.number, self.node))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._follow, events)
                nursery.start_soon(self._read, client)
                nursery.start_soon(self._heed, client)
                nursery.start_soon(self._look_up, client)

    def _gone(self) -> None:
        self._client = None

    def _lost(self, failure: Failure) -> None:
        """Said once until it is back; tried again for ever."""
        self._counted["entry-lost"] += 1
        if self._down_since is None:
            self._down_since = trio.current_time()
            self._say(f"entry {self.address}: {failure.problem.problem}; it is tried again until it answers")
        self._give(VantageDown(self.number, f"{self.address}: {failure.problem.problem}"))

    async def _follow(self, events: ring.Subscription[ring.RingEvent]) -> None:
        lost = 0
        async for event in events:
            if isinstance(event, MemberEvent):
                self._give(MembersChanged(self.number, event.kind.removeprefix("member-"), event.members))
            if events.dropped > lost:
                self._counted["events-dropped"] += events.dropped - lost
                lost = events.dropped
                self.read_again()

    async def _heed(self, client: ring.RingClient) -> None:
        """Follow the log; without it, changes are seen a little later."""
        try:
            async with client.monitor("INFO", buffered_max=limits.events_buffered_max) as lines:
                async for line in lines:
                    name = changed_name(line)
                    if name is not None:
                        self._named.add(name)
                        self._noticed.set()
                    elif dropped(line):
                        self._counted["events-dropped"] += 1
                        self.read_again()
        except CommandRefused as refused:
            self._say(f"the log of entry {self.address} cannot be followed: {refused.reason}")

    async def _look_up(self, client: ring.RingClient) -> None:
        """Ask how those are listed that the log has named; those that go together are asked for together."""
        while True:
            await self._noticed.wait()
            await trio.sleep(limits.notice_s)
            names, self._named, self._noticed = sorted(self._named), set(), trio.Event()
            if len(names) > limits.notice_names_max:
                self.read_again()
                continue
            members = await self._patiently(client.members(name=names))
            for status, what in EVENT_OF.items():
                listed = tuple(member for member in members if member.status == status)
                if listed:
                    self._give(MembersChanged(self.number, what, listed))

    async def _read(self, client: ring.RingClient) -> None:
        """Read the list, again when that is wanted, and in between see to it that the entry still answers."""
        while True:
            self._wanted = trio.Event()
            members = await self._patiently(client.members(), limits.members_s)
            self._counted["lists-read"] += 1
            self._give(MembersRead(self.number, tuple(members)))
            await trio.sleep(limits.read_gap_s)
            while not self._wanted.is_set():
                with trio.move_on_after(limits.pulse_s) as pause:
                    await self._wanted.wait()
                if pause.cancelled_caught:
                    await self._patiently(client.stats())

    async def _patiently(self, call: Awaitable[T], within_s: float = limits.entry_patience_s) -> T:
        """What the entry says. Raises NotConnected where it says nothing, or no."""
        try:
            with trio.fail_after(within_s):
                return await call
        except trio.TooSlowError as problem:
            text = f"no answer within {within_s:g} s, as of a Serf agent that is frozen"
            raise Disconnected(text, self.address) from problem
        except CommandRefused as refused:
            raise Disconnected(f"{refused.command} refused: {refused.reason}", self.address) from refused

    # ---- questions --------------------------------------------------------------------------------------------------

    async def ask(self, ask: Ask) -> None:
        """Ask, bring what comes, and say when nothing more does."""
        self._asking += 1
        problem = ""
        try:
            if self._client is None:
                problem = "the entry is not connected"
            elif self._asking > limits.asks_open_max:
                problem = "too many questions are out"
            else:
                await self._converse(ask, self._client)
        except NotConnected as lost:
            problem = lost.problem
        except (RingError, WireError, OSError) as refused:
            problem = str(refused)
        finally:
            self._asking -= 1
        if problem:
            self._counted["not-asked"] += 1
        self._give(AskOver(ask.number, problem))

    async def _converse(self, ask: Ask, client: ring.RingClient) -> None:
        """Until all who were asked by name have said all they can, or the time is over."""
        question = WitnessQuestion(
            id=ask.id,
            origin=self.number % limits.origin_values,
            issued_at=int(time.time()),
            answer_within_ms=round(ask.within_s * 1000),
            spread_ms=round(ask.spread_s * 1000),
            targets=ask.targets,
        )
        query = client.query(
            self._query_name,
            encode_question(question, budget=question_budget(ask.names, self.node)),
            timeout_s=ask.within_s + limits.ask_tail_s,
            filter_nodes=ask.names,
            request_ack=ask.ack,
            relay_factor=ask.relay,
            turn=turn_at(client.address, self._turns),
        )
        missing = {(name, kind) for name in ask.names for kind in (ring.Answer, *([ring.Ack] if ask.ack else []))}
        self._counted["asked"] += 1
        async with query as records:
            async for record in records:
                if isinstance(record, ring.Answer):
                    self._answered(ask, record.name, record.payload)
                elif isinstance(record, ring.Ack):
                    self._give(Acked(ask.number, record.name))
                else:
                    self._counted["phantom"] += 1
                    continue
                missing.discard((record.name, type(record)))
                if ask.names and not missing:
                    return

    def _answered(self, ask: Ask, node: str, payload: bytes) -> None:
        try:
            answer = decode_answer(payload)
        except WireError:
            self._counted["malformed"] += 1
            return
        if answer.id != ask.id or len(answer.sights) != len(ask.targets):
            self._counted["stranger"] += 1
            return
        self._counted["answered"] += 1
        self._give(Answered(ask.number, node, answer))
