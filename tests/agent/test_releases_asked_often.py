"""A node that needs longer for a release than its questions may wait gets it all the same."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from config_center.folder import Folder
from config_center.release import Release
from inspector_agent import fetch, releases
from inspector_agent.download import Reply
from inspector_agent.jobs import Job
from inspector_agent.releases import Releases
from tests.support.center import item, layer
from tests.support.depots import MirroredStore

NEEDS_S = 7.0  # of the fetching child
ANSWER_WITHIN_S = 5.0
CENTER = "http://center.example"


class Slow:
    """Stands for the starting of children: each does its job in this process once it had its time.

    Attributes:
        begun: for each child, which release a question wanted of it; "" where it looks for news.
        ended: the same, of those that had their time.
    """

    def __init__(self, store: Folder) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self._store = store

    async def run_child(self, _command: Sequence[str], raw: bytes, seconds: float) -> bytes:
        """As releases.run_child."""
        job = msgspec.json.decode(raw, type=Job)
        self.begun.append(job.wanted)
        with trio.move_on_after(min(seconds, job.deadline_s)):
            await trio.sleep_until(trio.current_time() + NEEDS_S)
            self.ended.append(job.wanted)
            return msgspec.json.encode(fetch.do(job, time.monotonic() + 60.0))
        return b"it was ended: no word from it in time"

    def get(self, url: str, **_bounds: Any) -> Reply:
        """As fetch.get, from a folder."""
        path = url.removeprefix(f"{CENTER}/")
        return Reply(200, (self._store.directory / path).read_bytes(), etag="", date="")


@pytest.fixture
def release(tmp_path: Path) -> Release:
    """What the center has."""
    return MirroredStore(tmp_path / "store").publish([layer("10", {"sysctl:a.b": item()})], [])


@pytest.fixture
def slow(tmp_path: Path, release: Release, monkeypatch: pytest.MonkeyPatch) -> Slow:
    """Fetching takes longer than any question waits."""
    children = Slow(Folder(tmp_path / "store"))
    monkeypatch.setattr(releases, "run_child", children.run_child)
    monkeypatch.setattr(fetch, "get", children.get)
    return children


async def asks(node: Releases, release: Release, every_s: float, served: trio.Event) -> None:
    """A question now and again, until one is served."""
    for _ in range(1000):
        if await node.ensure(bytes.fromhex(release.digest)[:8], release.number, ANSWER_WITHIN_S) is not None:
            served.set()
            return
        await trio.sleep_until(trio.current_time() + every_s)


async def test_questions_do_not_keep_a_slow_node_from_its_release(
    slow: Slow, release: Release, tmp_path: Path, autojump_clock: MockClock
) -> None:
    """Somebody asks at every moment. The look for news is put off once, then it has all the time that it needs."""
    node = Releases(tmp_path / "cache", [CENTER], name="n001", traits={})
    served = trio.Event()
    with trio.fail_after(60.0):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(node.refresh)
            for every_s in (0.1, 0.7):  # as many as a session lets fetch at a time
                nursery.start_soon(asks, node, release, every_s, served)
            await served.wait()
            nursery.cancel_scope.cancel()
    assert slow.ended == [""]
    held = node.current()
    assert held is not None
    assert held.digest == release.digest


async def test_a_question_that_waited_for_news_is_served_by_it(
    slow: Slow, release: Release, tmp_path: Path, autojump_clock: MockClock
) -> None:
    """A look that was put off already is waited for: what it brings is fetched once, and within the question's time."""
    node = Releases(tmp_path / "cache", [CENTER], name="n001", traits={})
    served = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(node.refresh)
        await trio.sleep_until(trio.current_time() + 1.0)
        assert await node.ensure(bytes.fromhex(release.digest)[:8], 1, ANSWER_WITHIN_S) is None
        await trio.sleep_until(trio.current_time() + NEEDS_S - 1.0)
        nursery.start_soon(asks, node, release, 0.1, served)
        with trio.fail_after(ANSWER_WITHIN_S):
            await served.wait()
    wanted = release.digest[:16]
    assert slow.begun == ["", wanted, ""]
    assert node.last_error == ""


async def test_a_look_is_put_off_again_by_the_next_one(
    slow: Slow, release: Release, tmp_path: Path, autojump_clock: MockClock
) -> None:
    """Each look for news gives way once: it is not the first question alone that goes before it."""
    node = Releases(tmp_path / "cache", [CENTER], name="n001", traits={})
    for _ in range(2):
        slow.begun.clear()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(node.refresh)
            await trio.sleep_until(trio.current_time() + 1.0)
            assert await node.ensure(bytes(8), 7, ANSWER_WITHIN_S) is None
        assert slow.begun == ["", bytes(8).hex(), ""]
        (tmp_path / "cache" / "current.json").unlink()  # a glance settles nothing
