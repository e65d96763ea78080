"""The config center's word on the nodes: asked for where layers ask about facts, kept for when the center is down."""

from __future__ import annotations

import json
from pathlib import Path

from config_center.match import Term
from inspector_coord.current import Current
from inspector_coord.release_cache import ReleaseCache
from tests.support.center import item, layer, release_of
from tests.support.mirror import Mirror, mirrored, pointer_to

PLAIN = release_of(layer("00-fleet", {"sysctl:a": item(equals=1)}), number=1)
BY_KERNEL = layer("20-new", {"sysctl:a": item(equals=2)}, **{"fact.kernel": "6*"})
ASKING = release_of(layer("00-fleet", {"sysctl:a": item(equals=1)}), BY_KERNEL, number=2)
NODES = {"n001": {"tags": {"zone": "a"}, "facts": {"kernel": "6.1", "vendor": "x"}, "seen": "2031-01-01T00:00:00Z"}}
KNOWN = ({"kernel": "6.1"}, "2031-01-01T00:00:00Z")


async def current(directory: Path, *centers: str) -> Current:
    return await ReleaseCache(directory / "cache", centers).current()


def asked(mirror: Mirror) -> list[str]:
    """The If-None-Match of each time that the list was asked for."""
    found = [etag for path, etag in mirror.asked if path == "nodes.json"]
    mirror.asked.clear()
    return found


async def test_nobody_is_asked_where_no_layer_asks(tmp_path: Path) -> None:
    """Tags come from the ring: a fleet without facts does without the list."""
    async with mirrored() as mirror:
        mirror.put(pointer_to(PLAIN, 1), PLAIN)
        mirror.know(NODES)
        found = await current(tmp_path, mirror.url)
        assert (found.asked_facts, asked(mirror)) == (frozenset(), [])
        assert found.facts_of("n001") == ({}, "")


async def test_a_canary_by_facts_asks_too(tmp_path: Path) -> None:
    """Its match is part of what decides."""
    async with mirrored() as mirror:
        other = release_of(layer("00-fleet", {"sysctl:a": item(equals=3)}), number=3)
        mirror.put(pointer_to(PLAIN, 1, other, {"fact.kernel": Term(at_least="6")}), PLAIN, other)
        mirror.know(NODES)
        assert (await current(tmp_path, mirror.url)).facts_of("n001") == KNOWN


async def test_the_list_comes_once_while_it_stays_the_same(tmp_path: Path) -> None:
    """By its ETag, which belongs to one mirror."""
    async with mirrored() as mirror, mirrored() as other:
        for each in (mirror, other):
            each.put(pointer_to(ASKING, 1), ASKING)
            each.know(NODES)
        assert (await current(tmp_path, mirror.url)).facts_of("n001") == KNOWN
        assert asked(mirror) == [""]
        assert (await current(tmp_path, mirror.url)).facts_of("n001") == KNOWN
        assert asked(mirror) != [""]
        await current(tmp_path, other.url)
        assert asked(other) == [""]
        other.know({})
        assert (await current(tmp_path, other.url)).facts_of("n001") == ({}, "")


async def test_the_kept_list_stands_in_and_says_so(tmp_path: Path) -> None:
    """A center that is down, a mirror of plain files, a list that cannot be read: what was known is used."""
    async with mirrored() as mirror:
        mirror.put(pointer_to(ASKING, 1), ASKING)
        mirror.know(NODES)
        await current(tmp_path, mirror.url)
        for damage in (None, b"{", b'{"schema":"inspector.nodes/2","nodes":{}}', b"\xff", b"[" * 100_000):
            if damage is None:
                del mirror.files["nodes.json"]
            else:
                mirror.files["nodes.json"] = damage
            found = await current(tmp_path, mirror.url)
            assert found.facts_of("n001") == KNOWN
            assert "nodes.json" in found.known.note
            assert "facts of the nodes are of 20" in found.known.note
            assert found.note == ""
    found = await current(tmp_path, mirror.url)
    assert found.facts_of("n001") == KNOWN
    assert "cannot be reached" in found.note
    assert found.known.note.startswith("no config center is there: facts of the nodes are of 20")


async def test_without_any_list_facts_are_unknown_and_that_is_said(tmp_path: Path) -> None:
    """Nodes are judged as far as their tags go; their own answers show where that is not enough."""
    async with mirrored() as mirror:
        mirror.put(pointer_to(ASKING, 1), ASKING)
        found = await current(tmp_path, mirror.url)
        assert found.facts_of("n001") == ({}, "")
        assert "answers 404 for nodes.json: the facts of the nodes are not known" in found.known.note
        (tmp_path / "cache" / "nodes.kept").write_bytes(json.dumps({"center": mirror.url, "etag": '"x"'}).encode())
        assert "the facts of the nodes are not known" in (await current(tmp_path, mirror.url)).known.note


async def test_the_next_mirror_is_asked_for_what_one_lacks(tmp_path: Path) -> None:
    """A CDN in front serves releases, the center behind it knows the nodes."""
    async with mirrored() as plain, mirrored() as center:
        for each in (plain, center):
            each.put(pointer_to(ASKING, 1), ASKING)
        center.know(NODES)
        found = await current(tmp_path, plain.url, center.url)
    assert found.facts_of("n001") == KNOWN
    assert (found.note, found.known.note) == ("", "")
