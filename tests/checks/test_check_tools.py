"""Kinds that ask a tool of the system: rpm and systemctl, played by scripts that print what the real ones print."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checklib import programs, systemd
from checklib.contract import decode_request
from checklib.loop import run_items

from tests.support.check_cases import Finding, module, outcome, plant

RPM_SAYS = """\
openssl-libs\\t1:3.0.7-27.el9\\tx86_64
kernel-core\\t0:5.14.0-427.13.1.el9_4\\tx86_64
kernel-core\\t0:5.14.0-427.20.1.el9_4\\tx86_64
package telnet is not installed
"""
SYSTEMCTL_SAYS = """\
Id=ssh.service
Names=ssh.service sshd.service
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled

Id=nginx.service
Names=nginx.service
LoadState=loaded
ActiveState=failed
SubState=failed
UnitFileState=disabled

Id=telnet.service
Names=telnet.service
LoadState=not-found
ActiveState=inactive
SubState=dead
UnitFileState=
"""

Ask = Callable[..., list[Finding]]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Run items of one check where the only programs are the given scripts; each notes its arguments in `asked`."""

    def run(check: str, scripts: dict[str, str], root: Path, *items: dict[str, Any]) -> list[Finding]:
        tools = plant(
            tmp_path / "tools",
            {
                f"/{name}": {"text": f'#!/bin/sh\nprintf "%s\\n" "$*" >> {tmp_path}/asked\n{text}', "mode": "0755"}
                for name, text in scripts.items()
            },
        )
        tools.mkdir(exist_ok=True)
        monkeypatch.setattr(programs, "PATH", (str(tools),))
        monkeypatch.setenv("PATH", f"relative:{tools}/nothing")
        lines: list[Finding] = []
        asked = [{"id": str(place), "check": check, "timeout_s": 60, **item} for place, item in enumerate(items)]
        run_items(decode_request({"root": str(root), "items": asked}), lambda _: module(check).KIND, lines.append)
        return [line for line in lines if "id" in line]

    return run


def replay(text: str, code: int = 0, complaint: str = "") -> str:
    """A script that prints a text and exits."""
    return f"printf '{text}'\nprintf '{complaint}' >&2\nexit {code}\n"


def package(key: str, **matchers: Any) -> dict[str, Any]:
    """An item about a package's version."""
    return {"key": key, "expect": {"version": matchers}}


@pytest.fixture
def rocky(tmp_path: Path) -> Path:
    """A root with rpm's database in it, which only rpm can read."""
    return plant(
        tmp_path / "rocky",
        {"/usr/lib/sysimage/rpm/rpmdb.sqlite": "x", "/var/lib/rpm": {"link": "../../usr/lib/sysimage/rpm"}},
    )


def test_rpm_is_asked_once_for_all_packages(ask: Ask, rocky: Path, tmp_path: Path) -> None:
    """And about the database below the root, by a path that no link of the root can bend."""
    found = ask(
        "package",
        {"rpm": replay(RPM_SAYS, code=1)},
        rocky,
        package("openssl-libs", at_least="1:3.0.7"),
        package("kernel-core.x86_64", equals="5.14.0-427.20.1.el9_4"),
        package("telnet", absent=True),
        package("telnet", any=True),
        {"key": "openssl-libs", "expect": {"held": {"equals": False}}},
    )
    assert [outcome(one)[:2] for one in found] == [
        ("pass", "1:3.0.7-27.el9"),
        ("pass", "5.14.0-427.20.1.el9_4"),
        ("pass", "absent"),
        ("fail", "absent"),
        ("na", ""),
    ]
    (asked,) = (tmp_path / "asked").read_text(encoding="utf-8").splitlines()
    assert asked.startswith(f"--dbpath {rocky}/usr/lib/sysimage/rpm -q --qf %{{NAME}}")
    assert asked.endswith(" -- kernel-core.x86_64 openssl-libs telnet")


@pytest.mark.usefixtures("late_alarm")
@pytest.mark.parametrize(
    ("scripts", "message"),
    [
        ({"rpm": replay("", 1, "error: cannot open Packages database")}, "rpm: error: cannot open Packages database"),
        (
            {"rpm": replay("package telnet is not installed\n", 1, "error: cannot open Packages index")},
            "rpm: error: cannot open Packages index",
        ),
        ({"rpm": replay("garbage")}, "rpm: no answer for this package"),
        ({"rpm": "exec /bin/sleep 1000"}, "timeout after 2 s"),
        ({}, "there is no program rpm"),
    ],
)
def test_an_rpm_that_says_nothing_is_no_proof_of_absence(
    ask: Ask, rocky: Path, scripts: dict[str, str], message: str
) -> None:
    """A broken database, a hanging rpm, none at all: an error for every item, waited for once."""
    absent = {**package("telnet", absent=True), "timeout_s": 2 if "timeout" in message else 60}
    found = ask("package", scripts, rocky, absent, absent, {**absent, "expect": {"version": {"any": True}}})
    assert [outcome(one) for one in found] == [("error", "", message)] * 3
    assert found[1]["ms"] < 2000


