"""The HTTP face, asked over real sockets: caching, compression, and clients that behave badly."""

from __future__ import annotations

import errno
import gzip
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import trio

from config_center import limits
from config_center.canonical import digest_of
from config_center.errors import ServeError
from config_center.http import serve
from config_center.layers import Part
from config_center.pointer import decode_pointer
from config_center.release import Release, SiteCheck, canonical, decode
from config_center.shelf import Shelf
from config_center.store import Store
from tests.support.center import item, layer

EXECUTABLE = b"#!/bin/sh\nexit 3\n"


def put(directory: Path, value: int, executable: bytes = EXECUTABLE) -> Release:
    """Publish a hundred items and an executable of the site."""
    items = {f"sysctl:net.something.{number}": item(number + 1, at_most=value) for number in range(100)}
    check = SiteCheck("raid", "checks/raid", digest_of(executable), len(executable))
    parts = [Part(check, executable)]
    return Store(directory).publish([layer("a", items)], parts, created="2030-01-01T00:00:00Z").release


@asynccontextmanager
async def served(directory: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A server of the directory on a free port of loopback, and a client of it."""
    async with trio.open_nursery() as nursery:
        url = await nursery.start(serve, directory, "127.0.0.1", 0)
        async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
            yield client
        nursery.cancel_scope.cancel()


async def raw_answer(client: httpx.AsyncClient, request: bytes) -> bytes:
    """All bytes the server sends to these, until it closes or has sent a head."""
    stream = await trio.open_tcp_stream(client.base_url.host, client.base_url.port or 0)
    answer = b""
    async with stream:
        with trio.fail_after(60):
            await stream.send_all(request)
            while b"\r\n\r\n" not in answer:
                piece = await stream.receive_some(65536)
                if not piece:
                    break
                answer += piece
    return answer


async def test_an_agent_gets_pointer_release_and_part(tmp_path: Path) -> None:
    """The bytes are those of the directory, and verify."""
    release = put(tmp_path, 1)
    async with served(tmp_path) as client:
        pointer = decode_pointer((await client.get("/current.json")).content)
        assert (pointer.number, pointer.digest) == (1, release.digest)
        answer = await client.get(f"/releases/{pointer.digest}.json")
        assert decode(answer.content, pointer.digest) == release
        assert answer.headers["content-type"] == "application/json"
        part = await client.get(f"/parts/{release.checks[0].sha256}")
        assert part.content == EXECUTABLE
        assert part.headers["content-type"] == "application/octet-stream"


async def test_what_never_changes_may_be_kept_and_the_pointer_not(tmp_path: Path) -> None:
    """Objects are immutable by name; the pointer is asked for again each time."""
    release = put(tmp_path, 1)
    async with served(tmp_path) as client:
        for path in (f"/releases/{release.digest}.json", f"/parts/{release.checks[0].sha256}"):
            assert (await client.get(path)).headers["cache-control"] == "public, max-age=31536000, immutable"
        assert (await client.get("/current.json")).headers["cache-control"] == "no-cache"


async def test_who_has_it_is_told_so(tmp_path: Path) -> None:
    """If-None-Match: 304 without a body, for pointer and objects, in either coding, strong or weak, in a list or *."""
    release = put(tmp_path, 1)
    path = f"/releases/{release.digest}.json"
    async with served(tmp_path) as client:
        plain = (await client.get(path, headers={"Accept-Encoding": "identity"})).headers["etag"]
        zipped = (await client.get(path)).headers["etag"]
        assert plain == f'"{release.digest}"'
        assert zipped != plain
        for tag in (plain, zipped, f"W/{plain}", f'"other", {plain}', "*"):
            answer = await client.get(path, headers={"If-None-Match": tag})
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] in {plain, zipped}
        assert (await client.get(path, headers={"If-None-Match": '"other"'})).status_code == 200
        pointer = (await client.get("/current.json")).headers["etag"]
        assert (await client.get("/current.json", headers={"If-None-Match": pointer})).status_code == 304
        put(tmp_path, 2)
        changed = await client.get("/current.json", headers={"If-None-Match": pointer})
        assert (changed.status_code, decode_pointer(changed.content).number) == (200, 2)


@pytest.mark.parametrize(
    ("accepts", "zipped"),
    [("gzip", True), ("br, gzip;q=0.5", True), ("*", True), ("identity", False), ("gzip;q=0", False), ("", False)],
)
async def test_gzip_for_those_who_take_it(tmp_path: Path, accepts: str, zipped: bool) -> None:
    """A release is sent small where that is understood, and caches are told that it depends."""
    release = put(tmp_path, 1)
    async with served(tmp_path) as client:
        request = client.build_request("GET", f"/releases/{release.digest}.json", headers={"Accept-Encoding": accepts})
        answer = await client.send(request, stream=True)
        sent = b"".join([piece async for piece in answer.aiter_raw()])
        assert answer.headers["vary"] == "Accept-Encoding"
        assert (answer.headers.get("content-encoding") == "gzip") == zipped
        assert (gzip.decompress(sent) if zipped else sent) == canonical(release)
        assert int(answer.headers["content-length"]) == len(sent)
        if zipped:
            assert len(sent) < len(canonical(release)) / 4


async def test_what_is_not_there_is_404(tmp_path: Path) -> None:
    """Unknown digests, and names that are none; the answer is small, JSON, and not to be kept."""
    release = put(tmp_path, 1)
    wrong = [
        "/", "/index.html", "/.lock", "/releases/", f"/releases/{'0' * 64}.json", f"/releases/{release.digest}",
        f"/releases/{release.digest.upper()}.json", f"/parts/{'0' * 64}", "/parts/raid", f"/parts/{release.digest}",
    ]  # fmt: skip
    async with served(tmp_path) as client:
        for path in wrong:
            answer = await client.get(path)
            assert answer.status_code == 404, path
            assert len(answer.content) < 200
        answer = await client.get(f"/releases/{'0' * 64}.json")
        assert answer.json() == {"error": "there is no such object"}
        assert answer.headers["cache-control"] == "no-store"


async def test_nothing_published_yet(tmp_path: Path) -> None:
    """The server is well, and says that there is nothing; it needs no restart when there is."""
    async with served(tmp_path) as client:
        answer = await client.get("/current.json")
        assert (answer.status_code, answer.json()) == (404, {"error": "nothing is published yet"})
        assert (await client.get("/health")).json() == {"status": "ok", "number": None, "digest": None}
        release = put(tmp_path, 1)
        assert (await client.get("/health")).json() == {"status": "ok", "number": 1, "digest": release.digest}
        assert (await client.get("/current.json")).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.json",
        "//etc/passwd",
        "/releases/../secret.json",
        "/releases/..%2f..%2fsecret.json",
        "/releases/%252e%252e%252fsecret.json",
        "/parts/../secret.json",
        "/parts/..%2fsecret.json",
        "/parts/%2e%2e/secret.json",
        "/parts/....//secret.json",
        "/parts/%00",
        "/parts/" + "a" * 64 + "%00",
        "/parts/" + "%2e" * 64,
        "http://x/../secret.json",
    ],
)
async def test_no_request_leads_out_of_the_directory(tmp_path: Path, path: str) -> None:
    """Whatever the path says, raw and escaped: what is not a digest is not there."""
    put(tmp_path / "store", 1)
    (tmp_path / "secret.json").write_text("the secret")
    async with served(tmp_path / "store") as client:
        answer = await raw_answer(client, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert answer.split(b" ")[1] in {b"404", b"400"}
        assert b"secret" not in answer


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_only_reading_is_offered(tmp_path: Path, method: str) -> None:
    """405 for the rest; HEAD has no body."""
    put(tmp_path, 1)
    async with served(tmp_path) as client:
        assert (await client.request(method, "/current.json", content=b"x" * 1000)).status_code == 405
        head = await client.head("/current.json")
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) > 50


async def test_clients_that_break_off_or_talk_nonsense_hurt_nobody(tmp_path: Path) -> None:
    """Half a request, half an answer read, garbage, an endless header: the next client is served as ever."""
    release = put(tmp_path, 1)
    async with served(tmp_path) as client:
        port = client.base_url.port or 0
        for sent in (
            b"",
            b"GET /cur",
            b"GET /current.json HTTP/1.1\r\nHost: x\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00",
            b"\0" * 9,
        ):
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            await stream.send_all(sent)
            await stream.aclose()
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.send_all(f"GET /releases/{release.digest}.json HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 50)
        await stream.receive_some(10)
        await stream.aclose()
        refused = await raw_answer(client, b"GET /current.json HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100_000)
        assert refused.split(b" ")[1] in {b"431", b"400"}
        assert (await raw_answer(client, b"nonsense\r\n\r\n")).split(b" ")[1] == b"400"
        assert decode((await client.get(f"/releases/{release.digest}.json")).content, release.digest) == release


async def test_a_damaged_object_is_not_handed_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A mirror would keep it for ever. 503; the operator reads on stderr which file it is."""
    release = put(tmp_path, 1)
    (tmp_path / "releases" / f"{release.digest}.json").write_bytes(b"{}")
    (tmp_path / "current.json").write_bytes(b"half a poin")
    async with served(tmp_path) as client:
        for path in (f"/releases/{release.digest}.json", "/current.json", "/health"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()) == (503, {"error": "the store is damaged"})
            assert answer.headers["cache-control"] == "no-store"
        assert (await client.get(f"/parts/{release.checks[0].sha256}")).status_code == 200
    told = capsys.readouterr().err
    assert f"{release.digest}.json is damaged" in told
    assert "current.json cannot be used" in told


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.EIO, errno.EACCES])
async def test_a_machine_in_trouble_is_not_called_damage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Out of descriptors, a disk's error, no right: 503 to try again, and no word of restoring; then all is well."""
    release = put(tmp_path, 1)
    paths = ("/current.json", "/health", f"/releases/{release.digest}.json", f"/parts/{release.checks[0].sha256}")

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    async with served(tmp_path) as client:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "open", refuse)
            for path in paths:
                answer = await client.get(path)
                assert (answer.status_code, answer.json()) == (503, {"error": "busy"})
                assert (answer.headers["retry-after"], answer.headers["cache-control"]) == ("5", "no-store")
        told = capsys.readouterr().err
        assert told.count(f"cannot be read just now: {os.strerror(number)}") == len(paths)
        assert "restore" not in told
        assert [(await client.get(path)).status_code for path in paths] == [200] * 4


