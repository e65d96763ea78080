"""Kind package held against dpkg-query, apt-mark, testinfra and Ansible's package_facts, and against rpm on a database
of its own, made by the test.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from checklib.contract import decode_request
from checklib.node import Node

from tests.support.check_cases import look, look_at, module, plant
from tests.support.others import ansible, host, told

ANY = {"any": True}
RPMS = (  # name, epoch, version, release
    ("bash", 0, "5.1.8", "9.el9"),
    ("kernel-core", 0, "5.14.0", "427.13.1.el9_4"),
    ("kernel-core", 0, "5.14.0", "427.20.1.el9_4"),
    ("kernel-core", 0, "5.14.0", "70.el9"),
    ("openssl-libs", 1, "3.0.7", "27.el9"),
    ("kubelet", 0, "1.29.4", "150500.2.1"),
    ("python3.11", 0, "3.11.7", "1.el9"),
    ("python3", 0, "3.9.18", "3.el9"),
)
SPEC = """Name: {0}
Epoch: {1}
Version: {2}
Release: {3}
Summary: nothing
License: none
BuildArch: noarch
%description
Nothing.
%files
"""


def seen(keys: list[str], property_: str, root: Path | str = "/") -> list[str]:
    """Observed values, of items that want them to be there."""
    items = [{"check": "package", "key": key, "expect": {property_: ANY}} for key in keys]
    return [finding["observed"].removeprefix(f"{property_} ") for finding in look(items, root)]


def test_packages_are_what_ansible_says() -> None:
    """All versions of all packages of this machine."""
    packages: dict[str, list[dict[str, Any]]] = ansible("package_facts", "manager=apt")["ansible_facts"]["packages"]
    assert len(packages) > 100
    for name, versions in zip(packages, seen(list(packages), "versions"), strict=True):
        assert set(versions.split()) == {one["version"] for one in packages[name]}, name


def test_packages_are_what_testinfra_says() -> None:
    """Some that are installed, and one that is not."""
    for name in ("bash", "dpkg", "coreutils", "no-such-package"):
        theirs = host().package(name)
        found = look_at("package", name, {"version": ANY})
        assert (found["outcome"] == "pass") == theirs.is_installed
        assert found["observed"] == (theirs.version if theirs.is_installed else "absent")


def test_what_is_discovered_is_what_dpkg_has() -> None:
    """Every name in its database that has a version there and is not only remembered."""
    rows = (row.split("\t") for row in told("dpkg-query", "-W", "-f", "${Package}\t${db:Status-Abbrev}\n").splitlines())
    with closing(Node(decode_request({"root": "/", "items": []}))) as node:
        found = module("package").discover(node)
    assert found == sorted({name for name, status in rows if status[1] not in "cn"})


def test_held_packages_are_what_apt_mark_says(tmp_path: Path) -> None:
    """In a database below another root, whose holds dpkg itself has set."""
    status = tmp_path / "var/lib/dpkg/status"
    for folder in ("updates", "info"):
        (status.parent / folder).mkdir(parents=True)
    machines = Path("/var/lib/dpkg/status").read_text(encoding="utf-8").split("\n\n")
    status.write_text("\n\n".join(machines[:60]) + "\n", encoding="utf-8")
    (status.parent / "available").touch()
    (status.parent / "arch").write_text(told("dpkg", "--print-architecture"), encoding="utf-8")
    names = told("dpkg-query", f"--admindir={status.parent}", "-W", "-f", "${Package}\\n").split()
    chosen = names[3:9]
    told("dpkg", f"--admindir={status.parent}", "--set-selections", stdin="".join(f"{name} hold\n" for name in chosen))
    listed = told("apt-mark", "-o", f"Dir::State::status={status}", "showhold").split()
    assert sorted(listed) == sorted(chosen)
    held = seen(names, "held", plant(tmp_path, {}))
    assert [name for name, one in zip(names, held, strict=True) if one == "true"] == [n for n in names if n in chosen]


@pytest.fixture(scope="module")
def rpms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a real rpm database, of packages without files that rpmbuild has made."""
    place = tmp_path_factory.mktemp("rpm")
    for row in RPMS:
        spec = place / f"{row[0]}-{row[3]}.spec"
        spec.write_text(SPEC.format(*row), encoding="utf-8")
        told("rpmbuild", "-bb", "--quiet", "--define", f"_topdir {place}/top", str(spec))
    root = plant(place / "root", {})
    (root / "var/lib/rpm").mkdir(parents=True)
    made = sorted(str(path) for path in (place / "top/RPMS/noarch").glob("*.rpm"))
    assert len(made) == len(RPMS)
    told("rpm", f"--dbpath={root}/var/lib/rpm", "--nodeps", "--justdb", "-i", *made)
    return root


