"""The bundled checks in their fork: one that misbehaves costs its own item, and nothing of it stays behind."""

from __future__ import annotations

import errno
import json
import os
import signal
from functools import partial
from pathlib import Path

import msgspec
import pytest
import trio

from inspector_agent.bundled import checks_dir
from inspector_agent.findings import Finding
from inspector_agent.runner import kin, limits
from inspector_agent.runner.burial import Family
from inspector_agent.runner.worker import warm
from tests.support.checks import Bench, agent_process, gone, items
from tests.support.waiting import soon


async def nobody_looks(_family: Family) -> None:
    """In the place of the search for orphans."""
    await trio.lowlevel.checkpoint()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A runner over checks that do as their keys say."""
    return Bench(tmp_path)


async def found_beside_neighbours(bench: Bench, key: str, *, timeout_s: float = 5.0) -> Finding:
    """The finding for an item between two good ones, which both pass whatever it does."""
    before, asked, after = items("good 1", key, "good 2", timeout_s=30.0)
    await bench.run([before, msgspec.structs.replace(asked, timeout_s=timeout_s), after])
    assert [bench.found[f"fake:good {number}"].outcome for number in (1, 2)] == ["pass", "pass"]
    assert not bench.left_behind()
    return bench.found[f"fake:{key}"]


async def test_findings_come_with_number_and_value(bench: Bench) -> None:
    """The simple case: each item has its finding, in the check's order."""
    await bench.run(items("good 1", "good 2"))
    assert [(f.number, f.outcome, f.observed) for f in bench.order] == [(0, "pass", "1"), (1, "pass", "2")]


