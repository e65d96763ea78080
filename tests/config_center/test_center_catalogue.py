"""The catalogue: decoding what checks say of themselves, and asking executables that misbehave."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config_center import describe, limits
from config_center.catalogue import OPEN_KIND, decode_catalogue
from config_center.describe import bundled_checks, catalogue_of, load_catalogue, site_kind
from config_center.errors import CatalogueError
from tests.support.center import DESCRIPTION, small_catalogue, write_checks
from tests.support.waiting import wait_until


def test_a_description_is_decoded() -> None:
    """Kinds with their types, parameters and defaults; what is not said has its default."""
    catalogue = small_catalogue()
    assert catalogue.matchers["between"].operand == "pair"
    command = catalogue.kinds["command"]
    assert command.main is None
    assert command.parameters["argv"].required
    assert command.default == {"exit": {"equals": 0}}
    assert command.property("stdout") is not None
    assert command.property("nothing") is None
    assert OPEN_KIND.property("anything") is not None
    assert OPEN_KIND.parameter("anything") is not None


def _with(change: Callable[[dict[str, Any]], Any]) -> bytes:
    document = json.loads(json.dumps(DESCRIPTION))
    change(document)
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda all_: all_.update(contract=2), "contract 2"),
        (lambda all_: all_.update(kinds={}), "no matchers or no kinds"),
        (lambda all_: all_.update(matchers={}), "no matchers or no kinds"),
        (lambda all_: all_["matchers"].update(like={"operand": "poem"}), "malformed"),
        (lambda all_: all_["kinds"].update({"Bad Name": {}}), "cannot name a kind"),
        (lambda all_: all_["kinds"]["sysctl"].update(main="nothing"), "main property 'nothing'"),
        (lambda all_: all_["kinds"]["sysctl"].update(default={"nothing": {"any": True}}), "default expects 'nothing'"),
        (lambda all_: all_["kinds"]["sysctl"].update(default={"value": {"likes": 1}}), "unknown matcher: likes"),
        (lambda all_: all_["kinds"]["sysctl"]["properties"].update(x={"type": "poem"}), "malformed"),
    ],
)
def test_a_broken_description_is_refused(change: Callable[[dict[str, Any]], Any], why: str) -> None:
    """One error, which says what is wrong."""
    with pytest.raises(CatalogueError, match=why):
        decode_catalogue(_with(change))


@given(st.binary(max_size=80))
@settings(deadline=None)
def test_arbitrary_bytes_are_a_catalogue_error(raw: bytes) -> None:
    """And nothing else."""
    with pytest.raises(CatalogueError):
        decode_catalogue(raw)


def test_the_checks_are_asked_by_running_them(tmp_path: Path) -> None:
    """A folder of checks describes itself through its batch.py; no room is imported."""
    assert catalogue_of(write_checks(tmp_path)) == small_catalogue()


def test_a_folder_without_checks_is_a_clear_error(tmp_path: Path) -> None:
    """It says what is missing."""
    with pytest.raises(CatalogueError, match=r"no folder of checks: it has no batch\.py"):
        catalogue_of(tmp_path)
    with pytest.raises(CatalogueError, match="cannot be started: No such file"):
        load_catalogue([str(tmp_path / "nowhere")])


def test_the_bundled_checks_are_found_beside_the_package() -> None:
    """In a clone they are the folder checks/."""
    assert bundled_checks() == Path(__file__).parent.parent.parent / "checks"


def test_the_bundled_checks_are_found_where_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They travel inside a package of ours; a stranger's `checks` beside it is not taken for them."""
    monkeypatch.setattr(describe, "__file__", str(tmp_path / "config_center" / "describe.py"))
    with pytest.raises(CatalogueError, match="install the whole project, or give --checks DIR"):
        bundled_checks()
    write_checks(tmp_path / "checks")
    ours = write_checks(tmp_path / "inspector_agent" / "bundled_checks")
    assert bundled_checks() == ours


@pytest.mark.parametrize(
    ("program", "why", "seconds"),
    [
        ("raise SystemExit(3)", "ended with exit code 3", 20),
        ("print('no json')", "malformed", 20),
        ("print('{}')", "malformed", 20),
        ("import signal; signal.pause()", "did not end within 0.4 s", 0.4),
        ("import os, signal; os.close(1); signal.pause()", "did not end within 0.4 s", 0.4),
        ("import os\nif os.fork() == 0:\n  import signal; signal.pause()", "did not end within 0.4 s", 0.4),
        ("while True: print('x' * 4096)", "printed more than", 20),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ended with exit code -11", 20),
    ],
)
def test_an_executable_that_misbehaves_is_an_error_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, why: str, seconds: float
) -> None:
    """It hangs, floods, forks or dies: within its time there is one error, and nothing of it is left running."""
    monkeypatch.setattr(limits, "describe_s_max", seconds)
    path = tmp_path / "odd.py"
    lock = (tmp_path / "lock").open("wb")  # held by every process of the program, and by none once all are gone
    path.write_text(f"import fcntl\nheld = open({lock.name!r}, 'wb')\nfcntl.flock(held, fcntl.LOCK_EX)\n{program}\n")
    started = time.monotonic()
    with pytest.raises(CatalogueError, match=why):
        load_catalogue([sys.executable, "-S", str(path)])
    assert time.monotonic() - started < 15
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)


def test_what_is_asked_dies_with_who_asks(tmp_path: Path) -> None:
    """Killed without a chance to clean up, the asking process leaves no executable behind."""
    lock = (tmp_path / "lock").open("wb")
    hang = f"import fcntl, signal; held = open({lock.name!r}, 'wb'); fcntl.flock(held, fcntl.LOCK_EX); signal.pause()"
    ask = f"from config_center.describe import load_catalogue; load_catalogue([{sys.executable!r}, '-c', {hang!r}])"
    asking = subprocess.Popen([sys.executable, "-c", ask], cwd=bundled_checks().parent)
    with lock:
        wait_until(lambda: not _take(lock), "the executable runs")
        asking.kill()
        asking.wait()
        fcntl.flock(lock, fcntl.LOCK_EX)


def _take(lock: IO[bytes]) -> bool:
    """Nobody held the lock. It is given back at once."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(lock, fcntl.LOCK_UN)
    return True


def _executable(path: Path, text: str) -> Path:
    path.write_text(f"#!{sys.executable} -S\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_site_executable_may_describe_its_kind(tmp_path: Path) -> None:
    """It prints the same document, with its own kind."""
    own = {"kinds": {"raid": {"main": "state", "properties": {"state": {"type": "text"}}}}}
    kind = site_kind(_executable(tmp_path / "raid", f"print({json.dumps(own)!r})"), "raid")
    assert kind.main == "state"
    assert not kind.open


@pytest.mark.parametrize(
    "text",
    ["", "print('RAID OK | x=1')", "raise SystemExit(3)", 'print(\'{"kinds": {"other": {}}}\')', "print('{'*99999)"],
)
def test_a_site_executable_need_not_describe_itself(tmp_path: Path, text: str) -> None:
    """Then anything can be expected of it."""
    assert site_kind(_executable(tmp_path / "raid", text), "raid") == OPEN_KIND


def test_a_site_executable_that_cannot_run_is_open_too(tmp_path: Path) -> None:
    """A program for another machine can be published from this one."""
    (tmp_path / "raid").write_bytes(b"\x7fELF not for here")
    (tmp_path / "raid").chmod(0o755)
    assert site_kind(tmp_path / "raid", "raid") == OPEN_KIND
    assert limits.describe_site_s_max < limits.describe_s_max
