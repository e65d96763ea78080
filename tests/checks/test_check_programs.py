"""Programs that misbehave: each ends in time, with all that it started, and is told as what it did."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from checklib import limits

from tests.support.check_cases import CHECKS, Finding, look_at, outcome, plant
from tests.support.waiting import PATIENCE_S


def run(root: Path, text: str, *, timeout_s: float = 60.0, check: str = "command") -> Finding:
    """The finding about a shell program."""
    plant(root, {"/program": {"text": f"#!/bin/sh\n{text}\n", "mode": "0755"}})
    return look_at(check, "it", root=root, parameters={"argv": ["/program"], "below_root": True}, timeout_s=timeout_s)


def wait_for_end(pid: int) -> None:
    """Until it is gone, or so long a time has passed that nobody would have ended it."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    ended = poll.poll(1000 * PATIENCE_S)
    os.close(fd)
    assert ended, f"process {pid} is still there"


def pids(path: Path) -> list[int]:
    """The process numbers that a program wrote down."""
    return [int(word) for word in path.read_text(encoding="ascii").split()]


@pytest.mark.parametrize("check", ["command", "nagios"])
def test_one_that_hangs_is_ended(tmp_path: Path, check: str) -> None:
    """An error that says how long it was waited for; and it is gone."""
    found = run(tmp_path, "echo $$ > pid\nexec sleep 1000", timeout_s=1.5, check=check)
    assert outcome(found) == ("error", "", "timeout after 1.5 s")
    assert 1500 <= found["ms"] < 60_000
    (pid,) = pids(tmp_path / "pid")
    wait_for_end(pid)


def test_one_that_ignores_every_signal_is_ended(tmp_path: Path) -> None:
    """There is one signal that nobody can ignore."""
    found = run(tmp_path, "trap '' TERM INT HUP ALRM\necho $$ > pid\nwhile :; do sleep 1000; done", timeout_s=1.5)
    assert outcome(found) == ("error", "", "timeout after 1.5 s")
    (pid,) = pids(tmp_path / "pid")
    wait_for_end(pid)


@pytest.mark.parametrize("ends", ["exit 0", "sleep 1000"])
def test_children_end_with_it_also_those_that_left_its_group_and_session(tmp_path: Path, ends: str) -> None:
    """A daemon forks twice and takes a session of its own: it is found all the same."""
    inner = 'setsid sh -c "echo \\$\\$ >> pids; exec sleep 1000" &'
    daemon = f"setsid sh -c 'echo $$ >> pids; {inner} exec sleep 1000' > /dev/null 2>&1 &"
    text = f"sleep 1000 & echo $! >> pids\n{daemon}\nuntil [ $(wc -l < pids) -ge 3 ]; do :; done\n{ends}"
    found = run(tmp_path, text, timeout_s=60 if ends == "exit 0" else 5)
    assert found["outcome"] == ("pass" if ends == "exit 0" else "error"), found
    started = pids(tmp_path / "pids")
    assert len(started) >= 3
    for pid in started:
        wait_for_end(pid)


def test_a_child_that_keeps_the_output_open_is_not_waited_for(tmp_path: Path) -> None:
    """The program has ended: that is what counts."""
    found = run(tmp_path, "sleep 1000 &\necho done")
    assert outcome(found) == ("pass", "0", "")
    assert found["ms"] < 50_000


@pytest.mark.parametrize("text", ["yes", "yes >&2", "yes & yes >&2 & wait"])
def test_a_flood_is_ended(tmp_path: Path, text: str) -> None:
    """On either stream: an error that names the bound, long before the timeout."""
    found = run(tmp_path, text)
    assert outcome(found) == ("error", "", f"the program printed more than {limits.output_bytes_max} bytes")
    assert found["ms"] < 50_000


def test_long_output_is_kept_in_part(tmp_path: Path) -> None:
    """Less than a flood, more than is kept: the beginning counts."""
    plant(
        tmp_path,
        {"/program": {"text": "#!/bin/sh\necho first\nhead -c 300000 /dev/zero | tr '\\0' x\n", "mode": "0755"}},
    )
    expect = {"stdout": {"matches": "^first$"}}
    given = {"argv": ["/program"], "below_root": True}
    found = look_at("command", "it", expect, tmp_path, parameters=given, timeout_s=20)
    assert found["outcome"] == "pass"
    assert len(found["observed"]) == limits.observed_chars_max


