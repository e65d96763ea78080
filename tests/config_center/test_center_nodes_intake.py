"""What nodes tell about themselves, over HTTP: signed, newer than before, bounded; everything else is refused."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from config_center import limits
from config_center.canonical import canonical_bytes
from config_center.database import Database
from config_center.folder import Folder
from config_center.keys import SecretKey, sign_bytes
from config_center.node_record import RecordRefusedError, read_record
from tests.support.depots import layers_of, put
from tests.support.faces import raw_answer, served
from tests.support.postgres import Postgres

KEY = SecretKey(b"k" * 32)
OTHER_KEY = SecretKey(b"o" * 32)


@pytest.fixture
def store(url: str) -> Iterator[Database]:
    """An empty database of either kind."""
    with closing(Database(url)) as database:
        yield database


def record(name: str = "n001", key: SecretKey = KEY, **changes: Any) -> bytes:
    """A node's record; changes: fields that are different, or more."""
    fields = {
        "schema": "inspector.node/1",
        "name": name,
        "tags": {"zone": "b"},
        "facts": {"os": "debian", "kernel": "6.1.0-37-amd64"},
        "sent": int(time.time()),
        "key": key.public.text,
    }
    return canonical_bytes(fields | changes)


async def tell(
    client: httpx.AsyncClient, raw: bytes, name: str = "n001", key: SecretKey = KEY, signature: str | None = None
) -> httpx.Response:
    """Send a record as an agent does."""
    headers = {"Inspector-Signature": sign_bytes(key, raw) if signature is None else signature}
    return await client.post(f"/nodes/{name}", content=raw, headers=headers)


async def test_a_node_tells_and_everybody_can_read(store: Database) -> None:
    """204; then it is in nodes.json, which is cached like the pointer, and counted."""
    async with served(store) as client:
        empty = await client.get("/nodes.json")
        assert empty.json() == {"schema": "inspector.nodes/1", "nodes": {}}
        assert (await tell(client, record())).status_code == 204
        answer = await client.get("/nodes.json")
        node = answer.json()["nodes"]["n001"]
        assert node["tags"] == {"zone": "b"}
        assert node["facts"] == {"os": "debian", "kernel": "6.1.0-37-amd64"}
        assert node["seen"].endswith("Z")
        assert set(node) == {"tags", "facts", "seen"}
        tag = answer.headers["etag"]
        again = await client.get("/nodes.json", headers={"If-None-Match": tag})
        assert (again.status_code, again.headers["cache-control"]) == (304, "no-cache")
        assert "config_center_nodes 1.0" in (await client.get("/metrics")).text
    assert [row.name for row in store.nodes()] == ["n001"]


async def test_the_first_key_stays(store: Database) -> None:
    """Another key is refused until somebody forgets the node; the same record twice is a replay."""
    now = int(time.time())
    async with served(store) as client:
        assert (await tell(client, record(sent=now))).status_code == 204
        replayed = await tell(client, record(sent=now))
        assert (replayed.status_code, "newer" in replayed.json()["error"]) == (409, True)
        assert (await tell(client, record(sent=now - 5))).status_code == 409
        stranger = await tell(client, record(key=OTHER_KEY, sent=now + 5), key=OTHER_KEY)
        assert stranger.status_code == 409
        assert "config-center nodes --forget n001" in stranger.json()["error"]
        assert (await tell(client, record(sent=now + 1))).status_code == 204
        assert store.forget_node("n001")
        assert (await tell(client, record(key=OTHER_KEY, sent=now), key=OTHER_KEY)).status_code == 204
        refused = 'config_center_intake_refused_total{status="409"} 3.0'
        assert refused in (await client.get("/metrics")).text


async def test_a_wrong_signature_is_refused(store: Database) -> None:
    """Of another key, of other bytes, none at all, or no signature: 403, and nothing is kept."""
    raw = record()
    async with served(store) as client:
        for signature in (sign_bytes(OTHER_KEY, raw), sign_bytes(KEY, raw + b" "), "", "0" * 128, "x" * 128, "é"):
            headers = [(b"Inspector-Signature", signature.encode("latin-1"))]
            answer = await client.post("/nodes/n001", content=raw, headers=headers)
            assert answer.status_code == 403, signature
        assert (await client.post("/nodes/n001", content=raw)).status_code == 403
    assert store.nodes() == []


HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"\xff\xfe{",
    "another type": b"[]",
    "deep": b'{"tags":' * 3_000 + b"1" + b"}" * 3_000,
    "deep lists": b"[" * 30_000,
    "another schema": record(schema="inspector.node/2"),
    "fields missing": b'{"schema":"inspector.node/1"}',
    "another name": record("n002"),
    "a number for a text": record(facts={"cpus": 4}),
    "a list of tags": record(tags=["zone"]),
    "an unknown field": record(more=1),
    "too many tags": record(tags={f"t{number}": "" for number in range(limits.node_tags_max + 1)}),
    "too many facts": record(facts={f"f{number}": "" for number in range(limits.node_facts_max + 1)}),
    "an empty tag": record(tags={"": "x"}),
    "a long tag": record(tags={"t" * 257: "x"}),
    "a long fact": record(facts={"os": "x" * (limits.text_chars_max + 1)}),
    "control characters": record(facts={"os": "\x1b[2J"}),
    "a zero character": record(facts={"os": "\x00"}),
    "half a surrogate": b'{"facts":{"os":"\\ud800"}' + record()[record().index(b',"key"') :],
    "a float for a time": record(sent=1.5),
    "a time before time": record(sent=-1),
    "a huge time": record(sent=10**30),
    "a far future": record(sent=int(time.time()) + 30 * 86_400),
    "no public key": record().replace(KEY.public.text.encode(), b"ed25519:"),
    "a secret key": record().replace(b"ed25519:", b"ed25519-secret:"),
    "spaces": b" " + record(),
    "a field twice": record()[:-1] + b',"name":"n001"}',
    "not sorted": json.dumps(dict(reversed(json.loads(record()).items()))).encode(),
}


