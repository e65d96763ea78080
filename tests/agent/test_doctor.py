"""inspector-agent doctor: what is wrong with a node is said in words that say what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import trio

from config_center.traits import traits_of
from inspector_agent import limits
from inspector_agent.config import AgentConfig
from inspector_agent.doctor import Result, as_lines, examine
from inspector_agent.facts import flat_facts
from inspector_agent.paint import Paint
from inspector_agent.releases import Releases
from inspector_agent.ring import connect
from tests.support.center import SignedCenter, item, layer
from tests.support.serf import SerfRing, serf_ring
from tests.support.waiting import PATIENCE_S
from tests.support.web import Web, reply, sends

LAYER = layer("10", {"sysctl:a.b": item()})
ZONE_C = layer("10", {"sysctl:a.b": item()}, zone="c")


def nowhere(directory: Path) -> AgentConfig:
    """A node without Serf, center or cache."""
    return AgentConfig("127.0.0.1:1", None, (), directory / "cache", "/", "", 60.0)


async def results(config: AgentConfig) -> dict[str, Result]:
    """What doctor finds; of several results about one thing the last."""
    return {result.about: result for result in await examine(config)}


async def test_a_healthy_node_is_all_ok(center: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks, Serf, events, center, clock, cache, release, memory: each tried, each said."""
    monkeypatch.setattr(limits, "doctor_event_s", PATIENCE_S)
    center.publish(tmp_path / "store", [LAYER])
    async with serf_ring(2, tags={"zone": "b"}) as ring:
        config = replace(nowhere(tmp_path), rpc=ring[0].rpc, config_center=(center.url,))
        traits = traits_of({"zone": "b"}, flat_facts(config.root))
        await Releases(config.cache, [center.url], name=ring[0].name, traits=traits).refresh()
        found = await results(config)
    assert found.pop("memory").said.endswith("MiB with all that the agent loads, of 32 MiB")  # and of pytest, here
    assert {result.about: result.state for result in found.values()} == dict.fromkeys(
        ("checks", "serf", "events", "center", "clock", "cache", "release"), "ok"
    )
    assert found["serf"].said.startswith(f"{ring[0].name} at {ring[0].rpc}, zone=b; a ring of 2, 0 failed")
    assert found["release"].said.endswith("is in force, with 1 items for this node")
    lines = list(as_lines(list(found.values()), Paint(colours=False)))
    assert lines[1].startswith("ok    serf     ")


async def test_a_wrong_auth_key_is_named(tmp_path: Path) -> None:
    """Missing or wrong: where it has to be compared with."""
    async with serf_ring(1, rpc_auth="right") as ring:
        for key in ("wrong", None):
            found = await results(replace(nowhere(tmp_path), rpc=ring[0].rpc, auth_key=key))
            assert found["serf auth"].state == "bad"
            assert "rpc_auth" in found["serf auth"].said


async def test_no_serf_at_the_address_is_named(tmp_path: Path) -> None:
    """With the address that was tried."""
    found = await results(nowhere(tmp_path))
    assert found["serf"].state == "bad"
    assert "127.0.0.1:1" in found["serf"].said
    assert "is the Serf agent running" in found["serf"].said


