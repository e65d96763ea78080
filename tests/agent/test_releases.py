"""Getting a release, keeping it, and doing without a config center."""

from __future__ import annotations

import os
import stat
from functools import partial
from hashlib import sha256
from pathlib import Path

import msgspec
import trio

from config_center.folder import Folder
from config_center.http import serve
from config_center.resolve import resolve
from inspector_agent import limits
from inspector_agent.kept import Kept
from inspector_agent.releases import Releases
from inspector_agent.runner import kin
from tests.support.center import item, layer
from tests.support.web import Web, web

EVERYWHERE = layer("10-all", {"sysctl:vm.swappiness": item(at_most=10), "sysctl:a.b": item()})
ZONE_B = layer("20-b", {"sysctl:vm.swappiness": item(at_most=60)}, zone="b")


def node(directory: Path, *centers: str, name: str = "n001", **traits: str) -> Releases:
    """This node's releases, in a cache of its own."""
    return Releases(directory / "cache", centers, name=name, traits=traits)


async def test_a_release_is_fetched_verified_resolved_and_kept(center: Web, tmp_path: Path) -> None:
    """The baseline is what the config center's own resolution gives, for this node's name and traits."""
    release = center.publish(tmp_path / "store", [EVERYWHERE, ZONE_B])
    releases = node(tmp_path, center.url, zone="b")
    assert releases.current() is None
    baseline = await releases.refresh()
    assert releases.last_error == ""
    assert baseline is not None
    expected = resolve(release, "n001", {"zone": "b"})
    assert (baseline.release_number, baseline.digest, baseline.node) == (1, release.digest, "n001")
    assert [(i.number, i.id, i.expect, i.source) for i in baseline.items] == [
        (i.number, i.id, i.expect, i.source) for i in expected.items
    ]
    assert releases.current() is baseline


async def test_texts_for_people_are_not_kept_in_memory(center: Web, tmp_path: Path) -> None:
    """An agent needs no rationale; ten thousand of them it would keep for ever."""
    wordy = msgspec.structs.replace(item(), title="T", rationale="R" * 500, owner="me", references=("CIS 1",))
    center.publish(tmp_path / "store", [layer("10", {"sysctl:a.b": wordy})])
    baseline = await node(tmp_path, center.url).refresh()
    assert baseline is not None
    assert (baseline.items[0].rationale, baseline.items[0].title, baseline.items[0].owner) == ("", "", "")


async def test_the_last_good_release_survives_the_center_and_the_agent(center: Web, tmp_path: Path) -> None:
    """The center is gone and the agent new: what was kept on disk holds, and the error says what is the matter."""
    release = center.publish(tmp_path / "store", [EVERYWHERE])
    await node(tmp_path, center.url).refresh()
    absent = node(tmp_path, "http://127.0.0.1:1")
    held = absent.current()
    assert held is not None
    assert held.digest == release.digest
    assert await absent.refresh() is held
    assert absent.last_error == "http://127.0.0.1:1/current.json: Connection refused"


async def test_nothing_ever_fetched_and_no_center_is_none_and_says_why(tmp_path: Path) -> None:
    """It never raises: the agent goes on, and answers that it has no release."""
    releases = node(tmp_path, "http://127.0.0.1:1")
    assert await releases.refresh() is None
    assert "Connection refused" in releases.last_error
    assert await releases.ensure(b"12345678", 7, 5.0) is None
    assert await node(tmp_path).refresh() is None


async def test_no_center_configured_is_said(tmp_path: Path) -> None:
    """An agent.yml without a config center works on what it has, and says so."""
    releases = node(tmp_path)
    await releases.refresh()
    assert releases.last_error == "no config center is configured"


async def test_mirrors_are_asked_in_order(center: Web, tmp_path: Path) -> None:
    """The first that gives a whole release wins; those before it are forgiven."""
    center.publish(tmp_path / "store", [EVERYWHERE])
    async with web() as empty:
        releases = node(tmp_path, "http://127.0.0.1:1", empty.url, center.url)
        assert await releases.refresh() is not None
        assert releases.last_error == ""
        assert empty.asked == ["/current.json"]


async def test_nothing_new_costs_one_small_request(center: Web, tmp_path: Path) -> None:
    """The second time the pointer is asked for with its etag, and nothing else is."""
    center.publish(tmp_path / "store", [EVERYWHERE])
    releases = node(tmp_path, center.url)
    first = await releases.refresh()
    center.asked.clear()
    assert await releases.refresh() is first
    assert (center.asked, center.conditional) == (["/current.json"], ["/current.json"])


