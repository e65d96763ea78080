"""Stand-ins for checks that misbehave in every way we know, and items to run them on."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from config_center.resolve import Item
from inspector_agent.findings import Finding
from inspector_agent.runner import kin
from inspector_agent.runner.run import CheckRunner
from tests.support.waiting import PATIENCE_S

# The bundled batch, played by a module whose items say by their key how to behave.
MISCHIEF = '''
import json, os, resource, signal, sys

FINDINGS_FD = 3

def kinds():
    return []

def run(request, emit):
    for item in request["items"]:
        emit({"start": item["id"]})
        name, _, argument = item["key"].partition(" ")
        said = globals()[name](argument, request, emit, item)
        if said is not None:
            emit({"id": item["id"], "outcome": "pass", "observed": said, "message": "", "ms": 0.1})

def good(argument, request, emit, item):
    return argument

def hang(argument, request, emit, item):
    signal.pause()

def silent(argument, request, emit, item):
    return None

def exits(argument, request, emit, item):
    os._exit(int(argument))

def asks_to_exit(argument, request, emit, item):
    sys.exit(int(argument))

def raises(argument, request, emit, item):
    raise ValueError(argument)

def signals(argument, request, emit, item):
    os.kill(os.getpid(), int(argument))
    signal.pause()

def floods(argument, request, emit, item):
    while True:
        os.write(FINDINGS_FD, b'{"start": "' + item["id"].encode() + b'"}\\n')

def long_line(argument, request, emit, item):
    os.write(FINDINGS_FD, b"x" * 40_000 + b"\\n")
    return "after"

def garbage(argument, request, emit, item):
    os.write(FINDINGS_FD, b"one\\ntwo\\nthree\\n")
    return "after"

def prints(argument, request, emit, item):
    print("a stray print")
    return "printed"

def shouts(argument, request, emit, item):
    while True:
        os.write(2, b"x" * 65536)

def stranger(argument, request, emit, item):
    emit({"id": "sysctl:not.asked", "outcome": "pass"})

def twice(argument, request, emit, item):
    emit({"id": item["id"], "outcome": "fail", "observed": "first"})
    return "second"

def no_newline(argument, request, emit, item):
    os.write(FINDINGS_FD, json.dumps({"id": item["id"], "outcome": "pass", "observed": "cut"}).encode())
    os._exit(0)

def memory(argument, request, emit, item):
    return str(len(bytearray(600 << 20)))

def big_file(argument, request, emit, item):
    with open(argument, "wb") as file:
        for _ in range(64):
            file.write(b"x" * (1 << 20))
    return "written"

def say_pid(argument):
    with open(argument + ".new", "w") as file:
        file.write(str(os.getpid()))
    os.rename(argument + ".new", argument)

def say_pid_and_hang(argument, request, emit, item):
    say_pid(argument)
    signal.pause()

def daemon(argument, request, emit, item):
    """A child that leaves its session and its parent, as a daemon does, and writes its pid."""
    heard, said = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        say_pid(argument)
        os.write(said, b".")
        signal.pause()
    os.wait()
    os.read(heard, 1)
    os.close(heard)
    os.close(said)
    return "left one behind"

def daemon_and_hang(argument, request, emit, item):
    daemon(argument, request, emit, item)
    signal.pause()

def daemon_and_crash(argument, request, emit, item):
    daemon(argument, request, emit, item)
    os.kill(os.getpid(), signal.SIGSEGV)
    signal.pause()

def where(argument, request, emit, item):
    """What this process is and may, as JSON."""
    handled = [int(n) for n in signal.valid_signals() if signal.getsignal(n) not in (signal.SIG_DFL, None)]
    return json.dumps({
        "fds": sorted(int(fd) for fd in os.listdir("/proc/self/fd"))[:-1], "sid": os.getsid(0) == os.getpid(),
        "nice": os.nice(0), "cwd": os.getcwd(), "handled": handled,
        "oom": open("/proc/self/oom_score_adj").read().strip(),
        "files": resource.getrlimit(resource.RLIMIT_NOFILE)[0], "core": resource.getrlimit(resource.RLIMIT_CORE)[0]})

def keeps(argument, request, emit, item):
    emit({"id": item["id"], "outcome": "pass", "observed": json.dumps(item.get("last")), "keep": {"n": 2}})

def leaks(argument, request, emit, item):
    """Tells what it expects, in every way a check has."""
    said = json.dumps(item["expect"])
    if argument == "stderr":
        os.write(2, said.encode())
        os._exit(3)
    if argument == "garbage":
        os.write(FINDINGS_FD, said.encode() + b"\\n")
    elif argument == "stranger":
        emit({"id": said, "outcome": "pass"})
    elif argument == "raises":
        raise ValueError(said)
    else:
        emit({"id": item["id"], "outcome": argument, "observed": said, "message": said})

def asked(argument, request, emit, item):
    return json.dumps({"root": request["root"], "name": request["facts"]["name"], "contract": request["contract"],
                       "with": item["with"], "expect": item["expect"]})
'''


def mischief(directory: Path) -> Path:
    """A directory of bundled checks whose one kind, `fake`, misbehaves as its key says."""
    checks = directory / "checks"
    checks.mkdir(parents=True)
    (checks / "batch.py").write_text(MISCHIEF, encoding="utf-8")
    (checks / "fake.py").write_text("", encoding="utf-8")
    return checks


def program(directory: Path, name: str, body: str, *, mode: int = 0o755) -> Path:
    """An executable of a site: a shell script."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    path.write_text("#!/bin/sh\n" + textwrap.dedent(body), encoding="utf-8")
    path.chmod(mode)
    return path