def test_packages_are_what_rpm_says(rpms: Path) -> None:
    """Versions, of several the newest, all of them, and what is not there."""
    query = ["-qa", "--qf", "%{NAME}\\t%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\\n"]
    rows = [row.split("\t") for row in told("rpm", f"--dbpath={rpms}/var/lib/rpm", *query).splitlines()]
    wanted: dict[str, set[str]] = {}
    for name, version in rows:
        wanted.setdefault(name, set()).add(version.removeprefix("0:"))
    assert len(rows) == len(RPMS)
    names = sorted(wanted)
    told_of = seen(names, "versions", rpms)
    assert [set(versions.split()) for versions in told_of] == [wanted[name] for name in names]
    newest = seen(["kernel-core", "kernel-core.noarch", "kernel-core.x86_64", "bash"], "version", rpms)
    assert newest == ["5.14.0-427.20.1.el9_4", "5.14.0-427.20.1.el9_4", "absent", "5.1.8-9.el9"]
    expect = {"version": {"between": ["1.29.0", "1.30~"]}, "versions": {"lacks": "1.29.3-150500.2.1"}}
    assert look_at("package", "kubelet", expect, rpms)["outcome"] == "pass"
    assert look_at("package", "openssl-libs", {"version": {"equals": "1:3.0.7"}}, rpms)["outcome"] == "pass"


def test_held_packages_of_rpm_are_what_its_tools_lock(rpms: Path) -> None:
    """na where no such tool is set up; then a list as dnf 4.14 has written it, switched off, and an exclude."""
    names = ["bash", "kernel-core", "openssl-libs", "kubelet", "python3", "python3.11", "no-such-package"]
    na = look_at("package", "bash", {"held": ANY}, rpms)
    assert na["outcome"] == "na"
    assert na["message"] == f"rpm knows no held packages, and there is no dnf, yum or zypper below {rpms}"
    plugin = rpms / "etc/dnf/plugins"
    plugin.mkdir(parents=True)
    (plugin / "versionlock.list").write_text(
        "\n# Added lock on Sat Nov 21 20:06:12 2026\nbash-0:5.1.8-9.el9.*\n\n# Added lock on Sat Nov 21 20:06:12 2026\n"
        "kernel-core-0:5.14.0-427.20.1.el9_4.*\nkernel-core-0:5.14.0-427.13.1.el9_4.*\n\nopenssl-libs-1:3*\n"
        "!kubelet-0:1.29.5-150500.1.1.*\npython3.11-0:3.11.7-1.el9.*\npython3-libs\n",
        encoding="utf-8",
    )
    held = ["true", "true", "true", "false", "false", "true", "absent"]
    assert seen(names, "held", rpms) == held
    (rpms / "etc/dnf/dnf.conf").write_text(
        "[main]\ngpgcheck=1\nexcludepkgs=kube*,\n  python3\n[x]\nexclude=bash\n", "utf-8"
    )
    assert seen(names, "held", rpms) == ["true", "true", "true", "true", "true", "true", "absent"]
    (plugin / "versionlock.conf").write_text("[main]\nenabled = 0\n", "utf-8")
    assert seen(names, "held", rpms) == ["false", "false", "false", "true", "true", "false", "absent"]