async def test_news_replaces_the_current_release(center: Web, tmp_path: Path) -> None:
    """A higher number is taken, and from then on holds."""
    center.publish(tmp_path / "store", [EVERYWHERE])
    releases = node(tmp_path, center.url)
    await releases.refresh()
    second = center.publish(tmp_path / "store", [EVERYWHERE, ZONE_B])
    baseline = await releases.refresh()
    assert baseline is not None
    assert (baseline.release_number, baseline.digest) == (2, second.digest)


async def test_a_question_names_its_release_by_digest(center: Web, tmp_path: Path) -> None:
    """What is not there is fetched; what is there costs no request."""
    release = center.publish(tmp_path / "store", [EVERYWHERE])
    releases = node(tmp_path, center.url)
    prefix = bytes.fromhex(release.digest)[:8]
    fetched = await releases.ensure(prefix, 1, 30.0)
    assert fetched is not None
    assert fetched.digest == release.digest
    center.asked.clear()
    assert await releases.ensure(prefix, 1, 30.0) is not None
    assert await node(tmp_path, center.url).ensure(prefix, 1, 30.0) is not None
    assert center.asked == []


async def test_a_release_that_no_center_has_is_named(center: Web, tmp_path: Path) -> None:
    """The coordinator is ahead of, or behind, the config center: the answer says which of them has what."""
    release = center.publish(tmp_path / "store", [EVERYWHERE])
    releases = node(tmp_path, center.url)
    assert await releases.ensure(bytes(8), 7, 5.0) is None
    offered = f"{center.url}/current.json: it has release 1 ({release.digest[:12]})"
    assert releases.last_error == f"{offered}, the question asks for 7 (000000000000)"


async def test_an_older_release_is_refused_as_news_and_taken_for_a_question(center: Web, tmp_path: Path) -> None:
    """A center set up anew cannot turn a node back; a question that names its release is served all the same."""
    center.publish(tmp_path / "store", [EVERYWHERE])
    second = center.publish(tmp_path / "store", [EVERYWHERE, ZONE_B])
    releases = node(tmp_path, center.url)
    await releases.refresh()
    anew = center.publish(tmp_path / "anew", [ZONE_B])
    held = await releases.refresh()
    assert held is not None
    assert held.digest == second.digest
    offered = f"{center.url}/current.json: release 1 ({anew.digest[:12]}) for everybody"
    assert releases.last_error == (
        f"{offered} is older than 2, which holds: only a pointer signed by a trusted key may turn a node back"
    )
    asked = await releases.ensure(bytes.fromhex(anew.digest)[:8], 1, 30.0)
    assert asked is not None
    assert asked.digest == anew.digest
    current = releases.current()
    assert current is not None
    assert current.digest == second.digest


async def test_another_release_under_the_number_held_is_refused(center: Web, tmp_path: Path) -> None:
    """Two centers that count by themselves must not take turns."""
    first = center.publish(tmp_path / "store", [EVERYWHERE])
    releases = node(tmp_path, center.url)
    await releases.refresh()
    center.publish(tmp_path / "other", [ZONE_B])
    held = await releases.refresh()
    assert held is not None
    assert held.digest == first.digest
    assert f"is not {first.digest[:12]}, which holds under that number: refused" in releases.last_error


async def test_other_tags_resolve_anew_without_the_center(center: Web, tmp_path: Path) -> None:
    """A node moved to another zone while the center is down: the release it keeps says what it should be now."""
    center.publish(tmp_path / "store", [EVERYWHERE, ZONE_B])
    await node(tmp_path, center.url, zone="a").refresh()
    moved = node(tmp_path, "http://127.0.0.1:1", zone="b")
    assert moved.current() is None
    baseline = await moved.refresh()
    assert baseline is not None
    assert {i.id: i.expect for i in baseline.items}["sysctl:vm.swappiness"] == {"value": {"at_most": 60}}


