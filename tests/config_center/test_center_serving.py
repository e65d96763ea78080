"""Serving as a whole: the same from a dumb web server, well without its database, whole again with it; as a process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from functools import partial
from pathlib import Path

import httpx
import pytest
import trio

from config_center import limits
from config_center.database import Database
from config_center.depot import Depot
from config_center.errors import ServeError
from config_center.folder import Folder
from config_center.http import serve
from config_center.pointer import decode_pointer
from config_center.release import Release, decode
from tests.support.depots import layers_of, mirror, part, put, put_canary
from tests.support.faces import served, served_by_python
from tests.support.postgres import Postgres

REPOSITORY = Path(__file__).parent.parent.parent
CLI = [sys.executable, "-m", "config_center"]
Client = httpx.AsyncClient


@asynccontextmanager
async def database_face(store: Database, _www: Path) -> AsyncIterator[Client]:
    """`serve` on a database."""
    async with served(store) as client:
        yield client


@asynccontextmanager
async def folder_face(store: Database, www: Path) -> AsyncIterator[Client]:
    """`serve` on an exported folder."""
    Folder(www).export(store)
    async with served(Folder(www)) as client:
        yield client


@asynccontextmanager
async def python_face(store: Database, www: Path) -> AsyncIterator[Client]:
    """Python's own web server on an exported folder."""
    Folder(www).export(store)
    async with served_by_python(www) as client:
        yield client


Face = Callable[[Database, Path], AbstractAsyncContextManager[Client]]


async def agent_fetches(client: Client, node: str, traits: dict[str, str]) -> tuple[Release, list[bytes]]:
    """What an agent does: pointer, its release, the release's executables; every byte verified."""
    pointer = decode_pointer((await client.get("/current.json")).content)
    number, digest = pointer.assigned(node, traits)
    release = decode((await client.get(f"/releases/{digest}.json")).content, digest)
    assert release.number == number
    parts = [(await client.get(f"/parts/{check.sha256}")).content for check in release.checks]
    return release, parts


@pytest.mark.parametrize("face", [database_face, folder_face, python_face])
async def test_whoever_serves_it_agents_get_the_same(tmp_path: Path, face: Face) -> None:
    """Pointer, canary, releases, executables, what is missing, HEAD, conditional asking, and what only `serve` does."""
    store = Database.at(tmp_path / "center.db")
    main = put(store, layers_of(1), [part(b"#!/bin/sh\nexit 3\n")])
    canary = put_canary(store, layers_of("canary"), {})
    async with face(store, tmp_path / "www") as client:
        got, parts = await agent_fetches(client, "n1", {})
        assert (got, parts) == (canary, [])
        for release in (main, canary):
            answer = await client.get(f"/releases/{release.digest}.json")
            assert decode(answer.content, release.digest) == release
            assert answer.headers["content-type"].startswith("application/json")
        assert (await client.get(f"/parts/{main.checks[0].sha256}")).content == b"#!/bin/sh\nexit 3\n"
        for missing in (f"/releases/{'0' * 64}.json", f"/parts/{'0' * 64}", "/nothing", "/releases/../secret"):
            assert (await client.get(missing)).status_code == 404
        plain = {"Accept-Encoding": "identity"}
        head = await client.head("/current.json", headers=plain)
        pointer = await client.get("/current.json", headers=plain)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(pointer.content))
        known = {"If-None-Match": pointer.headers.get("etag", '"none"')}
        again = await client.get("/current.json", headers=known)
        assert again.status_code == 304 or again.content == pointer.content
        refused = await client.post("/nodes/n1", content=b"{}")
        assert refused.status_code in {400, 403, 404, 405, 501}
        put(store, layers_of(3))
        if face is not database_face:
            Folder(tmp_path / "www").export(store)
        got, _ = await agent_fetches(client, "n1", {})
        assert got.number == 3


async def test_what_is_published_is_served_at_once(postgresql: Postgres, tmp_path: Path) -> None:
    """By a file's time stamp, or by asking a server again after a second at most."""
    for url in (f"sqlite:///{tmp_path}/center.db", postgresql.create()):
        with closing(Database(url)) as store, closing(Database(url)) as publisher:
            async with served(store) as client:
                assert (await client.get("/current.json")).status_code == 404
                for value in range(1, 4):
                    release = put(publisher, layers_of(value))
                    with trio.fail_after(30):
                        while (await client.get("/current.json")).status_code == 404:
                            await trio.lowlevel.checkpoint()
                        while (await client.get("/health")).json()["digest"] != release.digest:
                            assert not url.startswith("sqlite")
                    assert (await agent_fetches(client, "n1", {}))[0] == release