@pytest.mark.parametrize(
    ("matcher", "wanted"),
    [
        ({"contains": "first"}, "pass"),
        ({"contains": "last"}, "error"),
        ({"matches": "^first$"}, "pass"),
        ({"matches": "^last$"}, "error"),
        ({"matches": r"\A(?![\s\S]*last)"}, "error"),
        ({"matches": "x$"}, "error"),
        ({"equals": "first"}, "fail"),
    ],
)
def test_what_is_cut_off_is_not_taken_for_absent(tmp_path: Path, matcher: dict[str, str], wanted: str) -> None:
    """The last line was thrown away: it is neither there nor not there, and the finding says that it was cut."""
    text = "#!/bin/sh\necho first\nhead -c 300000 /dev/zero | tr '\\0' x\necho\necho last\n"
    plant(tmp_path, {"/program": {"text": text, "mode": "0755"}})
    given = {"argv": ["/program"], "below_root": True}
    found = look_at("command", "it", {"stdout": matcher}, tmp_path, parameters=given, timeout_s=20)
    assert found["outcome"] == wanted, found
    assert f"stdout was cut after {limits.output_kept_bytes} bytes" in found["message"]


@pytest.mark.parametrize(
    ("expect", "wanted"),
    [
        ({"status": {"equals": "ok"}}, "pass"),
        ({"message": {"equals": "fine"}}, "pass"),
        ({"perfdata": {"contains": "a=1"}}, "pass"),
        ({"perfdata": {"contains": "last=1"}}, "error"),
    ],
)
def test_of_a_plugin_that_says_too_much_the_beginning_counts(
    tmp_path: Path, expect: dict[str, dict[str, str]], wanted: str
) -> None:
    """Its verdict and first line are whole; what stands behind its bars may not be."""
    text = "#!/bin/sh\necho 'fine | a=1'\nhead -c 300000 /dev/zero | tr '\\0' x\necho '| last=1'\n"
    plant(tmp_path, {"/program": {"text": text, "mode": "0755"}})
    given = {"argv": ["/program"], "below_root": True}
    found = look_at("nagios", "it", expect, tmp_path, parameters=given, timeout_s=20)
    assert found["outcome"] == wanted, found


@pytest.mark.parametrize("text", ["head -c 100000 /dev/urandom", "printf '\\000\\377\\033[2J\\n'", "cat /bin/true"])
def test_garbage_is_only_text(tmp_path: Path, text: str) -> None:
    """Bytes that are no text harm nobody."""
    found = run(tmp_path, text)
    assert outcome(found) == ("pass", "0", "")
    assert run(tmp_path, text, check="nagios")["message"].isprintable()


def test_it_may_not_take_all_memory(tmp_path: Path) -> None:
    """Beyond the bound it gets none, and fails by itself."""
    text = f"exec {sys.executable} -c 'bytearray(2 * {limits.program_memory_bytes})'"
    found = run(tmp_path, text)
    assert found["outcome"] == "fail"
    assert "Traceback" in found["message"]


def test_it_may_not_fill_the_disk(tmp_path: Path) -> None:
    """A file beyond the bound ends the program that writes it."""
    found = run(tmp_path, "exec head -c 100000000 /dev/zero > big")
    assert found["outcome"] == "fail"
    assert found["observed"] == str(128 + signal.SIGXFSZ)
    assert (tmp_path / "big").stat().st_size <= limits.program_file_bytes


def test_one_that_burns_its_cpu_time_is_an_error(tmp_path: Path) -> None:
    """It was ended by our bound, not by itself: that is no wrong answer."""
    assert outcome(run(tmp_path, "kill -XCPU $$", timeout_s=20)) == (
        "error",
        "",
        f"{tmp_path}/program used more than 21 s of CPU",
    )


