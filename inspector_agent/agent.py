"""The agent at work: a Serf agent on one side, checks on the other, the session's brain between them.

This shell does what the session orders and decides nothing. It reaches the node's own Serf agent by RPC, listens to
nothing else, and changes nothing there. Whatever goes away is waited for: Serf, the config center, room on the disk.
Runs and fetches go on while the connection to Serf is lost; responses do not, because Serf knows a query only on the
connection that it sent it on.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import trio

from inspector_agent import limits
from inspector_agent.alarm import Alarm
from inspector_agent.announcements import MALFORMED, Announcements
from inspector_agent.bundled import checks_dir
from inspector_agent.defer import Guard
from inspector_agent.events import (
    Attached,
    Detached,
    Effect,
    Ended,
    Event,
    Fetch,
    Found,
    Heard,
    Looked,
    Note,
    Refused,
    Respond,
    StartRun,
    StopRun,
    Tick,
)
from inspector_agent.linked import Link
from inspector_agent.log import Log
from inspector_agent.looks import Looks
from inspector_agent.ring import (
    CommandRefused,
    Failure,
    MemberEvent,
    NotConnected,
    QueryEvent,
    RingClient,
    Unreachable,
    UserEvent,
    reconnecting,
)
from inspector_agent.runner.run import CheckRunner
from inspector_agent.session import DROPS, Session
from inspector_agent.teller import Teller
from inspector_agent.upkeep import Node, Upkeep
from inspector_agent.vitals import Gauges
from inspector_agent.wire import EVENT_NAME, QUERY_NAME
from inspector_agent.witness.service import Witness
from inspector_agent.witness.session import DROPS as WITNESS_DROPS

if TYPE_CHECKING:
    from inspector_agent.config import AgentConfig
    from inspector_agent.findings import Finding


async def run_agent(
    config: AgentConfig,
    *,
    clock: Callable[[], float] = time.time,
    log: Log | None = None,
    counted: Counter[str] | None = None,
) -> None:
    """Serve until cancelled.

    Args:
        config: see there.
        clock: gives Unix time in seconds.
        log: where to say what matters; stderr by default.
        counted: is kept up to date with what became of questions (`Session.counted`).
    """
    async with trio.open_nursery() as nursery:
        agent = Agent(config, nursery, clock, log or Log(clock), Session(counted))
        nursery.start_soon(agent.keep_up)
        nursery.start_soon(agent.keep_time)
        nursery.start_soon(agent.witness.keep_time)
        nursery.start_soon(agent.keep_telling)
        await agent.serve()


class Agent:
    """One node's agent. `serve` and the `keep_…` run side by side; runs and fetches are further `tasks`.

    Attributes:
        witness: answers what is asked about other nodes, on the same connection.
    """

    def __init__(
        self, config: AgentConfig, tasks: trio.Nursery, clock: Callable[[], float], log: Log, session: Session
    ) -> None:
        self._config = config
        self._clock = clock
        self._log = log
        self._gauges = Gauges(config.root)
        self._upkeep = Upkeep(config, self._give, log)
        self._teller = Teller(config, clock, log)
        self._looks = Looks(config.cache)
        self._guard = Guard(config.root, config.defer_load, lambda why: log("deferred", why=why))
        self._announcements = Announcements(session.counted)
        self._secret_key = config.secret_key or os.urandom(32)
        self._looked_at = float("-inf")
        self.witness = Witness(config.query_prefix, config.witness, clock, log, session.counted)
        self._types = (
            f"query:{config.query_prefix}{QUERY_NAME},query:{self.witness.query_name},"
            f"user:{config.query_prefix}{EVENT_NAME},member-update"
        )
        self._session = session
        self._tasks = tasks
        self._link: Link | None = None
        self._run_scope = trio.CancelScope()
        self._alarm = Alarm()
        self._problem = ""
        self._looks_problem = ""
        self._drops_said: dict[str, int] = {}

    # ---- Serf ------------------------------------------------------------------------------------------------------

    async def serve(self) -> None:
        """Answer questions, for ever."""
        await reconnecting(
            self._config.rpc, self._attached, on_failure=self._lost, auth_key=self._config.auth_key or None
        )

    async def _attached(self, client: RingClient) -> None:
        await self._identify(client)
        try:
            async with trio.open_nursery() as nursery, client.stream(self._types) as events:
                self._link = Link(client, nursery, self._log)
                self.witness.attach(self._link, self._session.name)
                self._log("attached", node=self._session.name, rpc=client.address)
                lost = 0
                async for event in events:
                    if isinstance(event, QueryEvent) and event.name == self.witness.query_name:
                        self.witness.hear(event)
                    elif isinstance(event, QueryEvent):
                        self._hear(event)
                    elif isinstance(event, UserEvent):
                        self._hear_of(event)
                    elif isinstance(event, MemberEvent) and any(m.name == self._session.name for m in event.members):
                        await self._identify(client)  # other tags: other layers, from the next question on
                    if events.dropped > lost:
                        self._log("questions-lost", count=events.dropped - lost)
                        lost = events.dropped
        finally:
            self._link = None
            self._give(Detached())
            self.witness.detach()

    async def _identify(self, client: RingClient) -> None:
        """Learn the node's name and tags from Serf; with other ones than before it should be something else."""
        with trio.move_on_after(limits.respond_s_max):
            stats = await client.stats()
            node = Node(stats.get("agent", {}).get("name", ""), stats.get("tags", {}))
            if node != self._upkeep.node:
                self._give(Attached(node.name, node.tags))
                self._upkeep.become(node)
                self._teller.know(node.name, node.tags, self._upkeep.facts)
            return
        raise Unreachable(f"Serf says nothing for {limits.respond_s_max:g} s", client.address)

    def _lost(self, failure: Failure) -> None:
        """A connection could not be made, or ended. Said when it is news."""
        problem = str(failure.problem)
        if problem != self._problem or failure.connected_s > 0:
            self._log("serf-away", problem=problem)
        self._problem = problem

    def _hear(self, event: QueryEvent) -> None:
        now = trio.current_time()
        if now - self._looked_at >= limits.vitals_age_s_max:
            self._looked_at = now
            self._give(Looked(self._gauges.look()))
        self._give(Heard(event.id, event.payload))

    def _hear_of(self, event: UserEvent) -> None:
        """A release is announced: look for news soon, at a moment of this node's own."""
        if self._announcements.hear(event.payload):
            self._upkeep.hurry(limits.announce_spread_s)

    # ---- what the session orders -----------------------------------------------------------------------------------

    def _give(self, event: Event) -> None:
        for effect in self._session.handle(event, now=trio.current_time(), clock=self._clock()):
            self._do(effect)
        if not isinstance(event, Found):
            self._alarm.changed()

    def _over(self, query_id: int) -> None:
        self._give(Refused(query_id))

    def _do(self, effect: Effect) -> None:
        match effect:
            case Respond():
                if self._link is not None:
                    self._link.respond(effect.query_id, effect.raw, self._over)
            case StartRun():
                self._tasks.start_soon(self._run, effect)
            case StopRun():
                self._run_scope.cancel()
            case Fetch():
                self._tasks.start_soon(self._upkeep.fetch, effect)
            case Note(reason=reason, detail=detail):
                self._log(reason, detail=detail)

    async def _run(self, order: StartRun) -> None:
        node, problem = self._upkeep.node or Node("", {}), ""

        def emit(finding: Finding) -> None:
            self._give(Found(order.run, finding))

        with trio.CancelScope() as self._run_scope:
            try:
                runner = CheckRunner(
                    checks_dir=checks_dir(),
                    parts_dir=self._upkeep.parts_dir(order.digest),
                    root=self._config.root,
                    facts={"name": node.name, "tags": dict(node.tags), **self._upkeep.facts},
                    secret_key=self._secret_key,
                    last=self._looks.read(),
                    guard=self._guard,
                )
                await runner.run(order.items, emit, deadline_s=order.deadline_s, left_s=order.left_s)
                self._keep(runner.kept)
                problem = runner.deferred  # so that no other sweep takes this verdict from memory
            except OSError as error:
                problem = f"checks cannot run: {error.strerror or error}"
                self._log("run-failed", problem=problem)
        self._give(Ended(order.run, problem))

    def _keep(self, kept: Mapping[str, bytes]) -> None:
        """Keep what the items of a finished run left for their next looks. Where that fails the older ones hold."""
        problem = ""
        try:
            self._looks.keep(kept, self._clock())
        except OSError as error:
            problem = f"what checks keep cannot be written: {error.strerror or error}"
        if problem and problem != self._looks_problem:
            self._log("looks-problem", problem=problem)
        self._looks_problem = problem

    # ---- time -------------------------------------------------------------------------------------------------------

    async def keep_up(self) -> None:
        """Stay up to date with the config center, for ever."""
        await self._upkeep.poll(self._now_and_again)

    async def keep_telling(self) -> None:
        """Tell the config center what this node is, for ever."""
        await self._teller.keep_telling()

    async def keep_time(self) -> None:
        """Tell the session when it is time for what it waits for, for ever."""
        await self._alarm.keep(lambda: self._session.due_at, lambda: self._give(Tick()))

    def _now_and_again(self) -> None:
        """Things that may be old news: what was dropped, facts, and tags that somebody changed with `serf tags`."""
        self._say_drops()
        if self._upkeep.node is not None:
            self._teller.know(self._upkeep.node.name, self._upkeep.node.tags, self._upkeep.facts)
        if self._link is not None:
            self._link.nursery.start_soon(self._look_at_tags, self._link.client)

    async def _look_at_tags(self, client: RingClient) -> None:
        try:
            await self._identify(client)
        except (NotConnected, CommandRefused) as problem:
            self._log("tags-unknown", problem=str(problem))

    def _say_drops(self) -> None:
        """How many questions and events were dropped so far, by reason, when that is news."""
        counted = self._session.counted
        drops = {reason: counted[reason] for reason in (*DROPS, MALFORMED, *WITNESS_DROPS) if counted[reason]}
        if drops != self._drops_said:
            self._drops_said = drops
            self._log("dropped", heard=counted["heard"], **drops)
