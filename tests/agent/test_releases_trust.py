"""What lies in the cache runs as the agent: only what a center gave is used, and only where nobody else writes."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from inspector_agent.kept import Kept
from inspector_agent.releases import Releases
from tests.support.center import item, layer
from tests.support.web import Web, web

FIRST = layer("10", {"sysctl:a.b": item(equals=1)})
SECOND = layer("20", {"sysctl:a.b": item(equals=2)})
RAID = b"#!/bin/sh\necho raid\n"
NOBODY = 65_534
AWAY = "http://127.0.0.1:1"


class Node:
    """A node that has release 1 with a site's check on its disk."""

    def __init__(self, center: Web, directory: Path) -> None:
        self.center = center
        self.directory = directory
        self.cache = directory / "cache"
        self.release = center.publish(directory / "store", [FIRST], {"raid": RAID})
        self.prefix = bytes.fromhex(self.release.digest)[:8]
        self.check = self.cache / "checks" / self.release.digest / "raid"
        self.baseline = self.cache / "baselines" / f"{self.release.digest}.json"

    def started(self, center: str = "") -> Releases:
        """As an agent has it that starts now."""
        return Releases(self.cache, [center or self.center.url], name="n001", traits={})

    def content(self) -> dict[str, int]:
        """What is in the cache, by name, with the time of its last change."""
        return {str(path): path.lstat().st_mtime_ns for path in (self.cache, *self.cache.rglob("*"))}


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    """A node that holds release 1."""
    async with web() as center:
        made = Node(center, tmp_path)
        assert await made.started().refresh() is not None
        yield made


def open_to_all(node: Node) -> str:
    """The directory itself."""
    node.cache.chmod(0o707)
    return f"{node.cache} can be written by others (mode 0707)"


def open_to_the_group(node: Node) -> str:
    """A directory in it."""
    node.check.parent.chmod(0o770)
    return f"{node.check.parent} can be written by others (mode 0770)"


def open_file(node: Node) -> str:
    """One file: it could be changed after it was verified."""
    node.baseline.chmod(0o606)
    return f"{node.baseline} can be written by others (mode 0606)"


def a_link(node: Node) -> str:
    """A link to where nobody looks."""
    node.check.parent.rename(node.directory / "elsewhere")
    node.check.parent.symlink_to(node.directory / "elsewhere")
    return f"{node.check.parent} is a symbolic link"


def of_another(node: Node) -> str:
    """A directory that another user made, before the agent came."""
    os.chown(node.cache, NOBODY, NOBODY)
    return f"{node.cache} belongs to user {NOBODY}, this is user {os.geteuid()}"


def file_of_another(node: Node) -> str:
    """Left from the time when the directory was another user's."""
    os.chown(node.check, NOBODY, NOBODY)
    return " belongs to user 65534"


SHARED = [open_to_all, open_to_the_group, open_file, a_link]
if os.geteuid() == 0:  # nobody else can give files away; for them there is the test below
    SHARED += [of_another, file_of_another]


@pytest.mark.parametrize("share", SHARED)
async def test_a_cache_that_others_can_change_is_refused(node: Node, share: Callable[[Node], str]) -> None:
    """Neither read nor written, by an agent that starts now; it says why, and what to do."""
    words = share(node)
    before = node.content()
    for releases in (node.started(), node.started(AWAY)):
        assert releases.current() is None
        assert await releases.refresh() is None
        assert await releases.ensure(node.prefix, 1, 10.0) is None
        assert words in releases.last_error
        assert releases.last_error.startswith("the cache cannot be used: ") or AWAY in releases.last_error
        assert releases.last_error.endswith("remove it, the agent makes it anew; or name another `cache`")
    assert {name: changed for name, changed in node.content().items() if not name.endswith(".lock")} == {
        name: changed for name, changed in before.items() if not name.endswith(".lock")
    }