async def test_executables_of_the_site_come_with_the_release(center: Web, tmp_path: Path) -> None:
    """Each under its name, verified, executable by its owner alone; a second release shares the unchanged file."""
    script = b"#!/bin/sh\nexit 0\n"
    center.publish(tmp_path / "store", [EVERYWHERE], {"raid": script})
    releases = node(tmp_path, center.url)
    first = await releases.refresh()
    assert first is not None
    path = releases.parts_dir(first) / "raid"
    assert path.read_bytes() == script
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    center.publish(tmp_path / "store", [EVERYWHERE, ZONE_B], {"raid": script})
    center.asked.clear()
    second = await releases.refresh()
    assert second is not None
    assert (releases.parts_dir(second) / "raid").samefile(path)
    assert not any(asked.startswith("/parts/") for asked in center.asked)


async def test_few_releases_are_kept(center: Web, tmp_path: Path) -> None:
    """The disk of a node is not the archive: the newest stay, and nothing else of the older ones."""
    releases = node(tmp_path, center.url)
    for number in range(limits.releases_kept_max + 3):
        program = f"#!/bin/sh\n# {number}\n".encode()
        center.publish(tmp_path / "store", [layer("10", {"sysctl:a.b": item(equals=number)})], {"raid": program})
        await releases.refresh()
    cache = tmp_path / "cache"
    assert len(Kept(cache).digests()) == limits.releases_kept_max
    for folder in ("releases", "baselines", "checks", "parts"):
        assert len(list((cache / folder).iterdir())) == limits.releases_kept_max, folder


async def test_an_old_release_that_was_asked_for_stays_for_its_question(center: Web, tmp_path: Path) -> None:
    """However many newer ones are kept, what was just fetched is not thrown away."""
    releases = node(tmp_path, center.url)
    for number in range(limits.releases_kept_max + 1):
        center.publish(tmp_path / "store", [layer("10", {"sysctl:a.b": item(equals=number)})])
        await releases.refresh()
    old = center.publish(tmp_path / "anew", [ZONE_B])
    asked = await releases.ensure(bytes.fromhex(old.digest)[:8], 1, 30.0)
    assert asked is not None
    assert asked.digest == old.digest


async def test_a_question_does_not_wait_for_news(center: Web, tmp_path: Path) -> None:
    """A refresh that hangs on a silent center is put off, and the question is served at once."""
    release = center.publish(tmp_path / "store", [EVERYWHERE])
    heard = trio.Event()

    async def hangs_once(stream: trio.SocketStream) -> None:
        del center.handlers["/current.json"]
        heard.set()
        await stream.receive_some()

    center.handlers["/current.json"] = hangs_once
    releases = node(tmp_path, center.url)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(releases.refresh)
        await heard.wait()
        with trio.fail_after(30.0):
            assert await releases.ensure(bytes.fromhex(release.digest)[:8], 1, 30.0) is not None


async def test_two_questions_for_one_release_fetch_it_once(center: Web, tmp_path: Path) -> None:
    """The second waits for the first, and finds it there."""
    release = center.publish(tmp_path / "store", [EVERYWHERE])
    releases = node(tmp_path, center.url)
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(releases.ensure, bytes.fromhex(release.digest)[:8], 1, 30.0)
    assert center.asked.count("/current.json") == 1


async def test_the_real_config_center_serves_it(tmp_path: Path, center: Web) -> None:
    """With gzip, etag and executables, as config-center serve does it."""
    many = layer("10", {f"sysctl:net.core.k{number}": item(equals=number) for number in range(500)})
    release = center.publish(tmp_path / "store", [many], {"raid": b"#!/bin/sh\n" + b"# filling\n" * 1000})
    async with trio.open_nursery() as nursery:
        url = await nursery.start(partial(serve, Folder(tmp_path / "store"), "127.0.0.1", 0))
        releases = node(tmp_path, url)
        baseline = await releases.refresh()
        assert releases.last_error == ""
        assert baseline is not None
        assert (len(baseline.items), baseline.digest) == (500, release.digest)
        assert await releases.refresh() is baseline
        assert sha256((releases.parts_dir(baseline) / "raid").read_bytes()).hexdigest() == release.checks[0].sha256
        nursery.cancel_scope.cancel()


async def test_the_fetching_child_dies_with_a_cancelled_wait(center: Web, tmp_path: Path) -> None:
    """Nothing of a fetch that nobody waits for stays behind."""
    heard = trio.Event()

    async def hangs(stream: trio.SocketStream) -> None:
        heard.set()
        await stream.receive_some()

    center.handlers["/current.json"] = hangs
    before = kin.children_of(os.getpid())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(node(tmp_path, center.url).refresh)
        await heard.wait()
        nursery.cancel_scope.cancel()
    assert set(kin.children_of(os.getpid())) <= set(before)
