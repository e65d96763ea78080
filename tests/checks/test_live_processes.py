"""Kind process held against ps and testinfra, on processes of the test's own: old and young, zombies, hidden ones."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.check_cases import CHECKS, look, look_at
from tests.support.others import PLAIN, host, told

ANY = {"any": True}
UNSHARE = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"]


@contextmanager
def running(*argv: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs until the block ends, from when it has said something."""
    with subprocess.Popen([*argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline()
            yield process
        finally:
            process.kill()


def age_s(pid: int) -> int:
    """As ps tells it, once it can: for a process of this very moment it counts to below zero, without a sign."""
    while True:
        seconds = int(told("ps", "-p", str(pid), "-o", "etimes="))
        if seconds < 2**31:
            return seconds


@pytest.fixture
def program(tmp_path: Path) -> str:
    """A program with a name that nothing else has, which waits when it has said that it runs."""
    path = tmp_path / "inspected-d"  # the kernel keeps all of it
    shutil.copy(shutil.which("sh") or "/bin/sh", path)
    return str(path)


WAIT = "echo there; read answer"


def test_counts_users_and_threads_are_what_ps_says(program: str) -> None:
    """Of processes of the test's own, beside a kernel thread or two."""
    with running(program, "-c", WAIT, "first") as one, running(program, "-c", WAIT, "second"):
        rows = [row.split() for row in told("ps", "-C", "inspected-d", "-o", "user:32=,nlwp=").splitlines()]
        assert len(rows) == 2
        expect = {
            "count": {"equals": 2},
            "user": {"equals": " ".join(sorted({row[0] for row in rows}))},
            "threads": {"equals": sum(int(row[1]) for row in rows)},
            "zombies": {"equals": 0},
            "blocked": {"equals": 0},
            "args": {"contains": ["first", "second"]},
            "oldest_s": {"between": [age_s(one.pid) - 1, 3600]},
        }
        found = look_at("process", "inspected-d", expect)
        assert (found["outcome"], found["message"]) == ("pass", "")
        matching = look_at("process", "inspected-d", {"count": {"equals": 1}}, parameters={"matching": "first$"})
        assert matching["outcome"] == "pass"
        assert "first" not in look_at("process", "inspected-d", {"args": {"equals": "x"}})["observed"]
        assert {row.pid for row in host().process.filter(comm="inspected-d")} >= {one.pid}
    assert look_at("process", "inspected-d", {"count": {"absent": True}})["outcome"] == "pass"


def test_zombies_are_seen(program: str) -> None:
    """One that has ended, and that nobody has looked after, as ps shows it too."""
    child = subprocess.Popen([program, "-c", "exit 0"])
    fd = os.pidfd_open(child.pid)
    try:
        assert select.select([fd], [], [], 60)[0]
        assert told("ps", "-p", str(child.pid), "-o", "stat=").startswith("Z")
        zombies = look_at("process", "inspected-d", {"zombies": {"equals": 1}, "count": {"equals": 0}})
        assert zombies["outcome"] == "pass"
        everywhere = look_at("process", "*", {"zombies": {"at_least": 1}})
        assert everywhere["outcome"] == "pass"
    finally:
        os.close(fd)
        child.wait()
    assert look_at("process", "inspected-d", {"zombies": {"equals": 0}})["outcome"] == "pass"


def test_ages_are_those_that_ps_tells(program: str) -> None:
    """In seconds, one after the other; a process that stopped counts as running."""
    with running(program, "-c", WAIT) as one:
        one.send_signal(signal.SIGSTOP)
        before = age_s(one.pid)
        found = look_at("process", "inspected-d", {"youngest_s": {"at_least": max(0, before - 1)}, "oldest_s": ANY})
        assert found["outcome"] == "pass"
        assert look_at("process", "inspected-d", {"oldest_s": {"at_least": 86_400 * 365}})["outcome"] == "fail"


def test_all_processes_are_those_of_ps() -> None:
    """Users, names and states of the whole node; what comes and goes meanwhile is allowed for."""
    users = Counter(told("ps", "-e", "-o", "user:32=").split())
    for user in users:
        count = look_at("process", "*", {"count": ANY}, parameters={"owned_by": user})["observed"]
        assert abs(int(count) - users[user]) <= max(20, users[user] // 2), user
    everything = look([{"check": "process", "key": "*", "expect": {part: ANY}} for part in ("count", "threads")])
    count, threads = (int(one["observed"].rpartition(" ")[2]) for one in everything)
    assert threads >= count > 1


# Process 1 becomes nobody's. Beside it a sleep and our checks: as root, yet in no group of process 1's, and without the
# right to look at what others run.
HIDING = """
mount -t proc -o hidepid=2 proc /proc
mkfifo first last
exec 3<>first 4<>last
plain() { setpriv --bounding-set=-sys_ptrace --regid=1 --clear-groups -- "$@"; }
plain sleep infinity &
until grep -qsx sleep /proc/[0-9]*/comm; do :; done
{ read answer <&3; plain "$@" < request > findings; echo >&4; } &
exec setpriv --reuid=65534 --regid=65534 --clear-groups -- sh -c 'echo >&3; read answer <&4'
"""


def test_hidden_processes_are_no_absent_ones(tmp_path: Path) -> None:
    """Where /proc hides what others run: what is seen is told, and nothing else. Where it cannot: all of it."""
    items: list[dict[str, Any]] = [
        {"id": "0", "check": "process", "key": "sleep"},
        {"id": "1", "check": "process", "key": "sleep", "expect": {"count": {"at_most": 1}}},
        {"id": "2", "check": "process", "key": "no-such-program", "expect": {"count": {"absent": True}}},
    ]
    (tmp_path / "request").write_text(json.dumps({"items": items}), encoding="utf-8")
    done = subprocess.run(
        [*UNSHARE, "sh", "-ec", HIDING, "-", sys.executable, str(CHECKS / "batch.py")],
        cwd=tmp_path, capture_output=True, check=False, text=True, timeout=120, env=PLAIN,
    )  # fmt: skip
    if os.geteuid():
        assert done.returncode
        assert [one["outcome"] for one in look(items[2:])] == ["pass"]
        return
    findings = map(json.loads, (tmp_path / "findings").read_text(encoding="utf-8").splitlines())
    told_of = {one["id"]: one for one in findings if "id" in one}
    assert [told_of[name]["outcome"] for name in "012"] == ["pass", "error", "error"], (told_of, done.stderr)
    assert "hidepid" in told_of["2"]["message"]
