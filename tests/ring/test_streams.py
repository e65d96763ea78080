"""Streams and monitors of a real Serf agent: followed, left, cancelled, and read too slowly."""

from __future__ import annotations

from contextlib import AsyncExitStack

import msgpack  # type: ignore[import-untyped]
import pytest
import trio
import trio.testing

from inspector_agent.ring import CommandRefused, MemberEvent, QueryEvent, RingEvent, Subscription, UserEvent, connect
from inspector_agent.ring.subscription import Buffered
from tests.support.fake_serf import header, listening
from tests.support.serf import heard, serf_ring, until


async def payloads(events: Subscription[RingEvent], count: int) -> list[bytes]:
    """Payloads of the next so many user events."""
    got: list[bytes] = []
    while len(got) < count:
        event = await anext(events)
        assert isinstance(event, UserEvent)
        got.append(event.payload)
    return got


async def about(events: Subscription[RingEvent], name: str) -> tuple[str, str, dict[str, str]]:
    """(kind, address, tags) of the next event about this member."""
    while True:
        event = await anext(events)
        assert isinstance(event, MemberEvent)
        for member in event.members:
            if member.name == name:
                return event.kind, member.address, member.tags


async def test_streams_give_only_what_was_asked_for() -> None:
    """One of user events by name, one of queries, one of both kinds by a list; all on one connection."""
    async with (
        serf_ring(1) as ring,
        connect(ring[0].rpc) as client,
        client.stream("user:deploy") as deploys,
        client.stream("query") as queries,
        client.stream("user:other,query:inspect") as mixed,
    ):
        await client.event("deploy", b"1")
        await client.event("other", b"2")
        async with client.query("inspect", b"3", timeout_s=0.2) as answers:
            assert await heard(answers) == []
        await client.event("deploy", b"4")
        assert await payloads(deploys, 2) == [b"1", b"4"]
        query = await anext(queries)
        assert isinstance(query, QueryEvent)
        assert (query.name, query.payload) == ("inspect", b"3")
        assert await payloads(mixed, 1) == [b"2"]
        assert isinstance(await anext(mixed), QueryEvent)


async def test_member_events_tell_who_joined_failed_and_left() -> None:
    """A node that joins, is killed, and is declared left appears in an event each time, and so in the members."""
    web = {"role": "web"}
    async with (
        serf_ring(1, profile="local") as ring,
        connect(ring[0].rpc) as client,
        client.stream("member-join,member-failed,member-leave") as events,
        serf_ring(1, names=["joiner"], tags=web, profile="local") as second,
    ):
        await client.join([second[0].bind])
        with trio.fail_after(90):  # Serf gathers member events for up to 3 s, and takes some seconds to see a failure
            assert await about(events, "joiner") == ("member-join", second[0].address, web)
            await second[0].kill()
            assert await about(events, "joiner") == ("member-failed", second[0].address, web)
            assert [member.name for member in await client.members(status="failed")] == ["joiner"]
            await client.force_leave("joiner")
            assert [member.status for member in await client.members(name="joiner")] == ["left"]
            assert await about(events, "joiner") == ("member-leave", second[0].address, web)
            await client.force_leave("joiner", prune=True)
            assert [member.name for member in await client.members()] == ["n001"]
            await client.force_leave("nobody")  # Serf says nothing


async def test_a_slow_reader_loses_the_oldest_and_they_are_counted() -> None:
    """Twenty events to a buffer of five: fifteen are counted, the newest five are there, the connection goes on."""
    async with (
        serf_ring(1) as ring,
        connect(ring[0].rpc) as client,
        client.stream("user:tick", buffered_max=5) as slow,
        client.stream("user:tick") as quick,
    ):
        for number in range(20):
            await client.event("tick", b"%d" % number)
        assert await payloads(quick, 20) == [b"%d" % number for number in range(20)]

        async def all_came() -> bool:
            return slow.dropped == 15

        await until(all_came, what="15 of 20 events are dropped")
        assert await payloads(slow, 5) == [b"%d" % number for number in range(15, 20)]
        assert quick.dropped == 0


