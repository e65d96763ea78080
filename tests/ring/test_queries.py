"""Queries through a real ring: asked, heard, answered; ended early, too late, several at once; and slow readers."""

from __future__ import annotations

import msgpack  # type: ignore[import-untyped]
import pytest
import trio
import trio.testing

from inspector_agent.ring import (
    Ack,
    Answer,
    CommandRefused,
    Phantom,
    QueryEvent,
    QueryOver,
    QueryRecord,
    RingClient,
    Subscription,
    Unreachable,
    connect,
)
from tests.support.fake_serf import fake_serf, header, listening
from tests.support.serf import answering, heard, serf_ring, until

MINUTE_S = 60.0


async def some(answers: Subscription[QueryRecord], count: int) -> set[QueryRecord]:
    """The next so many records."""
    return {await anext(answers) for _ in range(count)}


async def test_every_node_acks_and_answers() -> None:
    """Four nodes: an ack and an answer of each, then the end of Serf's time ends the iteration.

    Each once. Where a packet came too late, it is asked again.
    """
    async with (
        serf_ring(4) as ring,
        answering(ring, "inspect", lambda node: node.name.encode() + b"\x00\xff"),
        connect(ring[0].rpc) as client,
    ):
        wanted: set[Ack | Answer] = {Ack(node.name) for node in ring}
        wanted |= {Answer(node.name, node.name.encode() + b"\x00\xff") for node in ring}

        async def complete() -> bool:
            async with client.query("inspect", b"how are you", timeout_s=1.0, request_ack=True) as answers:
                got = await heard(answers)
                assert answers.dropped == 0
            assert len(got) == len(set(got))
            assert set(got) <= wanted
            return set(got) == wanted

        await until(complete, what="an ack and an answer of each")


async def test_filters_match_whole_texts() -> None:
    """By tag: b1 and not b10, and no pattern; by name: only those; both must hold."""
    tags = [{"rack": "b1"}, {"rack": "b10"}, {"rack": "b(1"}, {"rack": "b1"}]
    async with serf_ring(4, tags=tags) as ring, connect(ring[0].rpc) as client:

        async def only(*names: str, **filters: object) -> None:
            """These nodes ack, at the latest when asked again; and never another one."""

            async def acked() -> bool:
                async with client.query("q", b"", timeout_s=0.5, request_ack=True, **filters) as answers:  # type: ignore[arg-type]
                    heard = {record.name async for record in answers if isinstance(record, Ack)}
                assert heard <= set(names)
                return heard == set(names)

            await until(acked, what=f"acks of {names}")

        await only("n001", "n004", filter_tags={"rack": "b1"})
        await only("n003", filter_tags={"rack": "b(1"})
        await only("n002", "n003", filter_nodes=["n002", "n003", "nobody"])
        await only("n001", filter_nodes=["n001", "n002"], filter_tags={"rack": "b1"})


async def test_leaving_the_context_ends_a_query() -> None:
    """A query of ten minutes is left after the first answer: at once, and Serf finds the connection closed."""
    async with (
        serf_ring(2) as ring,
        connect(ring[0].rpc) as client,
        connect(ring[1].rpc) as late,
        late.stream("query:inspect") as events,
    ):
        began = trio.current_time()
        async with answering([ring[0]], "inspect", lambda _: b"early"):
            async with client.query("inspect", b"", timeout_s=10 * MINUTE_S) as answers:
                assert await anext(answers) == Answer("n001", b"early")
            event = await anext(events)
        assert isinstance(event, QueryEvent)
        await late.respond(event.id, b"late")  # the query itself lives on in the ring, without a listener

        async def noticed() -> bool:
            return "Failed to stream response" in ring[0].log()

        await until(noticed, what="Serf notices that nobody listens any more")
        assert trio.current_time() - began < 2 * MINUTE_S
        assert (await client.stats())["agent"]["name"] == "n001"


async def test_answers_after_the_end_are_refused() -> None:
    """respond raises QueryOver when the query's time is over, for an unknown ID, and on another connection."""
    async with (
        serf_ring(1) as ring,
        connect(ring[0].rpc) as client,
        connect(ring[0].rpc) as other,
        client.stream("query") as events,
    ):
        async with client.query("q", b"", timeout_s=0.3) as answers:
            event = await anext(events)
            assert isinstance(event, QueryEvent)
            with pytest.raises(QueryOver):
                await other.respond(event.id, b"")
            assert await heard(answers) == []
        # Serf says the one or the other, by whether it has cleared the query away yet.
        with pytest.raises(QueryOver, match=r"respond refused: .*(No pending queries matching ID|past the deadline)"):
            await client.respond(event.id, b"too late")
        with pytest.raises(QueryOver):
            await client.respond(77, b"")


