"""Looking for news costs an idle agent next to nothing: a child is started only when there is something to do."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio

from inspector_agent import limits, releases
from inspector_agent.glance import is_unchanged
from inspector_agent.releases import Releases
from tests.support.center import item, layer
from tests.support.web import Web, reply, says_nothing, sends, web

FIRST = layer("10", {"sysctl:a.b": item(equals=1)})
SECOND = layer("20", {"sysctl:a.b": item(equals=2)})


class Node:
    """A node that holds release 1; `fetches` counts the children it started since."""

    def __init__(self, center: Web, directory: Path) -> None:
        self.center = center
        self.directory = directory
        self.fetches = 0

    async def holds_first(self, *centers: str) -> Releases:
        """Release 1 fetched, from then on with these centers."""
        self.center.publish(self.directory / "store", [FIRST])
        held = Releases(self.directory / "cache", centers or (self.center.url,), name="n001", traits={})
        assert await held.refresh() is not None
        self.fetches = 0
        return held


@pytest.fixture
async def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Node]:
    """A node and its center."""
    async with web() as center:
        made = Node(center, tmp_path)
        start = subprocess.Popen

        def counted(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
            made.fetches += 1
            return start(*arguments, **options)

        monkeypatch.setattr(subprocess, "Popen", counted)
        yield made


async def test_no_news_start_no_child(node: Node) -> None:
    """The pointer is asked for once, with its etag, and the baseline in memory stays."""
    held = await node.holds_first()
    before = held.current()
    node.center.asked.clear()
    assert await held.refresh() is before
    assert (node.fetches, node.center.asked, held.last_error) == (0, ["/current.json"], "")


async def test_news_start_one(node: Node) -> None:
    """The glance says only that something is different; the child finds out what."""
    held = await node.holds_first()
    second = node.center.publish(node.directory / "store", [SECOND])
    baseline = await held.refresh()
    assert baseline is not None
    assert (node.fetches, baseline.digest) == (1, second.digest)


async def test_a_mirror_answers_for_one_that_is_down(node: Node) -> None:
    """As long as it has no news, nothing is to be done."""
    held = await node.holds_first("http://127.0.0.1:1", node.center.url)
    await held.refresh()
    assert (node.fetches, held.last_error) == (0, "")


async def test_a_center_that_stays_away_starts_one_child_in_all(node: Node) -> None:
    """The first finds words for what is wrong; while it is the same, they are repeated."""
    await node.holds_first()
    alone = Releases(node.directory / "cache", ["http://127.0.0.1:1"], name="n001", traits={})
    for _ in range(3):
        assert await alone.refresh() is not None
        assert alone.last_error == "http://127.0.0.1:1/current.json: Connection refused"
    assert node.fetches == 1


async def test_a_center_that_comes_back_is_asked_again(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was remembered of its absence."""
    held = await node.holds_first()

    async def refused(_url: str, _etag: str) -> bool:
        raise ConnectionRefusedError

    with monkeypatch.context() as patch:
        patch.setattr(releases, "is_unchanged", refused)
        await held.refresh()
        await held.refresh()
    second = node.center.publish(node.directory / "store", [SECOND])
    baseline = await held.refresh()
    assert baseline is not None
    assert (baseline.digest, held.last_error) == (second.digest, "")


@pytest.mark.parametrize("raw", [b"", b"HTTP", b"HTTP/1.1 3", b"x" * 500, reply(b""), reply(b"", status="500 No")])
async def test_nothing_but_not_modified_is_believed(node: Node, raw: bytes) -> None:
    """Anything else is read by the child, within its bounds."""
    node.center.handlers["/current.json"] = sends(raw)
    assert not await is_unchanged(f"{node.center.url}/current.json", '"etag"')


@pytest.mark.parametrize("url", ["https://127.0.0.1:1/current.json", "http:///x", "ftp://127.0.0.1:1/"])
async def test_what_is_not_plain_http_is_the_childs(url: str) -> None:
    """TLS is not loaded into the resident agent."""
    assert not await is_unchanged(url, '"etag"')


@pytest.mark.parametrize("etag", ["", 'a"\r\nX-Evil: 1'])
async def test_an_etag_that_is_none_is_not_sent(node: Node, etag: str) -> None:
    """What a center once sent must not become a header of ours."""
    assert not await is_unchanged(f"{node.center.url}/current.json", etag)
    assert node.center.asked == []


async def test_a_silent_center_is_left_to_the_child(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which gives it up in time, and says so."""
    held = await node.holds_first()
    monkeypatch.setattr(limits, "glance_s", 0.1)
    node.center.handlers["/current.json"] = says_nothing
    with trio.fail_after(30.0):
        await held.refresh(0.5)
    assert node.fetches == 1
    assert "not complete after 0." in held.last_error
