"""Commands to a real Serf agent: members, figures, events, tags, keys, auth; many at once, and cancelled ones."""

from __future__ import annotations

import base64
import os
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import trio

from inspector_agent.ring import AuthRefused, CommandRefused, KeyReport, KeysRefused, RingClient, UserEvent, connect
from tests.support.serf import heard, serf_ring, until
from tests.support.waiting import PATIENCE_S

# Everything that means something to a regular expression, and what a shell or msgpack could stumble over.
ODD = r"b1.+*?()|[]{}^$\ &~#-_'" + '"' + "\t\n é 漢 😀"


def gossip_key() -> str:
    """A fresh 32-byte key as Serf writes them."""
    return base64.b64encode(os.urandom(32)).decode()


async def by_all(command: Callable[[], Awaitable[KeyReport]]) -> KeyReport:
    """A key command, repeated where the word of a node came too late: Serf waits some 3 s for all of them."""
    with trio.fail_after(PATIENCE_S):
        while True:
            try:
                report = await command()
            except KeysRefused as refused:
                if refused.report.responses == refused.report.nodes:
                    raise
            else:
                assert report.responses == report.nodes
                return report


async def test_members_match_whole_texts() -> None:
    """rack=b1 does not hit b10, an unknown rack nobody; name and status likewise; all given must match."""
    async with (
        serf_ring(3, tags=[{"rack": "b1"}, {"rack": "b10"}, {"rack": "ab1"}]) as ring,
        connect(ring[0].rpc) as client,
    ):

        async def names(**fields: object) -> list[str]:
            return sorted(member.name for member in await client.members(**fields))  # type: ignore[arg-type]

        assert await names() == ["n001", "n002", "n003"]
        assert await names(tags={"rack": "b1"}) == ["n001"]
        assert await names(tags={"rack": "b"}) == []
        assert await names(name="n00") == []
        assert await names(name="n002", status="alive", tags={"rack": "b10"}) == ["n002"]
        assert await names(name="n002", tags={"rack": "b1"}) == []
        assert await names(status="failed") == []
        assert await names(status="aliv") == []
        assert await names(tags={"zone": ""}) == ["n001", "n002", "n003"]  # Serf: no tag is an empty one
        assert await names(name="") == []
        assert await names(name=["n003", "n001", "n.02", "n00"]) == ["n001", "n003"]
        assert await names(name=[]) == []


async def test_a_value_is_never_taken_for_a_pattern() -> None:
    """Each metacharacter, and all together: what would close the connection, or match more, is matched as it stands."""
    async with serf_ring(2, tags=[{"odd": ODD}, {"odd": "plain"}]) as ring, connect(ring[0].rpc) as client:
        (member,) = await client.members(tags={"odd": ODD})
        assert (member.name, member.tags) == ("n001", {"odd": ODD})
        for character in ODD:
            assert await client.members(tags={"odd": character}) == []
            assert await client.members(name=character) == []
            assert await client.members(status=character) == []
        assert [member.name for member in await client.members(tags={"odd": "plain"})] == ["n002"]


async def test_figures_events_tags_and_coordinates() -> None:
    """stats are texts by section; an event reaches the other node; tags are set and deleted; coordinates."""
    async with (
        serf_ring(2, tags={"zone": "a", "old": "1"}) as ring,
        connect(ring[0].rpc) as client,
        connect(ring[1].rpc) as other,
        other.stream("user:deploy") as events,
    ):
        stats = await client.stats()
        assert stats["agent"]["name"] == "n001"
        assert stats["serf"]["members"] == "2"

        await client.event("deploy", b"\x00\xff", coalesce=False)
        event = await anext(events)
        assert isinstance(event, UserEvent)
        assert (event.name, event.payload, event.coalesce) == ("deploy", b"\x00\xff", False)

        await client.tags({"zone": "b", "new": "é"}, delete=["old"])

        async def seen() -> bool:
            (member,) = await other.members(name="n001")
            return member.tags == {"zone": "b", "new": "é"}

        await until(seen, what="the other node sees the new tags")

        coordinate = await client.coordinate("n001")
        assert coordinate is not None
        assert len(coordinate.vec) == 8
        assert await client.coordinate("nobody") is None


async def test_join() -> None:
    """Two rings become one; a join of nobody is refused with its reason."""
    async with serf_ring(1) as ring, serf_ring(1, names=["other"]) as second, connect(ring[0].rpc) as client:
        with pytest.raises(CommandRefused, match=r"join refused: .*connection refused"):
            await client.join([f"{ring[0].address}:1"])
        assert await client.join([second[0].bind]) == 1
        assert sorted(member.name for member in await client.members()) == ["n001", "other"]


async def test_leave_ends_the_agent() -> None:
    """leave is answered, then the Serf process ends."""
    async with serf_ring(1) as ring:
        async with connect(ring[0].rpc) as client:
            await client.leave()
        assert await ring[0].wait() == 0


