"""The release to ask for: fetched, verified, kept, and used again when the config center is down or lies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from config_center.folder import Folder
from config_center.http import serve
from config_center.layers import Part
from config_center.release import SiteCheck, digest_of
from inspector_coord import limits
from inspector_coord.errors import ReleaseError
from inspector_coord.kept_releases import KeptReleases
from inspector_coord.release_cache import ReleaseCache, prefix_of
from tests.support.center import item, layer
from tests.support.depots import MirroredStore
from tests.support.serf import claimed_prefix

LAYER = layer("00-fleet", {"sysctl:a": item(equals=1)})


@asynccontextmanager
async def plain_server(directory: Path) -> AsyncIterator[str]:
    """A web server that sends files as they are, as a mirror might; its URL."""

    async def handle(stream: trio.SocketStream) -> None:
        request = await stream.receive_some(4096)
        path = directory / request.split()[1].decode().lstrip("/")
        body = path.read_bytes() if path.is_file() else b""
        status = b"200 OK" if path.is_file() else b"404 Not Found"
        head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body))
        await stream.send_all(head + body)

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, handle, 0, host="127.0.0.1"))
        yield f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def center(directory: Path) -> AsyncIterator[tuple[MirroredStore, str]]:
    """A config center; (its store, its URL)."""
    async with trio.open_nursery() as nursery:
        url = await nursery.start(partial(serve, Folder(directory), "127.0.0.1", 0))
        yield MirroredStore(directory), url
        nursery.cancel_scope.cancel()


async def test_a_release_is_fetched_verified_and_kept(tmp_path: Path) -> None:
    """The second time only the pointer is asked for; the bytes on disk are those of the center."""
    async with center(tmp_path / "store") as (store, url):
        published = store.publish([LAYER])
        cache = ReleaseCache(tmp_path / "cache", url)
        current = await cache.current()
        assert (current.release, current.note) == (published, "")
        name = f"releases/{published.digest}.json"
        assert (tmp_path / "cache" / name).read_bytes() == (store.directory / name).read_bytes()
        (store.directory / name).unlink()
        assert (await cache.current()).release == published


async def test_nothing_published_is_said(tmp_path: Path) -> None:
    """Not a technical error, and no older release instead."""
    async with center(tmp_path / "store") as (_, url):
        with pytest.raises(ReleaseError, match="has published nothing yet: publish one with `config-center publish`"):
            await ReleaseCache(tmp_path / "cache", url).current()


async def test_the_last_good_release_stands_in(tmp_path: Path) -> None:
    """The center is gone, or serves something that is not what its pointer names: the release before is asked for."""
    store = MirroredStore(tmp_path / "store")
    async with plain_server(store.directory) as url:
        good = store.publish([LAYER])
        cache = ReleaseCache(tmp_path / "cache", url)
        await cache.current()
        bad = store.publish([layer("00-fleet", {"sysctl:b": item()})])
        path = store.directory / "releases" / f"{bad.digest}.json"
        for damage in (path.read_bytes()[:-20], path.read_bytes().replace(b"sysctl:b", b"sysctl:x"), b""):
            path.write_bytes(damage)
            current = await cache.current()
            assert current.release == good
            assert "asking for release 1, the last good one" in current.note
    with claimed_prefix() as network:
        current = await ReleaseCache(tmp_path / "cache", f"http://{network}.1:8600").current()
    assert current.release == good
    assert "cannot be reached" in current.note


async def test_a_damaged_cache_is_no_release(tmp_path: Path) -> None:
    """What does not match its digest is not used, wherever it is from."""
    async with center(tmp_path / "store") as (store, url):
        published = store.publish([LAYER])
        cache = ReleaseCache(tmp_path / "cache", url)
        await cache.current()
        kept = tmp_path / "cache" / "releases" / f"{published.digest}.json"
        for damaged in (kept.read_bytes()[:-1], kept.read_bytes().replace(b"sysctl:a", b"sysctl:z")):
            kept.write_bytes(damaged)
            assert KeptReleases(tmp_path / "cache").past([prefix_of(published)]) == {}
        with claimed_prefix() as network, pytest.raises(ReleaseError, match="no earlier release is kept"):
            await ReleaseCache(tmp_path / "cache", f"http://{network}.1:8600").current()
        assert (await cache.current()).release == published


async def test_item_tables_of_the_past_are_kept(tmp_path: Path) -> None:
    """So that stale answers can be read; the newest few, found by the prefix that answers carry."""
    async with center(tmp_path / "store") as (store, url):
        cache = ReleaseCache(tmp_path / "cache", url)
        releases = []
        for number in range(limits.releases_kept_max + 3):
            layers = [layer("00-fleet", {f"sysctl:k{number}": item()})]
            releases.append(store.publish(layers))
            await cache.current()
        found = KeptReleases(tmp_path / "cache").past([prefix_of(release) for release in releases] + [b"unknown!"])
    assert set(found) <= {prefix_of(release) for release in releases}
    assert len(found) == limits.releases_kept_max
    assert found[prefix_of(releases[-1])] == releases[-1]


def test_a_release_that_another_sweep_lets_go_meanwhile_is_no_loss(tmp_path: Path) -> None:
    """Listed, and gone before its age is asked for: as a link is whose file is gone."""
    kept = KeptReleases(tmp_path)
    kept.keep("00", b"{}")
    (tmp_path / "releases" / "gone.json").symlink_to(tmp_path / "nowhere")
    for number in range(1, limits.releases_kept_max):
        kept.keep(f"{number:02}", b"{}")
    left = {path.stem for path in (tmp_path / "releases").iterdir()}
    assert left == {f"{number:02}" for number in range(limits.releases_kept_max)}


async def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A file where the directory should be: said, with its place."""
    async with center(tmp_path / "store") as (store, url):
        store.publish([LAYER])
        (tmp_path / "cache").write_text("in the way")
        with pytest.raises(ReleaseError, match=r"cache .*/cache cannot be written"):
            await ReleaseCache(tmp_path / "cache", url).current()


async def test_site_checks_are_fetched_and_verified(tmp_path: Path) -> None:
    """Those that are wanted; one whose bytes are not what its digest names is left out."""
    store = MirroredStore(tmp_path / "store")
    async with plain_server(store.directory) as url:
        parts = []
        for name in ("raid", "fan", "psu"):
            content = f"#!/bin/sh\necho {name}\n".encode()
            parts.append(Part(SiteCheck(name, f"checks/{name}", digest_of(content), len(content)), content))
        release = store.publish([LAYER], parts)
        (store.directory / "parts" / parts[1].check.sha256).write_bytes(b"#!/bin/sh\nrm -rf /\n")
        cache = ReleaseCache(tmp_path / "cache", url)
        found = await cache.site_checks(release, ["raid", "fan", "sysctl"])
        assert {name: path.read_bytes() for name, path in found.items()} == {"raid": parts[0].content}
        (store.directory / "parts" / parts[0].check.sha256).unlink()
        assert await cache.site_checks(release, ["raid"]) == found
