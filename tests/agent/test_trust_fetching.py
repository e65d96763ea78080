"""Mirrors, and what is fetched of a release: only what is missing, from whoever answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from inspector_agent import limits
from tests.support.trusting import RAID, TrustingNode, expects, trusting_node
from tests.support.web import Web, reply, sends, web


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[TrustingNode]:
    """A node that has followed nothing yet."""
    async with trusting_node(tmp_path) as made:
        yield made


@pytest.fixture
async def broken() -> AsyncIterator[Web]:
    """A mirror that answers, with nothing."""
    async with web() as server:
        server.handlers["/current.json"] = sends(reply(b"", status="503 Service Unavailable"))
        yield server


def asked_for(server: Web, folder: str) -> list[str]:
    """The files of a folder that were asked for."""
    return [path for path in server.asked if path.startswith(f"/{folder}/")]


async def test_a_mirror_that_failed_is_left_alone_while_another_answers(node: TrustingNode, broken: Web) -> None:
    """By the next looks for news and by questions; the one that answers is asked first then."""
    running = node.started(broken.url, node.server.url)
    node.signed.act(node.first)
    assert await running.refresh() is not None
    assert broken.asked == ["/current.json"]
    node.signed.act(node.second)
    assert await running.ensure(bytes.fromhex(node.second.digest)[:8], 2, 20.0) is not None
    node.signed.act(node.third)
    assert await running.refresh() is not None
    assert await running.refresh() is not None
    assert broken.asked == ["/current.json"]
    assert running.last_error == ""


async def test_a_mirror_that_failed_is_asked_when_nobody_else_answers(node: TrustingNode, broken: Web) -> None:
    """It may be well again: nothing but a better one keeps it waiting."""
    running = node.started(broken.url, node.server.url)
    node.signed.act(node.first)
    await running.refresh()
    broken.handlers.clear()
    broken.files = node.signed.files
    node.server.handlers["/current.json"] = sends(reply(b"", status="503 Service Unavailable"))
    node.signed.act(node.second)
    found = await running.refresh()
    assert found is not None
    assert (found.digest, running.last_error) == (node.second.digest, "")


async def test_a_mirror_is_asked_again_when_its_rest_is_over(
    node: TrustingNode, broken: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays the first of the list."""
    monkeypatch.setattr(limits, "mirror_rest_s_min", 0.0)
    running = node.started(broken.url, node.server.url)
    for release in (node.first, node.second):
        node.signed.act(release)
        await running.refresh()
    assert broken.asked.count("/current.json") > 1


async def test_a_mirror_that_lags_is_no_reason_to_stay_behind(node: TrustingNode) -> None:
    """It offers an older act: refused, and the next one asked in the same breath."""
    node.signed.act(node.first)
    async with web() as lagging:
        lagging.files = dict(node.signed.files)
        node.signed.act(node.second)
        await node.follows(node.second)
        node.signed.act(node.third)
        running = node.started(lagging.url, node.server.url)
        found = await running.refresh()
    assert found is not None
    assert (found.digest, running.last_error) == (node.third.digest, "")


async def test_no_mirror_alone_keeps_news_from_a_node(node: TrustingNode) -> None:
    """The first one lags, or lies, and says for ever that nothing is new: after a few looks another one is heard."""
    node.signed.act(node.first)
    async with web() as frozen:
        frozen.files = dict(node.signed.files)
        running = node.started(frozen.url, node.server.url)
        await running.refresh()
        node.signed.act(node.second)
        looks = 1
        while (found := running.current()) is not None and found.digest == node.first.digest:
            await running.refresh()
            looks += 1
            assert looks <= limits.looks_at_one_max
    assert found is not None
    assert (found.digest, running.last_error) == (node.second.digest, "")


async def test_what_two_releases_share_is_fetched_once(node: TrustingNode) -> None:
    """Executables by their digests, across releases; and a release that came back is not fetched again at all."""
    node.signed.act(node.second)
    await node.follows(node.second)
    raid, zfs = (f"/parts/{check.sha256}" for check in node.third.checks)
    assert asked_for(node.server, "parts") == [raid]
    node.signed.act(node.third)
    await node.follows(node.third)
    assert asked_for(node.server, "parts") == [raid, zfs]
    assert len(asked_for(node.server, "releases")) == 2
    node.signed.act(node.second)
    await node.follows(node.second)
    renamed = node.signed.release(5, expects(5), checks={"raid5": RAID})
    node.signed.act(renamed)
    await node.follows(renamed)
    assert asked_for(node.server, "parts") == [raid, zfs]
    assert len(asked_for(node.server, "releases")) == 3


async def test_a_download_that_was_broken_off_goes_on_where_it_ended(node: TrustingNode) -> None:
    """Executable by executable: what is there and sound is not asked for again."""
    checks = {f"check{n}": RAID + f"# {n}\n".encode() for n in range(6)}
    many = node.signed.release(7, expects(7), checks=checks)
    paths = [f"/parts/{check.sha256}" for check in many.checks]
    last = node.signed.files.pop(paths[-1])
    node.signed.act(many)
    running = node.started()
    assert await running.refresh() is None
    assert running.last_error == f"{node.server.url}{paths[-1]}: the center answers 404 Not Found"
    assert sorted(asked_for(node.server, "parts")) == sorted(paths)
    node.signed.files[paths[-1]] = last
    node.server.asked.clear()
    await node.follows(many)
    assert asked_for(node.server, "parts") == [paths[-1]]


async def test_a_damaged_executable_is_all_that_is_fetched_again(node: TrustingNode) -> None:
    """The release beside it is sound."""
    node.signed.act(node.third)
    await node.follows(node.third)
    raid = next(check for check in node.third.checks if check.name == "raid")
    (node.cache / "parts" / raid.sha256).write_bytes(b"#!/bin/sh\nexit 1\n")
    node.holds(None)
    node.server.asked.clear()
    await node.follows(node.third)
    assert asked_for(node.server, "parts") == [f"/parts/{raid.sha256}"]
    assert asked_for(node.server, "releases") == []
