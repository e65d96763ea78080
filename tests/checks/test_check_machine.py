"""The checks on the machine at hand, held against what its own tools say."""

from __future__ import annotations

import grp
import os
import platform
import pwd
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.check_cases import look, look_at, outcome
from tests.support.machine import kernel_parameters
from tests.support.waiting import wait_until

ANY = {"any": True}


def said(*argv: str) -> str:
    """What a command of the machine prints."""
    return subprocess.run(
        argv, capture_output=True, check=True, text=True, env={"PATH": os.environ["PATH"], "LC_ALL": "C"}
    ).stdout


def seen(check: str, keys: list[str], property_: str) -> list[str]:
    """Observed values, of items that want them to be there."""
    items = [{"check": check, "key": key, "expect": {property_: ANY}} for key in keys]
    return [finding["observed"].removeprefix(f"{property_} ") for finding in look(items)]


def test_every_kernel_parameter_is_read_or_says_why_not() -> None:
    """All of /proc/sys: values as the files hold them, and reasons where the kernel refuses."""
    files = kernel_parameters()
    keys = [str(path.relative_to("/proc/sys")).translate(str.maketrans("./", "/.")) for path in files]
    findings = look([{"check": "sysctl", "key": key, "expect": {"value": ANY}} for key in keys])
    outcomes = {finding["outcome"] for finding in findings}
    assert outcomes <= {"pass", "error"}
    assert all(finding["message"] for finding in findings if finding["outcome"] == "error")
    readable = [place for place, path in enumerate(files) if path.stat().st_mode & 0o444]
    assert sum(findings[place]["outcome"] == "pass" for place in readable) > 0.9 * len(readable) > 100


@pytest.mark.parametrize("key", ["kernel.osrelease", "net.ipv4.tcp_rmem", "kernel.pid_max"])
def test_kernel_parameters_are_what_the_files_hold(key: str) -> None:
    """Apart from white space."""
    text = Path("/proc/sys", *key.split(".")).read_text(encoding="utf-8")
    assert seen("sysctl", [key], "value") == [" ".join(text.split())]


def test_the_kernel_is_what_uname_says() -> None:
    """release, version, arch and the command line."""
    uname = os.uname()
    assert seen("kernel", ["release", "version", "arch"], "value") == [uname.release, uname.version, uname.machine]
    words = Path("/proc/cmdline").read_text(encoding="utf-8").split()
    expect: dict[str, Any] = {"value": {"contains": [word for word in words if '"' not in word]}}
    assert look_at("kernel", "cmdline", expect)["outcome"] == "pass"


def test_the_system_is_what_python_reads_of_it() -> None:
    """Every field that Python's own reader of os-release knows."""
    fields = platform.freedesktop_os_release()
    keys = sorted(key for key, value in fields.items() if value)
    assert seen("os", [key.lower() for key in keys], "value") == [fields[key] for key in keys]
    assert seen("os", ["hostname"], "value") == [os.uname().nodename]


def test_packages_are_what_dpkg_says() -> None:
    """Versions of all packages, held ones, and whether they are installed."""
    rows = [
        row.split("\t")
        for row in said("dpkg-query", "-W", "-f", r"${binary:Package}\t${Version}\t${Status}\n").splitlines()
    ]
    installed = [row for row in rows if row[2].endswith(" installed")]
    names = [row[0] for row in installed]
    assert seen("package", names, "version") == [row[1] for row in installed]
    held = ["true" if row[2].startswith("hold ") else "false" for row in installed]
    assert seen("package", names, "held") == held
    removed = [row[0] for row in rows if row[2].endswith((" config-files", " not-installed"))]
    assert set(seen("package", removed, "version")) <= {"absent"}


