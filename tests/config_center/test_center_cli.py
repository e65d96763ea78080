"""The command line, as people and pipelines use it."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.center import write_checks, write_fleet
from tests.support.layers import Run

REPOSITORY = Path(__file__).parent.parent.parent

FLEET = {
    "00-fleet.yml": "items:\n  sysctl: {a: 1, b: {at_most: 5}}\n",
    "10-b.yml": "match: {zone: b}\nitems:\n  sysctl:\n    b: {at_most: 3, title: Less in b, severity: minor}\n",
}


class Center:
    """A fleet's directory, and the command with the small catalogue."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.home = home
        self.fleet = write_fleet(home / "fleet", FLEET)
        self._checks = write_checks(home / "described")
        self._capsys, self._patch = capsys, patch

    def __call__(self, command: str, *arguments: str) -> Run:
        """Run one command; a path is relative to the folder above the fleet's."""
        extra = () if command == "serve" else ("--checks", str(self._checks))
        return Run(self._capsys, self._patch, command, *arguments, *extra)


@pytest.fixture
def center(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Center:
    monkeypatch.chdir(tmp_path)
    return Center(tmp_path, capsys, monkeypatch)


def test_validate_says_that_all_is_well(center: Center) -> None:
    """Exit 0, nothing on stdout: there is no mistake to be read from it."""
    run = center("validate", "fleet")
    assert (run.code, run.out) == (0, "")
    assert run.err == "no mistakes: 2 layers, 2 items, 0 checks of the site\n"


def test_validate_prints_every_mistake_and_exits_1(center: Center) -> None:
    """As path:line:column that an editor opens from here; the count goes to stderr."""
    write_fleet(center.fleet, {"20.yml": "items: {sysctl: {a: {at_mots: 1}}}\n", "30.yml": "match: {}\n"})
    run = center("validate", "fleet")
    assert run.code == 1
    assert run.out.splitlines() == [
        "fleet/layers/20.yml:1:22: unknown key 'at_mots'; did you mean at_most?",
        "fleet/layers/30.yml:1:1: empty layer: it has no items; write items:, or remove the file",
        "fleet/layers/30.yml:1:8: match is empty; write match: {tag: value}, or leave it out for every node",
    ]
    assert run.err == "3 mistakes in 2 files\n"


def test_validate_as_json(center: Center) -> None:
    """With the same exit code, and each part of a mistake by itself."""
    assert center("validate", "fleet", "--json").json == {
        "mistakes": [], "warnings": [], "layers": 2, "items": 2, "checks": 0, "waivers": 0,
    }  # fmt: skip
    write_fleet(center.fleet, {"20.yml": "items: {sysctl: {a: {at_mots: 1}}}\n"})
    run = center("validate", "fleet", "--json")
    assert run.code == 1
    assert run.json["mistakes"] == [
        {
            "file": "layers/20.yml",
            "line": 1,
            "column": 22,
            "what": "unknown key 'at_mots'",
            "hint": "did you mean at_most?",
        }
    ]


def test_the_directory_is_here_if_not_said(center: Center, monkeypatch: pytest.MonkeyPatch) -> None:
    """And then paths are not prefixed."""
    write_fleet(center.fleet, {"20.yml": ""})
    monkeypatch.chdir(center.fleet)
    assert center("validate").out.startswith("layers/20.yml:1:1: empty layer")


@pytest.mark.parametrize(
    "command", [["validate", "nowhere"], ["publish", "nowhere"], ["render", "n1", "--dir", "nowhere"]]
)
def test_a_directory_that_is_none_exits_2(center: Center, command: list[str]) -> None:
    """Usage, not a mistake in layers; one line on stderr."""
    run = center(*command)
    assert (run.code, run.out) == (2, "")
    assert run.err == "config-center: nowhere/layers: no such folder; a fleet's directory holds layers/*.yml\n"


def test_checks_that_are_none_exit_2(center: Center, capsys: pytest.CaptureFixture[str]) -> None:
    """--checks must lead to a folder of checks."""
    with pytest.MonkeyPatch.context() as patch:
        run = Run(capsys, patch, "validate", "fleet", "--checks", "fleet")
    assert run.code == 2
    assert run.err == "config-center: fleet is no folder of checks: it has no batch.py\n"


def test_render_shows_values_with_their_provenance(center: Center) -> None:
    """Each item with what is expected, how severe, from where, and over what."""
    run = center("render", "n1", "--tag", "zone=b", "--tag", "x=y=z", "--dir", "fleet")
    assert run.code == 0
    assert run.out.splitlines() == [
        "sysctl:a  1          major  layers/00-fleet.yml:2",
        "sysctl:b  at_most 3  minor  layers/10-b.yml:4      over layers/00-fleet.yml:2",
    ]
    assert run.err == "n1: 2 items\n"


def test_render_as_json(center: Center) -> None:
    """The whole items, as a program wants them."""
    run = center("render", "n1", "--tag", "zone=b", "--dir", "fleet", "--json")
    assert run.json["node"] == "n1"
    assert run.json["tags"] == {"zone": "b"}
    assert run.json["items"][1] == {
        "number": 1,
        "id": "sysctl:b",
        "check": "sysctl",
        "key": "b",
        "expect": {"value": {"at_most": 3}},
        "with": {},
        "severity": "minor",
        "timeout_s": 2.0,
        "source": "layers/10-b.yml:4",
        "overrides": ["layers/00-fleet.yml:2"],
        "title": "Less in b",
    }


def test_render_of_a_node_that_no_layer_is_for(center: Center) -> None:
    """It is said; it is no error to ask."""
    (center.fleet / "layers" / "00-fleet.yml").unlink()
    run = center("render", "n1", "--dir", "fleet")
    assert (run.code, run.out, run.err) == (0, "", "n1: no layer is for it; it has no items\n")


def test_render_explains_one_item(center: Center) -> None:
    """Every layer's word on it, the one that holds first, and what is said of it."""
    run = center("render", "n1", "--tag", "zone=b", "--dir", "fleet", "--why", "sysctl:b")
    assert run.out.splitlines() == [
        "layers/10-b.yml:4  at_most 3  <- this one holds",
        "layers/00-fleet.yml:2  at_most 5",
        "  severity: minor",
        "  timeout_s: 2.0",
        "  title: Less in b",
    ]
    run = center("render", "n1", "--tag", "zone=b", "--dir", "fleet", "--why", "sysctl:b", "--json")
    assert [step["source"] for step in run.json["steps"]] == ["layers/10-b.yml:4", "layers/00-fleet.yml:2"]
    run = center("render", "n1", "--dir", "fleet", "--why", "sysctl:bb")
    assert (run.code, run.err) == (2, "config-center: no layer expects sysctl:bb of n1; did you mean sysctl:b?\n")


@pytest.mark.parametrize("tag", ["zone", "=b", ""])
def test_a_bad_tag_exits_2(center: Center, tag: str) -> None:
    """It says how a tag is given."""
    run = center("render", "n1", "--tag", tag, "--dir", "fleet")
    assert (run.code, run.err) == (2, f"config-center: --tag {tag}: a tag is given as key=value\n")


def test_serve_of_nothing_exits_2(center: Center) -> None:
    """It names the directory and the command that makes it."""
    run = center("serve", "store")
    assert (run.code, run.err) == (
        2,
        "config-center: store: no such database or folder; config-center publish makes one\n",
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid", "a" * 70, "127.0.0.1"])
def test_an_address_that_cannot_be_served_on_exits_2(center: Center, host: str) -> None:
    """Not ours, unknown, no name at all, taken: one sentence."""
    (center.home / "store").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = center("serve", str(center.home / "store"), "--host", host, "--port", str(port))
    assert (run.code, run.out) == (2, "")
    assert run.err.startswith(f"config-center: cannot serve on {host}:{port}: ")
    assert run.err.endswith("; give another address\n")
    assert run.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["bogus"], ["validate", "--bogus"], ["render"], ["serve", ".", "--port", "70000"]]
)
def test_wrong_usage_exits_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """And points to the help."""
    run = Run(capsys, monkeypatch, *arguments)
    assert run.code == 2
    assert "--help" in run.err