async def test_gossip_keys_of_an_encrypted_ring() -> None:
    """List, install, use, remove; removing the used one is refused by every node, with its reason."""
    first, second = gossip_key(), gossip_key()
    async with serf_ring(3, encrypt=first) as ring, connect(ring[0].rpc) as client:
        report = await by_all(client.list_keys)
        assert (report.keys, report.nodes, report.responses, report.failures) == ({first: 3}, 3, 3, 0)
        await by_all(partial(client.install_key, second))
        assert (await by_all(client.list_keys)).keys == {first: 3, second: 3}
        await by_all(partial(client.use_key, second))
        with pytest.raises(KeysRefused, match="n001: Removing the primary key is not allowed") as refused:
            await by_all(partial(client.remove_key, second))
        assert refused.value.report.failures == 3
        assert set(refused.value.report.messages) == {"n001", "n002", "n003"}
        await by_all(partial(client.remove_key, first))
        assert (await by_all(client.list_keys)).keys == {second: 3}


async def test_gossip_keys_of_a_plain_ring() -> None:
    """Without encryption each node refuses, and the error says what to do."""
    async with serf_ring(1) as ring, connect(ring[0].rpc) as client:
        with pytest.raises(KeysRefused, match="start the ring's agents with encrypt_key") as refused:
            await client.list_keys()
        assert refused.value.report.messages == {"n001": "Keyring is empty (encryption not enabled)"}
        with pytest.raises(KeysRefused, match="illegal base64"):
            await client.install_key("not a key")
        assert len(await client.members()) == 1


async def test_auth() -> None:
    """The right key opens, a wrong or missing one is refused with advice, as is a key where the agent has none."""
    async with serf_ring(1, rpc_auth="right") as ring:
        async with connect(ring[0].rpc, auth_key="right") as client:
            assert len(await client.members()) == 1
            async with client.query("q", b"", timeout_s=0.1) as answers:  # its own connection has the key too
                assert await heard(answers) == []
        with pytest.raises(AuthRefused, match=r"with the key given.*rpc_auth"):
            async with connect(ring[0].rpc, auth_key="wrong"):
                pass
        with pytest.raises(AuthRefused, match="without an auth key"):
            async with connect(ring[0].rpc):
                pass
    async with serf_ring(1) as ring:
        with pytest.raises(AuthRefused, match="with the key given"):
            async with connect(ring[0].rpc, auth_key="needless"):
                pass


async def test_fifty_requests_at_once_get_their_own_replies() -> None:
    """Of four kinds, on one connection."""
    async with serf_ring(2, tags=[{"rack": "b1"}, {"rack": "b2"}]) as ring, connect(ring[0].rpc) as client:
        right = 0

        async def ask(number: int) -> None:
            nonlocal right
            match number % 4:
                case 0:
                    assert [member.name for member in await client.members(tags={"rack": "b2"})] == ["n002"]
                case 1:
                    assert (await client.stats())["agent"]["name"] == "n001"
                case 2:
                    assert await client.coordinate("nobody") is None
                case _:
                    with pytest.raises(CommandRefused, match="user event exceeds"):
                        await client.event("e", bytes(600 + number))
            right += 1

        async with trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(ask, number)
        assert right == 50
        assert client.swallowed == 0


async def cancelled_at_once(client: RingClient) -> None:
    """Three calls that are given up as soon as they are sent."""
    for call in (client.members, client.list_keys, client.stats):
        with trio.CancelScope() as scope:
            scope.cancel()
            await call()
        assert scope.cancelled_caught


async def test_cancelled_requests_do_not_confuse_later_ones() -> None:
    """Their late replies, with bodies and with errors, are read over and counted; the connection goes on."""
    async with serf_ring(1) as ring, connect(ring[0].rpc) as client:
        for _ in range(10):
            await cancelled_at_once(client)
            assert (await client.stats())["agent"]["name"] == "n001"
            assert [member.name for member in await client.members()] == ["n001"]
        assert client.swallowed == 30


async def test_exceptions_of_the_block_leave_as_they_are() -> None:
    """The client's own tasks wrap nothing into an exception group; a group of the block stays one."""
    async with serf_ring(1) as ring:
        with pytest.raises(LookupError, match="mine") as caught:
            async with connect(ring[0].rpc):
                raise LookupError("mine") from OSError("why")
        assert isinstance(caught.value.__cause__, OSError)
        with pytest.raises(ExceptionGroup) as group:
            async with connect(ring[0].rpc):
                raise ExceptionGroup("two", [ValueError(), KeyError()])
        assert len(group.value.exceptions) == 2
        with trio.move_on_after(0.05) as scope:
            async with connect(ring[0].rpc):
                await trio.sleep_forever()
        assert scope.cancelled_caught