def test_files_are_what_stat_says() -> None:
    """Mode, owner, group, size and hash of files, directories, devices and links."""
    for path in ("/etc/passwd", "/etc", "/bin/sh", "/dev/null", "/tmp", "/etc/shadow"):
        status = Path(path).stat()
        expect = {
            "mode": {"equals": f"{status.st_mode & 0o7777:04o}"},
            "owner": {"equals": pwd.getpwuid(status.st_uid).pw_name},
            "group": {"equals": grp.getgrgid(status.st_gid).gr_name},
            **({} if path == "/tmp" else {"size": {"equals": status.st_size}}),  # others write there just now
            "type": {"equals": said("stat", "-c", "%F", path).strip().replace("regular file", "file").replace(
                "symbolic link", "symlink").replace("character special file", "character device")},
        }  # fmt: skip
        assert look_at("file", path, expect)["outcome"] == "pass", path
    digest = said("sha256sum", sys.executable).split()[0]
    assert look_at("file", sys.executable, {"sha256": {"equals": digest}}, timeout_s=20)["outcome"] == "pass"


def test_disks_are_what_df_says() -> None:
    """Used space and inodes in percent, of every filesystem that df lists and that tests may look into."""
    for what, property_ in (("pcent", "used_percent"), ("ipcent", "inodes_used_percent")):
        for path in ("/", "/dev/shm", "/proc"):
            told = said("df", f"--output={what}", path).split()[-1].rstrip("%")
            found = look_at("disk", path, {property_: ANY})
            if told == "-":
                assert found["outcome"] == "na", (path, what)
            else:  # others write there just now: into the little that a container has of /dev/shm, some percent
                both = sorted((int(told), int(said("df", f"--output={what}", path).split()[-1].rstrip("%"))))
                ours = int(found["observed"].removeprefix(f"{property_} "))
                assert both[0] - 1 <= ours <= both[1] + 1, (path, what)
    assert seen("disk", ["/", "/proc", "/etc"], "mounted") == [
        "true",
        "true",
        "true" if os.path.ismount("/etc") else "false",
    ]


def test_processes_are_what_ps_says() -> None:
    """One that this test starts: by name, argument list and user; and once it has ended, no more."""
    seconds = f"1000.{os.getpid()}"  # as no other suite on this machine has it
    matching = f"^sleep {re.escape(seconds)}$"
    with subprocess.Popen(["sleep", seconds]) as sleeper:
        try:
            started = Path(f"/proc/{sleeper.pid}/cmdline")  # it is there a moment after whoever starts it goes on
            wait_until(lambda: started.read_bytes().startswith(b"sleep\0"), "the arguments of sleep")
            found = look_at(
                "process",
                "sleep",
                {
                    "count": {"equals": 1},
                    "user": {"equals": pwd.getpwuid(os.getuid()).pw_name},
                    "args": {"equals": f"sleep {seconds}"},
                },
                parameters={"matching": matching},
            )
            assert found["outcome"] == "pass", found
        finally:
            sleeper.kill()
    assert look_at("process", "sleep", parameters={"matching": matching})["outcome"] == "fail"


def test_who_looks_does_not_count_itself() -> None:
    """An agent's own checks run in a process of the agent's name: one agent must not count as two."""
    name, ours = Path("/proc/self/comm"), f"looks-{os.getpid()}"  # as no other suite on this machine is called
    before = name.read_text(encoding="utf-8").rstrip("\n")  # the kernel would make it part of the name, ss two lines
    name.write_text(ours, encoding="utf-8")
    try:
        assert outcome(look_at("process", ours, {"count": {"equals": 0}})) == ("pass", "0", "")
    finally:
        name.write_text(before, encoding="utf-8")


def test_services_are_na_where_systemd_does_not_run_and_told_where_it_does() -> None:
    """Whatever this machine is: never a pass by accident."""
    found = look_at("service", "no-such-service-anywhere")
    if Path("/run/systemd/system").is_dir():
        assert outcome(found) == ("fail", "absent", "expected active")
        assert look_at("service", "init.scope")["outcome"] == "pass"
    else:
        assert outcome(found) == ("na", "", "systemd does not run here")
        assert look_at("service", "ssh", {"active": {"absent": True}})["outcome"] == "na"