def items(*keys: str, check: str = "fake", timeout_s: float = 5.0) -> list[Item]:
    """One item a key, numbered in order."""
    return [
        Item(number, f"{check}:{key}", check, key, {"value": {"equals": "x"}}, {}, "major", timeout_s, "layers/a.yml:1")
        for number, key in enumerate(keys)
    ]


class Bench:
    """A runner over mischievous checks, or those given; keeps what was found, by item id."""

    def __init__(self, directory: Path, *, root: str = "/", checks: Path | None = None, key: bytes = b"") -> None:
        self.parts = directory / "parts"
        self.runner = CheckRunner(
            checks_dir=checks or mischief(directory),
            parts_dir=self.parts,
            root=root,
            facts={"name": "n001", "tags": {}},
            secret_key=key,
        )
        self.before = set(kin.children_of(os.getpid()))
        self.found: dict[str, Finding] = {}
        self.order: list[Finding] = []

    def emit(self, finding: Finding) -> None:
        """Keep a finding; a second one for the same item is a bug of the runner."""
        assert finding.id not in self.found
        self.found[finding.id] = finding
        self.order.append(finding)

    def left_behind(self) -> set[int]:
        """Children of this process that were not there before the first run."""
        return set(kin.children_of(os.getpid())) - self.before

    async def run(self, asked: Sequence[Item], *, deadline_s: float = 30.0) -> dict[str, Finding]:
        """Run and return the findings."""
        await self.runner.run(asked, self.emit, deadline_s=deadline_s)
        return self.found


AGENT = """
import sys, trio
from pathlib import Path
from tests.support.checks import Bench, items
check, _, key = sys.argv[2].partition(":")
trio.run(Bench(Path(sys.argv[1])).run, items(key, check=check))
"""


@contextmanager
def agent_process(directory: Path, item: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own that runs one item over mischievous checks, to be killed."""
    repository = Path(__file__).parent.parent.parent
    with subprocess.Popen([sys.executable, "-c", AGENT, str(directory), item], cwd=repository) as process:
        try:
            yield process
        finally:
            process.kill()


def gone(pid: int) -> bool:
    """The process has ended; waits for it, because a kill is no appointment."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        ended = bool(select.select([pidfd], [], [], PATIENCE_S)[0])
    finally:
        os.close(pidfd)
    with suppress(ChildProcessError):  # orphans of a killed agent come to this process
        os.waitpid(pid, os.WNOHANG)
    return ended
