"""`defer: {load: N}`: a node with enough to do goes on reading, holds programs back, and answers in time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from inspector_agent import limits
from inspector_agent.bundled import checks_dir
from inspector_agent.defer import Guard
from inspector_agent.runner.progress import Progress
from inspector_agent.runner.run import CheckRunner
from inspector_agent.wire import Counts, Serving
from tests.support.agents import agents, config_for, publish, question_for, sweep, with_config
from tests.support.center import item, layer, write_fleet
from tests.support.checks import Bench, items, program
from tests.support.serf import SerfRing
from tests.support.sessions import Shell, ask, baseline
from tests.support.waiting import PATIENCE_S
from tests.support.web import Web

HELD = "load 12.3 a CPU is above 8 (defer)"


def set_load(root: Path, one_minute: float, cpus: str = "0-3") -> None:
    """What the kernel below this root says."""
    (root / "sys/devices/system/cpu").mkdir(parents=True, exist_ok=True)
    (root / "sys/devices/system/cpu/online").write_text(f"{cpus}\n")
    (root / "proc").mkdir(exist_ok=True)
    (root / "proc/new").write_text(f"{one_minute:.2f} 3.00 2.00 5/321 4711\n")
    (root / "proc/new").replace(root / "proc/loadavg")


def says(kind: str) -> str:
    """A site's executable that passes and leaves a trace."""
    return f'echo >> $(dirname $0)/started\necho \'{{"id": "{kind}:x", "outcome": "pass"}}\'\n'


@pytest.mark.parametrize(
    ("one_minute", "cpus", "load_max", "why"),
    [
        (49.2, "0-3", 8, "load 12.3 a CPU is above 8 (defer)"),
        (32.0, "0-3", 8, ""),
        (32.05, "0-3", 8, "load 8.0 a CPU is above 8 (defer)"),
        (1.1, "0,2", 0.5, "load 0.6 a CPU is above 0.5 (defer)"),
        (49.2, "0-3", 0, ""),
        (49.2, "nonsense", 8, ""),
    ],
)
def test_what_holds_back(tmp_path: Path, one_minute: float, cpus: str, load_max: float, why: str) -> None:
    """The load of the last minute, a CPU; where it cannot be told, nothing does."""
    guard = Guard(str(tmp_path), load_max, lambda _: None)
    assert guard.above() == "", "there is no /proc"
    set_load(tmp_path, one_minute, cpus)
    assert guard.above() == why


class Deferring(Bench):
    """A runner of the bundled checks and a site's executable over a root whose load the test sets."""

    def __init__(self, directory: Path, *, drops: bool = False) -> None:
        root = directory / "root"
        (root / "proc/sys/vm").mkdir(parents=True)
        (root / "proc/sys/vm/swappiness").write_text("x\n")
        super().__init__(directory, root=str(root), checks=checks_dir())
        self.said: list[str] = []
        self.known: list[list[str]] = []  # which items had a finding when others began to wait
        set_load(root, 49.2)

        def say(text: str) -> None:
            self.said.append(text)
            self.known.append(sorted(self.found))
            if drops:
                set_load(root, 1.0)

        self.runner = CheckRunner(
            checks_dir=checks_dir(), parts_dir=self.parts, root=str(root), facts={}, guard=Guard(str(root), 8, say)
        )
        program(self.parts, "vendor", says("vendor"))
        program(root, "tool", f"echo >> {self.parts}/started")
        command = items("x", check="command")[0]
        given = {"argv": ["/tool"], "below_root": True}
        self.command = msgspec.structs.replace(command, expect={}, with_=given, number=7)
        self.all = [self.command, *items("x", check="vendor"), *items("vm.swappiness", check="sysctl")]

    @property
    def started(self) -> int:
        """How many programs ran."""
        path = self.parts / "started"
        return len(path.read_text()) if path.exists() else 0


async def test_reading_goes_on_and_programs_wait_for_the_load_to_drop(tmp_path: Path) -> None:
    """Then they run, as ever."""
    bench = Deferring(tmp_path, drops=True)
    found = await bench.run(bench.all)
    assert {finding.outcome for finding in found.values()} == {"pass"}, found
    assert (bench.known, bench.started, bench.runner.deferred) == ([["sysctl:vm.swappiness"]], 2, "")
    assert bench.said[0].startswith(f"{HELD}: 2 items that start programs wait for at most ")


async def test_what_was_held_back_to_the_end_is_an_error_that_says_so(tmp_path: Path) -> None:
    """Not a program was started; what only reads has its verdict. Secret items wait likewise."""
    bench = Deferring(tmp_path)
    hidden = msgspec.structs.replace(bench.command, id="command:y", key="y", number=8, secret=True)
    await bench.runner.run([*bench.all, hidden], bench.emit, deadline_s=60, left_s=limits.defer_margin_s + 0.2)
    held = {name: finding.message for name, finding in bench.found.items() if finding.outcome == "error"}
    assert held == dict.fromkeys(["command:x", "command:y", "vendor:x"], f"not looked at: {HELD}")
    assert bench.found["sysctl:vm.swappiness"].outcome == "pass"
    assert bench.found["command:x"].number == 7
    assert (bench.started, bench.runner.deferred, bench.left_behind()) == (0, HELD, set())


