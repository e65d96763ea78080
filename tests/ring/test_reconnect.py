"""Connected for ever: failures are told, waits grow, and what is not about the connection leaves."""

from __future__ import annotations

from itertools import islice

import pytest
import trio

from inspector_agent.ring import (
    AuthRefused,
    CommandRefused,
    Disconnected,
    Failure,
    RingClient,
    Unreachable,
    UserEvent,
    connect,
    reconnecting,
)
from inspector_agent.ring.reconnect import backoff
from tests.support.fake_serf import fake_serf, listening
from tests.support.serf import RPC_PORT, claimed_prefix, serf_ring


def test_waits_double_up_to_the_cap_less_a_random_part() -> None:
    """0.2, 0.4 … 10 s; a draw of 0 takes nothing off, one near 1 nearly half."""
    assert list(islice(backoff(0.2, 10.0, lambda: 0.0), 8)) == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert [round(wait, 3) for wait in islice(backoff(0.2, 1.0, lambda: 0.5), 5)] == [0.15, 0.3, 0.6, 0.75, 0.75]
    assert all(0.5 < wait <= 1.0 for wait in islice(backoff(1.0, 1.0, lambda: 0.999), 3))


async def test_a_restarted_agent_is_found_again() -> None:
    """Killed in mid-stream, away for some attempts, started again: each failure is told, then events come again."""
    failures: list[Failure] = []
    heard: list[bytes] = []
    connected, away = trio.Event(), trio.Event()

    def note(failure: Failure) -> None:
        failures.append(failure)
        if isinstance(failure.problem, Unreachable):
            away.set()

    async def use(client: RingClient) -> str:
        async with client.stream("user:tick") as events:
            connected.set()
            async for event in events:
                assert isinstance(event, UserEvent)
                heard.append(event.payload)
                if event.payload == b"last":
                    return "done"
        raise AssertionError("a stream ends by an error only")

    async def tick(address: str, payload: bytes) -> None:
        async with connect(address) as other:
            await other.event("tick", payload)

    async with serf_ring(1) as ring:
        result = ""

        async def stay() -> None:
            nonlocal result
            result = await reconnecting(ring[0].rpc, use, on_failure=note, first_s=0.02, cap_s=0.1)

        with trio.fail_after(90):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stay)
                await connected.wait()
                await tick(ring[0].rpc, b"first")
                connected = trio.Event()
                await ring[0].kill()
                await away.wait()
                await ring[0].restart()
                await connected.wait()
                await tick(ring[0].rpc, b"last")
    assert (result, heard[-1]) == ("done", b"last")
    assert isinstance(failures[0].problem, Disconnected)
    assert failures[0].connected_s > 0
    assert [failure.attempt for failure in failures] == list(range(1, len(failures) + 1))
    assert all(isinstance(failure.problem, Unreachable) and failure.connected_s == 0 for failure in failures[1:])
    assert all(0 < failure.retry_s <= 0.1 for failure in failures)


async def test_a_wrong_key_is_told_and_tried_again() -> None:
    """An agent whose key is put right later is not lost: AuthRefused is a failure like others."""
    failures: list[Failure] = []
    async with serf_ring(1, rpc_auth="right") as ring:
        with trio.CancelScope() as scope:

            def note(failure: Failure) -> None:
                failures.append(failure)
                if len(failures) == 3:
                    scope.cancel()

            async def use(_: RingClient) -> None:
                raise AssertionError("must not get here")

            await reconnecting(ring[0].rpc, use, on_failure=note, auth_key="wrong", first_s=0.01)
    assert [type(failure.problem) for failure in failures] == [AuthRefused] * 3
    assert failures[0].retry_s < failures[2].retry_s <= 0.04


async def ends_at_once(stream: trio.SocketStream) -> None:
    """A server whose connections never live long."""
    await stream.aclose()


@pytest.mark.parametrize(("steady_s", "attempts"), [(60.0, [1, 2, 3, 4]), (0.0, [1, 1, 1, 1])])
async def test_only_a_connection_that_lived_resets_the_waits(steady_s: float, attempts: list[int]) -> None:
    """An agent that accepts and drops is asked later and later; one that held for `steady_s` begins anew."""
    failures: list[Failure] = []
    async with fake_serf(ends_at_once) as address:
        with trio.CancelScope() as scope:

            def note(failure: Failure) -> None:
                failures.append(failure)
                if len(failures) == 4:
                    scope.cancel()

            async def use(client: RingClient) -> None:
                await client.stats()

            await reconnecting(address, use, on_failure=note, first_s=0.01, cap_s=1.0, steady_s=steady_s)
    assert [failure.attempt for failure in failures] == attempts


async def test_attempts_that_never_connected_reset_nothing() -> None:
    """However short a connection has to be to count as good: none is no connection."""
    failures: list[Failure] = []
    with claimed_prefix() as network, trio.CancelScope() as scope:

        def note(failure: Failure) -> None:
            failures.append(failure)
            if len(failures) == 3:
                scope.cancel()

        async def use(_: RingClient) -> None:
            raise AssertionError("must not get here")

        await reconnecting(f"{network}.1:{RPC_PORT}", use, on_failure=note, first_s=0.01, steady_s=0.0)
    assert [failure.attempt for failure in failures] == [1, 2, 3]


async def test_a_loss_inside_a_nursery_is_a_loss() -> None:
    """`use` may have tasks: their exception group of nothing but lost connections means connect again."""
    failures: list[Failure] = []

    async def use(client: RingClient) -> str:
        async def follow() -> None:
            async with client.stream("user") as events:
                await anext(events)

        if failures:
            return "again"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(follow)
            nursery.start_soon(follow)
        return "never"

    async with fake_serf(ends_at_once) as address:
        assert await reconnecting(address, use, on_failure=failures.append, first_s=0.01) == "again"
    assert [type(failure.problem) for failure in failures] == [Disconnected]


async def test_other_exceptions_leave() -> None:
    """A refused command, or the caller's own exception, is not a lost connection."""
    failures: list[Failure] = []

    async def refused(client: RingClient) -> None:
        await client.event("e", bytes(1000))

    async def own(_: RingClient) -> None:
        raise LookupError("mine")

    async with serf_ring(1) as ring:
        with pytest.raises(CommandRefused):
            await reconnecting(ring[0].rpc, refused, on_failure=failures.append)
        with pytest.raises(LookupError, match="mine"):
            await reconnecting(ring[0].rpc, own, on_failure=failures.append)
    with pytest.raises(ValueError, match="host:port"):
        await reconnecting("nonsense", own, on_failure=failures.append)
    assert failures == []


async def test_cancelling_ends_it() -> None:
    """Also while it waits for the next attempt."""
    async with listening(ends_at_once) as address:
        with trio.CancelScope() as scope:

            async def use(_: RingClient) -> None:
                raise AssertionError("must not get here")

            await reconnecting(address, use, on_failure=lambda _: scope.cancel(), first_s=3600, cap_s=3600)
        assert scope.cancelled_caught
