"""The HTTP face, asked over real sockets: caching, compression, ranges, and clients that behave badly."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
import trio

from config_center import limits
from config_center.canonical import digest_of
from config_center.database import Database
from config_center.errors import ServeError, StoreBusy
from config_center.folder import Folder
from config_center.http import serve
from config_center.pointer import decode_pointer
from config_center.release import Release, canonical, decode
from config_center.shelf import PART, Asker, Shelf
from tests.support.center import item, layer
from tests.support.depots import part
from tests.support.depots import put as publish
from tests.support.faces import raw_answer, served

EXECUTABLE = b"#!/bin/sh\nexit 3\n"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    """An empty database."""
    with closing(Database.at(tmp_path / "store" / "center.db")) as database:
        yield database


def put(store: Database, value: int, executable: bytes = EXECUTABLE) -> Release:
    """Publish a hundred items and an executable of the site."""
    items = {f"sysctl:net.something.{number}": item(number + 1, at_most=value) for number in range(100)}
    return publish(store, [layer("a", items)], [part(executable)])


async def test_an_agent_gets_pointer_release_and_part(store: Database) -> None:
    """The bytes are those of the store, and verify."""
    release = put(store, 1)
    async with served(store) as client:
        pointer = decode_pointer((await client.get("/current.json")).content)
        assert (pointer.number, pointer.digest) == (1, release.digest)
        answer = await client.get(f"/releases/{pointer.digest}.json")
        assert decode(answer.content, pointer.digest) == release
        assert answer.headers["content-type"] == "application/json"
        part = await client.get(f"/parts/{release.checks[0].sha256}")
        assert part.content == EXECUTABLE
        assert part.headers["content-type"] == "application/octet-stream"


async def test_what_never_changes_may_be_kept_and_the_pointer_not(store: Database) -> None:
    """Objects are immutable by name; the pointer is asked for again each time."""
    release = put(store, 1)
    async with served(store) as client:
        for path in (f"/releases/{release.digest}.json", f"/parts/{release.checks[0].sha256}"):
            assert (await client.get(path)).headers["cache-control"] == "public, max-age=31536000, immutable"
        assert (await client.get("/current.json")).headers["cache-control"] == "no-cache"


async def test_who_has_it_is_told_so(store: Database) -> None:
    """If-None-Match: 304 without a body, for pointer and objects, in either coding, strong or weak, in a list or *."""
    release = put(store, 1)
    path = f"/releases/{release.digest}.json"
    async with served(store) as client:
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
        put(store, 2)
        changed = await client.get("/current.json", headers={"If-None-Match": pointer})
        assert (changed.status_code, decode_pointer(changed.content).number) == (200, 2)


@pytest.mark.parametrize(
    ("accepts", "zipped"),
    [("gzip", True), ("br, gzip;q=0.5", True), ("*", True), ("identity", False), ("gzip;q=0", False), ("", False)],
)
async def test_gzip_for_those_who_take_it(store: Database, accepts: str, zipped: bool) -> None:
    """A release is sent small where that is understood, and caches are told that it depends."""
    release = put(store, 1)
    async with served(store) as client:
        request = client.build_request("GET", f"/releases/{release.digest}.json", headers={"Accept-Encoding": accepts})
        answer = await client.send(request, stream=True)
        sent = b"".join([piece async for piece in answer.aiter_raw()])
        assert answer.headers["vary"] == "Accept-Encoding"
        assert (answer.headers.get("content-encoding") == "gzip") == zipped
        assert (gzip.decompress(sent) if zipped else sent) == canonical(release)
        assert int(answer.headers["content-length"]) == len(sent)
        if zipped:
            assert len(sent) < len(canonical(release)) / 4


@pytest.mark.parametrize(
    ("asked", "status", "which"),
    [
        ("bytes=0-99", 206, slice(0, 100)),
        ("bytes=100-", 206, slice(100, None)),
        ("bytes=-7", 206, slice(-7, None)),
        ("Bytes = 5-5", 206, slice(5, 6)),
        ("bytes=0-99999999", 206, slice(0, None)),
        ("bytes=-99999999", 206, slice(0, None)),
        ("bytes=99999999-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=9-3", 200, None),
        ("bytes=0-1,5-6", 200, None),
        ("bytes=-", 200, None),
        ("lines=1-2", 200, None),
        ("bytes=x-y", 200, None),
        (f"bytes={'9' * 50}-", 200, None),
    ],
)
async def test_a_range_of_an_object(store: Database, asked: str, status: int, which: slice | None) -> None:
    """One piece of the plain bytes, so that a broken download goes on; what is not understood gets the whole."""
    release = put(store, 1)
    raw = canonical(release)
    async with served(store) as client:
        answer = await client.get(f"/releases/{release.digest}.json", headers={"Range": asked})
        assert answer.status_code == status
        if which is not None:
            assert answer.content == raw[which]
            first = range(len(raw))[which][0]
            assert answer.headers["content-range"] == f"bytes {first}-{first + len(answer.content) - 1}/{len(raw)}"
            assert answer.headers["etag"] == f'"{release.digest}"'
            assert "content-encoding" not in answer.headers
        elif status == 416:
            assert (answer.headers["content-range"], answer.content) == (f"bytes */{len(raw)}", b"")
        else:
            assert answer.content == raw


async def test_a_range_is_of_what_the_client_has_half_of(store: Database) -> None:
    """If-Range with another tag, or a gzipped one's: the whole. If-None-Match goes first; HEAD knows no ranges."""
    release = put(store, 1)
    path = f"/parts/{release.checks[0].sha256}"
    tag = f'"{release.checks[0].sha256}"'
    async with served(store) as client:
        for if_range, status in ((tag, 206), ('"other"', 200), (f"W/{tag}", 200), (f'{tag[:-1]}-gzip"', 200)):
            answer = await client.get(path, headers={"Range": "bytes=2-", "If-Range": if_range})
            assert answer.status_code == status
            assert answer.content == EXECUTABLE[2 if status == 206 else 0 :]
        assert (await client.get(path, headers={"Range": "bytes=2-", "If-None-Match": tag})).status_code == 304
        head = await client.head(path, headers={"Range": "bytes=2-"})
        assert (head.status_code, head.headers["content-length"]) == (200, str(len(EXECUTABLE)))
        assert head.headers["accept-ranges"] == "bytes"


