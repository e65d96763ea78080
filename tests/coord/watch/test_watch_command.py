"""`inspector watch` as a process: what it prints, what it ends with, whom it tells."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
import trio

from inspector_coord.__main__ import main
from inspector_coord.watch.record import Record, read_record
from tests.support.alertmanager import alertmanager
from tests.support.serf import claimed_prefix, serf_ring
from tests.support.waiting import PATIENCE_S, soon
from tests.support.watch_commands import INSPECTOR, Standing, inspector, running, standing, written

SCHEMA = {
    "schema", "ring", "incident", "action", "kind", "at", "since", "domain", "of", "nodes", "evidence", "direction",
    "parted", "count", "back", "closed_by", "carried",
}  # fmt: skip


@pytest.fixture(scope="module")
def rings() -> Iterator[Standing]:
    """One for all tests of this file."""
    with standing() as made:
        yield made


# ---- what it ends with ----------------------------------------------------------------------------------------------


async def test_a_look_tells_what_is_open_and_ends(tmp_path: Path, rings: Standing) -> None:
    """Nothing is open: 0. One is dead: 1, and it is named, for people and as JSON. Only rings that are asked for."""
    path = rings.config(tmp_path)
    ended: dict[str, subprocess.CompletedProcess[bytes]] = {}

    async def run(*how: str) -> None:
        ended[" ".join(how)] = await inspector(path, "watch", *how)

    async with trio.open_nursery() as nursery:
        for how in ("--once", "--once --ring calm", "--once --ring main --ring main", "--once --json"):
            nursery.start_soon(run, *how.split())
    both, calm = ended["--once"], ended["--once --ring calm"]
    named, as_json = ended["--once --ring main --ring main"], ended["--once --json"]
    assert (calm.returncode, calm.stdout) == (0, b""), calm.stderr
    assert (both.returncode, as_json.returncode, named.returncode) == (1, 1, 1), both.stderr
    assert both.stdout.startswith(b"main: n005: down since "), "of several rings each line says which"
    assert named.stdout.startswith(b"n005: down since ")
    told = json.loads(as_json.stdout)
    assert told.keys() == SCHEMA
    assert (told["schema"], told["ring"], told["action"], told["kind"], told["nodes"]) == (
        "inspector.watch/1", "main", "opened", "down", ["n005"],
    )  # fmt: skip
    assert isinstance(read_record(as_json.stdout), Record)


async def test_too_little_of_a_ring_is_no_ring_that_is_well(tmp_path: Path) -> None:
    """Two of three hang, so nothing is known of the ring: 3, and the watcher accuses nobody."""
    ended = []
    async with serf_ring(3) as ring:
        path = written(tmp_path, rings={"main": {"entries": [ring[0].rpc]}})
        for node in ring.nodes[1:]:
            node.stop()

        async def run(*how: str) -> None:
            ended.append(await inspector(path, "watch", *how))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(run, "--once")
            nursery.start_soon(run, "--for", "4", "--no-store")
    for run_ in ended:
        assert run_.returncode == 3, run_.stderr
        assert b"down" not in run_.stdout
    assert any(b"ring main could not be judged: the majority of it was not heard" in one.stderr for one in ended)


async def test_no_entry_can_be_reached(tmp_path: Path) -> None:
    """4, however long it is tried."""
    ended: dict[str, int] = {}
    with claimed_prefix() as nobody:
        path = written(tmp_path, rings={"main": {"entries": [f"{nobody}.1:7373"]}})

        async def run(*how: str) -> None:
            done = await inspector(path, "watch", *how)
            ended[how[0]] = done.returncode
            assert f"ring main: entry {nobody}.1:7373: ".encode() in done.stderr
            if how[0] == "--once":
                assert b"ring main could not be judged: none of its entries can be reached" in done.stderr

        async with trio.open_nursery() as nursery:
            nursery.start_soon(run, "--once")
            nursery.start_soon(run, "--for", "1")
    assert ended == {"--once": 4, "--for": 4}


async def test_for_a_time(tmp_path: Path, rings: Standing) -> None:
    """It tells what happens, and ends with what is open then; without a journal none is left."""
    ended: dict[str, tuple[int, bytes]] = {}
    path = rings.config(tmp_path)

    async def run(*how: str) -> None:
        done = await inspector(path, "watch", "--no-store", *how)
        ended[how[-1]] = done.returncode, done.stdout

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run, "--for", "10", "--ring", "main")
        nursery.start_soon(run, "--for", "3", "--ring", "calm")
    assert ended["calm"] == (0, b"")
    assert ended["main"][0] == 1
    assert ended["main"][1].count(b" n005: down since ") == 1
    assert not (tmp_path / "cache/watch/events.ndjson").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("watch --ring west", "--ring west: no such ring in "),
        ("watch --for 0", "--for 0 cannot be: give seconds above 0"),
        ("watch --for nan", "--for nan cannot be"),
        ("watch --for inf", "--for inf cannot be"),
        ("watch --once --for 3", "--once ends by itself and only prints: leave --for, --alertmanager and --metrics"),
        ("watch --once --metrics 127.0.0.1:9", "--once ends by itself"),
        ("watch --alertmanager alerts", "--alertmanager 'alerts' cannot be used: give the address of an Alertmanager"),
        ("watch --metrics 9108", "--metrics '9108' is no ADDRESS:PORT"),
        ("nodes --watch --for -1", "--for -1 cannot be"),
        ("nodes --watch --json", "nodes --watch shows all nodes, for people"),
        ("nodes --for 3", "--for is how long --watch goes on: give --watch, too"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(
    tmp_path: Path, words: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """2, and what would do."""
    path = written(tmp_path, rings={"main": {"entries": ["127.0.0.1:1"]}})
    monkeypatch.setattr(sys, "argv", ["inspector", "--config", str(path), *words.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr().err
    assert ended.value.code == 2, told
    assert told.splitlines()[-1].startswith(f"inspector: {said}"), told


def test_help_has_examples_and_exit_codes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["inspector", "watch", "--help"])
    with pytest.raises(SystemExit):
        main()
    told = capsys.readouterr().out
    assert "Examples:" in told
    assert "4 no entry could" in " ".join(told.split())


# ---- what it tells --------------------------------------------------------------------------------------------------


async def test_a_watch_prints_keeps_and_ends_in_good_order(tmp_path: Path, rings: Standing) -> None:
    """A line for the event, the same in the journal, and 0 after a signal. The next watch says what is still open."""
    path = rings.config(tmp_path)
    async with running(path, "watch", "--json") as run:
        await run.notes("watching calm: 3 nodes: 3 up; 1 of 1 entries")
        await run.says('"n005"')
        run.process.send_signal(signal.SIGTERM)
        assert await run.ends() == 0
    [told] = run.records()
    assert told.keys() == SCHEMA
    [kept] = (tmp_path / "cache/watch/events.ndjson").read_bytes().splitlines()
    assert json.loads(kept) == told
    async with running(path, "watch") as run:
        await run.notes("inspector: still open: main: n005: down since ")
        await run.notes("watching main: 5 nodes: 4 up, 1 down; 1 of 1 entries")
        run.process.send_signal(signal.SIGINT)
        assert await run.ends() == 0
    assert run.out == b""


async def test_output_that_nobody_takes_ends_a_watch(tmp_path: Path, rings: Standing) -> None:
    """With 1: in silence where the reader has gone, else with why; what was to be printed is in the journal."""
    path = rings.config(tmp_path)
    there, gone = os.pipe()
    os.close(there)
    full = os.open("/dev/full", os.O_WRONLY)
    said: list[tuple[int, list[bytes]]] = []

    async def run(into: int, *words: str) -> None:
        done = await trio.run_process(
            [INSPECTOR, "--config", str(path), *words], stdout=into, capture_stderr=True, check=False
        )
        os.close(into)
        said.append(
            (done.returncode, [line for line in done.stderr.splitlines() if b"output" in line or b"Tr" in line])
        )

    with trio.fail_after(PATIENCE_S):
        await run(gone, "watch", "--ring", "main")
        assert said.pop() == (1, [])
        assert len((tmp_path / "cache/watch/events.ndjson").read_bytes().splitlines()) == 1
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run, os.dup(full), "watch", "--once")
            nursery.start_soon(run, full, "nodes", "--watch")
    assert said == [(1, [b"inspector: standard output cannot be written: No space left on device"])] * 2


async def test_alerts_figures_and_systemd_are_told(tmp_path: Path, rings: Standing) -> None:
    """By options or by coordinator.yml; two watchers, that know nothing of each other, are one alert."""
    with claimed_prefix() as prefix, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        places = f"{prefix}.1:9108", f"{prefix}.2:9108"
        async with alertmanager(tmp_path) as manager:
            wish = {"alertmanager": [manager.url], "metrics": places[0]}
            by_file = running(
                rings.config(tmp_path / "one", watch=wish), "watch", environ={"NOTIFY_SOCKET": str(tmp_path / "notify")}
            )
            options = ("--alertmanager", manager.url, "--metrics", places[1])
            by_option = running(rings.config(tmp_path / "two"), "watch", *options)
            async with by_file as one, by_option as two:
                for run in (one, two):
                    await run.says("main: n005: down")
                (alert,) = await manager.standing(1)
                for place in places:
                    await shown(place, 'inspector_watch_open_incidents{kind="down",ring="main"} 1.0')
                    await shown(place, 'inspector_watch_judging{ring="calm"} 1.0')
                await soon(partial(hears, systemd, b"READY=1"), "that it is ready")
    assert alert["labels"]["node"] == "n005"
    assert [word for word, _ in manager.words()] in ([], ["firing"])


async def shown(place: str, line: str) -> None:
    """Returns once that is among the figures."""
    page = ""
    with trio.move_on_after(PATIENCE_S):
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
            while line not in page:
                page = (await client.get(f"http://{place}/metrics")).text
                await trio.lowlevel.checkpoint()
            return
    raise AssertionError(f"{line} is not in {page}")


def hears(end: socket.socket, word: bytes) -> bool:
    try:
        return end.recv(4_096) == word
    except BlockingIOError:
        return False