async def test_a_cache_of_another_user_is_refused(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """As seen by an agent that runs as somebody else than the one who made it."""
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    kept = Kept(node.cache)
    assert kept.refused() == kept.foreign() == f"{node.cache} belongs to user {owner}, this is user {owner + 1}"
    assert (kept.current(), kept.baseline(node.release.digest, "n001", {})) == (None, None)
    with pytest.raises(PermissionError, match=f"belongs to user {owner}"), kept.locked():
        raise AssertionError("it was opened for writing")


async def test_a_cache_opened_to_others_is_no_longer_read(node: Node) -> None:
    """Under an agent that runs: what it takes from the disk from then on would be anybody's."""
    running = node.started()
    assert running.current() is not None
    node.center.publish(node.directory / "store", [SECOND])
    node.cache.chmod(0o777)
    assert await running.refresh() is None
    assert "can be written by others (mode 0777)" in running.last_error
    node.cache.chmod(0o700)
    assert await running.refresh() is not None


async def test_the_agents_own_cache_is_open_to_nobody(tmp_path: Path) -> None:
    """Whatever its umask is."""
    before = os.umask(0)
    try:
        async with web() as center:
            made = Node(center, tmp_path)
            for _ in range(2):
                assert await made.started().refresh() is not None
    finally:
        os.umask(before)
    assert made.started().current() is not None


def other_program(node: Node) -> None:
    """Another content under the same name, as long as the old one."""
    node.check.write_bytes(RAID.replace(b"raid", b"root"))


def replaced_program(node: Node) -> None:
    """The name in the release's folder leads to another file; the part itself is intact."""
    node.check.unlink()
    node.check.write_bytes(b"#!/bin/sh\necho root\n")
    node.check.chmod(0o700)


def added_program(node: Node) -> None:
    """A kind that the release does not have; an item of it would run."""
    node.check.with_name("sudo").write_bytes(RAID)


def missing_program(node: Node) -> None:
    """Deleted by hand."""
    node.check.unlink()


def idle_program(node: Node) -> None:
    """Nothing but its right to be run is gone."""
    node.check.chmod(0o600)


def missing_folder(node: Node) -> None:
    """All of the release's executables."""
    shutil.rmtree(node.check.parent)


def missing_release(node: Node) -> None:
    """The release's own file."""
    next(node.cache.glob("releases/*")).unlink()


def changed_release(node: Node) -> None:
    """One byte of the release's own file."""
    path = next(node.cache.glob("releases/*"))
    path.write_bytes(path.read_bytes().replace(b'"equals":1', b'"equals":7'))


DAMAGES = [
    other_program,
    replaced_program,
    added_program,
    missing_program,
    idle_program,
    missing_folder,
    missing_release,
    changed_release,
]


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_changed_release_is_not_taken_from_the_disk(node: Node, damage: Callable[[Node], None]) -> None:
    """By an agent that starts now; without a center it has none and says so, with one it is put right."""
    damage(node)
    alone = node.started(AWAY)
    assert alone.current() is None
    assert await alone.ensure(node.prefix, 1, 10.0) is None
    assert await alone.refresh() is None
    assert alone.last_error.endswith(f"release 1 ({node.release.digest[:12]}) in the cache is damaged")
    await is_repaired(node, node.started())


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_release_damaged_under_a_running_agent_is_repaired(node: Node, damage: Callable[[Node], None]) -> None:
    """At the next look, although the center has nothing new."""
    running = node.started()
    assert running.current() is not None
    damage(node)
    await is_repaired(node, running)
    running = node.started()
    await running.refresh()
    damage(node)
    await is_repaired(node, running)


async def is_repaired(node: Node, releases: Releases) -> None:
    """A look brings all files back; the one after it costs nothing but a question."""
    assert await releases.refresh() is not None
    assert releases.last_error == ""
    assert [path.name for path in node.check.parent.iterdir()] == ["raid"]
    assert node.check.read_bytes() == RAID
    assert os.access(node.check, os.X_OK)
    assert (
        next(node.cache.glob("releases/*")).read_bytes() == node.center.files[f"/releases/{node.release.digest}.json"]
    )
    node.center.asked.clear()
    assert await releases.refresh() is not None
    assert node.center.asked == ["/current.json"]


async def test_a_changed_baseline_is_worked_out_anew(node: Node) -> None:
    """What a release means for this node follows from the release: a file that says otherwise is not believed."""
    raw = node.baseline.read_bytes()
    node.baseline.write_bytes(raw.replace(b'"equals":1', b'"equals":7'))
    assert node.baseline.read_bytes() != raw
    alone = node.started(AWAY)
    assert alone.current() is None
    baseline = await alone.refresh()
    assert baseline is not None
    assert baseline.items[0].expect == {"value": {"equals": 1}}
    assert node.baseline.read_bytes() == raw


async def test_an_older_release_is_verified_before_it_serves_a_question(node: Node) -> None:
    """It lies on the disk for slower coordinators, no better guarded than the current one."""
    node.center.publish(node.directory / "store", [SECOND])
    await node.started().refresh()
    node.baseline.write_bytes(node.baseline.read_bytes().replace(b'"equals":1', b'"equals":7'))
    served = await node.started(AWAY).ensure(node.prefix, 1, 10.0)
    assert served is not None
    assert served.items[0].expect == {"value": {"equals": 1}}
    other_program(node)
    assert await node.started(AWAY).ensure(node.prefix, 1, 10.0) is None


async def test_a_sound_release_is_proven_once(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start, in a child; without room for one the agent goes on, and the fetching child proves it."""
    forks = []
    fork = os.fork

    def counted() -> int:
        forks.append(1)
        return fork()

    def refuses() -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", counted)
    started = node.started()
    for _ in range(3):
        assert started.current() is not None
    assert len(forks) == 1
    monkeypatch.setattr(os, "fork", refuses)
    without = node.started(AWAY)
    assert without.current() is None
    assert await without.refresh() is not None
