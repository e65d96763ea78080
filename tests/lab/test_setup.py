"""Set-up: what it says on an old machine, what it pins, and how it does without root."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from inspector_lab import bootstrap, debian, installer, tools
from inspector_lab.errors import SetupError, ToolMissingError
from inspector_lab.tools import REPOSITORY

LOCK = REPOSITORY / "requirements.lock"


def pinned() -> dict[str, str]:
    """Package -> version of the lock file; fails on any other line."""
    lines = [line for line in LOCK.read_text().splitlines() if not line.startswith("#")]
    matches = [re.fullmatch(r"([A-Za-z0-9._-]+)==([0-9][A-Za-z0-9.+!]*)", line) for line in lines]
    assert None not in matches, "something else than NAME==VERSION"
    return {match[1].lower().replace("_", "-"): match[2] for match in matches if match}


def test_the_lock_holds_versions_only_and_all_that_is_needed() -> None:
    """No address of any registry; every dependency of every extra is pinned."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    names = {re.split(r"[\[<>=~! ]", requirement)[0].lower() for requirement in wanted} - {"fleet-inspector"}
    assert names <= set(pinned())


def test_bootstrap_can_be_read_by_an_old_python() -> None:
    """It could not say that Python is too old if that Python could not parse it."""
    source = (REPOSITORY / "inspector_lab" / "bootstrap.py").read_text()
    ast.parse(source, feature_version=(3, 6))


def test_an_old_python_is_told_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which one this is, which are looked for, and what to do."""
    monkeypatch.setattr(bootstrap, "OLDEST", (99, 0))
    monkeypatch.setattr(bootstrap, "CANDIDATES", ("python99.1", "python99.0"))
    assert bootstrap.main() == 1
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert "none of python99.1, python99.0 is on PATH: install" in said


def test_a_shim_that_does_not_start_is_no_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Version managers leave commands on PATH that only print an error."""
    shim = tmp_path / "python3.14"
    shim.write_text("#!/bin/sh\necho 'pyenv: python3.14: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bootstrap.newer_python() is None


def test_set_up_is_done_again_when_what_it_was_made_from_changes(tmp_path: Path) -> None:
    """The stamp is a hash of the lock, the project file and the installer itself."""
    for name in ("requirements.lock", "pyproject.toml", "inspector_lab/installer.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    before = installer.fingerprint(tmp_path)
    assert installer.fingerprint(tmp_path) == before
    (tmp_path / "requirements.lock").write_text("trio==0.1")
    assert installer.fingerprint(tmp_path) != before


def test_what_apt_would_install_is_read_from_its_simulation() -> None:
    """Dependencies too, in apt's own words."""
    simulation = (
        "NOTE: This is only a simulation!\n"
        "Inst libwrap0 (7.6.q-32 Debian:12.11/stable [amd64])\n"
        "Inst openssh-server (1:9.2p1-2 Debian:12.11/stable [amd64]) []\n"
        "Conf libwrap0 (7.6.q-32 Debian:12.11/stable [amd64])\n"
    )
    assert debian.planned(simulation) == ["libwrap0", "openssh-server"]


def test_an_unpacked_program_finds_the_libraries_beside_it(tmp_path: Path) -> None:
    """Through a starter of its own name, which passes arguments on as they are; also after the clone was moved."""
    built, tmp_path = tmp_path / "built", tmp_path / "moved"
    library = built / "root" / "usr" / "lib" / "x86_64-linux-gnu" / "libwrap.so.0"
    program = built / "root" / "usr" / "sbin" / "serf"
    sftp = built / "root" / "usr" / "bin" / "sftp"
    for path in (library, program, sftp):
        path.parent.mkdir(parents=True)
        path.write_text('#!/bin/sh\necho "$LD_LIBRARY_PATH"\nprintf "%s|" "$@"\n')
        path.chmod(0o755)
    debian.write_starters(built)
    built.rename(tmp_path)
    assert tools.locate("no-such-program", tmp_path) is None
    environment = {key: value for key, value in os.environ.items() if key != "LD_LIBRARY_PATH"}
    command = [str(tmp_path / "bin" / "serf"), "a b", "$HOME"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"{tmp_path / library.parent.relative_to(built)}\na b|$HOME|"
    # ssh's siblings find our ssh.
    done = subprocess.run([str(tmp_path / "bin" / "sftp"), "x"], capture_output=True, text=True, check=True)
    assert done.stdout.endswith(f"-S|{tmp_path}/bin/ssh|x|")


def test_a_missing_program_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And with the command that installs it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tools, "SYSTEM_FOLDERS", ())
    with pytest.raises(ToolMissingError, match=r"sshd is not installed: run `make setup`, .* openssh-server"):
        tools.find("sshd", tmp_path)
    assert tools.missing_packages(tmp_path) == [
        "chromium", "chrony", "cron", "dmidecode", "etcd-server", "ethtool", "iproute2", "kmod",
        "monitoring-plugins-basic", "nftables", "openssh-client", "openssh-server", "openssl", "postgresql",
        "prometheus-alertmanager", "rpm", "runc", "serf", "smartmontools", "sudo",
    ]  # fmt: skip


def test_the_newest_of_several_versions_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Debian keeps each PostgreSQL in a folder of its version; 15 is newer than 9. Unpacked ones get a starter."""
    for version in ("9", "15", "common"):
        for program in ("initdb", "postgres"):
            path = tmp_path / "root" / "usr" / "lib" / "postgresql" / version / "bin" / program
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"#!/bin/sh\necho {version}\n")
            path.chmod(0o755)
    monkeypatch.setenv("PATH", "/bin")
    monkeypatch.setattr(tools, "SYSTEM_FOLDERS", (f"{tmp_path}/root/usr/lib/postgresql/*/bin",))
    found = tools.find("initdb", tmp_path)
    assert found == tmp_path / "root" / "usr" / "lib" / "postgresql" / "15" / "bin" / "initdb"
    debian.write_starters(tmp_path)
    assert tools.find("postgres", tmp_path) == tmp_path / "bin" / "postgres"
    assert subprocess.run([str(tmp_path / "bin" / "postgres")], capture_output=True, check=True).stdout == b"15\n"


def test_a_machine_without_apt_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One sentence, with the names of the packages."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tools, "SYSTEM_FOLDERS", ())
    with pytest.raises(SetupError, match="no apt-get: install what Debian calls chromium chrony cron dmidecode"):
        installer.install_programs(tmp_path)


def test_what_would_start_a_daemon_is_unpacked_even_as_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The rest goes into the system, where that is allowed."""
    asked: dict[str, list[str]] = {}
    missing = iter([["chrony", "ethtool", "rpm"], []])
    monkeypatch.setattr(tools, "missing_packages", lambda _: next(missing))
    monkeypatch.setattr(debian, "can_install", lambda: True)
    monkeypatch.setattr(debian, "install", lambda names: asked.update(installed=names))
    monkeypatch.setattr(debian, "unpack", lambda names, _: asked.update(unpacked=names))
    installer.install_programs(tmp_path)
    assert asked == {"installed": ["ethtool", "rpm"], "unpacked": ["chrony"]}


def test_help_lists_every_verb() -> None:
    """With one line each."""
    done = subprocess.run(["make", "-s", "-C", str(REPOSITORY), "help"], capture_output=True, text=True, check=True)
    verbs = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("make ")]
    assert verbs == ["help", "setup", "demo", "test", "sim", "lint", "bench"]
