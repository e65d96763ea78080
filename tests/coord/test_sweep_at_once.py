"""Ten sweeps at once through one entry, of one process and of ten; and a question that another one overwrote."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from inspector_coord.entry_log import EntryLog
from inspector_coord.report import Report
from inspector_coord.turns import turn_at
from tests.support.fleets import fleet
from tests.support.waiting import PATIENCE_S

SWEEPS = 10
WRONG = {"n004": ["fail"], "n006": ["error"]}
STATES = {"n001": "pass", "n002": "pass", "n003": "pass", "n004": "fail", "n005": "pass", "n006": "error"}


def hold_all(reports: list[Report]) -> None:
    """Every ledger is whole, by its own sweep's verdicts."""
    assert len({report["sweep"] for report in reports}) == SWEEPS
    for report in reports:
        assert {node["name"]: node["state"] for node in report["nodes"]} == STATES
        assert report["exit_code"] == 1
        assert not report["dropped"]["forged"]


async def test_ten_sweeps_of_one_process(tmp_path: Path) -> None:
    """They take turns at the entry, and are otherwise nobody's business but their own."""
    async with fleet(tmp_path, 6, WRONG) as ring:
        reports: list[Report] = []

        async def one() -> None:
            reports.append(await ring.sweep(timeout_s=60.0))

        async with trio.open_nursery() as nursery:
            for _ in range(SWEEPS):
                nursery.start_soon(one)
    hold_all(reports)


async def test_ten_sweeps_of_ten_processes(tmp_path: Path) -> None:
    """The command, ten times at the same moment, with one cache."""
    command = [str(Path(sys.executable).parent / "inspector"), "--config", str(tmp_path / "coordinator.yml")]
    command += ["sweep", "--json", "--no-escalate", "--timeout", "60"]
    async with fleet(tmp_path, 6, WRONG) as ring:
        reports: list[Any] = []

        async def one() -> None:
            done = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)
            assert done.returncode == 1, done.stderr.decode()
            reports.append(json.loads(done.stdout))

        await ring.sweep()
        with trio.fail_after(6 * PATIENCE_S):
            async with trio.open_nursery() as nursery:
                for _ in range(SWEEPS):
                    nursery.start_soon(one)
    hold_all(reports)


async def test_a_question_that_was_overwritten_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As soon as the entry's log says so, long before anybody could be missed; the very same question."""
    says: list[Callable[[], None]] = []
    count = EntryLog.count

    def counted(log: EntryLog, dropped: Counter[str], since: int, collided: Callable[[], None]) -> None:
        says.append(collided)
        count(log, dropped, since, collided)

    monkeypatch.setattr(EntryLog, "count", counted)
    scripts = {name: ["hang", "pass"] for name in ("n001", "n002", "n003")}
    async with fleet(tmp_path, 3, scripts) as ring, trio.open_nursery() as nursery:

        async def collide() -> None:
            for agent in ring.agents.values():
                await agent.asked.wait()
            says[0]()

        nursery.start_soon(collide)
        report = await ring.sweep(timeout_s=60.0)
        heard = [agent.heard for agent in ring.agents.values()]
    assert report["ledger"]["pass"] == 3
    assert all(questions[0] == questions[1] for questions in heard)
    assert any("overwrote this one" in note for note in report["notes"])


async def test_turns_at_an_entry_are_taken_one_at_a_time(tmp_path: Path) -> None:
    """Of the same entry; those of another one do not wait. What cannot be locked is started nevertheless."""
    inside: Counter[str] = Counter()
    most: Counter[str] = Counter()

    async def one(address: str, folder: Path) -> None:
        async with turn_at(address, folder):
            inside[address] += 1
            most[address] = max(most[address], inside[address])
            for _ in range(3):
                await trio.lowlevel.checkpoint()
            inside[address] -= 1

    (tmp_path / "file").write_text("no folder")
    async with trio.open_nursery() as nursery:
        for address in ("a:1", "a:1", "b:1", "b:1", "a:1"):
            nursery.start_soon(one, address, tmp_path / "turns")
        nursery.start_soon(one, "c:1", tmp_path / "file")
    assert most == {"a:1": 1, "b:1": 1, "c:1": 1}


async def test_a_turn_that_is_never_given_back_is_not_waited_for(tmp_path: Path, autojump_clock: object) -> None:
    """Another process may hang at a frozen entry: that costs a second, not the sweep."""
    async with turn_at("a:1", tmp_path), trio.open_nursery() as nursery:
        began = trio.current_time()

        async def one() -> None:
            async with turn_at("a:1", tmp_path):
                return

        nursery.start_soon(one)
    assert trio.current_time() - began < 2.0