async def test_a_node_answers_once() -> None:
    """The second response of a node is refused, and not as if the query were over."""
    async with (
        serf_ring(1) as ring,
        connect(ring[0].rpc) as client,
        client.stream("query:q") as events,
        client.query("q", b"", timeout_s=MINUTE_S) as answers,
    ):
        event = await anext(events)
        assert isinstance(event, QueryEvent)
        await client.respond(event.id, b"one")
        with pytest.raises(CommandRefused, match="response already sent; a query takes one response") as refused:
            await client.respond(event.id, b"two")
        assert not isinstance(refused.value, QueryOver)
        assert await anext(answers) == Answer("n001", b"one")


async def test_queries_of_one_client_do_not_overwrite_each_other() -> None:
    """Eight started at the same moment: the client starts one after the other, and each is heard by everybody."""
    async with (
        serf_ring(3) as ring,
        answering(ring, "inspect", lambda node: node.name.encode()),
        connect(ring[0].rpc) as client,
    ):
        complete = 0

        async def ask() -> None:
            nonlocal complete
            with trio.fail_after(50):
                async with client.query("inspect", b"", timeout_s=MINUTE_S) as answers:
                    assert await some(answers, 3) == {Answer(node.name, node.name.encode()) for node in ring}
                    complete += 1

        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(ask)
        assert complete == 8


async def test_the_next_query_is_sent_when_the_last_one_is_taken() -> None:
    """Serf overwrites queries that start together: three asked at once reach it one after the other."""
    asked, begun, taken = 0, trio.Event(), trio.Event()

    async def slowly(stream: trio.SocketStream) -> None:
        nonlocal asked
        for seq in (1, 2):
            await stream.receive_some()
            await stream.send_all(header(seq))
        if not await stream.receive_some():
            return  # the client's own connection, at its end
        asked += 1
        begun.set()
        await taken.wait()
        await stream.send_all(header(3) + record("done", ""))

    async with listening(slowly) as address, connect(address) as client, trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(drained, client)
        await begun.wait()
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert asked == 1
        taken.set()
    assert asked == 3


async def drained(client: RingClient) -> None:
    """Ask, and read to the end."""
    async with client.query("q", b"", timeout_s=1) as answers:
        assert [record async for record in answers] == []


async def test_a_query_that_is_not_taken_is_given_up() -> None:
    """An agent that froze after the greeting: the query fails after the client's own timeout."""

    async def frozen(stream: trio.SocketStream) -> None:
        for seq in (1, 2):
            await stream.receive_some()
            await stream.send_all(header(seq))
        await trio.sleep_forever()

    async with listening(frozen) as address, connect(address, timeout_s=1.0) as client:
        with pytest.raises(Unreachable, match=r"the query was not taken within 1 s"):
            async with client.query("q", b"", timeout_s=1):
                pass


async def test_what_serf_will_not_send_is_refused_with_advice() -> None:
    """A question too long is refused before anybody is asked."""
    async with serf_ring(1) as ring, connect(ring[0].rpc) as client:
        with pytest.raises(CommandRefused, match="query exceeds limit of 1024 bytes; shorten the payload"):
            async with client.query("q", bytes(1000), timeout_s=1):
                pass
        assert len(await client.members()) == 1


def record(kind: str, name: str, payload: bytes = b"") -> bytes:
    """A query record under Seq 3, as Serf writes it."""
    packed: bytes = msgpack.packb({"Type": kind, "From": name, "Payload": payload})
    return header(3) + packed


async def test_phantoms_are_records_of_their_own() -> None:
    """A record of nobody is not taken for a node's; no agent sends one on demand, so a fake one does."""

    async def at_query(stream: trio.SocketStream) -> None:
        await stream.send_all(
            record("ack", "") + record("response", "n001", b"x") + record("response", "") + record("done", "")
        )

    async with (
        fake_serf(at_query) as address,
        connect(address) as client,
        client.query("q", b"", timeout_s=1) as answers,
    ):
        assert [record async for record in answers] == [Phantom("ack"), Answer("n001", b"x"), Phantom("response")]


async def test_a_slow_reader_makes_serf_wait_and_loses_nothing() -> None:
    """25,000 answers to somebody who reads none: the sender stands still; then all arrive, in order."""
    count, sent = 25_000, 0

    async def at_query(stream: trio.SocketStream) -> None:
        nonlocal sent
        for number in range(count):
            await stream.send_all(record("response", f"n{number:05}", bytes(900)))
            sent += 1
        await stream.send_all(record("done", ""))

    async with (
        fake_serf(at_query) as address,
        connect(address) as client,
        client.query("q", b"", timeout_s=1) as answers,
    ):
        before = -1
        while sent != before:  # until the kernel's buffers are full
            before = sent
            await trio.testing.wait_all_tasks_blocked(0.05)
        assert sent < count
        names = [record.name async for record in answers if isinstance(record, Answer)]
        assert names == [f"n{number:05}" for number in range(count)]
        assert answers.dropped == 0
