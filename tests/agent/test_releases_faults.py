"""Whatever a config center, the network or the disk does: the last good release holds, and the error says why."""

from __future__ import annotations

import gzip
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from config_center import limits as center_limits
from config_center.files import ASIDE
from config_center.pointer import Pointer, encode_pointer
from inspector_agent import limits
from inspector_agent import releases as releases_module
from inspector_agent.releases import Releases
from tests.support.center import item, layer
from tests.support.waiting import PATIENCE_S
from tests.support.web import Handler, Web, drips, reply, says_nothing, sends, web

FIRST = layer("10", {"sysctl:a.b": item(equals=1)})
SECOND = layer("20", {"sysctl:a.b": item(equals=2)})
RAID = b"#!/bin/sh\necho raid\n"


class Node:
    """A node that holds release 1 of a center which then publishes release 2, and something goes wrong with that."""

    def __init__(self, center: Web, directory: Path) -> None:
        self.center = center
        self.cache = directory / "cache"
        self.directory = directory
        self.releases = Releases(self.cache, [center.url], name="n001", traits={})

    async def prepare(self) -> None:
        """Fetch release 1, publish release 2."""
        self.first = self.center.publish(self.directory / "store", [FIRST], {"raid": RAID})
        assert await self.releases.refresh() is not None
        self.second = self.center.publish(self.directory / "store", [SECOND], {"raid": RAID + b"exit 1\n"})
        self.release_path = f"/releases/{self.second.digest}.json"
        self.part_path = f"/parts/{self.second.checks[0].sha256}"

    async def refuses(self, deadline_s: float = 60.0) -> str:
        """A refresh that must leave release 1 in force, also for an agent that starts now; returns the error."""
        held = await self.releases.refresh(deadline_s)
        fresh = Releases(self.cache, [], name="n001", traits={}).current()
        assert held is not None
        assert fresh is not None
        assert held.digest == fresh.digest == self.first.digest
        assert not list(self.cache.rglob(f"{ASIDE}*"))
        return self.releases.last_error

    async def recovers(self) -> None:
        """All is well again: release 2 is taken."""
        self.center.handlers.clear()
        baseline = await self.releases.refresh()
        assert self.releases.last_error == ""
        assert baseline is not None
        assert baseline.digest == self.second.digest
        assert (self.releases.parts_dir(baseline) / "raid").read_bytes() == RAID + b"exit 1\n"


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    """A node that holds release 1; release 2 is published."""
    async with web() as center:
        made = Node(center, tmp_path)
        await made.prepare()
        yield made


async def test_a_tampered_release_is_refused(node: Node) -> None:
    """One changed byte, and the digest tells."""
    node.center.files[node.release_path] = node.center.files[node.release_path].replace(b"equals", b"equalz")
    error = await node.refuses()
    assert error.startswith(f"{node.center.url}{node.release_path}: ")
    assert "is not the one asked for" in error


async def test_a_truncated_release_is_refused(node: Node) -> None:
    """Cut by a proxy that adjusts the length."""
    node.center.files[node.release_path] = node.center.files[node.release_path][:-40]
    assert "is not the one asked for" in await node.refuses()
    node.center.serve(node.directory / "store")
    await node.recovers()


async def test_a_connection_that_ends_early_is_refused(node: Node) -> None:
    """Fewer bytes than announced: the error says how many are missing."""
    raw = node.center.files[node.release_path]
    node.center.handlers[node.release_path] = sends(reply(raw[:100], length=len(raw)))
    assert f"cut short, {len(raw) - 100} bytes are missing" in await node.refuses()
    await node.recovers()


@pytest.mark.parametrize("path", ["release_path", "part_path"])
async def test_a_missing_file_is_refused(node: Node, path: str) -> None:
    """Release or executable: a release without one of its files is none."""
    del node.center.files[getattr(node, path)]
    assert (await node.refuses()) == f"{node.center.url}{getattr(node, path)}: the center answers 404 Not Found"
    node.center.serve(node.directory / "store")
    await node.recovers()


async def test_a_tampered_executable_is_refused(node: Node) -> None:
    """What would run with the agent's rights is what the release names, byte by byte."""
    node.center.files[node.part_path] = RAID + b"exit 2\n"
    assert "is not the check raid that the release names" in await node.refuses()
    node.center.serve(node.directory / "store")
    await node.recovers()


async def test_an_executable_that_grows_is_refused(node: Node) -> None:
    """The release says how long it is; more is not even read."""
    node.center.files[node.part_path] += b"x" * 100_000
    assert f"more than {len(RAID) + 7} bytes" in await node.refuses()


@pytest.mark.parametrize("how", ["plain", "endless", "gzip"])
async def test_an_oversized_release_is_refused(node: Node, how: str) -> None:
    """By its length, without one, and as a gzip bomb of some kilobytes."""
    size = center_limits.release_bytes_max + 1
    if how == "plain":
        handler: Handler = sends(reply(b"x" * size))
    elif how == "endless":
        handler = sends(b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * size)
    else:
        handler = sends(reply(gzip.compress(b"x" * (2 * size)), "Content-Encoding: gzip"))
    node.center.handlers[node.release_path] = handler
    assert f"more than {center_limits.release_bytes_max} bytes" in await node.refuses()
    await node.recovers()


