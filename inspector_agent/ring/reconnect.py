"""Stay connected for ever: connect, use, and when the connection ends connect again, later and later.

Waiting times grow by doubling up to a cap, each cut by a random part of up to a half, so that the agents of a fleet
whose Serf was restarted everywhere do not come back in step (Brooker, "Exponential backoff and jitter", 2015).
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import trio

from inspector_agent.ring import limits
from inspector_agent.ring.client import RingClient, connect
from inspector_agent.ring.errors import NotConnected

T = TypeVar("T")


@dataclass(frozen=True)
class Failure:
    """One connection that could not be made, or that ended.

    Attributes:
        problem: why.
        attempt: 1 for the first since the last connection that was good.
        connected_s: how long the connection was up; 0.0 if it never was.
        retry_s: seconds until the next attempt.
    """

    problem: NotConnected
    attempt: int
    connected_s: float
    retry_s: float


def backoff(first_s: float, cap_s: float, draw: Callable[[], float]) -> Iterator[float]:
    """Waiting times in seconds, for ever. `draw` gives numbers in [0, 1)."""
    whole_s = first_s
    while True:
        yield whole_s * (1 - draw() / 2)
        whole_s = min(cap_s, whole_s * 2)


async def reconnecting(
    address: str,
    use: Callable[[RingClient], Awaitable[T]],
    *,
    on_failure: Callable[[Failure], None],
    auth_key: str | None = None,
    timeout_s: float = limits.connect_s,
    first_s: float = limits.reconnect_s_min,
    cap_s: float = limits.reconnect_s_max,
    steady_s: float = limits.steady_s,
) -> T:
    """Run `use(client)` on a connection, and again on a new one whenever one ends, until `use` returns.

    Args:
        address: `host:port` of the agent's RPC.
        use: gets each new client. It starts from scratch: streams are to be opened again, members to be listed again,
            because what happened in between was told to nobody. NotConnected out of it (also as the only kind in an
            exception group) means connect again; anything else leaves here.
        on_failure: is told of each failure before the wait; it must not raise.
        auth_key: of the agent's RPC.
        timeout_s: for each attempt to connect.
        first_s: longest wait after the first failure; doubles with each further one.
        cap_s: longest wait.
        steady_s: after a connection that lived so long, waits begin at `first_s` again.

    Returns what `use` returns. Raises ValueError if the address is malformed.
    """
    attempt, waits = 0, backoff(first_s, cap_s, random.random)
    while True:
        began: float | None = None
        try:
            async with connect(address, auth_key=auth_key, timeout_s=timeout_s) as client:
                began = trio.current_time()
                return await use(client)
        except* NotConnected as group:
            problem = _first(group)
        connected_s = 0.0 if began is None else trio.current_time() - began
        if began is not None and connected_s >= steady_s:
            attempt, waits = 0, backoff(first_s, cap_s, random.random)
        attempt += 1
        retry_s = next(waits)
        on_failure(Failure(problem, attempt, connected_s, retry_s))
        await trio.sleep(retry_s)


def _first(group: BaseExceptionGroup[NotConnected]) -> NotConnected:
    """One of the group: all tell of the same connection."""
    leaf: BaseException = group
    while isinstance(leaf, BaseExceptionGroup):
        leaf = leaf.exceptions[0]
    if not isinstance(leaf, NotConnected):
        raise leaf
    return leaf