@pytest.mark.parametrize("command", ["validate", "render", "publish", "serve"])
def test_help_has_an_example(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """That can be copied as it stands."""
    run = Run(capsys, monkeypatch, command, "--help")
    assert run.code == 0
    assert "Example" in run.out
    assert f"\n    config-center {command}" in run.out


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_serve_says_when_it_is_ready_and_ends_well(tmp_path: Path, ending: signal.Signals) -> None:
    """The ready line has the URL; a signal ends it with exit 0 and without a traceback."""
    store = tmp_path / "store"
    store.mkdir()
    command = [sys.executable, "-m", "config_center", "serve", str(store), "--port", "0"]
    server = subprocess.Popen(
        ["/bin/sh", "-c", 'ulimit -Sn 64 && ulimit -Hn 100 && exec "$@"', "sh", *command],
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )  # fmt: skip
    try:
        assert server.stderr is not None
        ready = server.stderr.readline()
        assert ready.startswith(f"config-center serves {store} on http://127.0.0.1:")
        health = httpx.get(ready.split(" on ")[1].strip() + "/health", trust_env=False, timeout=60)
        assert health.json()["status"] == "ok"
        assert resource.prlimit(server.pid, resource.RLIMIT_NOFILE) == (100, 100)  # it takes what it may have
        server.send_signal(ending)
        out, err = server.communicate(timeout=60)
        assert (server.returncode, out, err) == (0, "", "")
    finally:
        server.kill()
        server.wait()


def test_a_reader_that_leaves_is_no_traceback(tmp_path: Path) -> None:
    """`config-center validate | head -1` ends quietly."""
    fleet = write_fleet(tmp_path, {f"{number:04}.yml": "" for number in range(900)})
    described = write_checks(tmp_path / "described")
    command = [sys.executable, "-m", "config_center", "validate", str(fleet), "--checks", str(described)]
    run = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert run.stdout is not None
    assert run.stderr is not None
    run.stdout.readline()
    run.stdout.close()
    assert "Traceback" not in run.stderr.read()
    run.stderr.close()
    assert run.wait(20) == 1


def test_only_commands_of_the_store_load_its_library() -> None:
    """`--help` and `validate` answer in a fraction of a second: SQLAlchemy alone would take a third of one."""
    code = "import sys, config_center.cli; print(*{'sqlalchemy', 'alembic', 'starlette', 'nacl'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
