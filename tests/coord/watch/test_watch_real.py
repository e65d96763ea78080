"""The watch on real rings: what dies, freezes and comes back is told once, whatever happens to entries and watcher."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import trio

from inspector_coord.watch.conclusions import Action, Kind
from inspector_coord.watch.journal import Journal
from inspector_coord.watch.service import watch
from tests.support.serf import claimed_prefix
from tests.support.waiting import soon
from tests.support.watching import Ears, failed_at, watched_ring, watching

NODES = 5
RELAY_PORT = 7373


class Relay:
    """A TCP port in front of another, which can be cut: then all connections end, and none is taken."""

    def __init__(self, address: str, target: str) -> None:
        self.address = f"{address}:{RELAY_PORT}"
        self._target = target
        self._cut = trio.Event()
        self._joined = trio.Event()

    async def run(self, task_status: trio.TaskStatus[None]) -> None:
        """Pass on, until cancelled."""
        host, _, port = self.address.rpartition(":")
        started = False
        while True:
            listeners = await trio.open_tcp_listeners(int(port), host=host)
            if not started:
                started = True
                task_status.started()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(trio.serve_listeners, self._serve, listeners))
                await self._cut.wait()
                nursery.cancel_scope.cancel()
            await self._joined.wait()

    def cut(self) -> None:
        """End all connections."""
        self._joined = trio.Event()
        self._cut.set()

    def join(self) -> None:
        """Take connections again."""
        self._cut = trio.Event()
        self._joined.set()

    async def _serve(self, stream: trio.SocketStream) -> None:
        host, _, port = self._target.rpartition(":")
        async with await trio.open_tcp_stream(host, int(port)) as other, trio.open_nursery() as nursery:
            nursery.start_soon(_pass_on, stream, other, nursery.cancel_scope)
            nursery.start_soon(_pass_on, other, stream, nursery.cancel_scope)


async def _pass_on(source: trio.SocketStream, target: trio.SocketStream, scope: trio.CancelScope) -> None:
    try:
        async for data in source:
            await target.send_all(data)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        scope.cancel()
    else:
        scope.cancel()


@asynccontextmanager
async def relayed(target: str) -> AsyncIterator[Relay]:
    """A relay to that address."""
    with claimed_prefix() as prefix:
        relay = Relay(f"{prefix}.1", target)
        async with trio.open_nursery() as nursery:
            await nursery.start(relay.run)
            yield relay
            nursery.cancel_scope.cancel()


async def test_a_killed_node_is_down_and_comes_back(tmp_path: Path) -> None:
    """Witnesses do not reach it, and that is told once; when it is there again, that is told with how long it took."""
    async with watched_ring(tmp_path, NODES) as made, watching(made.config, nodes=NODES) as ears:
        dead = made.ring[4]
        await dead.kill()
        down = await ears.hears(Action.OPENED, Kind.DOWN, dead.name)
        assert down.nodes == (dead.name,)
        assert down.evidence.startswith("reached by none of ")
        assert ears.rings["main"].counted["answered"] > 0
        await dead.restart(made.ring.others(dead))
        back = await ears.hears(Action.CLOSED, Kind.DOWN, dead.name)
        assert back.number == down.number
        assert back.evidence.startswith("back after ")
    assert [one.action for one in ears.happenings] == [Action.OPENED, Action.CLOSED]


async def test_a_frozen_node_is_stalled_and_not_down(tmp_path: Path) -> None:
    """Its kernel still takes connections: witnesses reach it, so nobody says that it is down."""
    async with watched_ring(tmp_path, NODES) as made, watching(made.config, nodes=NODES) as ears:
        frozen = made.ring[3]
        frozen.stop()
        stalled = await ears.hears(Action.OPENED, Kind.STALLED, frozen.name)
        frozen.cont()
        await ears.hears(Action.CLOSED, Kind.STALLED, frozen.name)
    assert "reach it" in stalled.evidence
    assert not ears.of(Action.OPENED, Kind.DOWN)


async def test_what_happened_while_the_entry_was_away_is_found_by_comparison(tmp_path: Path) -> None:
    """The connection ends, a node dies meanwhile, and no event of that ever comes: the list tells it after all."""
    async with watched_ring(tmp_path, NODES) as made, relayed(made.ring[0].rpc) as relay:
        config = made.enter(relay.address)
        async with watching(config, nodes=NODES) as ears:
            relay.cut()
            await soon(lambda: ears.rings["main"].entries_up == 0, "the entry is lost")
            await made.ring[4].kill()
            await failed_at(made.ring[0], "n005")
            relay.join()
            await ears.hears(Action.OPENED, Kind.DOWN, "n005")
            lists = ears.rings["main"].counted["lists-read"]
        assert lists >= 2
        assert any("is tried again until it answers" in note for note in ears.notes)
        assert any("is back after" in note for note in ears.notes)


async def test_an_entrys_serf_is_restarted_in_mid_watch(tmp_path: Path) -> None:
    """The other entry goes on meanwhile; the restarted one is connected to again, and nobody is wrongly accused."""
    async with watched_ring(tmp_path, NODES) as made:
        first = made.ring[0]
        async with watching(made.enter(first.rpc, made.ring[1].rpc), nodes=NODES) as ears:
            ring = ears.rings["main"]
            await soon(lambda: ring.entries_up == 2, "both entries are connected")
            await first.restart(made.ring.others(first))
            await soon(lambda: ring.counted["entry-lost"] > 0 and ring.entries_up == 2, "it is connected again")
            await made.ring[4].kill()
            await ears.hears(Action.OPENED, Kind.DOWN, "n005")
    assert {name for one in ears.happenings if one.kind is Kind.DOWN for name in one.nodes} <= {"n005", "n001"}


async def test_an_incident_outlives_the_watcher(tmp_path: Path) -> None:
    """Told by the first watch, it is open for the second, which tells nothing but its end, under the same number."""
    async with watched_ring(tmp_path, NODES) as made:
        config, folder, notes = made.config, tmp_path / "journal", list[str]()
        async with watching(config, Journal(folder, notes.append), nodes=NODES) as first:
            await made.ring[4].kill()
            down = await first.hears(Action.OPENED, Kind.DOWN, "n005")
        journal = Journal(folder, notes.append)
        past = journal.read(["main"])
        assert [record.nodes for record in past["main"].open] == [("n005",)]
        async with watching(config, journal, nodes=NODES, past=past) as second:
            assert [one.number for one in second.rings["main"].open_incidents] == [down.number]
            await made.ring[4].restart(made.ring.others(made.ring[4]))
            back = await second.hears(Action.CLOSED, Kind.DOWN, "n005")
        assert [one.action for one in second.happenings] == [Action.CLOSED]
        assert back.number == down.number
        assert Journal(folder, notes.append).read(["main"])["main"].open == ()
        assert Journal(folder, notes.append).read(["main"])["main"].number == down.number
    assert notes == []


async def test_a_ring_that_cannot_be_reached_spoils_no_other(tmp_path: Path) -> None:
    """It is said, tried again, and told as what the watcher cannot see; the other ring is watched as ever."""
    async with watched_ring(tmp_path, NODES) as made:
        with claimed_prefix() as nobody:
            config = made.enter(made.ring[0].rpc, other=[f"{nobody}.1:7373"])
            async with trio.open_nursery() as nursery:
                ears = Ears()
                nursery.start_soon(partial(watch, config, [ears], say=ears.notes.append))
                await soon(lambda: bool(ears.rings) and ears.rings["main"].judging, "the reachable ring is judged")
                await made.ring[4].kill()
                await ears.hears(Action.OPENED, Kind.DOWN, "n005")
                isolated = await ears.hears(Action.OPENED, Kind.ISOLATED)
                nursery.cancel_scope.cancel()
    assert "no entry can be reached" in isolated.evidence
    assert [ring for ring, one, _ in ears.heard if one.kind is Kind.ISOLATED] == ["other"]
    assert sum("ring other: entry" in note for note in ears.notes) == 1