async def test_what_is_not_there_is_404(store: Database) -> None:
    """Unknown digests, and names that are none; the answer is small, JSON, and not to be kept."""
    release = put(store, 1)
    wrong = [
        "/", "/index.html", "/.lock", "/releases/", f"/releases/{'0' * 64}.json", f"/releases/{release.digest}",
        f"/releases/{release.digest.upper()}.json", f"/parts/{'0' * 64}", "/parts/raid", f"/parts/{release.digest}",
    ]  # fmt: skip
    async with served(store) as client:
        for path in wrong:
            answer = await client.get(path)
            assert answer.status_code == 404, path
            assert len(answer.content) < 200
        answer = await client.get(f"/releases/{'0' * 64}.json")
        assert answer.json() == {"error": "there is no such object"}
        assert answer.headers["cache-control"] == "no-store"


async def test_nothing_published_yet(store: Database) -> None:
    """The server is well, and says that there is nothing; it needs no restart when there is."""
    async with served(store) as client:
        answer = await client.get("/current.json")
        assert (answer.status_code, answer.json()) == (404, {"error": "nothing is published yet"})
        nothing = {"status": "ok", "serial": None, "number": None, "digest": None}
        assert (await client.get("/health")).json() == nothing
        release = put(store, 1)
        now = {"status": "ok", "serial": 1, "number": 1, "digest": release.digest}
        assert (await client.get("/health")).json() == now
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
async def test_no_request_leads_out_of_the_directory(store: Database, tmp_path: Path, path: str) -> None:
    """Whatever the path says, raw and escaped: what is not a digest is not there."""
    put(store, 1)
    Folder(tmp_path / "www").export(store)
    (tmp_path / "secret.json").write_text("the secret")
    async with served(Folder(tmp_path / "www")) as client:
        answer = await raw_answer(client, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert answer.split(b" ")[1] in {b"404", b"400"}
        assert b"secret" not in answer


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_only_reading_is_offered(store: Database, method: str) -> None:
    """405 for the rest; HEAD has no body."""
    put(store, 1)
    async with served(store) as client:
        assert (await client.request(method, "/current.json", content=b"x" * 1000)).status_code == 405
        head = await client.head("/current.json")
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) > 50


async def test_clients_that_break_off_or_talk_nonsense_hurt_nobody(store: Database) -> None:
    """Half a request, half an answer read, garbage, an endless header: the next client is served as ever."""
    release = put(store, 1)
    async with served(store) as client:
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


