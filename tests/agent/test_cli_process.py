"""inspector-agent as a process: colours, pipes, signals, and what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.center import write_fleet
from tests.support.checks import gone
from tests.support.waiting import wait_until

AGENT = [sys.executable, "-m", "inspector_agent.cli"]


@contextmanager
def agent(*words: object, **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """A running inspector-agent; killed at the end, if it still runs."""
    with subprocess.Popen([*AGENT, *map(str, words)], **options) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.kill()


def on_a_terminal(environment: dict[str, str], *words: object) -> str:
    """What inspector-agent prints to a terminal."""
    ours, theirs = os.openpty()
    with agent(*words, stdout=theirs, stderr=subprocess.DEVNULL, env=os.environ | environment) as process:
        os.close(theirs)
        said = b""
        try:
            while piece := os.read(ours, 65_536):
                said += piece
        except OSError:  # how Linux says that the other end is closed
            process.wait()
        os.close(ours)
    return said.decode()


def failing(directory: Path) -> Path:
    """A fleet's directory with one item that fails everywhere."""
    return write_fleet(directory / "fleet", {"10.yml": "items: {kernel: {release: {equals: '1.0'}}}\n"})


def test_colours_are_for_terminals_that_want_them(tmp_path: Path) -> None:
    """On a terminal yes, with NO_COLOR no."""
    words = ("check", "--release", failing(tmp_path))
    assert "\x1b[1;31mfail\x1b[0m" in on_a_terminal({"NO_COLOR": ""}, *words)
    assert "\x1b" not in on_a_terminal({"NO_COLOR": "1"}, *words)


def test_no_colours_go_into_a_pipe(tmp_path: Path) -> None:
    """Nor anything else than the findings."""
    with agent("check", "--release", failing(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        out, err = process.communicate()
    assert (process.returncode, err) == (1, b"")
    assert b"fail   kernel:release" in out
    assert b"\x1b" not in out


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    """`inspector-agent facts | head -1` says nothing about a broken pipe."""
    reading, writing = os.pipe()
    os.close(reading)
    with agent("facts", stdout=writing, stderr=subprocess.PIPE) as process:
        os.close(writing)
        _, err = process.communicate()
    assert (process.returncode, err) == (0, b"")


@pytest.fixture
def hanging(tmp_path: Path) -> Path:
    """A fleet's directory with a command that writes its pid and hangs, and another that leaves a daemon behind."""
    script = f"echo $$ > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/pid; exec sleep 600"
    layer = f"items: {{command: {{hangs: {{with: {{argv: [sh, -c, '{script}'], below_root: true}}, timeout: 30}}}}}}\n"
    return write_fleet(tmp_path / "fleet", {"10.yml": layer})


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_command_ends_with_the_agent(hanging: Path, tmp_path: Path, number: int, code: int) -> None:
    """After Ctrl-C, and after a SIGKILL that leaves no time to clean up: what a check runs does not go on."""
    with agent("check", "--release", hanging, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_until((tmp_path / "pid").exists, "the command runs")
        process.send_signal(number)
        _, err = process.communicate()
    assert process.returncode == code
    assert err == (b"inspector-agent: interrupted\n" if number == signal.SIGINT else b"")
    assert gone(int((tmp_path / "pid").read_text()))


def test_run_ends_by_sigterm(tmp_path: Path) -> None:
    """A service is stopped without an error, also while there is no Serf at all."""
    (tmp_path / "agent.yml").write_text("ring: {rpc: '127.0.0.1:1'}\ncache: cache\n", encoding="utf-8")
    with agent("run", "--config", tmp_path / "agent.yml", stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    assert b"serf-away" in line
