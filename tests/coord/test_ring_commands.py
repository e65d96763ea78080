"""`inspector announce` and `inspector releases`, as a person and `config-center` run them."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
import trio

from inspector_agent.ring import UserEvent, connect
from inspector_agent.wire import ANY_RELEASE
from inspector_coord.current import prefix_of
from inspector_coord.holdings import NO_ITEM
from tests.coord.test_inspector_cli import here
from tests.support.fleets import fleet
from tests.support.serf import claimed_prefix

DIGEST = "9b1f0c7d4e5a6b21" + "00" * 24


async def test_an_announcement_reaches_the_whole_ring(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A user event under the ring's prefix, with the serial and the beginning of the digest; it says what it did."""
    async with fleet(tmp_path, 3) as ring:
        ring.write(query_prefix="ours-")
        async with connect(ring.ring[2].rpc) as client, client.stream("user:ours-release") as events:
            done = await here(capsys, "announce", "12", DIGEST, config=ring.path)
            with trio.fail_after(30):
                async for event in events:
                    assert isinstance(event, UserEvent)
                    assert msgspec.msgpack.decode(event.payload) == [12, bytes.fromhex(DIGEST)[:8]]
                    break
        entry = ring.ring[0].rpc
        assert (done.code, done.err) == (0, "")
        assert done.out == f"ring main was told of release 9b1f0c7d4e5a (act 12) through {entry}\n"
        as_json = await here(capsys, "announce", "13", DIGEST[:16], "--json", config=ring.path)
    told = {"serial": 13, "digest": DIGEST[:16], "rings": [{"ring": "main", "entry": entry, "error": ""}]}
    assert as_json.json == told


async def test_a_ring_that_cannot_be_told_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One of two: exit 3, and the other one knows; none at all: exit 4."""
    async with fleet(tmp_path, 1) as ring:
        with claimed_prefix() as network:
            gone = {"entries": [f"{network}.1:7373"]}
            ring.write(rings={"main": {"entries": [ring.ring[0].rpc]}, "gone": gone})
            some = await here(capsys, "announce", "12", DIGEST, config=ring.path)
            ring.write(rings={"gone": gone})
            none = await here(capsys, "announce", "12", DIGEST, config=ring.path)
    assert (some.code, none.code) == (3, 4)
    assert "ring main was told" in some.out
    assert "ring gone: no entry can be used" in some.err
    assert none.out == ""


@pytest.mark.parametrize(("serial", "digest"), [("0", DIGEST), ("12", "9b1f"), ("12", "latest"), ("12", DIGEST + "00")])
async def test_what_is_no_act_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], serial: str, digest: str
) -> None:
    """Before any ring hears of it."""
    done = await here(capsys, "announce", serial, digest, config=tmp_path / "none.yml")
    assert (done.code, done.out) == (2, "")
    assert ("SERIAL 0 is none" if serial == "0" else f"DIGEST '{digest[:20]}") in done.err


async def test_who_holds_which_release(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Folded, with who holds none and who says nothing; nobody is made to check or to fetch anything."""
    scripts = {"n004": ["release"], "n005": ["hang"], "n006": ["busy"]}
    async with fleet(tmp_path, 6, scripts) as ring:
        for name, agent in ring.agents.items():
            agent.holds = (b"oldoldol", 11) if name in ("n003", "n004") else (prefix_of(ring.release), 12)
        done = await here(capsys, "releases", "--json", "--timeout", "20", config=ring.path)
        assert done.code == 3
        assert done.json["releases"] == [
            {"number": 12, "digest": prefix_of(ring.release).hex(), "nodes": "n[001-002,006]", "count": 3},
            {"number": 11, "digest": b"oldoldol".hex(), "nodes": "n[003-004]", "count": 2},
        ]
        assert (done.json["without"], done.json["no_answer"]) == ("", {"stalled": "n005"})
        question = ring.agents["n001"].heard[0]
        assert (question.release, question.items, question.canary) == (ANY_RELEASE, (NO_ITEM,), b"")
        text = await here(capsys, "releases", "n[001-002]", config=ring.path)
        assert text.code == 0
        assert text.out == f"release 12 ({ring.release.digest[:12]})  2 nodes  n[001-002]\n"
        absent = await here(capsys, "releases", "n[001-002,099]", config=ring.path)
        assert (absent.code, "no members: n099" in absent.err) == (3, True)
        ring.agents["n001"].holds = (ANY_RELEASE, 0)
        without = await here(capsys, "releases", "n001", config=ring.path)
        assert (without.code, without.out) == (0, "no release at all  n001\n")


async def test_no_entry_is_exit_code_4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As for a sweep."""
    with claimed_prefix() as network:
        path = tmp_path / "coordinator.yml"
        path.write_text(
            json.dumps({"rings": {"main": {"entries": [f"{network}.1:7373"]}}, "config_center": "http://x"})
        )
        assert (await here(capsys, "releases", config=path)).code == 4