async def test_who_says_nothing_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection without a first byte, or with half a request, is closed: each one holds a descriptor."""
    monkeypatch.setattr(limits, "keep_alive_s", 0.1)
    async with served(tmp_path) as client:
        with trio.fail_after(60):
            for sent in (b"", b"GET /cur"):
                stream = await trio.open_tcp_stream("127.0.0.1", client.base_url.port or 0)
                async with stream:
                    if sent:
                        await stream.send_all(sent)
                    assert await stream.receive_some() == b""


async def test_many_agents_at_once(tmp_path: Path) -> None:
    """Two hundred ask together: each gets the whole release; it is read from disk once."""
    release = put(tmp_path, 1)
    async with served(tmp_path) as client:
        right = []

        async def fetch() -> None:
            answer = await client.get(f"/releases/{release.digest}.json")
            right.append(digest_of(answer.content) == release.digest)

        async with trio.open_nursery() as nursery:
            for _ in range(200):
                nursery.start_soon(fetch)
        assert right == [True] * 200


async def test_the_shelf_is_bounded(tmp_path: Path) -> None:
    """What was least used goes first."""
    store = tmp_path
    checks = [put(store, number, bytes([65 + number]) * 400_000).checks[0] for number in range(4)]
    shelf = Shelf(store, bytes_max=900_000)
    found = [await shelf.part(check.sha256) for check in checks]
    assert [one and len(one.raw) for one in found] == [400_000] * 4
    assert shelf.size <= 900_000
    assert await shelf.part(checks[2].sha256) is not None  # so that 3 is the least used of the two that are kept
    assert await shelf.part(checks[0].sha256) is not None
    for path in (store / "parts").iterdir():
        path.unlink()
    # What is still there now is in memory.
    assert [await shelf.part(check.sha256) is not None for check in checks] == [True, False, True, False]


async def test_an_address_that_is_taken_is_a_clear_error(tmp_path: Path) -> None:
    """It names the address and what to do."""
    async with served(tmp_path) as client:
        port = client.base_url.port or 0
        with pytest.raises(ServeError, match=f"cannot serve on 127.0.0.1:{port}: Address already in use"):
            await serve(tmp_path, "127.0.0.1", port)
    with pytest.raises(ServeError, match=r"cannot serve on no\.such\.host\.invalid:0: "):
        await serve(tmp_path, "no.such.host.invalid", 0)


async def test_the_server_ends_when_told(tmp_path: Path) -> None:
    """`until` ends it in good order: nothing has to be cancelled."""
    put(tmp_path, 1)
    enough = trio.Event()
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:

            async def run(task_status: trio.TaskStatus[str]) -> None:
                await serve(tmp_path, "127.0.0.1", 0, until=enough.wait, task_status=task_status)

            url = await nursery.start(run)
            async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
                assert json.loads((await client.get("/current.json")).content)["number"] == 1
            enough.set()
