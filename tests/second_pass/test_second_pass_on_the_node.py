"""The two programs the second pass sends to a node, run here as a node would: look.sh and recheck.py."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector_agent.bundled import checks_dir
from inspector_coord.second_pass import Look
from inspector_coord.second_pass.bundle import bundle, playbooks_dir, request, unsendable
from inspector_coord.second_pass.sight import Recheck, read_look, read_recheck
from tests.support.checks import gone
from tests.support.pythons import pythons
from tests.support.second_pass import SWAPPINESS, expectation, subject

# As diagnose.yml has it.
FEED = "import sys; feed = sys.stdin.buffer; exec(feed.read(int(feed.readline())))"


def look(*arguments: str, shell: tuple[str, ...] = ("sh",)) -> Look:
    """What look.sh says here."""
    script = (playbooks_dir() / "look.sh").read_bytes()
    ran = subprocess.run([*shell, "-s", "--", *arguments], input=script, capture_output=True, timeout=60, check=True)
    return read_look(ran.stdout.decode())


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that looks like an inspection agent of this test."""
    program = tmp_path / "inspector-agent"
    program.write_text("import signal; print(flush=True); signal.pause()", encoding="utf-8")
    with subprocess.Popen([sys.executable, str(program), "run"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


@pytest.mark.parametrize("shell", [("sh",), ("bash", "--posix")])
def test_a_look_tells_the_hosts_vitals(shell: tuple[str, ...]) -> None:
    """Whole, in any shell."""
    seen = look("/", "", "", shell=shell)
    assert seen.complete
    assert seen.uptime_s is not None
    assert seen.uptime_s > 0
    assert seen.load is not None
    assert seen.cpus == os.cpu_count()
    assert seen.memory_total_kb is not None
    assert seen.memory_available_kb is not None
    assert 0 < seen.memory_available_kb <= seen.memory_total_kb
    assert seen.disk_used_percent is not None
    assert 0 <= seen.disk_used_percent <= 100


def test_a_look_finds_the_agent_of_this_node_alone(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    """Where nodes share a host, a text of their command lines tells them apart."""
    assert [each.pid for each in look("/", f"{tmp_path}/", "").agent] == [sleeper.pid]
    assert look("/", f"{tmp_path}/elsewhere/", "").agent == ()


def test_a_look_sees_that_the_agent_is_stopped(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    """State T: it is there and does nothing."""
    sleeper.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, sleeper.pid, os.WSTOPPED)
    assert [each.state for each in look("/", f"{tmp_path}/", "").agent] == ["T"]


@pytest.fixture
def full_pipe() -> Iterator[int]:
    """The writing end of a pipe that holds no more: who writes to it waits."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(writing, bytes(65_536)):
            pass
    os.set_blocking(writing, True)
    yield writing
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize(
    ("words", "is_agent"),
    [
        (["{bin}/inspector-agent", "run"], True),
        (["inspector-agent", "run", "--config", "/x"], True),
        (["python3", "-I", "{bin}/inspector-agent", "run"], True),
        (["python3", "-m", "inspector_agent.cli", "run"], True),
        (["python3", "-m", "inspector_agent", "run"], True),
        (["tail", "-f", "{bin}/inspector-agent.log"], False),
        (["tail", "-f", "{bin}/inspector-agent", "run"], False),
        (["{bin}/inspector-agent", "doctor"], False),
        (["{bin}/inspector-agent", "check", "--name", "run"], False),
        (["systemctl", "restart", "inspector-agent", "run"], False),
        (["vi", "/etc/inspector-agent/run"], False),
        (["python3", "-m", "inspector_agents", "run"], False),
        (["sh", "-c", "inspector-agent run"], False),
    ],
)
def test_only_who_runs_the_agent_is_one(tmp_path: Path, full_pipe: int, words: list[str], is_agent: bool) -> None:
    """A process that only names it, such as a look at its log, must not pass for an agent that has ended."""
    # echo takes any words and then waits; the last of them tells it from everybody else's processes.
    command = [*(word.format(bin=tmp_path) for word in words), f"--at={tmp_path}/"]
    with subprocess.Popen(command, executable="/bin/echo", stdout=full_pipe) as process:
        try:
            found = [each.pid for each in look("/", f"--at={tmp_path}/", "").agent]
        finally:
            process.kill()
    assert found == ([process.pid] if is_agent else [])


def test_a_look_never_sees_itself() -> None:
    """Its own text, with every word it looks for, is on no command line."""
    assert look("/", "playbooks/look.sh", "").agent == ()


def test_a_look_shows_the_end_of_a_log_bounded(tmp_path: Path) -> None:
    """Five lines, each cut, and no control characters."""
    log = tmp_path / "log"
    log.write_text("".join(f"line {index} \x1b[31m{'x' * 5000}\n" for index in range(50)), encoding="utf-8")
    lines = look("/", "", str(log)).log
    assert [line.split()[1] for line in lines] == ["45", "46", "47", "48", "49"]
    assert all(len(line) <= 200 and line.isprintable() for line in lines)


def test_strange_arguments_are_only_text(tmp_path: Path) -> None:
    """A root or a text to look for is never run."""
    trap = f"$(touch {tmp_path}/trapped); `touch {tmp_path}/trapped` -rf '"
    assert look(trap, trap, trap).complete
    assert list(tmp_path.iterdir()) == []


def recheck(
    *items: Any,
    root: Path,
    executables: dict[str, bytes] | None = None,
    limit_s: float = 60,
    python: str = sys.executable,
) -> Recheck:
    """What recheck.py finds here below `root`."""
    feed = bundle(playbooks_dir() / "recheck.py", checks_dir(), {item.check for item in items})
    folder = root.parent / "site"
    folder.mkdir(exist_ok=True)
    site = {}
    for name, content in (executables or {}).items():
        (folder / name).write_bytes(content)
        site[name] = folder / name
    feed += request(subject("n001", items=items), items, site, limit_s=limit_s)
    command = [python, "-I", "-B", "-c", FEED, str(root)]
    ran = subprocess.run(command, input=feed, capture_output=True, timeout=100, check=True, cwd=root)
    return read_recheck(ran.stdout.decode(), frozenset(item.id for item in items))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A node's root directory, with one kernel parameter."""
    folder = tmp_path / "root"
    (folder / "proc/sys/vm").mkdir(parents=True)
    (folder / "proc/sys/vm/swappiness").write_text("42\n", encoding="ascii")
    return folder


@pytest.mark.parametrize("version", pythons(), ids=lambda version: "{}.{}".format(*version))
def test_the_bundled_checks_run_from_memory(root: Path, version: tuple[int, int]) -> None:
    """Below the root that was asked for, with any Python; and nothing is written anywhere below it."""
    before = sorted(root.rglob("*"))
    echo = expectation("command:echo", {"stdout": {"equals": "x"}}, with_={"argv": ["echo", "x"], "below_root": True})
    told = recheck(SWAPPINESS, echo, root=root, python=pythons()[version]).findings
    assert (told[SWAPPINESS.id].outcome, told[SWAPPINESS.id].observed) == ("fail", "42")
    assert told[echo.id].outcome == "pass"
    assert sorted(root.rglob("*")) == before


def test_only_what_the_items_need_is_sent() -> None:
    """The kinds asked for and what they import, however many others there are; a site's own check is no file here."""
    feed = io.BytesIO(bundle(playbooks_dir() / "recheck.py", checks_dir(), ["sysctl", "os", "raid", "../batch"]))
    _, packed = (feed.read(int(feed.readline())) for _ in range(2))
    sent = set(json.loads(zlib.decompress(packed)))
    assert {name for name in sent if "/" not in name} == {"batch.py", "os_.py", "sysctl.py"}
    assert {"checklib/__init__.py", "checklib/root.py", "checklib/versions.py"} <= sent
    assert not {"checklib/units.py", "checklib/accounts.py"} & sent
    assert feed.read() == b""


def test_a_check_that_hangs_ends_with_its_time_and_the_rest_goes_on(root: Path) -> None:
    """With everything it has started."""
    hangs = expectation("hangs:x", {}, timeout_s=1.5)
    script = f"#!/bin/sh\nsleep 300 & echo $! > {root.parent}/child; sleep 300\n".encode()
    told = recheck(hangs, SWAPPINESS, root=root, executables={"hangs": script})
    assert told.findings[hangs.id].outcome == "error"
    assert told.findings[hangs.id].message == "timeout after 1.5 s"
    assert told.findings[SWAPPINESS.id].outcome == "fail"
    assert gone(int((root.parent / "child").read_text(encoding="ascii")))


@pytest.mark.parametrize(
    "body",
    [
        "exec yes",
        "echo not json; exit 3",
        "exec cat /dev/zero",
        "kill -9 $$",
        'echo \'{"id": "other", "outcome": "pass"}\'',
    ],
)
def test_a_check_that_talks_nonsense_is_an_error(root: Path, body: str) -> None:
    """Floods, garbage, sudden death, another item's finding: each costs its own item alone."""
    strange = expectation("strange:x", {})
    told = recheck(strange, SWAPPINESS, root=root, executables={"strange": f"#!/bin/sh\n{body}\n".encode()})
    assert told.findings[strange.id].outcome == "error"
    assert told.findings[SWAPPINESS.id].outcome == "fail"


def test_a_bundled_check_that_hangs_is_the_same_error_again(root: Path) -> None:
    """A command that never ends, as in the sweep; the batch in memory keeps its time itself."""
    given = {"argv": ["sleep", "300"], "below_root": True}
    hangs = expectation("command:raid", {"exit": {"equals": 0}}, with_=given, timeout_s=0.5)
    told = recheck(hangs, SWAPPINESS, root=root)
    assert told.findings[hangs.id].outcome == "error"
    assert "0.5 s" in told.findings[hangs.id].message
    assert told.findings[SWAPPINESS.id].outcome == "fail"


def test_a_site_check_gets_its_request_on_standard_input(root: Path) -> None:
    """The same request as from the agent: one item, the facts, the root."""
    item = expectation("raid:md0", {"status": {"equals": "ok"}}, with_={"level": 5})
    script = f'#!/bin/sh\ntee {root.parent}/asked\nprintf \'\\n{{"id": "raid:md0", "outcome": "pass"}}\\n\'\n'.encode()
    assert recheck(item, root=root, executables={"raid": script}).findings["raid:md0"].outcome == "pass"
    asked = json.loads((root.parent / "asked").read_text(encoding="utf-8"))
    assert asked["contract"] == 1
    assert asked["root"] == str(root)
    assert asked["facts"] == {"name": "n001", "tags": {"rack": "a1"}}
    assert [(each["id"], each["with"]) for each in asked["items"]] == [("raid:md0", {"level": 5})]


def test_items_whose_turn_never_came_are_named(root: Path) -> None:
    """The node's whole time is bounded, whatever its items' times add up to."""
    slow = [expectation(f"slow:{index}", {}, timeout_s=30.0) for index in range(3)]
    told = recheck(*slow, root=root, executables={"slow": b"#!/bin/sh\nexec sleep 300\n"}, limit_s=2)
    assert told.findings["slow:0"].outcome == "error"
    assert told.notes.keys() == {"slow:1", "slow:2"}


def test_what_cannot_be_sent_is_said_before(tmp_path: Path) -> None:
    """A site's check that is not here, cannot be read, or is too big; and items beyond the bound."""
    (tmp_path / "big").write_bytes(bytes(2_000_000))
    site = {"big": tmp_path / "big", "gone": tmp_path / "gone"}
    items = [expectation(f"{name}:x", {}) for name in ("sysctl", "big", "gone", "firmware")]
    reasons = unsendable(subject("n001", items=tuple(items)), site, checks_dir())
    assert sorted(reasons) == ["big:x", "firmware:x", "gone:x"]
    assert "2000000 bytes" in reasons["big:x"]
    assert "cannot be read" in reasons["gone:x"]
    assert "not at hand" in reasons["firmware:x"]
    many = tuple(expectation(f"sysctl:{index}", {}) for index in range(302))
    assert set(unsendable(subject("n001", items=many), {}, checks_dir())) == {"sysctl:300", "sysctl:301"}