async def test_with_no_time_to_wait_it_is_told_at_once(tmp_path: Path) -> None:
    """And nobody is told of a wait that is none."""
    bench = Deferring(tmp_path)
    await bench.runner.run(bench.all, bench.emit, deadline_s=60, left_s=0.0)
    assert (len(bench.found), bench.said) == (3, [])


async def test_items_that_only_read_do_not_wait(tmp_path: Path) -> None:
    """Nothing is deferred then."""
    bench = Deferring(tmp_path)
    await bench.runner.run(bench.all[2:], bench.emit, deadline_s=60, left_s=30)
    assert (bench.found["sysctl:vm.swappiness"].outcome, bench.said, bench.runner.deferred) == ("pass", [], "")


def test_only_bundled_checks_that_were_told_to_may_leave_items() -> None:
    """From anybody else it is a line like any other that makes no sense."""
    line = b'{"held": "fake:a"}\n{"id": "fake:b", "outcome": "pass"}\n'
    told = Progress(items("a", "b"), may_leave=True)
    told.begin(0.0)
    assert [finding.id for finding in told.feed(line, 0.0)] == ["fake:b"]
    assert ([one.id for one in told.left], told.pending) == (["fake:a"], ())
    untold = Progress(items("a", "b"))
    untold.begin(0.0)
    assert [(finding.id, finding.outcome) for finding in untold.feed(line, 0.0)] == [
        ("fake:a", "error"),
        ("fake:b", "pass"),
    ]
    assert not untold.left


def test_a_run_knows_how_long_its_first_answer_can_wait() -> None:
    """Of all questions that wait for it; time in the queue counts."""
    shell = Shell(held=baseline())
    shell.hear(ask(1, answer_within_ms=3000))
    shell.hear(ask(2, items=("*.1",), answer_within_ms=5000))
    shell.hear(ask(3, answer_within_ms=9000))
    assert shell.runs[0].left_s == pytest.approx(3.0)
    shell.report({0: "pass", 1: "pass", 2: "pass"})
    shell.hear(ask(4, answer_within_ms=9000))
    shell.hear(ask(5, answer_within_ms=7000))
    shell.pass_time(1.0)
    shell.finish()
    assert shell.runs[1].left_s == pytest.approx(6.0)


def test_a_run_that_nobody_waits_for_holds_others_up_only_shortly() -> None:
    """Its question was taken back, or its time is over."""
    shell = Shell(held=baseline())
    shell.hear(ask(1))
    shell.report({0: "pass"})
    shell.hear(ask(2, answer_within_ms=1000))
    shell.pass_time(1.5)
    shell.finish({1: "pass", 2: "pass"})
    assert shell.runs[1].left_s == limits.defer_unasked_s


async def test_a_deferring_node_answers_in_time_and_says_so(
    ring: SerfRing, center: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a whole verdict, before its deadline; and no other sweep takes that verdict from memory."""
    monkeypatch.setattr(limits, "defer_margin_s", 10.0)  # half a second is little on a busy machine
    layers = layer("10-all", {"sysctl:vm.swappiness": item(at_most=10), "vendor:x": item(any=True)})
    program(tmp_path, "vendor", says("vendor"))
    release = publish(center, tmp_path, layers, checks={"vendor": (tmp_path / "vendor").read_bytes()})
    config = with_config(config_for(ring[0], tmp_path, center.url), defer_load=8.0)
    set_load(Path(config.root), 49.2)
    async with agents(config) as (agent,):
        await agent.says("release")
        answers = await sweep(ring[0], question_for(release, 1, answer_within_ms=11_000), expect=1)
        answer = answers["n001"]
        assert (answer.state, answer.counts, answer.incomplete) == (Serving.VERDICT, Counts(1, 0, 1), False)
        assert len(agent.logged("deferred")) == 1, agent.lines
        set_load(Path(config.root), 1.0)
        question = question_for(release, 2, max_age_ms=600_000)
        answers = await sweep(ring[0], question, expect=1)
        assert (answers["n001"].counts, answers["n001"].age_ms) == (Counts(2), 0)


def test_check_defers_likewise(tmp_path: Path) -> None:
    """`--defer-load`, for at most the time of --timeout; without it, the load does not matter."""
    text = """
        items:
          sysctl: {vm.swappiness: x}
          command: {x: {with: {argv: [/tool], below_root: true}}}
        """
    write_fleet(tmp_path / "fleet", {"10-all.yml": text})
    Deferring(tmp_path / "bench")
    root = tmp_path / "bench/root"
    where = ["--release", tmp_path / "fleet", "--root", root]
    command = [sys.executable, "-m", "inspector_agent.cli", "check", *map(str, where)]

    def check(*more: str) -> tuple[int, str, dict[str, object]]:
        done = subprocess.run([*command, "--json", *more], capture_output=True, timeout=PATIENCE_S, check=False)
        return done.returncode, done.stderr.decode(), json.loads(done.stdout)["counts"]

    code, said, counts = check("--defer-load", "8", "--timeout", "2")
    assert (code, counts["pass"], counts["error"]) == (1, 1, 1)
    assert said.startswith(f"inspector-agent: {HELD}: 1 items that start programs wait for at most 1.")
    code, said, counts = check()
    assert (code, counts["pass"], said) == (0, 2, "")
