"""A connection to the node's own Serf agent, for those who answer on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import trio

from inspector_agent import limits
from inspector_agent.log import Log
from inspector_agent.ring import CommandRefused, NotConnected, QueryOver, RingClient


@dataclass(frozen=True)
class Link:
    """A connection to Serf, and the nursery of what must not outlive it."""

    client: RingClient
    nursery: trio.Nursery
    log: Log

    def respond(self, query_id: int, raw: bytes, over: Callable[[int], None]) -> None:
        """Send a response in the background. `over` is told the query's id if Serf had already closed it."""
        self.nursery.start_soon(self._respond, query_id, raw, over)

    async def _respond(self, query_id: int, raw: bytes, over: Callable[[int], None]) -> None:
        try:
            with trio.move_on_after(limits.respond_s_max) as patience:
                await self.client.respond(query_id, raw)
            if patience.cancelled_caught:
                self.log("response-stuck", after_s=limits.respond_s_max)
        except QueryOver:
            over(query_id)
        except CommandRefused as refused:
            self.log("response-refused", reason=refused.reason)
        except NotConnected as problem:
            self.log("response-lost", problem=problem.problem)