async def test_a_damaged_object_is_not_handed_out(
    store: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mirror would keep it for ever. 503; the operator reads on stderr which file it is."""
    release = put(store, 1)
    Folder(tmp_path).export(store)
    (tmp_path / "releases" / f"{release.digest}.json").write_bytes(b"{}")
    async with served(Folder(tmp_path)) as client:
        for path in (f"/releases/{release.digest}.json", "/current.json"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()) == (503, {"error": "the store is damaged"})
            assert answer.headers["cache-control"] == "no-store"
        health = await client.get("/health")
        assert (health.status_code, health.json()["status"], health.json()["why"]) == (
            503, "degraded", "the store is damaged",
        )  # fmt: skip
        assert (await client.get(f"/parts/{release.checks[0].sha256}")).status_code == 200
        Folder(tmp_path).export(store)  # heals it
        put(store, 2)
        Folder(tmp_path).export(store)
        assert (await client.get("/current.json")).status_code == 200
    assert f"{release.digest}.json is damaged" in capsys.readouterr().err


async def test_who_says_nothing_is_not_kept(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection without a first byte, or with half a request, is closed: each one holds a descriptor."""
    monkeypatch.setattr(limits, "keep_alive_s", 0.1)
    async with served(store) as client:
        with trio.fail_after(60):
            for sent in (b"", b"GET /cur"):
                stream = await trio.open_tcp_stream("127.0.0.1", client.base_url.port or 0)
                async with stream:
                    if sent:
                        await stream.send_all(sent)
                    assert await stream.receive_some() == b""


async def test_many_agents_at_once(store: Database) -> None:
    """Two hundred ask together: each gets the whole release; it is read from disk once."""
    release = put(store, 1)
    async with served(store) as client:
        right = []

        async def fetch() -> None:
            answer = await client.get(f"/releases/{release.digest}.json")
            right.append(digest_of(answer.content) == release.digest)

        async with trio.open_nursery() as nursery:
            for _ in range(200):
                nursery.start_soon(fetch)
        assert right == [True] * 200


async def test_the_shelf_is_bounded(store: Database) -> None:
    """What was least used goes first."""
    checks = [put(store, number, bytes([65 + number]) * 400_000).checks[0] for number in range(4)]
    asked: list[str] = []

    class Told(Database):
        def part_bytes(self, sha256: str) -> bytes | None:
            asked.append(sha256)
            return super().part_bytes(sha256)

    shelf = Shelf(Told.at(Path(store.where)), Asker("here"), bytes_max=900_000)
    found = [await shelf.get(PART, check.sha256) for check in checks]
    assert [one and len(one.raw) for one in found] == [400_000] * 4
    assert shelf.size <= 900_000
    assert asked == [check.sha256 for check in checks]
    await shelf.get(PART, checks[2].sha256)  # so that 3 is the least used of the two that are kept
    await shelf.get(PART, checks[0].sha256)
    asked.clear()
    for check in (checks[0], checks[2], checks[1]):
        await shelf.get(PART, check.sha256)
    assert asked == [checks[1].sha256]


async def test_what_many_ask_for_is_looked_up_once(store: Database) -> None:
    """They all get it, or all the same error; and too many different ones at once are told to come later."""
    sha256 = put(store, 1).checks[0].sha256
    asked: list[str] = []

    class Told(Database):
        def part_bytes(self, digest: str) -> bytes | None:
            asked.append(digest)
            return super().part_bytes(digest)

    shelf = Shelf(Told.at(Path(store.where)), Asker("here"))
    busy = 0

    async def get(digest: str) -> None:
        nonlocal busy
        try:
            await shelf.get(PART, digest)
        except StoreBusy:
            busy += 1

    async with trio.open_nursery() as nursery:
        for _ in range(100):
            nursery.start_soon(get, sha256)
    assert asked == [sha256]
    async with trio.open_nursery() as nursery:
        for number in range(100):
            nursery.start_soon(get, f"{number:064}")
    assert busy == 100 - limits.asking_waiting_max


async def test_an_address_that_is_taken_is_a_clear_error(store: Database) -> None:
    """It names the address and what to do."""
    async with served(store) as client:
        port = client.base_url.port or 0
        with pytest.raises(ServeError, match=f"cannot serve on 127.0.0.1:{port}: Address already in use"):
            await serve(store, "127.0.0.1", port)
    with pytest.raises(ServeError, match=r"cannot serve on no\.such\.host\.invalid:0: "):
        await serve(store, "no.such.host.invalid", 0)


async def test_the_server_ends_when_told(store: Database) -> None:
    """`until` ends it in good order: nothing has to be cancelled."""
    put(store, 1)
    enough = trio.Event()
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:

            async def run(task_status: trio.TaskStatus[str]) -> None:
                await serve(store, "127.0.0.1", 0, until=enough.wait, task_status=task_status)

            url = await nursery.start(run)
            async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
                assert json.loads((await client.get("/current.json")).content)["number"] == 1
            enough.set()
