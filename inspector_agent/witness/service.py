"""The witness at work, beside the inspection and on the same connection to Serf. It does what its session orders.

While nobody asks nothing runs here, and nothing is kept but what the session remembers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import trio

from inspector_agent.alarm import Alarm
from inspector_agent.linked import Link
from inspector_agent.log import Log
from inspector_agent.ring import CommandRefused, NotConnected, QueryEvent
from inspector_agent.witness import limits
from inspector_agent.witness.events import (
    AskFigures,
    Attached,
    Detached,
    Effect,
    Event,
    Figures,
    FindMembers,
    Heard,
    Look,
    Members,
    Note,
    Refused,
    Respond,
    Tick,
)
from inspector_agent.witness.looking import look
from inspector_agent.witness.messages import QUERY_NAME, Picture
from inspector_agent.witness.session import UNKNOWN, WitnessSession
from inspector_agent.witness.settings import WitnessSettings


def figures_of(stats: Mapping[str, Mapping[str, str]]) -> Figures:
    """Health and picture from Serf's `stats`; UNKNOWN where they are not in it.

    `members` there are all that Serf remembers, with the failed and those that have left; health is Lifeguard's
    awareness: 0 to 7, the more the worse.
    """
    serf = stats.get("serf", {})
    try:
        members, failed, left, health = (int(serf[key]) for key in ("members", "failed", "left", "health_score"))
    except (KeyError, ValueError):
        return UNKNOWN
    alive = members - failed - left
    return Figures(min(max(0, health), limits.health_max), Picture(max(0, alive), max(0, failed)))


class Witness:
    """Give it what is heard under `query_name`; run `keep_time` beside it.

    Attributes:
        query_name: of Serf's query, with the site's prefix.
    """

    def __init__(
        self, prefix: str, settings: WitnessSettings, clock: Callable[[], float], log: Log, counted: Counter[str]
    ) -> None:
        self.query_name = f"{prefix}{QUERY_NAME}"
        self._settings = settings
        self._clock = clock
        self._log = log
        self._session = WitnessSession(counted)
        self._link: Link | None = None
        self._alarm = Alarm()

    def attach(self, link: Link, name: str) -> None:
        """A connection to Serf stands; `name` is this node's."""
        self._link = link
        self._give(Attached(name))

    def detach(self) -> None:
        """It has ended, and with it all that was under way."""
        self._link = None
        self._give(Detached())

    def hear(self, event: QueryEvent) -> None:
        """A question has come."""
        self._give(Heard(event.id, event.payload))

    async def keep_time(self) -> None:
        """Tell the session when it is time for what it waits for, for ever."""
        await self._alarm.keep(lambda: self._session.due_at, lambda: self._give(Tick()))

    # ---- what the session orders ------------------------------------------------------------------------------------

    def _give(self, event: Event) -> None:
        for effect in self._session.handle(event, now=trio.current_time(), clock=self._clock()):
            if isinstance(effect, Note):
                self._log(effect.reason, detail=effect.detail)
            elif self._link is not None:
                self._do(effect, self._link)
        self._alarm.changed()

    def _do(self, effect: Effect, link: Link) -> None:
        match effect:
            case Respond():
                link.respond(effect.query_id, effect.raw, lambda query_id: self._give(Refused(query_id)))
            case AskFigures():
                link.nursery.start_soon(self._ask_figures, link)
            case FindMembers():
                link.nursery.start_soon(self._find, link, effect.names)
            case Look():
                link.nursery.start_soon(self._look, effect)

    async def _ask_figures(self, link: Link) -> None:
        figures = UNKNOWN
        try:
            with trio.move_on_after(limits.serf_patience_s):
                figures = figures_of(await link.client.stats())
        except (CommandRefused, NotConnected) as problem:
            self._log("witness-figures", problem=str(problem))
        self._give(figures)

    async def _find(self, link: Link, names: tuple[str, ...]) -> None:
        found = None
        try:
            with trio.move_on_after(limits.serf_patience_s):
                found = {member.name: member for member in await link.client.members(name=names)}
        except (CommandRefused, NotConnected) as problem:
            self._log("witness-members", problem=str(problem))
        self._give(Members(names, found))

    async def _look(self, order: Look) -> None:
        self._give(await look(order, self._settings))
