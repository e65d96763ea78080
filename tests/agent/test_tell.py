"""The telling child, as a process: to a real center, to mirrors that take nothing, and to servers that misbehave."""

from __future__ import annotations

import json
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path

import msgspec
import pytest
import trio

from config_center.database import Database
from config_center.http import serve
from config_center.keys import parse_public, verify_bytes
from inspector_agent.child import run_child
from inspector_agent.kept import Kept
from inspector_agent.teller import TELL
from inspector_agent.telling import TellJob, TellOutcome, Told
from tests.support.taker import taker
from tests.support.web import Handler, drips, reply, says_nothing, sends, web

PATH = "/nodes/n001"
RETRY_LATER = reply(b"", "Retry-After: 120", status="503 Service Unavailable")


def job(cache: Path, *centers: str, **fields: object) -> TellJob:
    """A record of n001 for these centers."""
    ordinary: dict[str, object] = {
        "cache": str(cache), "centers": centers, "name": "n001", "tags": {"zone": "a"},
        "facts": {"os": "debian", "kernel": "6.1"}, "mark": "m1", "sent": 1_900_000_000 // 2, "deadline_s": 20.0,
    }  # fmt: skip
    return TellJob(**{**ordinary, **fields})  # type: ignore[arg-type]


async def tell(order: TellJob) -> TellOutcome:
    """Run the child."""
    said = await run_child(TELL, msgspec.json.encode(order), 60.0)
    return msgspec.json.decode(said.splitlines()[-1], type=TellOutcome)


@asynccontextmanager
async def center(directory: Path) -> AsyncIterator[tuple[str, Database]]:
    """A config center that keeps what nodes tell: (its URL, its database)."""
    with closing(Database.at(directory / "center.db")) as database:
        database.migrate()
        async with trio.open_nursery() as nursery:
            yield await nursery.start(partial(serve, database, "127.0.0.1", 0)), database
            nursery.cancel_scope.cancel()


async def test_a_center_keeps_what_a_node_tells(tmp_path: Path) -> None:
    """Name, tags and facts, signed; the key is pinned, and a later record of the same key replaces it."""
    async with center(tmp_path) as (url, database):
        assert await tell(job(tmp_path / "cache", url)) == TellOutcome(taken=True)
        assert await tell(job(tmp_path / "cache", url, facts={"os": "ubuntu"}, sent=950_000_001)) == TellOutcome(
            taken=True
        )
        (row,) = database.nodes()
    assert (row.name, row.tags, row.facts, row.sent) == ("n001", {"zone": "a"}, {"os": "ubuntu"}, 950_000_001)
    assert row.key.startswith("ed25519:")


async def test_the_key_is_the_nodes_own_and_survives_tidying(tmp_path: Path) -> None:
    """For its owner alone; made once; what was told last is kept beside it."""
    cache = tmp_path / "cache"
    async with center(tmp_path) as (url, _):
        await tell(job(cache, url))
        key = (cache / "node.key").read_bytes()
        with Kept(cache).locked():
            Kept(cache).forget_old(but="")
        await tell(job(cache, url, sent=950_000_001, mark="m2"))
    assert (cache / "node.key").read_bytes() == key
    assert stat.S_IMODE((cache / "node.key").stat().st_mode) == 0o600
    assert msgspec.json.decode((cache / "told.json").read_bytes(), type=Told) == Told("m2", 950_000_001.0)
    assert Kept(cache).foreign() == ""


async def test_another_key_is_refused_until_somebody_forgets_the_node(tmp_path: Path) -> None:
    """Nobody can speak for a node that the center knows; a new installation needs a person."""
    async with center(tmp_path) as (url, database):
        await tell(job(tmp_path / "cache", url))
        refused = await tell(job(tmp_path / "elsewhere", url, sent=950_000_001))
        assert (refused.taken, refused.refused) == (False, True)
        assert "409" in refused.problem
        assert not (tmp_path / "elsewhere/told.json").exists()
        database.forget_node("n001")
        assert (await tell(job(tmp_path / "elsewhere", url, sent=950_000_002))).taken


