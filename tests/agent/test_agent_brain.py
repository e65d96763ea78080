"""The agent on a real ring, and the center as its brain: announcements, inventory, waivers, and secrets that stay."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path

import msgspec
import pytest
import trio

from config_center.database import Database
from config_center.http import serve
from inspector_agent import limits
from inspector_agent.ring import Answer as Response
from inspector_agent.ring import connect
from inspector_agent.wire import ANY_RELEASE, EVENT_NAME, QUERY_NAME, Serving, decode_answer, encode_question
from tests.support.agents import SWAPPINESS, agents, config_for, publish, question_for, sweep, with_config
from tests.support.center import item, layer
from tests.support.serf import SerfRing
from tests.support.waiting import soon
from tests.support.web import Web

TOKEN = "hunter2-correct-horse"  # noqa: S105 - what the tests look for
PATIENT = {"poll_s": 3600.0}  # hears of news by announcement, or not at all


def announcement(serial: int) -> bytes:
    """What `inspector announce` sends."""
    return msgspec.msgpack.encode([serial, b"release0"])


async def test_an_announced_release_is_fetched_long_before_the_next_poll(
    ring: SerfRing, center: Web, tmp_path: Path
) -> None:
    """A user event, and soon afterwards the node has it; garbage by that name is counted and does nothing."""
    publish(center, tmp_path)
    config = with_config(config_for(ring[0], tmp_path, center.url), **PATIENT)
    async with agents(config) as (agent,), connect(ring[0].rpc) as client:
        await agent.says("release")
        publish(center, tmp_path, SWAPPINESS, layer("20-new", {"sysctl:kernel.nothing": item(any=True)}))
        for number in range(20):
            await client.event(EVENT_NAME, f"garbage {number}".encode(), coalesce=False)
        await client.event(EVENT_NAME, announcement(2), coalesce=False)
        await soon(lambda: agent.counted["malformed-event"] > 0, what="garbage is counted")
        with trio.fail_after(120):
            await agent.says("release", times=2)
    assert "number=2" in agent.logged("release")[1]


async def test_a_flood_of_announcements_costs_one_look(ring: SerfRing, center: Web, tmp_path: Path) -> None:
    """Whoever is in the ring can send them; the center does not feel it."""
    publish(center, tmp_path)
    config = with_config(config_for(ring[0], tmp_path, center.url), **PATIENT)
    async with agents(config) as (agent,), connect(ring[0].rpc) as client:
        await agent.says("release")
        await soon(lambda: bool(center.conditional) or len(center.asked) >= 2, what="it has asked")
        before = center.asked.count("/current.json")
        for serial in range(1, 101):
            await client.event(EVENT_NAME, announcement(serial), coalesce=False)
        await soon(lambda: agent.counted["announced"] >= 50, what="they are heard")
        assert center.asked.count("/current.json") - before <= 2


async def test_the_center_knows_the_node(ring: SerfRing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name, tags and facts of the root, signed, by a child, without anybody's doing."""
    monkeypatch.setattr(limits, "tell_spread_s", 0.1)
    with closing(Database.at(tmp_path / "center.db")) as database:
        database.migrate()
        async with trio.open_nursery() as nursery:
            url = await nursery.start(partial(serve, database, "127.0.0.1", 0))
            config = config_for(ring[0], tmp_path, url)
            (Path(config.root) / "proc/sys/kernel/osrelease").write_text("6.1.0-37-amd64\n")
            async with connect(ring[0].rpc) as client:
                await client.tags({"zone": "a"})
            async with agents(config):
                await soon(lambda: bool(database.nodes()), what="the node is known", within_s=60.0)
            (row,) = database.nodes()
            nursery.cancel_scope.cancel()
    assert (row.name, row.tags, row.facts["kernel"]) == ("n001", {"zone": "a"}, "6.1.0-37-amd64")


async def test_no_secret_leaves_the_node(ring: SerfRing, center: Web, tmp_path: Path) -> None:
    """Neither in the packet nor in the log nor on disk; that it fails does, and which item."""
    expects = msgspec.structs.replace(item(), expect={}, from_file={"value": {"equals": "/etc/token"}})
    marked = msgspec.structs.replace(item(matches="^x"), secret=True)
    release = publish(
        center, tmp_path, layer("10-all", {"sysctl:kernel.domainname": marked, "sysctl:kernel.hostname": expects})
    )
    config = config_for(ring[0], tmp_path, center.url, kernel_domainname=TOKEN, kernel_hostname=TOKEN)
    (Path(config.root) / "etc").mkdir()
    (Path(config.root) / "etc/token").write_text("another-token\n")
    packets: list[bytes] = []
    async with agents(config) as (agent,), connect(ring[0].rpc) as client:
        await agent.says("release")
        asked = encode_question(question_for(release))
        async with client.query(QUERY_NAME, asked, timeout_s=60.0) as records:
            async for record in records:
                if isinstance(record, Response):
                    packets.append(record.payload)
                    break
    (packet,) = packets
    answer = decode_answer(packet)
    kept = b"".join(path.read_bytes() for path in config.cache.rglob("*") if path.is_file())
    for everything in (packet, "".join(agent.lines).encode(), kept):
        assert TOKEN.encode() not in everything
        assert b"another-token" not in everything
    assert (answer.failing, answer.clear, len(answer.hashes)) == ((0, 1), {}, 2)
    assert None not in answer.hashes


async def test_which_release_a_node_has_is_a_question_without_a_run(
    ring: SerfRing, center: Web, tmp_path: Path
) -> None:
    """What `config-center status` asks."""
    release = publish(center, tmp_path)
    async with agents(config_for(ring[0], tmp_path, center.url)) as (agent,):
        await agent.says("release")
        asked = msgspec.structs.replace(question_for(release, items=("-",)), release=ANY_RELEASE, number=0)
        answer = (await sweep(ring[0], asked, expect=1))["n001"]
    assert (answer.state, answer.number, answer.counts.total) == (Serving.VERDICT, 1, 0)
    assert answer.release == bytes.fromhex(release.digest)[:8]
