"""What a look at an item keeps comes back with the next: of finished runs, bounded, also through a restart."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from inspector_agent import limits
from inspector_agent.findings import Reported, parse_line
from inspector_agent.looks import Look, Looks
from inspector_agent.runner import limits as runner_limits
from tests.support.agents import agents, config_for, publish, question_for, sweep
from tests.support.center import item, layer
from tests.support.checks import Bench, items, program
from tests.support.serf import SerfRing
from tests.support.web import Web

# Counts its own looks: what it was told of the last one is what it observes.
COUNTS = """#!/usr/bin/env python3
import json, sys
for item in json.load(sys.stdin)["items"]:
    last = item.get("last")
    observed = json.dumps(last["value"]) if last else "none"
    keep = last["value"] + [len(last["value"])] if last else [0]
    print(json.dumps({"id": item["id"], "outcome": "pass", "observed": observed, "keep": keep}), flush=True)
"""


def kept(looks: Looks) -> dict[str, Any]:
    """The values, by item."""
    return {name: look.told()["value"] for name, look in looks.read().items()}


def test_what_was_kept_last_is_read(tmp_path: Path) -> None:
    """With its time; items that were not looked at keep theirs, and only this user may read it."""
    looks = Looks(tmp_path)
    assert looks.read() == {}
    looks.keep({"a:1": b"[1]", "a:2": b'{"boot": "x"}'}, 1000.5)
    looks.keep({"a:1": b"[2]"}, 2000.0)
    assert {name: look.told() for name, look in Looks(tmp_path).read().items()} == {
        "a:1": {"value": [2], "at": 2000.0},
        "a:2": {"value": {"boot": "x"}, "at": 1000.5},
    }
    assert [path.name for path in tmp_path.iterdir()] == ["looks.json"]
    assert (tmp_path / "looks.json").stat().st_mode & 0o777 == 0o600
    before = (tmp_path / "looks.json").stat().st_mtime_ns
    looks.keep({}, 3000.0)
    assert (tmp_path / "looks.json").stat().st_mtime_ns == before


def test_the_oldest_give_way(tmp_path: Path) -> None:
    """The file is bounded, whatever checks keep."""
    looks = Looks(tmp_path)
    value = b'"' + b"x" * 500 + b'"'
    for at in range(10):
        looks.keep({f"a:{at}-{number}": value for number in range(100)}, float(at))
    assert (tmp_path / "looks.json").stat().st_size <= limits.looks_bytes_max
    left = looks.read()
    assert {name for name in left if name.startswith("a:9-")} == {f"a:9-{number}" for number in range(100)}
    assert min(look.at for look in left.values()) == 4.0


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b'{"a": 1}',
        b'{"a": ["x", 1]}',
        b'{"a": [1.0, nul]}',
        b'{"a": [1.0, "\xff"]}',
        b'{"a": [1.0, ' + b"[" * 5000 + b"]" * 5000 + b"]}",
        b'{"a": [1.0, "' + b"x" * 600 + b'"]}',
        b'{"a": [1.0, "' + b"x" * (limits.looks_bytes_max + 1) + b'"]}',
    ],
)
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, raw: bytes) -> None:
    """And is written anew."""
    looks = Looks(tmp_path)
    (tmp_path / "looks.json").write_bytes(raw)
    assert looks.read() == {}
    looks.keep({"a:1": b"1"}, 1.0)
    assert kept(looks) == {"a:1": 1}


def test_what_others_could_have_written_is_not_believed(tmp_path: Path) -> None:
    """Nor is a link followed to what is to be overwritten."""
    looks = Looks(tmp_path)
    looks.keep({"a:1": b"1"}, 1.0)
    tmp_path.chmod(0o777)
    assert looks.read() == {}
    tmp_path.chmod(0o700)
    (tmp_path / "precious").write_text("x")
    (tmp_path / "looks.new").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic links"):
        looks.keep({"a:1": b"2"}, 2.0)
    assert (kept(looks), (tmp_path / "precious").read_text()) == ({"a:1": 1}, "x")


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ('{"boot": "a", "n": [1, 2.5, null, true, "ä"]}', '{"boot": "a", "n": [1, 2.5, null, true, "ä"]}'),
        ("0", "0"),
        ("null", ""),
        ('"' + "x" * (runner_limits.keep_bytes_max - 2) + '"', '"' + "x" * (runner_limits.keep_bytes_max - 2) + '"'),
        ('"' + "x" * (runner_limits.keep_bytes_max - 1) + '"', ""),
    ],
)
def test_a_finding_may_have_anything_small_to_keep(written: str, wanted: str) -> None:
    """More is not kept, and the finding counts all the same."""
    line = parse_line(f'{{"id": "a:b", "outcome": "pass", "keep": {written}}}'.encode())
    assert isinstance(line, Reported)
    assert line.keep.decode() == wanted


def with_last(bench: Bench, last: Mapping[str, Any]) -> Bench:
    """The runner, told of last looks."""
    values = {name: Look(5.0, msgspec.Raw(json.dumps(value).encode())) for name, value in last.items()}
    bench.runner._last = values  # noqa: SLF001 - the one thing that differs between two runners of a test
    return bench


async def test_a_check_is_told_what_the_last_look_kept(tmp_path: Path) -> None:
    """Those items that have one; and what it says is kept by item."""
    bench = with_last(Bench(tmp_path), {"counts:a": [0, 1], "other:x": [7]})
    program(bench.parts, "counts", "").write_text(COUNTS, encoding="utf-8")
    found = await bench.run(items("a", "b", check="counts"))
    assert {name: finding.observed for name, finding in found.items()} == {"counts:a": "[0, 1]", "counts:b": "none"}
    assert bench.runner.kept == {"counts:a": b"[0, 1, 2]", "counts:b": b"[0]"}


async def test_bundled_checks_are_told_too(tmp_path: Path) -> None:
    """By the same contract."""
    bench = with_last(Bench(tmp_path), {"fake:keeps ": {"n": 1}})
    found = await bench.run(items("keeps "))
    assert json.loads(found["fake:keeps "].observed) == {"value": {"n": 1}, "at": 5.0}
    assert bench.runner.kept == {"fake:keeps ": b'{"n":2}'}


async def test_nothing_of_a_secret_is_kept_or_told(tmp_path: Path) -> None:
    """Not even where it was ordinary before."""
    bench = with_last(Bench(tmp_path), {"counts:a": [0]})
    program(bench.parts, "counts", "").write_text(
        COUNTS.replace('"pass"', '"fail" if last else "pass"'), encoding="utf-8"
    )
    (secret,) = (msgspec.structs.replace(one, secret=True) for one in items("a", check="counts"))
    found = await bench.run([secret])
    assert (found["counts:a"].outcome, bench.runner.kept) == ("pass", {})


async def test_a_run_that_was_abandoned_keeps_nothing(tmp_path: Path) -> None:
    """Whoever asked has not been told what it saw."""
    bench = Bench(tmp_path)
    program(bench.parts, "counts", "").write_text(COUNTS, encoding="utf-8")
    async with trio.open_nursery() as nursery:

        def emit(_finding: object) -> None:
            nursery.cancel_scope.cancel()

        nursery.start_soon(lambda: bench.runner.run(items("a", "b", check="counts"), emit, deadline_s=30))
    assert bench.runner.kept == {}


async def test_an_agent_remembers_through_its_restart(ring: SerfRing, center: Web, tmp_path: Path) -> None:
    """Each sweep is told what the one before has kept; a disk that takes nothing is said, and the older look holds."""
    one = msgspec.structs.replace(item(equals="never"), timeout_s=20.0)
    release = publish(center, tmp_path, layer("10-all", {"counts:one": one}), checks={"counts": FAILS.encode()})
    config = config_for(ring[0], tmp_path, center.url)
    seen = []
    for start in (1, 3):
        async with agents(config) as (agent,):
            await agent.says("release")
            for number in (start, start + 1):
                answers = await sweep(ring[0], question_for(release, number), expect=1)
                seen.append(answers["n001"].clear[0])
    assert seen == ["none", "[0]", "[0, 1]", "[0, 1, 2]"]
    os.mkdir(Path(config.cache, "looks.new"))  # noqa: PTH102 - in the way of what is written aside
    async with agents(config) as (agent,):
        await agent.says("release")
        for number in (5, 6):
            answers = await sweep(ring[0], question_for(release, number), expect=1)
            assert answers["n001"].clear[0] == "[0, 1, 2, 3]"
        assert len(agent.logged("looks-problem")) == 1, agent.lines


FAILS = COUNTS.replace('"pass"', '"fail"')