async def test_what_is_sent_is_canonical_and_signed(tmp_path: Path) -> None:
    """In the one form that the signature covers."""
    async with taker() as server:
        assert (await tell(job(tmp_path / "cache", server.url))).taken
    ((head, body),) = server.requests
    headers = dict(line.split(": ", 1) for line in head.splitlines()[1:])
    assert head.startswith(f"POST {PATH} HTTP/1.1")
    document = json.loads(body)
    assert list(document) == ["facts", "key", "name", "schema", "sent", "tags"]
    assert document["schema"] == "inspector.node/1"
    verify_bytes(parse_public(document["key"]), body, headers["Inspector-Signature"])


@pytest.mark.parametrize(
    "handler",
    [
        sends(reply(b"", status="404 Not Found")),
        sends(reply(b"", status="405 Method Not Allowed")),
        sends(reply(b"", status="501 Not Implemented")),
        sends(RETRY_LATER),
        sends(b"what?"),
        sends(b""),
        sends(b"HTTP/1.1 204 " + b"x" * 100_000),
    ],
    ids=["404", "405", "501", "503", "garbage", "nothing", "long"],
)
async def test_the_next_center_is_asked(tmp_path: Path, handler: Handler) -> None:
    """A static mirror, a busy one, a broken one, one that is not there: the first that takes it has it."""
    async with web() as first, center(tmp_path) as (url, database):
        first.handlers[PATH] = handler
        assert await tell(job(tmp_path / "cache", "http://127.0.0.1:1", first.url, url)) == TellOutcome(taken=True)
        assert [row.name for row in database.nodes()] == ["n001"]
        assert first.asked == [PATH]


async def test_nobody_takes_it(tmp_path: Path) -> None:
    """Every center is named with its words, and the time that a busy one asks for is passed on."""
    async with web() as first, web() as second:
        first.handlers[PATH] = sends(RETRY_LATER)
        second.handlers[PATH] = sends(reply(b"too \x1b[2Jbig", status="413 Too Large"))
        outcome = await tell(job(tmp_path / "cache", first.url, second.url))
    assert (outcome.taken, outcome.refused, outcome.retry_after_s) == (False, False, 120.0)
    assert first.url in outcome.problem
    assert "413 too" in outcome.problem
    assert "\x1b" not in outcome.problem
    assert not (tmp_path / "cache/told.json").exists()


@pytest.mark.parametrize("handler", [says_nothing, drips(b"HTTP/1.1 204 No Content\r\n" * 900, 0.05)])
async def test_a_center_that_drips_has_only_its_share_of_the_time(tmp_path: Path, handler: Handler) -> None:
    """The next one still gets its turn."""
    async with web() as slow, center(tmp_path) as (url, _):
        slow.handlers[PATH] = handler
        assert (await tell(job(tmp_path / "cache", slow.url, url, deadline_s=6.0))).taken


async def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    """Whoever read it could speak for the node."""
    async with center(tmp_path) as (url, database):
        await tell(job(tmp_path / "cache", url))
        (tmp_path / "cache/node.key").chmod(0o644)
        outcome = await tell(job(tmp_path / "cache", url, sent=950_000_001))
        assert not outcome.taken
        assert "can be read by others" in outcome.problem
        assert database.nodes()[0].sent == 950_000_000


async def test_without_a_place_for_the_key_nothing_is_told(tmp_path: Path) -> None:
    """A key that is lost with the process would be another one tomorrow."""
    (tmp_path / "cache").write_text("no directory")
    outcome = await tell(job(tmp_path / "cache", "http://127.0.0.1:1"))
    assert not outcome.taken
    assert "key cannot be" in outcome.problem
    assert (await tell(job(tmp_path / "other"))).problem == "no config center is configured"