@pytest.mark.parametrize("database", ["", "x"])
def test_no_package_is_absent_from_a_database_without_any(ask: Ask, tmp_path: Path, database: str) -> None:
    """Of an empty one rpm says the same as of one in which only this package is not."""
    root = plant(tmp_path / "root", {"/usr/bin/x": "", "/var/lib/rpm/rpmdb.sqlite": database})
    script = "case $* in *-qa*) exit 0 ;; esac\necho package telnet is not installed\nexit 1\n"
    (found,) = ask("package", {"rpm": script}, root, package("telnet", absent=True))
    assert outcome(found) == ("na", "", f"there is no package in the database of rpm below {root}")


STATUS = "Package: bash\nStatus: install ok installed\nVersion: 5.2-1\nArchitecture: amd64\n\n"


def with_rpm(root: Path, tree: dict[str, str], database: str) -> Path:
    """A root with another tool's database in it, and rpm's."""
    return plant(root, {**tree, "/var/lib/rpm/rpmdb.sqlite": database})


@pytest.mark.parametrize("empty", [{"/var/lib/dpkg/status": "\n"}, {"/lib/apk/db/installed": ""}])
def test_an_empty_database_does_not_hide_anothers(ask: Ask, tmp_path: Path, empty: dict[str, str]) -> None:
    """Installing dpkg on a system of rpm's leaves an empty status file: telnetd is there all the same."""
    root = with_rpm(tmp_path / "root", empty, "x")
    says = {"rpm": replay("telnetd\\t0:0.17-1\\tx86_64\n")}
    found = ask("package", says, root, package("telnetd", absent=True), package("telnetd", at_least="0.17"))
    assert [outcome(one) for one in found] == [("fail", "0.17-1", "expected absent"), ("pass", "0.17-1", "")]


def test_of_two_databases_with_packages_none_counts(ask: Ask, tmp_path: Path) -> None:
    """Neither says what the other has not: an error, whatever is asked."""
    root = with_rpm(tmp_path / "root", {"/var/lib/dpkg/status": STATUS}, "x")
    asked = package("telnetd", absent=True), package("bash", any=True)
    message = f"cannot tell which counts: dpkg and rpm both have packages below {root}"
    assert [outcome(one) for one in ask("package", {"rpm": replay("telnetd\n")}, root, *asked)] == [
        ("error", "", message)
    ] * 2


@pytest.mark.parametrize(("database", "scripts"), [("", {}), ("", {"rpm": "exit 1"}), ("x", {"rpm": replay("")})])
def test_an_empty_database_of_rpm_is_passed_over(
    ask: Ask, tmp_path: Path, database: str, scripts: dict[str, str]
) -> None:
    """The tool rpm on a Debian brings one."""
    root = with_rpm(tmp_path / "root", {"/var/lib/dpkg/status": STATUS}, database)
    found = ask("package", scripts, root, package("telnetd", absent=True), package("bash", any=True))
    assert [outcome(one) for one in found] == [("pass", "absent", ""), ("pass", "5.2-1", "")]


def test_an_rpm_that_fails_leaves_the_question_open(ask: Ask, tmp_path: Path) -> None:
    """Its database may hold what dpkg's does not."""
    root = with_rpm(tmp_path / "root", {"/var/lib/dpkg/status": STATUS}, "x")
    found = ask("package", {"rpm": replay("", 1, "error: broken")}, root, package("telnetd", absent=True))
    assert [outcome(one) for one in found] == [("error", "", "rpm: error: broken")]