async def test_while_the_database_is_down_what_is_known_is_served(postgresql: Postgres) -> None:
    """Pointer, releases and executables from memory; 503 for the rest; whole again by itself, at the new release."""
    with closing(Database(postgresql.create())) as store:
        old = put(store, layers_of(1), [part(b"old")])
        release = put(store, layers_of(2), [part(b"new")])
        async with served(store) as client:
            assert (await client.get("/health")).json()["status"] == "ok"
            postgresql.stop()
            try:
                with trio.fail_after(60):
                    while (health := await client.get("/health")).status_code == 200:
                        await trio.lowlevel.checkpoint()
                assert health.status_code == 503
                assert (health.json()["status"], health.json()["number"], health.json()["why"]) == (
                    "degraded",
                    2,
                    "busy",
                )
                assert "config_center_depot_up 0.0" in (await client.get("/metrics")).text
                assert await agent_fetches(client, "n1", {}) == (release, [b"new"])
                for path in (f"/releases/{old.digest}.json", f"/parts/{old.checks[0].sha256}"):
                    answer = await client.get(path)
                    assert (answer.status_code, answer.json()) == (503, {"error": "busy"})
                    assert int(answer.headers["retry-after"]) > 0
            finally:
                postgresql.start()
            third = put(store, layers_of(3))
            with trio.fail_after(60):
                while (await client.get("/health")).json()["number"] != 3:
                    await trio.lowlevel.checkpoint()
            assert (await client.get("/health")).status_code == 200
            assert (await agent_fetches(client, "n1", {}))[0] == third
            assert (await client.get(f"/releases/{old.digest}.json")).status_code == 200