async def test_another_service_at_the_address_is_named(
    center: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A port that speaks HTTP: it waits for more, and so do we, for a while."""
    monkeypatch.setattr(limits, "doctor_connect_s", 0.3)
    found = await results(replace(nowhere(tmp_path), rpc=center.url.removeprefix("http://")))
    assert found["serf"].state == "bad"


async def test_a_serf_that_has_joined_nobody_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It works, and no question will ever come."""
    monkeypatch.setattr(limits, "doctor_event_s", PATIENCE_S)
    async with serf_ring(1) as ring:
        found = await results(replace(nowhere(tmp_path), rpc=ring[0].rpc, query_prefix="mine-"))
    assert found["serf"].state == "warn"
    assert "serf join" in found["serf"].advice
    assert found["events"].state == "ok"


async def test_events_that_do_not_come_are_named(
    ring: SerfRing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connected and authenticated, and yet no question would be heard."""

    async def someone_else(_client: object) -> dict[str, dict[str, str]]:
        return {"agent": {"name": "another-node"}, "serf": {"members": "2"}}

    monkeypatch.setattr(limits, "doctor_event_s", 0.3)
    async with connect(ring[0].rpc) as client:
        monkeypatch.setattr(type(client), "stats", someone_else)
    found = await results(replace(nowhere(tmp_path), rpc=ring[0].rpc))
    assert found["events"].state == "bad"
    assert found["events"].said == "a query to another-node was not heard within 0.3 s"


@pytest.mark.parametrize(
    ("raw", "said", "advice"),
    [
        (reply(b"", status="404 Not Found"), "the center answers 404 Not Found", "nothing is published there yet"),
        (reply(b"<html>"), "the pointer is malformed", "is this the address of a config center?"),
        (b"", "closed connection", "the last good release stays in force"),
    ],
)
async def test_a_center_that_is_none_is_named(center: Web, tmp_path: Path, raw: bytes, said: str, advice: str) -> None:
    """With its URL and what came from there."""
    center.handlers["/current.json"] = sends(raw)
    found = await results(replace(nowhere(tmp_path), config_center=(center.url,)))
    assert found["center"].state == "bad"
    assert f"{center.url}/current.json: " in found["center"].said
    assert said in found["center"].said
    assert found["center"].advice == advice


ESCAPES = b"\x1b]0;owned\x07\x1b[2J\x9b31m"


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 500 " + ESCAPES + b"\r\n\r\n",
        ESCAPES + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: " + ESCAPES + b"\r\n\r\n",
        reply(b'{"schema": "' + ESCAPES.decode("latin-1").encode() + b'"}'),
    ],
)
async def test_what_a_center_says_steers_no_terminal(center: Web, tmp_path: Path, raw: bytes) -> None:
    """Its reason phrase, or what it sends instead of HTTP, reaches an operator as text, in the error already."""
    center.handlers["/current.json"] = sends(raw)
    found = await results(replace(nowhere(tmp_path), config_center=(center.url,)))
    assert found["center"].state == "bad"
    assert found["center"].said.isprintable()


def test_doctor_prints_foreign_words_as_text() -> None:
    """Whoever they come from: a tag of the ring, a name, an error."""
    told = Result("serf", "bad", "n1, zone=\x1b[2Ja\n\u202eb", "look at \x1b]0;x\x07")
    lines = list(as_lines([told], Paint(colours=False)))
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)


async def test_a_mirror_that_is_down_is_a_warning_while_another_serves(center: Web, tmp_path: Path) -> None:
    """Nothing is broken yet."""
    center.publish(tmp_path / "store", [LAYER])
    found = await results(replace(nowhere(tmp_path), config_center=(center.url, "http://127.0.0.1:1")))
    assert (found["center"].state, found["center"].advice) == ("warn", "another mirror serves meanwhile")


@pytest.mark.parametrize(("off_s", "state"), [(0, "ok"), (60, "warn"), (-60, "warn"), (3600, "bad"), (-86_400, "bad")])
async def test_the_clock_is_compared_with_the_centers(center: Web, tmp_path: Path, off_s: int, state: str) -> None:
    """Questions carry their time: a node whose clock is far off cannot answer."""
    center.publish(tmp_path / "store", [LAYER])
    date = format_datetime(datetime.now(UTC) - timedelta(seconds=off_s), usegmt=True)
    center.handlers["/current.json"] = sends(reply(center.files["/current.json"], f"Date: {date}"))
    found = await results(replace(nowhere(tmp_path), config_center=(center.url,)))
    assert found["clock"].state == state
    if off_s:
        assert ("ahead of" if off_s > 0 else "behind") in found["clock"].said


async def test_a_cache_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """A file in its place, or a directory that nobody may write to (here: of the kernel, for root obeys no modes)."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    for cache in (tmp_path / "file", tmp_path / "file" / "cache", Path("/proc/self/cache")):
        found = await results(replace(nowhere(tmp_path), cache=cache))
        assert found["cache"].state == "bad", cache
        assert str(cache.parent) in found["cache"].said
        assert found["cache"].advice.startswith("make the directory writable")


async def test_a_cache_that_others_can_write_is_named(center: Web, tmp_path: Path) -> None:
    """The directory or one file in it: what lies there would run as the agent."""
    center.publish(tmp_path / "store", [LAYER])
    config = nowhere(tmp_path)
    await Releases(config.cache, [center.url], name="n001", traits={}).refresh()
    for path, mode in ((config.cache / "baselines", 0o770), (config.cache, 0o707)):
        path.chmod(mode)
        found = await results(config)
        assert (found["cache"].state, found["release"].state) == ("bad", "bad")
        assert found["cache"].said == f"{path} can be written by others (mode {mode:04o})"
        assert "remove it, the agent makes it anew" in found["cache"].advice


async def test_a_damaged_release_is_named(center: Web, tmp_path: Path) -> None:
    """An executable that is gone would be an error in every sweep."""
    release = center.publish(tmp_path / "store", [LAYER], {"raid": b"#!/bin/sh\n"})
    config = nowhere(tmp_path)
    await Releases(config.cache, [center.url], name="n001", traits={}).refresh()
    (config.cache / "checks" / release.digest / "raid").unlink()
    found = await results(config)
    assert found["release"].state == "bad"
    assert found["release"].said.endswith("is in force, and damaged in the cache")


async def test_a_cache_that_is_not_there_yet_is_left_to_the_agent(tmp_path: Path) -> None:
    """Doctor may run as another user: what it made, the agent could not write to."""
    found = await results(nowhere(tmp_path))
    assert (found["cache"].state, "will be made" in found["cache"].said) == ("ok", True)
    assert not await trio.Path(tmp_path / "cache").exists()
    assert found["release"].said == "none was ever fetched"


async def test_a_release_without_an_item_for_this_node_is_a_warning(
    center: Web, ring: SerfRing, tmp_path: Path
) -> None:
    """It would be `uncovered` in every sweep."""
    center.publish(tmp_path / "store", [ZONE_C])
    config = replace(nowhere(tmp_path), rpc=ring[0].rpc, config_center=(center.url,))
    traits = traits_of({}, flat_facts(config.root))
    await Releases(config.cache, [center.url], name=ring[0].name, traits=traits).refresh()
    found = await results(config)
    assert found["release"].state == "warn"
    assert "nothing for this node" in found["release"].said


async def test_a_root_that_is_no_machine_is_a_warning(tmp_path: Path) -> None:
    """Checks run, and find nothing there."""
    (tmp_path / "empty").mkdir()
    found = await results(replace(nowhere(tmp_path), root=str(tmp_path / "empty")))
    assert found["checks"].state in {"warn", "bad"}
    assert str(tmp_path / "empty") in found["checks"].said


async def test_too_much_memory_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The budget is part of the promise."""
    monkeypatch.setattr(limits, "memory_mib_max", 1)
    found = await results(nowhere(tmp_path))
    assert found["memory"].state == "warn"


async def test_a_center_or_a_cache_without_a_trusted_signature_is_named(center: Web, tmp_path: Path) -> None:
    """Keys that were just set up, or the wrong ones: nothing would ever be taken."""
    signed = SignedCenter()
    center.files = signed.files
    signed.act(signed.release(1, LAYER), keys=())
    config = replace(nowhere(tmp_path), config_center=(center.url,))
    await Releases(config.cache, [center.url], name="n001", traits={}).refresh()
    config = replace(config, trusted_keys=signed.trusted)
    found = await results(config)
    assert (found["center"].state, found["center"].said) == ("bad", f"{center.url}/current.json: it is not signed")
    assert (found["release"].state, "not signed by a key of `trusted_keys`" in found["release"].said) == ("bad", True)
    signed.act(signed.release(1, LAYER))
    await Releases(config.cache, [center.url], name="n001", traits={}, trusted_keys=signed.trusted).refresh()
    found = await results(config)
    assert (found["center"].state, found["release"].state) == ("ok", "ok")
