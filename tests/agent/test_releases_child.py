"""The fetching child: what keeps it from being started is an error like any other, and it imports nothing foreign."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from inspector_agent.releases import Releases
from inspector_agent.runner import kin
from tests.support.center import item, layer
from tests.support.web import Web, web

FIRST = layer("10", {"sysctl:a.b": item(equals=1)})
FAILS = {"memfd_create": os, "pipe2": os, "Popen": subprocess, "pidfd_open": os}


@pytest.fixture
async def center(tmp_path: Path) -> AsyncIterator[Web]:
    """A config center with a release."""
    async with web() as server:
        server.publish(tmp_path / "store", [FIRST])
        yield server


def descriptors() -> set[str]:
    """The descriptors that this process has open."""
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def refuses(*_arguments: object, **_options: object) -> Any:
    """A system call that finds no descriptor left."""
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


@pytest.mark.parametrize("call", FAILS)
async def test_a_failed_system_call_is_an_error_and_leaves_nothing(
    center: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Whichever it is: the agent goes on, nothing stays open and nothing running; later the release is taken."""
    releases = Releases(tmp_path / "cache", [center.url], name="n001", traits={})
    before, children = descriptors(), kin.children_of(os.getpid())
    with monkeypatch.context() as patch:
        patch.setattr(FAILS[call], call, refuses)
        assert await releases.refresh() is None
    assert releases.last_error.startswith("the fetching process failed: cannot start ")
    assert releases.last_error.endswith(": Too many open files")
    assert (descriptors(), kin.children_of(os.getpid())) == (before, children)
    assert await releases.refresh() is not None
    assert releases.last_error == ""


async def test_a_process_without_descriptors_goes_on(center: Web, tmp_path: Path) -> None:
    """The kernel's own refusal, from the first look on: `prlimit --nofile` on a running agent is survived."""
    releases = Releases(tmp_path / "cache", [center.url], name="n001", traits={})
    held = await releases.refresh()
    (tmp_path / "cache" / "etags.json").unlink()  # a glance settles nothing: there is something to fetch
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        await releases.refresh()
        answered = await releases.ensure(bytes(8), 7, 5.0)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert answered is None
    assert "Too many open files" in releases.last_error
    assert await releases.refresh() == held


@pytest.mark.parametrize("name", ["inspector_agent/__init__.py", "msgspec.py", "http.py"])
async def test_nothing_is_imported_from_the_current_directory(
    center: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """An agent that is started in a directory of somebody else's runs nothing that lies there."""
    path = tmp_path / "theirs" / name
    path.parent.mkdir(parents=True)
    path.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path / "theirs")
    releases = Releases(tmp_path / "cache", [center.url], name="n001", traits={})
    await releases.refresh()
    assert releases.last_error == ""
    assert not (tmp_path / "ran").exists()


async def test_the_child_holds_no_directory(center: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It works in /, with a cache that was named by a relative path as well."""
    start, seen = subprocess.Popen, []

    def noting(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        seen.append(options["cwd"])
        return start(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", noting)
    monkeypatch.chdir(tmp_path)
    assert await Releases(Path("cache"), [center.url], name="n001", traits={}).refresh() is not None
    assert seen == ["/"]
    assert (tmp_path / "cache" / "current.json").is_file()
