"""`inspector watch` and `inspector nodes --watch` as processes: output, exit codes, signals."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path

import pytest
import trio
from rich.console import Console

from inspector_coord.watch.model import Action, Kind
from inspector_coord.watch.watch_screen import Screen
from tests.support.serf import claimed_prefix
from tests.support.waiting import PATIENCE_S
from tests.support.watching import failed_at, watched_ring, watching

INSPECTOR = str(Path(sys.executable).parent / "inspector")


async def inspector(path: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run it to its end."""
    with trio.fail_after(PATIENCE_S):
        return await trio.run_process(
            [INSPECTOR, "--config", str(path), *words], capture_stdout=True, capture_stderr=True, check=False
        )


@asynccontextmanager
async def running(path: Path, *words: str) -> AsyncIterator[trio.Process]:
    """The command, killed at the end if it still runs."""
    run = await trio.lowlevel.open_process(
        [INSPECTOR, "--config", str(path), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield run
    finally:
        if run.returncode is None:
            run.kill()
            await run.wait()


async def test_a_look_tells_what_is_open_and_ends(tmp_path: Path) -> None:
    """Nothing is open: 0. One is dead: 1, and it is named. No entry: 4. No such ring: 2."""
    async with watched_ring(tmp_path, 5) as made:
        well = await inspector(made.path, "watch", "--once")
        await made.ring[4].kill()
        await failed_at(made.ring[0], "n005")
        ill = await inspector(made.path, "watch", "--once", "--json")
        unknown = await inspector(made.path, "watch", "--ring", "west")
        with claimed_prefix() as nobody:
            made.enter(f"{nobody}.1:7373")
            away = await inspector(made.path, "watch", "--once")
    assert (well.returncode, well.stdout) == (0, b""), well.stderr
    assert ill.returncode == 1, ill.stderr
    told = json.loads(ill.stdout)
    assert (told["schema"], told["ring"], told["kind"], told["nodes"]) == (
        "inspector.watch/1", "main", "down", ["n005"],
    )  # fmt: skip
    assert unknown.returncode == 2
    assert b"no ring 'west'" in unknown.stderr
    assert away.returncode == 4, away.stderr
    assert b"none of its entries can be reached" in away.stderr


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_a_watch_prints_keeps_and_ends_in_good_order(tmp_path: Path, how: signal.Signals) -> None:
    """A line for the event, the same in the journal, and 0 after a signal."""
    async with watched_ring(tmp_path, 5) as made, running(made.path, "watch") as run:
        assert run.stdout is not None
        await made.ring[4].kill()
        with trio.fail_after(PATIENCE_S):
            said = bytes(await run.stdout.receive_some())
            run.send_signal(how)
            assert await run.wait() == 0
        [record] = (tmp_path / "cache/watch/events.ndjson").read_bytes().splitlines()
    assert b" n005: down since " in said
    assert json.loads(record)["nodes"] == ["n005"]


async def test_all_rings_at_a_glance(tmp_path: Path) -> None:
    """Without a terminal line by line; on one a picture with counts, what is open, and the last events."""
    piped = Console(file=StringIO(), width=120)
    drawn = Console(file=StringIO(), width=120, height=40, force_terminal=True)
    lines, screen = Screen(piped), Screen(drawn)
    async with watched_ring(tmp_path, 5) as made, watching(made.config, lines, screen, nodes=5) as ears:
        await made.ring[4].kill()
        await ears.hears(Action.OPENED, Kind.DOWN, "n005")
        shown = Console(file=StringIO(), width=120, height=40)
        shown.print(screen.picture())
    assert isinstance(piped.file, StringIO)
    assert isinstance(drawn.file, StringIO)
    assert isinstance(shown.file, StringIO)
    assert "main: 5 nodes: 5 up; 1 of 1 entries" in piped.file.getvalue()
    assert "n005: down since" in piped.file.getvalue()
    assert "\x1b" in drawn.file.getvalue()
    assert "main: 5 nodes: 4 up, 1 down; 1 of 1 entries" in shown.file.getvalue()
    assert "Open: 1" in shown.file.getvalue()


async def test_help_has_examples_and_exit_codes(tmp_path: Path) -> None:
    told = (await inspector(tmp_path, "watch", "--help")).stdout.decode()
    assert "Examples:" in told
    assert "4 no entry could" in told
