"""`inspector nodes --watch`: as lines in a pipe, as a picture on terminals of all sizes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
import trio
from rich.console import Console

from inspector_coord.watch.conclusions import Kind
from inspector_coord.watch.output import Output
from inspector_coord.watch.watch_screen import Screen
from tests.support.watch_commands import Standing, drawn, inspector, standing
from tests.support.watched import Paper, happening

COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9]")


@pytest.fixture(scope="module")
def rings() -> Iterator[Standing]:
    """One for all tests of this file."""
    with standing() as made:
        yield made


async def test_in_a_pipe_it_is_lines(tmp_path: Path, rings: Standing) -> None:
    """How many are how, whenever that changes, and what happens; nothing before a ring is judged."""
    done = await inspector(rings.config(tmp_path), "nodes", "--watch", "--for", "10")
    said = [line[9:] for line in done.stdout.decode().splitlines()]
    assert done.returncode == 0, done.stderr
    assert "calm: 3 nodes: 3 up; 1 of 1 entries" in said
    assert "main: 5 nodes: 4 up, 1 down; 1 of 1 entries" in said
    assert sum(line.startswith("main: n005: down since") for line in said) == 1
    assert not any("0 nodes" in line for line in said)
    assert "\x1b" not in done.stdout.decode()


async def test_on_a_terminal_it_is_a_picture(tmp_path: Path, rings: Standing) -> None:
    path = rings.config(tmp_path)
    said: dict[str, str] = {}

    async def draw(name: str, columns: int, rows: int, **environ: str) -> None:
        said[name] = await drawn(path, columns, rows, "nodes", "--watch", "--for", "10", **environ)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(draw, "wide", 200, 50)
        nursery.start_soon(partial(draw, NO_COLOR="1"), "plain", 80, 24)
        nursery.start_soon(partial(draw, TERM="dumb"), "dumb", 80, 24)
    wide, plain, dumb = said["wide"], said["plain"], said["dumb"]
    assert "Open: 1" in wide
    assert "reached by none of" in wide
    assert COLOUR.search(wide)
    assert "Ctrl-C ends" in plain
    assert not COLOUR.search(plain)
    assert "main: 5 nodes: 4 up, 1 " in dumb, "a terminal that cannot move its cursor gets lines"
    assert "\x1b" not in dumb


@pytest.mark.parametrize(("columns", "rows"), [(200, 50), (80, 24), (40, 16), (20, 8)])
async def test_it_fits(columns: int, rows: int) -> None:
    """However much is open: what is newest is shown, how much more there is said; no line is too long."""
    file = StringIO()
    console = Console(file=file, width=columns, height=rows, highlight=False)
    screen = Screen(Output(file), console)
    opened = [happening(f"node-{number:03}", kind=Kind.DOWN, number=number) for number in range(1, 31)]
    paper = Paper(roster={f"node-{number:03}": "failed" for number in range(1, 41)}, open_incidents=opened)
    screen.sees({"main": paper})
    empty = Console(file=StringIO(), width=columns, height=rows)
    empty.print(Screen(Output(file), empty).picture())
    for one in opened:
        screen.told("main", one, 1_800_000_000.0)
    file.truncate(file.seek(0))
    console.print(screen.picture())
    lines = file.getvalue().splitlines()
    assert max(map(len, lines)) <= columns
    assert any("node-030" in line for line in lines)
    assert any("older" in line for line in lines)
    assert rows < 24 or len(lines) <= rows