def test_systemctl_is_asked_once_for_all_units(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under their full names, each once; aliases are known by their own names too."""
    monkeypatch.setattr(systemd, "BOOTED", "/proc")
    found = ask(
        "service",
        {"systemctl": replay(SYSTEMCTL_SAYS)},
        Path("/"),
        {"key": "ssh"},
        {"key": "sshd.service", "expect": {"enabled": {"equals": True}, "substate": {"equals": "running"}}},
        {"key": "nginx"},
        {"key": "telnet"},
        {"key": "telnet", "expect": {"active": {"absent": True}}},
        {"key": "ssh", "expect": {"active": {"absent": True}}},
        {"key": "-- x"},
    )
    assert [outcome(one) for one in found] == [
        ("pass", "active", ""),
        ("pass", "enabled enabled, substate running", ""),
        ("fail", "failed", "expected active"),
        ("fail", "absent", "expected active"),
        ("pass", "absent", ""),
        ("fail", "active", "expected absent"),
        ("error", "", "'-- x' names no unit"),
    ]
    (asked,) = (tmp_path / "asked").read_text(encoding="utf-8").splitlines()
    assert asked.endswith(" -- nginx.service ssh.service sshd.service telnet.service")


@pytest.mark.usefixtures("late_alarm")
@pytest.mark.parametrize(
    ("scripts", "message"),
    [
        (
            {"systemctl": replay("", 1, "Failed to connect to bus: No such file")},
            "systemctl: Failed to connect to bus: No such file",
        ),
        ({"systemctl": "exit 4"}, "systemctl: exit code 4"),
        ({"systemctl": "exec /bin/sleep 1000"}, "timeout after 2 s"),
        ({}, "there is no program systemctl"),
    ],
)
def test_a_systemctl_that_fails_is_an_error(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, scripts: dict[str, str], message: str
) -> None:
    """Systemd runs, and does not answer: nothing is known of its units."""
    monkeypatch.setattr(systemd, "BOOTED", "/proc")
    item = {"key": "ssh", "timeout_s": 2 if "timeout" in message else 60}
    found = ask("service", scripts, Path("/"), item, item)
    assert [outcome(one) for one in found] == [("error", "", message)] * 2


def test_what_systemctl_does_not_answer_is_no_unit_that_is_absent(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says of every name whether there is such a unit; and its lists are units, or it is not understood."""
    monkeypatch.setattr(systemd, "BOOTED", "/proc")
    absent = {"key": "cron", "expect": {"active": {"absent": True}}}
    (found,) = ask("service", {"systemctl": replay(SYSTEMCTL_SAYS)}, Path("/"), absent)
    assert outcome(found) == ("error", "", "systemctl says nothing of cron.service")
    none = {"key": "failed", "expect": {"count": {"equals": 0}}}
    (found,) = ask("unit", {"systemctl": replay("0 einheiten\n")}, Path("/"), none)
    assert outcome(found) == ("error", "", "systemctl list-units says something unknown: '0 einheiten'")
    listed, shown = "a.service loaded activating start x", "Id=a.service\\nActiveState=activating\\n"
    says = f"case $1 in show) printf '{shown}' ;; *) echo {listed} ;; esac\n"
    (found,) = ask("unit", {"systemctl": says}, Path("/"), {**none, "key": "stuck"})
    assert outcome(found) == ("error", "", "systemd does not tell since when a.service is on its way")


def test_what_a_controller_does_not_tell_is_not_absent(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ipmitool that prints other fields than those known: the node may well have a VLAN."""
    monkeypatch.setattr(module("bmc"), "DEVICES", ("/proc",))
    absent = {"key": "vlan", "expect": {"value": {"absent": True}}}
    (found,) = ask("bmc", {"ipmitool": replay("Set in Progress : Set Complete\n")}, Path("/"), absent)
    assert outcome(found) == ("na", "", "the BMC tells no 802.1q VLAN ID")
    (found,) = ask("bmc", {"ipmitool": replay("802.1q VLAN ID : Disabled\n")}, Path("/"), absent)
    assert outcome(found) == ("pass", "absent", "")


def test_many_units_are_asked_in_parts(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many that one answer would be cut: the last is found as the first is."""
    monkeypatch.setattr(systemd, "BOOTED", "/proc")
    block = "Id=%s\\nNames=%s\\nLoadState=loaded\\nActiveState=active\\nDescription=%0300d\\n\\n"
    script = f'while [ "$1" != -- ]; do shift; done\nshift\nfor u; do printf "{block}" "$u" "$u" 0; done\n'
    items = [{"key": f"unit{number:03}", "timeout_s": 20} for number in range(250)]
    assert {outcome(one) for one in ask("service", {"systemctl": script}, Path("/"), *items)} == {
        ("pass", "active", "")
    }
    assert len((tmp_path / "asked").read_text(encoding="utf-8").splitlines()) == 4  # halves of halves


@pytest.mark.parametrize("check", ["service", "package"])
def test_a_cut_answer_is_no_proof_of_absence(
    ask: Ask, rocky: Path, monkeypatch: pytest.MonkeyPatch, check: str
) -> None:
    """A tool that says more than is kept: whatever it said last is not known."""
    monkeypatch.setattr(systemd, "BOOTED", "/proc")
    flood = "/usr/bin/head -c 100000 /dev/zero | /usr/bin/tr '\\0' '\\n'\n"
    main, tool = ("active", "systemctl") if check == "service" else ("version", "rpm")
    item = {"key": "telnet", "expect": {main: {"absent": True}}, "timeout_s": 20}
    (found,) = ask(check, {tool: flood}, rocky if check == "package" else Path("/"), item)
    what = "telnet.service" if check == "service" else "1 packages"
    assert outcome(found) == ("error", "", f"{tool} said more than 65536 bytes of {what}")
