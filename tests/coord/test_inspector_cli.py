"""The command `inspector` as a person and a pipeline use it: a process, its output, its exit code."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from inspector_coord.cli import main
from tests.support.fleets import Fleet, fleet
from tests.support.serf import claimed_prefix
from tests.support.waiting import PATIENCE_S

INSPECTOR = str(Path(sys.executable).parent / "inspector")


class Done:
    """What a run of the command left: exit code and texts."""

    def __init__(self, code: int, out: bytes, err: bytes) -> None:
        self.code = code
        self.out = out.decode()
        self.err = err.decode()

    @property
    def json(self) -> Any:
        """Standard output, read."""
        return json.loads(self.out)


async def inspector(*arguments: str, config: Path | None = None) -> Done:
    """Run the command to its end."""
    before = ["--config", str(config)] if config else []
    with trio.fail_after(90):
        done = await trio.run_process(
            [INSPECTOR, *before, *arguments], capture_stdout=True, capture_stderr=True, check=False
        )
    return Done(done.returncode, done.stdout, done.stderr)


async def here(capsys: pytest.CaptureFixture[str], *arguments: str, config: Path | None = None) -> Done:
    """The same in a thread of this process: faster, for commands that take no signals."""
    before = ["--config", str(config)] if config else []

    def run() -> int:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["inspector", *before, *arguments])
            with pytest.raises(SystemExit) as left:
                main()
        return left.value.code if isinstance(left.value.code, int) else 0

    capsys.readouterr()
    code = await trio.to_thread.run_sync(run)
    told = capsys.readouterr()
    return Done(code, told.out.encode(), told.err.encode())


@asynccontextmanager
async def process(*arguments: str, config: Path) -> AsyncIterator[trio.Process]:
    """The command, running; killed on exit if it still is."""
    command = [INSPECTOR, "--config", str(config), *arguments]
    run = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield run
    finally:
        if run.returncode is None:
            run.kill()
            await run.wait()


async def rest(stream: trio.abc.ReceiveStream | None) -> bytes:
    """All that a stream still has."""
    if stream is None:
        raise AssertionError("not piped")
    return b"".join([piece async for piece in stream])


async def all_of_it(ring: Fleet, folder: Path) -> None:
    """One sweep, every face of it."""
    report, page, suite = folder / "report.json", folder / "report.html", folder / "report.xml"
    done = await inspector(
        "sweep", "--no-escalate", "--html", str(page), "--junit", str(suite), "--output", str(report), config=ring.path
    )
    assert done.code == 1
    assert "n002" in done.out
    assert "\x1b[" not in done.out
    written = json.loads(report.read_text())
    assert written["ledger"]["fail"] == 1
    assert ET.parse(suite).getroot().tag == "testsuites"  # noqa: S314 -- our own file
    assert "n002" in page.read_text()
    assert json.loads((ring.config.last_report).read_text()) == written


async def test_sweep_shows_and_writes_and_ends_as_promised(tmp_path: Path) -> None:
    """Text without colours into a pipe; --json, --ndjson, files; exit codes 0, 1 and 3."""
    async with fleet(tmp_path, 3, {"n002": ["fail"]}) as ring:
        await all_of_it(ring, tmp_path)
        good = await inspector("sweep", "--json", "--no-escalate", "-x", "n002", config=ring.path)
        assert (good.code, good.json["ledger"]["pass"], good.json["exit_code"]) == (0, 2, 0)
        lines = await inspector("sweep", "n002", "--ndjson", "--no-escalate", config=ring.path)
        assert lines.code == 1
        assert [json.loads(line)["type"] for line in lines.out.splitlines()] == ["sweep", "group", "node"]
        ring.agents["n003"].script = ("na",)
        gaps = await inspector("sweep", "--json", "--no-escalate", config=ring.path)
        assert (gaps.code, gaps.json["ledger"]["uncovered"]) == (3, 1)
        nobody = await inspector("sweep", "n9*", config=ring.path)
        assert (nobody.code, nobody.out) == (2, "")
        assert nobody.err.splitlines()[-1].startswith("inspector: target 'n9*' matches nobody of 3 members")
        named = await inspector("sweep", "n[001-009]", "--json", "--no-escalate", "--item", "*key1", config=ring.path)
        assert (named.code, named.json["absent"], named.json["items"]) == (3, "n[004-009]", ["*key1"])


async def test_explain_and_nodes_speak_of_the_same_fleet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the last sweep left is explained; members are listed with their tags."""
    async with fleet(tmp_path, 3, {"n002": ["fail"], "n003": ["fail"]}) as ring:
        await ring.sweep()
        missing = await here(capsys, "explain", "n002", config=ring.path)
        assert (missing.code, "run `inspector sweep` first" in missing.err) == (2, True)
        await inspector("sweep", "--no-escalate", config=ring.path)
        node = await here(capsys, "explain", "n003", config=ring.path)
        assert node.code == 0
        for words in (
            "n003",
            "fail: at least one item is not",
            "expected  at_most 10",
            "layers/00-fleet.yml:1",
            "n[002-003]",
        ):
            assert words in node.out
        item = await here(capsys, "explain", "sysctl:key0", "--json", config=ring.path)
        assert [group["nodes"] for group in item.json["groups"]] == ["n[002-003]"]
        unknown = await here(capsys, "explain", "n0002", config=ring.path)
        assert (unknown.code, "did you mean n002" in unknown.err) == (2, True)
        listed = await here(capsys, "nodes", config=ring.path)
        assert listed.out.splitlines()[0].split() == ["NAME", "RING", "STATUS", "ADDRESS", "TAGS"]
        assert "role=web zone=b" in listed.out
        folded = await here(capsys, "nodes", "zone=a", "--folded", config=ring.path)
        assert (folded.code, folded.out) == (0, "n[001-002]\n")
        as_json = await here(capsys, "nodes", "--json", config=ring.path)
        assert [member["name"] for member in as_json.json] == ["n001", "n002", "n003"]


