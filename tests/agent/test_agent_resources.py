"""What an agent costs its node: memory after a hundred sweeps, and nothing while nobody asks."""

from __future__ import annotations

import json
import re
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from inspector_agent.config import AgentConfig
from inspector_agent.wire import Counts
from tests.support.agents import config_for, publish, question_for, sweep
from tests.support.center import item, layer
from tests.support.serf import SerfRing
from tests.support.waiting import soon
from tests.support.web import web

MEMORY_KB_MAX = 32 * 1024  # DESIGN 13: of PSS
ALONE_KB_MAX = 34 * 1024  # of RSS: also where no other process shares Python and its libraries with it
# Of its own memory, because PSS grows whenever another Python on the machine ends. What the allocator may round up; 80
# sweeps that each kept a finding would be beyond it.
GROWTH_KB_MAX = 400
IDLE_S, IDLE_TRIES = 3.0, 4
IDLE_SHARE_MAX = 0.001

RUN = "from inspector_agent.cli import main; main()"  # as the installed command does


def memory_kb(pid: int, kind: str) -> int:
    """`Pss`, `Rss` or `Anonymous` of a process, in kB."""
    found = re.search(rf"^{kind}: +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


def cpu_s(pid: int) -> float:
    """Seconds that the process has run on a processor, exact to the nanosecond."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


@asynccontextmanager
async def agent_process(config: AgentConfig, log: Path) -> AsyncIterator[subprocess.Popen[bytes]]:
    """An agent in a process of its own, attached and with its release."""
    settings = {
        "ring": {"rpc": config.rpc},
        "config_center": list(config.config_center),
        "cache": str(config.cache),
        "root": config.root,
        "poll_s": config.poll_s,
    }
    path = log.with_name("agent.yml")
    path.write_text(json.dumps(settings))  # JSON is YAML
    command = [sys.executable, "-c", RUN, "run", "--config", str(path)]
    with log.open("wb") as lines:
        process = subprocess.Popen(command, stderr=lines)  # noqa: ASYNC220  # it returns at once
    try:
        await soon(lambda: " release " in log.read_text(), what="a release")
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


async def test_a_hundred_sweeps_leave_no_trace_in_memory(ring: SerfRing, tmp_path: Path) -> None:
    """100 items, some wrong: at most 32 MB after 100 sweeps, and no more than after 20."""
    items = {f"sysctl:vm.parameter_{number}": item(absent=True) for number in range(95)}
    wrong = {f"sysctl:kernel.parameter_{number}": item(at_most=number) for number in range(5)}
    sizes: dict[int, list[int]] = {}
    async with web() as center:
        release = publish(center, tmp_path, layer("10", items | wrong))
        config = config_for(ring[0], tmp_path, center.url)
        async with agent_process(config, tmp_path / "log") as process:
            for number in range(1, 101):
                (answer,) = (await sweep(ring[0], question_for(release, number), expect=1)).values()
                assert answer.counts == Counts(95, 5)
                if number in (20, 100):
                    sizes[number] = [memory_kb(process.pid, kind) for kind in ("Pss", "Rss", "Anonymous")]
    print(f"PSS, RSS, anonymous memory in kB after sweeps: {sizes}")
    assert sizes[100][0] <= MEMORY_KB_MAX
    assert sizes[100][1] <= ALONE_KB_MAX
    assert sizes[100][2] - sizes[20][2] <= GROWTH_KB_MAX


async def test_an_idle_agent_sleeps(ring: SerfRing, tmp_path: Path) -> None:
    """Between questions it uses at most a thousandth of a core: nothing in it polls.

    What polls does so in every span of time. The first one may still see the end of the run of checks.
    """
    async with web() as center:
        release = publish(center, tmp_path)
        async with agent_process(config_for(ring[0], tmp_path, center.url), tmp_path / "log") as process:
            await sweep(ring[0], question_for(release), expect=1)
            used: list[float] = []
            while len(used) < IDLE_TRIES and min(used, default=1.0) > IDLE_SHARE_MAX * IDLE_S:
                before = cpu_s(process.pid)
                with trio.move_on_after(IDLE_S):  # to be idle takes time; nothing is waited for
                    await trio.sleep_forever()
                used.append(cpu_s(process.pid) - before)
    assert min(used) <= IDLE_SHARE_MAX * IDLE_S


async def test_an_agent_leaves_no_core(ring: SerfRing, tmp_path: Path) -> None:
    """Whatever the environment allows: what secret files hold passes through its memory."""
    async with web() as center:
        publish(center, tmp_path)
        async with agent_process(config_for(ring[0], tmp_path, center.url), tmp_path / "log") as process:
            assert resource.prlimit(process.pid, resource.RLIMIT_CORE) == (0, 0)