async def test_nothing_is_missed_from_the_first_moment() -> None:
    """Serf acknowledges a stream before it registers it; whoever is let in finds it registered."""
    registered = False

    async def slow_to_register(stream: trio.SocketStream) -> None:
        nonlocal registered
        unpacker = msgpack.Unpacker()
        following = False
        async for data in stream:
            unpacker.feed(data)
            for value in unpacker:
                if "Command" in value:
                    registered = following  # as in Serf: once it turns to the connection's next command
                    following = value["Command"] == "stream"
                    await stream.send_all(header(value["Seq"]))

    async with listening(slow_to_register) as address, connect(address) as client, client.stream("user"):
        assert registered


async def test_leaving_a_stream_stops_it_in_serf() -> None:
    """After the context nothing more is sent for it, and the connection goes on; again and again."""
    async with serf_ring(1) as ring, connect(ring[0].rpc) as client, client.stream("user") as witness:
        for number in range(20):
            async with client.stream("user:tick") as events:
                await client.event("tick", b"%d" % number)
                assert await payloads(events, 1) == [b"%d" % number]
            with pytest.raises(StopAsyncIteration):
                await anext(events)
        assert await payloads(witness, 20) == [b"%d" % number for number in range(20)]
        await client.stats()
        assert client.swallowed == 0  # twenty stopped streams, and Serf sent no event to any of them


async def test_a_stream_cancelled_while_it_opens_is_stopped_too() -> None:
    """Serf must not go on telling events to nobody for ever."""
    async with serf_ring(1) as ring, connect(ring[0].rpc) as client:
        for _ in range(10):
            with trio.CancelScope() as scope:
                scope.cancel()
                async with client.stream("user:tick"):
                    pass
        await client.stats()
        before = client.swallowed
        async with client.stream("user:tick") as events:
            await client.event("tick", b"x")
            assert await payloads(events, 1) == [b"x"]
        await client.stats()
        assert client.swallowed == before == 10  # the replies to the ten streams, and not one event


async def test_a_monitor_follows_the_log() -> None:
    """Lines remembered from before come first; of two at a time the second is refused; afterwards another may begin."""
    async with serf_ring(1) as ring, connect(ring[0].rpc) as client:
        for _ in range(2):
            async with client.monitor("INFO") as lines:
                assert "Serf agent starting" in await anext(lines)
                with pytest.raises(CommandRefused, match="a connection can have one monitor"):
                    async with client.monitor("INFO"):
                        pass
                await client.event("tick", bytes(3))
                with trio.fail_after(60):
                    async for line in lines:
                        if "Received event: user-event: tick" in line:
                            break
        with pytest.raises(CommandRefused, match="Unknown log level: LOUD; one of TRACE"):
            async with client.monitor("LOUD"):
                pass
        with pytest.raises(CommandRefused, match="Invalid event filter; one is"):
            async with client.stream("birthday"):
                pass


async def test_the_end_comes_after_what_is_buffered() -> None:
    """A reader first gets what had come; two readers of one subscription share it; both learn of the end."""
    events: Buffered[int] = Buffered(10)
    got: list[int] = []

    async def read() -> None:
        got.extend([event async for event in events])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        for number in range(4):
            events.put(number)
        events.end(None)
    assert sorted(got) == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="at least 1"):
        Buffered(0)


async def test_many_streams_on_one_connection() -> None:
    """Thirty at once, each for its own event."""
    async with serf_ring(1) as ring, connect(ring[0].rpc) as client, AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(client.stream(f"user:e{number}")) for number in range(30)]
        for number in range(30):
            await client.event(f"e{number}", b"%d" % number)
        for number, events in enumerate(streams):
            assert await payloads(events, 1) == [b"%d" % number]