async def test_no_items_cost_no_process(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing to look at: nothing is forked."""
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("it forked"))
    assert await bench.run([]) == {}


async def test_a_check_is_asked_by_the_contract(tmp_path: Path) -> None:
    """Root, facts, expectation and parameters arrive as they were resolved."""
    bench = Bench(tmp_path, root="/some/root")
    await bench.run(items("asked"))
    assert json.loads(bench.found["fake:asked"].observed) == {
        "root": "/some/root",
        "name": "n001",
        "contract": 1,
        "with": {},
        "expect": {"value": {"equals": "x"}},
    }


async def test_the_worker_keeps_nothing_of_the_agent_and_has_limits(bench: Bench) -> None:
    """Only its pipes, its own session, no handler of ours, low priority, first to go when memory runs out."""
    await bench.run(items("where"))
    assert json.loads(bench.found["fake:where"].observed) == {
        "fds": [0, 1, 2, 3],
        "sid": True,
        "nice": limits.niceness,
        "cwd": "/",
        "handled": [],
        "oom": str(limits.out_of_memory_score),
        "files": limits.open_files_max,
        "core": 0,
    }


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("exits 77", "check ended (exit 77) without a finding"),
        ("asks_to_exit 77", "check ended (exit 77) without a finding"),
        ("exits 0", None),
        ("signals 11", "check ended (SIGSEGV) without a finding"),
        ("signals 9", "check ended (SIGKILL, perhaps for want of memory) without a finding"),
        ("signals 24", f"check ended (it used more than {limits.cpu_s_max} s of CPU) without a finding"),
        ("raises no such thing", "check ended (exit 1) without a finding: ValueError: no such thing ("),
        ("memory", "MemoryError"),
        ("garbage", "the check printed a line that is no finding: one"),
        ("long_line", "the check printed a line that is no finding: xxxx"),
        ("floods", "bytes and was ended"),
        ("stranger", "the check reported on sysctl:not.asked, which was not asked"),
    ],
)
async def test_a_check_that_misbehaves_errs_and_its_neighbours_pass(bench: Bench, key: str, words: str | None) -> None:
    """Whatever it does, the error says what, and the rest goes on in a new fork."""
    if words is None:  # ended as if all were well: the items left are errors, because asking again would not help
        found = await bench.run(items("good 1", key, "good 2"))
        assert [finding.outcome for finding in found.values()] == ["pass", "error", "error"]
        return
    finding = await found_beside_neighbours(bench, key)
    assert finding.outcome == "error"
    assert words in finding.message


async def test_a_check_that_hangs_is_killed_after_its_items_own_time(bench: Bench) -> None:
    """The item in progress errs with its timeout, and what came before and after it passes."""
    finding = await found_beside_neighbours(bench, "hang", timeout_s=0.1)
    assert (finding.outcome, finding.message) == ("error", "timeout after 0.1 s")


async def test_a_check_that_shouts_on_stderr_is_not_read_for_ever(bench: Bench) -> None:
    """Beyond a bound nobody reads it; it blocks, and is overdue like any other that hangs."""
    finding = await found_beside_neighbours(bench, "shouts", timeout_s=0.2)
    assert finding.message == "timeout after 0.2 s"


async def test_a_file_too_big_ends_the_check_that_writes_it(bench: Bench, tmp_path: Path) -> None:
    """A check cannot fill the disk."""
    finding = await found_beside_neighbours(bench, f"big_file {tmp_path / 'big'}")
    assert "SIGXFSZ" in finding.message
    assert (tmp_path / "big").stat().st_size <= limits.file_bytes_max


@pytest.mark.parametrize("key", ["prints", "no_newline"])
async def test_a_stray_print_and_a_missing_newline_do_no_harm(bench: Bench, key: str) -> None:
    """stdout of a bundled check is no protocol, and a last line counts without its newline."""
    await bench.run(items("good 1", key))
    assert bench.found[f"fake:{key}"].outcome == "pass"


@pytest.mark.parametrize("key", ["daemon", "daemon_and_crash", "daemon_and_hang"])
async def test_a_daemon_that_a_check_leaves_behind_is_ended(bench: Bench, tmp_path: Path, key: str) -> None:
    """It has left its parent, group and session; it is found all the same, however the check itself ends."""
    pid_file = tmp_path / "pid"
    await found_beside_neighbours(bench, f"{key} {pid_file}", timeout_s=2.0)
    assert gone(int(pid_file.read_text()))


@pytest.mark.parametrize("key", ["daemon", "daemon_and_hang"])
async def test_a_worker_answers_for_its_own_daemons(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """It is their subreaper, so they are found below it; the search for orphans is for workers that crash."""
    monkeypatch.setattr(Family, "bury_orphans", nobody_looks)
    pid_file = tmp_path / "pid"
    await bench.run(items(f"{key} {pid_file}", timeout_s=2.0))
    assert gone(int(pid_file.read_text()))


async def test_items_left_at_the_deadline_err(bench: Bench) -> None:
    """The run as a whole has an end, too; each item still has exactly one finding."""
    found = await bench.run(items("good 1", "hang", "good 2"), deadline_s=3.0)
    assert [found[f"fake:{key}"].outcome for key in ("good 1", "hang", "good 2")] == ["pass", "error", "error"]
    assert found["fake:good 2"].message == "not reached: the run was ended after 3 s"
    assert not bench.left_behind()


async def test_cancelling_a_run_ends_its_processes(bench: Bench, tmp_path: Path) -> None:
    """Nothing is emitted any more, and nothing stays behind, not even a daemon."""
    pid_file = tmp_path / "pid"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.run, items("good 1", f"daemon_and_hang {pid_file}"))
        await soon(pid_file.exists, f"{pid_file} written")
        nursery.cancel_scope.cancel()
    assert list(bench.found) == ["fake:good 1"]
    assert gone(int(pid_file.read_text()))
    assert not bench.left_behind()


async def test_two_runs_at_once_do_not_end_each_others_workers(bench: Bench, tmp_path: Path) -> None:
    """What one run cleans up is its own."""
    other = Bench(tmp_path / "other")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.run, items("exits 3", "good 1", "exits 4", f"daemon {tmp_path / 'pid'}", "good 2"))
        nursery.start_soon(other.run, items("good 1", f"daemon {tmp_path / 'other.pid'}", "exits 5", "good 2"))
    assert [found["fake:good 2"].outcome for found in (bench.found, other.found)] == ["pass", "pass"]


def open_descriptors() -> int:
    """How many this process has."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_node_without_a_free_process_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused fork is an error of every item, with the system's own words, and leaks no descriptor."""

    def refuse() -> int:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    before = open_descriptors()
    monkeypatch.setattr(os, "fork", refuse)
    found = await bench.run(items("good 1", "good 2"))
    assert {f.message for f in found.values()} == {
        "cannot start a process for checks: Resource temporarily unavailable"
    }
    assert open_descriptors() == before


async def test_a_worker_that_does_not_die_is_left_and_reaped_by_the_next_run(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process in an uninterruptible call outlives SIGKILL for a while: nobody waits for it."""
    pids: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(kin, "end_tree", pids.append)
        patch.setattr(limits, "kill_wait_s", 0.01)
        found = await bench.run(items("hang", timeout_s=0.1))
    assert found["fake:hang"].message == "timeout after 0.1 s"
    os.kill(pids[0], signal.SIGKILL)
    await soon(partial(is_zombie, pids[0]), "the child has ended")
    await bench.run(items("good 1"))
    assert not bench.left_behind()


def is_zombie(pid: int) -> bool:
    """It has ended and is not reaped."""
    return not kin.alive(pid)


async def test_the_worker_of_a_killed_agent_dies_with_it(tmp_path: Path) -> None:
    """SIGKILL leaves the agent no time to clean up: its worker, which hangs, ends all the same."""
    pid_file = tmp_path / "pid"
    with agent_process(tmp_path, f"fake:say_pid_and_hang {pid_file}") as agent:
        await soon(pid_file.exists, f"{pid_file} written")
        agent.kill()
        assert gone(int(pid_file.read_text()))


async def test_no_kind_of_check_stays_in_the_agent(tmp_path: Path) -> None:
    """Each of them would take memory of a process that mostly sleeps; a fork loads what its items need."""
    bench = Bench(tmp_path, checks=checks_dir())
    found = await bench.run(items("kernel.ostype", check="sysctl"))
    assert found["sysctl:kernel.ostype"].outcome == "fail"
    assert vars(warm(checks_dir()))["_loaded"] == {}