@pytest.mark.parametrize("what", HOSTILE)
async def test_a_hostile_record_is_refused(tmp_path: Path, what: str) -> None:
    """400 with a short reason; nothing is kept, and the next record is taken."""
    store = Database.at(tmp_path / "center.db")
    async with served(store) as client:
        answer = await tell(client, HOSTILE[what])
        assert answer.status_code == 400, answer.text
        assert 5 < len(answer.json()["error"]) < 500
        assert store.nodes() == []
        assert (await tell(client, record())).status_code == 204


@pytest.mark.parametrize("name", ["n" * 129, "a%0ab", "%1b", "..%2fx"])
async def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    """Whatever the path says, it has to be the record's, and printable."""
    plain = httpx.URL(f"http://x/{name}").path[1:]
    async with served(Database.at(tmp_path / "center.db")) as client:
        answer = await tell(client, record(plain), name=name)
        assert answer.status_code in {400, 404}


async def test_a_big_body_is_not_read_to_its_end(tmp_path: Path) -> None:
    """413 by its announced length, or as soon as it has grown too big."""
    store = Database.at(tmp_path / "center.db")
    head = "POST /nodes/n001 HTTP/1.1\r\nHost: x\r\n"
    async with served(store) as client:
        for length in (limits.node_record_bytes_max + 1, 10**12):
            answer = await raw_answer(client, f"{head}Content-Length: {length}\r\n\r\n".encode())
            assert answer.split(b" ")[1] == b"413"
        chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
        answer = await raw_answer(client, f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk + chunk)
        assert answer.split(b" ")[1] == b"413"
        largest = record(facts={f"f{number}": "x" * 3_900 for number in range(8)})
        assert limits.node_record_bytes_max - 2_000 < len(largest) <= limits.node_record_bytes_max
        assert (await tell(client, largest)).status_code == 204


async def test_only_so_many_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the budget: 503 and when to come again. Beyond the number of nodes: a reason."""
    monkeypatch.setattr(limits, "intake_per_s_max", 5)
    monkeypatch.setattr(limits, "nodes_max", 2)
    statuses: list[int] = []
    async with served(Database.at(tmp_path / "center.db")) as client, trio.open_nursery() as nursery:

        async def one(number: int) -> None:
            name = f"n{number:03}"
            answer = await tell(client, record(name), name=name)
            statuses.append(answer.status_code)
            if answer.status_code == 503:
                assert int(answer.headers["retry-after"]) > 0

        for number in range(40):
            nursery.start_soon(one, number)
    assert statuses.count(204) == 2
    assert statuses.count(409) >= 3
    assert statuses.count(503) >= 1
    assert len(statuses) == 40


async def test_hundreds_of_nodes_tell_at_once(store: Database) -> None:
    """All are kept; they share transactions."""
    async with served(store) as client, trio.open_nursery() as nursery:

        async def one(number: int) -> None:
            name = f"n{number:03}"
            assert (await tell(client, record(name), name=name)).status_code == 204

        for number in range(300):
            nursery.start_soon(one, number)
    assert len(store.nodes()) == 300


async def test_a_static_mirror_takes_nothing(tmp_path: Path) -> None:
    """404: the agent tries its next center."""
    store = Database.at(tmp_path / "center.db")
    put(store, layers_of(1))
    Folder(tmp_path / "www").export(store)
    async with served(Folder(tmp_path / "www")) as client:
        assert (await tell(client, record())).status_code == 404
        assert (await client.get("/nodes.json")).status_code == 404


async def test_while_the_database_is_down_nodes_come_later(postgresql: Postgres) -> None:
    """503 and when; the list of before is still given; when the database is back, so is everything."""
    with closing(Database(postgresql.create())) as store:
        async with served(store) as client:
            assert (await tell(client, record())).status_code == 204
            assert "n001" in (await client.get("/nodes.json")).json()["nodes"]
            postgresql.stop()
            try:
                answer = await tell(client, record("n002"), name="n002")
                assert (answer.status_code, answer.json()) == (503, {"error": "busy"})
                assert int(answer.headers["retry-after"]) > 0
                assert "n001" in (await client.get("/nodes.json")).json()["nodes"]
            finally:
                postgresql.start()
            assert (await tell(client, record("n002"), name="n002")).status_code == 204
        assert [row.name for row in store.nodes()] == ["n001", "n002"]


def test_a_record_is_read_without_the_world() -> None:
    """Bytes in, a row or a refusal out."""
    raw = record(sent=1_000)
    row = read_record(raw, "n001", sign_bytes(KEY, raw), now=900, seen="then")
    assert (row.name, row.sent, row.seen, row.key) == ("n001", 1_000, "then", KEY.public.text)
    with pytest.raises(RecordRefusedError, match="at most"):
        read_record(b"x" * 40_000, "n001", "", now=0, seen="")