async def test_a_server_that_hangs_holds_nobody_up(postgresql: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes connections and says nothing: requests are answered from memory all the same."""
    monkeypatch.setattr(limits, "pointer_wait_s", 0.2)
    with closing(Database(postgresql.create())) as store:
        release = put(store, layers_of(1))
        async with served(store) as client:
            postgresql.signal(signal.SIGSTOP)
            try:
                for _ in range(3):
                    assert (await agent_fetches(client, "n1", {}))[0] == release
                with trio.fail_after(60):
                    while (await client.get("/health")).status_code == 200:
                        await trio.lowlevel.checkpoint()
            finally:
                postgresql.signal(signal.SIGCONT)
            with trio.fail_after(60):
                while (await client.get("/health")).status_code != 200:
                    await trio.lowlevel.checkpoint()


async def test_a_server_that_is_down_at_the_start(postgresql: Postgres) -> None:
    """503 until it is there; then everything, tables made if need be."""
    url = postgresql.create()
    with closing(Database(url)) as store:
        postgresql.stop()
        async with served(store) as client:
            try:
                answer = await client.get("/current.json")
                assert (answer.status_code, answer.headers["retry-after"]) == (503, str(limits.retry_after_s))
            finally:
                postgresql.start()
            with trio.fail_after(60):
                while (await client.get("/health")).status_code != 200:
                    await trio.lowlevel.checkpoint()
            assert (await client.get("/nodes.json")).status_code == 200


async def test_a_database_that_vanishes_is_trouble_and_no_empty_store(tmp_path: Path) -> None:
    """The file is deleted, or one of another time is put in its place: what was held is served on."""
    store = Database.at(tmp_path / "center.db")
    release = put(store, layers_of(1))
    async with served(store) as client:
        (tmp_path / "center.db").rename(tmp_path / "away.db")
        answer = await client.get("/health")
        assert (answer.status_code, answer.json()["number"]) == (503, 1)
        assert (await agent_fetches(client, "n1", {}))[0] == release
        (tmp_path / "away.db").rename(tmp_path / "center.db")
        with trio.fail_after(30):
            while (await client.get("/health")).status_code != 200:
                await trio.lowlevel.checkpoint()


async def test_it_counts(tmp_path: Path) -> None:
    """Requests by kind of path and status, bytes, what was not modified; and what is current."""
    depot: Depot = Folder(tmp_path)
    release = mirror(tmp_path, layers_of(1))
    async with served(depot) as client:
        pointer = await client.get("/current.json", headers={"Accept-Encoding": "identity"})
        await client.get("/current.json", headers={"If-None-Match": pointer.headers["etag"]})
        await client.get(f"/releases/{release.digest}.json")
        await client.head(f"/releases/{release.digest}.json")
        for number in range(50):
            await client.get(f"/made-up-{number}")
        text = (await client.get("/metrics")).text
    for line in (
        'config_center_requests_total{path="current",status="200"} 1.0',
        'config_center_requests_total{path="current",status="304"} 1.0',
        'config_center_requests_total{path="releases",status="200"} 2.0',
        'config_center_requests_total{path="other",status="404"} 50.0',
        f'config_center_sent_bytes_total{{path="current"}} {float(len(pointer.content))}',
        "config_center_not_modified_total 1.0",
        "config_center_release_number 1.0",
        "config_center_serial 1.0",
        "config_center_depot_up 1.0",
    ):
        assert line in text
    assert "made-up" not in text
    assert len(text) < 10_000


def test_serve_as_a_process(tmp_path: Path) -> None:
    """It says where it serves, serves, and ends well on SIGTERM; a place that is not there is one sentence."""
    store = Database.at(tmp_path / "published" / "center.db")
    put(store, layers_of(1))
    process = subprocess.Popen(
        [*CLI, "serve", "--port", "0"], cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    assert process.stderr is not None
    with process, process.stderr:
        ready = process.stderr.readline()
        assert "config-center serves published/center.db on http://127.0.0.1:" in ready
        with httpx.Client(base_url=ready.split()[-1], trust_env=False, timeout=60) as client:
            assert client.get("/health").json()["number"] == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    for where in ("no/such.db", "no/such/folder"):
        done = subprocess.run([*CLI, "serve", where], cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert f"{where}: no such database or folder; config-center publish makes one" in done.stderr
    assert not (REPOSITORY / "no").exists()


async def test_several_may_share_a_port(tmp_path: Path) -> None:
    """One process for each core; without being told so, the second is refused."""
    store = Database.at(tmp_path / "center.db")
    put(store, layers_of(1))
    async with trio.open_nursery() as nursery:
        url = await nursery.start(partial(serve, store, "127.0.0.1", 0, shared=True))
        port = int(url.rpartition(":")[2])
        assert await nursery.start(partial(serve, store, "127.0.0.1", port, shared=True)) == url
        with pytest.raises(ServeError, match="Address already in use"):
            await serve(store, "127.0.0.1", port)
        async with Client(base_url=url, trust_env=False, timeout=60) as client:
            for _ in range(10):
                assert (await client.get("/current.json", headers={"Connection": "close"})).status_code == 200
        nursery.cancel_scope.cancel()


async def test_who_takes_nothing_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that asks for megabytes and reads none of them holds its connection for a while only."""
    monkeypatch.setattr(limits, "stalled_s_max", 1)
    store = Database.at(tmp_path / "center.db")
    big = os.urandom(6_000_000)
    sha256 = put(store, layers_of(1), [part(big)]).checks[0].sha256
    async with served(store) as client:
        stream = await trio.open_tcp_stream("127.0.0.1", client.base_url.port or 0)
        async with stream:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await stream.send_all(f"GET /parts/{sha256} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            with trio.fail_after(60):
                while await held_by(client.base_url.port or 0):
                    await trio.lowlevel.checkpoint()


async def held_by(port: int) -> int:
    """How many established connections the server on this port has, as the kernel knows."""
    lines = (await trio.Path("/proc/net/tcp").read_text()).splitlines()[1:]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "01" for row in (line.split() for line in lines))


def test_export_as_a_command(tmp_path: Path) -> None:
    """What is current of a database, in a folder; said for people and for programs; nothing published is exit 2."""
    store = Database.at(tmp_path / "center.db")
    release = put(store, layers_of(1))
    command = [*CLI, "export", str(tmp_path / "center.db"), "--to", str(tmp_path / "www")]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == f"release 1 {release.digest[:12]}: exported to {tmp_path / 'www'}\n"
    done = subprocess.run([*command, "--json"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {
        "number": 1, "digest": release.digest, "serial": 1, "folder": str(tmp_path / "www"),
    }  # fmt: skip
    assert Folder(tmp_path / "www").pointer_bytes() == store.pointer_bytes()
    (tmp_path / "empty.db").touch()
    done = subprocess.run(
        [*CLI, "export", str(tmp_path / "empty.db"), "--to", str(tmp_path / "www2")],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing is published yet" in done.stderr
