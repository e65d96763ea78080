"""The schedule at work: real processes, a real ring; the clock is the test's where time has to pass."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import trio
import trio.testing

from inspector_coord.errors import ConfigError, Interrupted
from inspector_coord.schedule.commands import run_once
from inspector_coord.schedule.plan import UNENDED, Job, Past, Swept
from inspector_coord.schedule.service import go_on, run_due, sweeper
from inspector_coord.schedule.times import Every
from tests.support.scheduled import START, Scene
from tests.support.waiting import PATIENCE_S

INSPECTOR = [sys.executable, "-m", "inspector_coord"]
CONFIG = """
rings: {main: {entries: ["127.0.0.1:9"]}}
config_center: http://127.0.0.1:9
cache: cache
schedule:
  nightly: {cron: "30 3 * * *", timezone: Europe/Berlin, jitter: 2m}
  often: {every: 10s, escalate: false, timeout_s: 2}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A coordinator.yml whose entries nobody serves."""
    path = tmp_path / "coordinator.yml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


async def test_each_slot_is_swept_once_and_a_new_start_repeats_none(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    scene = Scene(tmp_path)
    for _ in range(3):
        with trio.move_on_after(400):
            await scene.run()
    assert scene.began == [0, 300, 600, 900]
    assert [ran.swept.ledger["pass"] for ran in scene.told] == [2, 2, 2, 2]
    assert scene.keeper.read()["often"] == Past(slot=START + 900, began=START + 900, ended=START + 902, exit_code=0)


async def test_two_programs_on_one_cache_sweep_each_slot_once(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """Whoever waits for the turn finds the slot used."""
    scene = Scene(tmp_path)
    with trio.move_on_after(700):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(scene.run)
            nursery.start_soon(scene.run)
    assert scene.began == [0, 300, 600]


async def test_a_sweep_longer_than_its_period_is_followed_by_one(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    scene = Scene(tmp_path)
    scene.takes_s = 1000
    with trio.move_on_after(1500):
        await scene.run()
    assert scene.began == [0, 1000]
    assert scene.keeper.read()["often"].missed == 2


async def test_a_job_that_never_ran_gets_its_turn_behind_one_that_sweeps_for_long(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """Its slots are all older than two minutes when it may begin: they came up while it waited, and surprise nobody."""
    scene = Scene(tmp_path)
    scene.jobs += [msgspec.structs.replace(scene.jobs[0], name="other")]
    scene.takes_s = 140
    with trio.move_on_after(700):
        await scene.run()
    assert [*zip(scene.began, scene.whose, strict=True)] == [
        (0, "often"), (140, "other"), (300, "often"), (440, "other"), (600, "often")
    ]  # fmt: skip


async def test_a_sweep_that_is_broken_off_is_not_begun_again_in_its_slot(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    scene = Scene(tmp_path)
    with trio.move_on_after(1):
        await scene.run()
    assert scene.keeper.read()["often"] == Past(slot=START, began=START)
    scene.running = 0
    with trio.move_on_after(299.5):
        await scene.run()
    assert scene.began == [0, 300]


async def test_a_damaged_state_is_said_and_a_full_disk_ends_nothing(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(tmp_path)
    (tmp_path / "state.json").write_text("{", encoding="utf-8")

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("inspector_coord.schedule.state.write_whole", full)
    with trio.move_on_after(400):
        await scene.run()
    assert scene.began == [0, 300]
    assert any("cannot be read" in line for line in scene.said)
    assert any("No space left" in line for line in scene.said)


async def test_two_jobs_on_a_full_disk_sweep_each_slot_once(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was kept before the disk was full is older than what is remembered."""
    scene = Scene(tmp_path)
    scene.jobs = [Job(name=name, said="", times=Every(300)) for name in ("a", "b")]
    with trio.move_on_after(10):
        await scene.run()

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("inspector_coord.schedule.state.write_whole", full)
    with trio.move_on_after(700):
        await scene.run()
    assert [ran.job for ran in scene.told] == ["a", "b"] * 3
    assert scene.began == [0, 2, 300, 302, 600, 602]