async def test_a_broken_gzip_stream_is_refused(node: Node) -> None:
    """Cut in the midst, or no gzip at all."""
    zipped = gzip.compress(node.center.files[node.release_path])
    node.center.handlers[node.release_path] = sends(reply(zipped[:-20], "Content-Encoding: gzip"))
    assert "cut short in the midst of its gzip stream" in await node.refuses()
    node.center.handlers[node.release_path] = sends(reply(b"no gzip", "Content-Encoding: gzip"))
    assert "incorrect header check" in await node.refuses()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "Remote end closed connection without response"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0-OpenSSH_9.2"),
        (reply(b"<html>captive portal</html>"), "the pointer is malformed"),
        (reply(b"[" * 60_000), "the pointer is malformed"),
        (reply(b"{}"), "the pointer is malformed"),
        (reply(b"", "Location: http://127.0.0.1:1/", status="302 Found"), "the center answers 302 Found"),
        (reply(b"", status="503 Service Unavailable"), "the center answers 503 Service Unavailable"),
        (reply(b"x", "Content-Encoding: br"), "comes as 'br', which was not asked for"),
        (b"HTTP/1.1 200 OK\r\n" + b"X-Long: y\r\n" * 500 + b"\r\n", "got more than 100 headers"),
    ],
)
async def test_what_is_no_config_center_is_refused(node: Node, raw: bytes, words: str) -> None:
    """Another service on the port, a portal, a broken proxy: one clear sentence with the URL."""
    node.center.handlers["/current.json"] = sends(raw)
    error = await node.refuses()
    assert error.startswith(f"{node.center.url}/current.json: ")
    assert words in error


async def test_a_pointer_to_another_number_is_refused(node: Node) -> None:
    """Pointer and release must agree, or a number could be given twice."""
    node.center.files["/current.json"] = encode_pointer(
        Pointer(serial=9, number=9, digest=node.second.digest, created="2030-01-01T00:00:00Z")
    )
    assert "says it is release 2, the pointer says 9" in await node.refuses()


@pytest.fixture
def slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child, which is nice, may take long to begin: its own time counts from there."""
    monkeypatch.setattr(limits, "child_kill_grace_s", PATIENCE_S)


@pytest.mark.usefixtures("slow_machine")
async def test_a_center_that_drips_is_given_up_in_time(node: Node) -> None:
    """Every byte comes soon after the last; only the whole takes for ever. The mirror after it still has its share."""
    node.center.handlers[node.release_path] = drips(reply(node.center.files[node.release_path]), 0.02)
    assert "not complete after " in await node.refuses(deadline_s=2.0)  # before it is complete after all
    async with web() as mirror:
        mirror.files = node.center.files
        slow_first = Releases(node.cache, [node.center.url, mirror.url], name="n001", traits={})
        baseline = await slow_first.refresh(deadline_s=8.0)
    assert baseline is not None
    assert baseline.digest == node.second.digest


@pytest.mark.usefixtures("slow_machine")
async def test_a_silent_center_is_given_up_in_time(node: Node) -> None:
    """It accepts the connection, and that is all."""
    node.center.handlers["/current.json"] = says_nothing
    assert "not complete after " in await node.refuses(deadline_s=1.5)  # before its silence is too long by itself
    await node.recovers()


async def test_a_question_has_its_answer_in_time(node: Node) -> None:
    """A silent center cannot keep a question waiting beyond its own deadline."""
    node.center.handlers["/current.json"] = says_nothing
    with trio.fail_after(30.0):
        assert await node.releases.ensure(bytes.fromhex(node.second.digest)[:8], 2, 0.5) is None
    assert node.releases.last_error


@pytest.mark.parametrize("bytes_max", [0, 10, 60, 400])
async def test_a_full_disk_leaves_the_last_good_release(
    node: Node, monkeypatch: pytest.MonkeyPatch, bytes_max: int
) -> None:
    """Wherever in the storing the disk ends, nothing half written counts; later, with space, release 2 is taken."""
    limited = ("prlimit", f"--fsize={bytes_max}", *releases_module.FETCH)
    with monkeypatch.context() as patch:
        patch.setattr(releases_module, "FETCH", limited)
        error = await node.refuses()
    assert error.startswith("cannot keep what was fetched: ")
    assert error.endswith(": File too large")
    await node.recovers()


async def test_a_cache_that_cannot_be_written_is_named(node: Node, tmp_path: Path) -> None:
    """A file where the directory should be."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    releases = Releases(tmp_path / "file", [node.center.url], name="n001", traits={})
    assert await releases.refresh() is None
    assert releases.last_error == f"the cache cannot be used: {tmp_path}/file: File exists"


async def test_a_damaged_cache_heals_itself(node: Node) -> None:
    """A kept release with a flipped bit is fetched again, the baseline worked out anew."""
    for path in (*node.cache.glob("releases/*"), *node.cache.glob("baselines/*")):
        path.write_bytes(path.read_bytes()[:-9] + b"\x00garbage}")
    assert Releases(node.cache, [], name="n001", traits={}).current() is None
    await node.recovers()


async def test_a_damaged_release_without_a_center_is_none_and_named(node: Node) -> None:
    """Nothing is guessed from a file that is not what its digest says."""
    for path in (*node.cache.glob("releases/*"), *node.cache.glob("baselines/*")):
        path.write_bytes(b"{}")
    alone = Releases(node.cache, [], name="n001", traits={})
    assert await alone.refresh() is None


async def test_a_child_that_cannot_start_or_crashes_is_an_error_like_any_other(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent goes on with what it has."""
    monkeypatch.setattr(releases_module, "FETCH", ("/no/such/python",))
    assert (
        await node.refuses() == "the fetching process failed: cannot start /no/such/python: No such file or directory"
    )
    monkeypatch.setattr(releases_module, "FETCH", (sys.executable, "-c", "raise MemoryError('none left')"))
    assert await node.refuses() == "the fetching process failed: MemoryError: none left"
    monkeypatch.setattr(releases_module, "FETCH", (sys.executable, "-c", "while True: print('x' * 10000)"))
    assert "the fetching process failed: " in await node.refuses()