async def test_no_entry_is_exit_code_4(tmp_path: Path) -> None:
    """And the reason stands in one line on stderr."""
    async with fleet(tmp_path, 1) as ring:
        with claimed_prefix() as network:
            ring.write(rings={"main": {"entries": [f"{network}.1:7373"]}})
            done = await inspector("sweep", "--json", config=ring.path)
    assert (done.code, done.out) == (4, "")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sweep", "--timeout", "0.1"], "--timeout 0.1 is not in 0.5"),
        (["sweep", "--json", "--ndjson"], "choose one"),
        (["sweep", "--no-such"], "No such option"),
        (["--config", "/nonexistent.yml", "sweep"], "/nonexistent.yml cannot be read"),
        (["explain", "n001", "--report", "/nonexistent.json"], "/nonexistent.json does not exist"),
        (["explain", "n001", "--report", "/etc/hostname"], "cannot be read"),
    ],
)
async def test_usage_and_configuration_are_exit_code_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is asked, one sentence says why."""
    done = await here(capsys, *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


async def test_ctrl_c_prints_the_partial_ledger(tmp_path: Path) -> None:
    """SIGINT in mid-sweep: the report comes at once, marked interrupted; the process ends by itself."""
    async with (
        fleet(tmp_path, 3, {"n003": ["hang"]}) as ring,
        process("sweep", "--json", "--timeout", "60", config=ring.path) as run,
    ):
        await ring.agents["n003"].asked.wait()
        with trio.fail_after(30):
            run.send_signal(signal.SIGINT)
            report = json.loads(await rest(run.stdout))
            assert await run.wait() == 3
    assert report["interrupted"]
    assert sum(report["ledger"].values()) == 6
    assert report["nodes"][2]["state"] in ("silent", "stalled")
    assert "second pass skipped: the sweep was interrupted" in report["notes"]


async def test_a_file_that_cannot_be_written_does_not_cost_the_report(tmp_path: Path) -> None:
    """The report is printed first; then the exit code says that not all was done."""
    async with fleet(tmp_path, 1) as ring:
        ring.write(cache=str(tmp_path / "cache"))
        done = await inspector("sweep", "--json", "--no-escalate", "--html", "/proc/nowhere/x.html", config=ring.path)
    assert done.code == 2
    assert done.json["ledger"]["pass"] == 1
    assert "/proc/nowhere/x.html cannot be written" in done.err


async def test_a_reader_that_goes_away_is_no_crash(tmp_path: Path) -> None:
    """`inspector nodes | head -1` ends quietly."""
    async with fleet(tmp_path, 1) as ring:
        command = f"{INSPECTOR} --config {ring.path} nodes --json | head -c 1"
        done = await trio.run_process(["sh", "-c", command], capture_stdout=True, capture_stderr=True, check=False)
    assert done.stdout == b"["
    assert b"Traceback" not in done.stderr


async def test_doctor_finds_everything_well_or_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A good fleet ends 0; a dead entry is a failure, and ends 1."""

    async def doctor(*words: str) -> Done:
        with trio.fail_after(PATIENCE_S):
            while "is mute" in (done := await here(capsys, "doctor", *words, config=ring.path)).out:
                """An ack may come too late."""
        return done

    async with fleet(tmp_path, 2) as ring:
        well = await doctor()
        assert well.code == 0
        assert f"ok    entry {ring.ring[0].rpc} of ring main: n001, 2 members alive, 0 failed" in well.out
        with claimed_prefix() as network:
            ring.write(rings={"main": {"entries": [ring.ring[0].rpc, f"{network}.1:7373"]}})
            ill = await doctor("--json")
    assert ill.code == 1
    assert [sign["what"] for sign in ill.json if sign["health"] == "fail"] == [f"entry {network}.1:7373 of ring main"]