def test_its_surroundings_are_bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No input, only its three streams, low priority, none of our environment."""
    monkeypatch.setenv("OF_THE_AGENT", "x")
    text = "env > env; ls /proc/self/fd > fds; nice > nice; wc -c > input; { ulimit -c; ulimit -t; } > limits"
    run(tmp_path, text, timeout_s=20)
    env = dict(line.split("=", 1) for line in (tmp_path / "env").read_text(encoding="utf-8").splitlines())
    assert set(env) - {"PWD", "SHLVL", "OLDPWD", "_"} == {"PATH", "LC_ALL", "HOME", "INSPECTOR_ROOT"}
    assert set((tmp_path / "fds").read_text(encoding="ascii").split()) <= {"0", "1", "2", "3"}  # 3: ls's own
    assert int((tmp_path / "nice").read_text(encoding="ascii")) >= 10
    assert (tmp_path / "input").read_text(encoding="ascii").strip() == "0"
    assert re.findall(r"\d+$", (tmp_path / "limits").read_text(encoding="ascii"), re.MULTILINE) == ["0", "21"]


def test_a_bare_name_is_also_looked_for_on_our_own_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site's tools may stand elsewhere; directories that are not absolute do not count."""
    plant(tmp_path, {"/tools/site-tool": {"text": "#!/bin/sh\n", "mode": "0755"}})
    monkeypatch.chdir(tmp_path)
    argv = {"argv": ["site-tool"]}
    monkeypatch.setenv("PATH", f"/nothing:{tmp_path}/tools")
    assert look_at("command", "it", parameters=argv)["outcome"] == "pass"
    monkeypatch.setenv("PATH", "tools:")
    assert look_at("command", "it", parameters=argv)["message"] == "there is no program site-tool"


@pytest.mark.parametrize("check", ["command", "nagios"])
def test_the_program_of_an_image_does_not_run_on_the_machine(tmp_path: Path, check: str) -> None:
    """Not a line of it, unless the item says that it may; then it runs in the image, and is told so."""
    plant(tmp_path, {"/usr/sbin/sshd": {"text": '#!/bin/sh\necho "$INSPECTOR_ROOT" > ran\n', "mode": "0755"}})
    found = look_at(check, "it", root=tmp_path, parameters={"argv": ["sshd"]})
    assert found["outcome"] == "na"
    assert not (tmp_path / "ran").exists()
    assert look_at(check, "it", root=tmp_path, parameters={"argv": ["sshd"], "below_root": True})["outcome"] == "pass"
    assert (tmp_path / "ran").read_text(encoding="utf-8") == f"{tmp_path}\n"


def test_a_program_of_the_machine_says_nothing_of_an_image(tmp_path: Path) -> None:
    """It would look at the machine: there is an /etc/passwd, but not where it was asked for."""
    given = {"argv": ["test", "-e", "/etc/passwd"]}
    assert look_at("command", "it", root=plant(tmp_path, {}), parameters=given)["outcome"] == "na"
    assert look_at("command", "it", parameters=given)["outcome"] == "pass"


def start_batch(root: Path, text: str) -> tuple[subprocess.Popen[bytes], list[int]]:
    """A batch in the midst of a program that has written the numbers of its processes into a pipe."""
    os.mkfifo(root / "pids")
    plant(root, {"/program": {"text": f"#!/bin/sh\n{text}\n", "mode": "0755"}})
    item = {"check": "command", "key": "it", "with": {"argv": ["/program"], "below_root": True}, "timeout_s": 60}
    batch = subprocess.Popen([sys.executable, str(CHECKS / "batch.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert batch.stdin is not None
    batch.stdin.write(json.dumps({"root": str(root), "items": [item]}).encode())
    batch.stdin.close()
    return batch, pids(root / "pids")


@pytest.mark.parametrize(("number", "text"), [
    (signal.SIGKILL, "echo $$ > pids; exec sleep 1000"),
    (signal.SIGTERM, "setsid sleep 1000 & echo $$ $! > pids; exec sleep 1000"),
    (signal.SIGINT, "setsid sleep 1000 & echo $$ $! > pids; exec sleep 1000"),
])  # fmt: skip
def test_it_ends_with_whoever_started_it(tmp_path: Path, number: signal.Signals, text: str) -> None:
    """The batch is killed: its program dies with it. It is asked to end: so do all that the program started."""
    batch, started = start_batch(tmp_path, text)
    batch.send_signal(number)
    for pid in started:
        wait_for_end(pid)
    batch.wait(PATIENCE_S)
    if batch.stdout is not None:
        batch.stdout.close()