async def test_after_a_clock_set_back_a_job_goes_on_whoever_runs_it(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """What is kept lies a day ahead: a service goes on, and so do programs that each run once."""
    scene = Scene(tmp_path)
    ahead = Past(slot=START + 86_400, began=START + 86_400, ended=START + 86_402, exit_code=0)
    scene.keeper.write("often", ahead)
    with trio.move_on_after(310):
        await scene.run()
    assert scene.began == [0, 300]
    assert len(scene.said) == 1
    scene.keeper.write("often", ahead)
    for _ in range(4):
        plan = scene.plan()
        go_on(plan, scene.clock(), scene.said.append)
        await run_due(plan, scene.keeper, scene.sweep, scene.told.append, scene.clock)
        autojump_clock.jump(150)
    assert scene.began == [0, 300, 310, 612]


async def test_two_programs_after_a_clock_set_back_sweep_each_slot_once(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    scene = Scene(tmp_path)
    scene.keeper.write("often", Past(slot=START + 86_400, began=START + 86_400))
    with trio.move_on_after(700):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(scene.run)
            nursery.start_soon(scene.run)
    assert scene.began == [0, 300, 600]


async def test_a_lock_that_cannot_be_had_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    scene = Scene(tmp_path / "file" / "folder")
    with pytest.raises(ConfigError, match="lock cannot be had"):
        await run_due(scene.plan(), scene.keeper, scene.sweep, scene.told.append, scene.clock)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_says_so(
    config: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    async def sweep(_job: Job, _report: Path) -> Swept:
        signal.raise_signal(number)
        await trio.sleep_forever()
        raise AssertionError

    monkeypatch.setattr("inspector_coord.schedule.commands.sweeper", lambda _: sweep)
    with pytest.raises(Interrupted, match="its slot counts as used") as caught:
        run_once(config, ("often",), as_json=False)
    assert caught.value.exit_code == 130


@pytest.mark.parametrize("code", [UNENDED, -signal.SIGKILL])
def test_a_sweep_that_has_no_exit_code_of_its_own_ends_a_run_with_4(
    config: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    async def sweep(_job: Job, _report: Path) -> Swept:
        return Swept(exit_code=code, said="gone")

    config.write_text(CONFIG + "  other: {every: 20s}\n", encoding="utf-8")
    monkeypatch.setattr("inspector_coord.schedule.commands.sweeper", lambda _: sweep)
    assert run_once(config, ("often", "other"), as_json=False) == 4


async def test_a_real_sweep_that_reaches_nobody_says_so(config: Path) -> None:
    job = Job(name="a", said="", times=Every(60), words=("--",))
    swept = await sweeper(config)(job, config.parent / "r.json")
    assert (swept.exit_code, swept.ledger) == (2, {})
    assert swept.said.startswith("inspector: ")


def test_a_sweep_dies_with_who_started_it() -> None:
    """The child asks for SIGTERM when its parent ends, however that ends."""
    child = (
        "import signal, sys; import inspector_coord.__main__ as main; import inspector_coord.schedule.child as child; "
        "main.main = lambda: (print('up', flush=True), signal.pause()); child.main()"
    )
    starter = (
        "import os, signal, subprocess, sys; "
        f"one = subprocess.Popen([sys.executable, '-c', {child!r}, str(os.getpid())], stdout=subprocess.PIPE); "
        "one.stdout.readline(); print(one.pid, flush=True); signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        watch = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
    ready, _, _ = select.select([watch], [], [], PATIENCE_S)
    os.close(watch)
    assert ready


async def test_the_command_shows_runs_and_explains(config: Path) -> None:
    async def inspector(*words: str) -> subprocess.CompletedProcess[bytes]:
        with trio.fail_after(PATIENCE_S):
            return await trio.run_process(
                [*INSPECTOR, "--config", str(config), *words], capture_stdout=True, capture_stderr=True, check=False
            )

    shown = await inspector("schedule")
    assert [line.split()[0] for line in shown.stdout.decode().splitlines()] == ["NAME", "often", "nightly"]
    ran = await inspector("schedule", "--run", "often", "--json")
    told = json.loads(ran.stdout)
    assert (told["schema"], told["job"], told["exit_code"]) == ("inspector.scheduled/1", "often", ran.returncode)
    known = {job["name"]: job["last"] for job in json.loads((await inspector("schedule", "--json")).stdout)}
    assert known["nightly"] is None
    assert known["often"]["exit_code"] == ran.returncode
    for words, said in {
        ("schedule", "often"): b"JOB goes with --run",
        ("schedule", "--run", "weekly"): b"no job 'weekly': it has nightly, often",
        ("serve",): b"run `inspector serve --headless`",
    }.items():
        wrong = await inspector(*words)
        assert (wrong.returncode, said in wrong.stderr) == (2, True), wrong.stderr
