"""The profile of CIS Debian Linux 12: sound, referenced throughout, and run here with a result that is explained."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from config_center.describe import bundled_checks, catalogue_of
from config_center.layers import Fleet, load_fleet
from config_center.release import LayerItem
from tests.support.check_cases import REPOSITORY, look, plant
from tests.support.others import PLAIN, host

PROFILE = REPOSITORY / "examples" / "cis-debian-12"
REFERENCE = re.compile(r"CIS Debian 12 v1\.1\.0: ([1-7](?:\.[1-9][0-9]?){1,4})")
RELEASE = platform.freedesktop_os_release()
IS_DEBIAN_12 = (RELEASE["ID"], RELEASE.get("VERSION_ID")) == ("debian", "12")
# Who is not root may not read these: then it is an error that says so, and nothing else is.
ROOTS_OWN = ("accounts:", "sshd:", "sudoers:", "file:/var/log/audit", "file:/etc/audit", "file:/boot/grub", "user:root")


@cache
def fleet() -> Fleet:
    """The profile, read as any fleet is."""
    return load_fleet(PROFILE, catalogue_of(bundled_checks())).sound()


def items(dimension: str = "benchmark") -> dict[str, LayerItem]:
    """Item id -> what the layers of one dimension say."""
    return {
        name: item for layer in fleet().layers if layer.dimension == dimension for name, item in layer.items.items()
    }


@cache
def checked(*arguments: str) -> dict[str, Any]:
    """What `inspector-agent check` tells of this machine, as JSON."""
    program = Path(sys.executable).parent / "inspector-agent"
    done = subprocess.run(
        [str(program), "check", "--release", str(PROFILE), "--json", *arguments],
        capture_output=True,
        check=False,
        text=True,
        timeout=240,
        env={**os.environ, **PLAIN},
    )
    assert done.returncode in ({1} if IS_DEBIAN_12 else {2}), done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def findings(*arguments: str) -> dict[str, dict[str, Any]]:
    """Item id -> its finding; nothing on another system than Debian 12, which the layers do not match."""
    return {finding["item"]: finding for finding in checked(*arguments)["findings"]}


def test_the_profile_is_sound_and_every_item_says_why_and_what_for() -> None:
    """Over 100 items and sections; each in the layer of its chapter, with title, rationale and references."""
    assert fleet().warnings == ()
    sections = set()
    for layer in fleet().layers:
        for name, item in layer.items.items():
            if item.action == "unset":
                continue
            assert item.title, name
            assert item.rationale, name
            found = [REFERENCE.fullmatch(reference) for reference in item.references]
            assert found, name
            assert None not in found, name
            told = [match[1] for match in found if match]
            if layer.dimension == "benchmark":
                assert Path(layer.file).name[0] in {section[0] for section in told}, name
            sections |= set(told)
    assert len(items()) >= 100
    assert len(sections) >= 100


def test_the_whole_profile_runs_here_and_the_result_is_explained() -> None:
    """Every item has an outcome; what is na says why; nothing errs but what only root may look at."""
    found = findings()
    assert set(found) == (set(items()) if IS_DEBIAN_12 else set())
    told = Counter(finding["outcome"] for finding in found.values())
    assert told == {outcome: count for outcome, count in checked()["counts"].items() if count}
    errors = [name for name, finding in found.items() if finding["outcome"] == "error"]
    if os.geteuid() == 0:
        assert errors == []
    assert [name for name in errors if not name.startswith(ROOTS_OWN)] == []
    reasons = {finding["message"] for finding in found.values() if finding["outcome"] == "na"}
    assert all(reasons)
    if not Path("/run/systemd/system").is_dir():
        services = [finding["outcome"] for name, finding in found.items() if name.startswith("service:")]
        assert set(services) <= {"na"}
    if IS_DEBIAN_12:
        assert told["pass"] + told["fail"] > 150


def test_packages_are_judged_as_testinfra_sees_them() -> None:
    """Those that must be there, and those that must not."""
    for name, finding in findings().items():
        item = items()[name]
        if name.startswith("package:") and set(item.expect["version"]) <= {"absent", "any"}:
            wanted = "any" in item.expect["version"]
            is_there = host().package(name.partition(":")[2]).is_installed
            assert finding["outcome"] == ("pass" if is_there == wanted else "fail"), name


def test_kernel_parameters_are_judged_as_testinfra_sees_them() -> None:
    """One that is not there deviates."""
    for name, finding in findings().items():
        wanted = items()[name].expect.get("value", {}).get("equals")
        if name.startswith("sysctl:") and wanted is not None:
            path = Path("/proc/sys", *name.partition(":")[2].split("."))
            is_so = path.exists() and str(host().sysctl(name.partition(":")[2])) == str(wanted)
            assert finding["outcome"] == ("pass" if is_so else "fail"), name


def test_files_and_mounts_are_judged_as_testinfra_sees_them() -> None:
    """Mode and owner; whether something is mounted, with which options."""
    for name, finding in findings().items():
        item, key = items()[name], name.partition(":")[2]
        if name.startswith("file:") and set(item.expect) == {"mode", "owner", "group"}:
            file = host().file(key)
            groups = item.expect["group"].get("one_of") or str(item.expect["group"]["equals"]).split()
            is_so = (
                file.exists
                and not file.mode & ~int(str(item.expect["mode"]["at_most"]), 8)
                and file.user == "root"
                and isinstance(groups, list)
                and file.group in groups
            )
            assert finding["outcome"] == ("pass" if is_so else "fail"), name
        elif name.startswith("mount:"):
            mount = host().mount_point(key)
            wanted = item.expect["options"]["contains"]
            assert isinstance(wanted, list)
            is_so = mount.exists and set(wanted) <= set(mount.options)
            assert finding["outcome"] == ("pass" if is_so else "fail"), name


def test_modules_pass_where_the_kernels_own_list_is_to_be_seen(tmp_path: Path) -> None:
    """On a hardened machine; in a container without /lib/modules each says why it cannot tell."""
    names = [name.partition(":")[2] for name in items() if name.startswith("module:")]
    asked = [{"check": "module", "key": name, "expect": items()[f"module:{name}"].expect} for name in names]
    root = plant(
        tmp_path,
        {
            "/proc/modules": "ext4 1 1 - Live 0x0\n",
            "/proc/sys/kernel/osrelease": "6.1.0-37-amd64\n",
            "/etc/modprobe.d/cis.conf": "".join(f"install {name} /bin/false\n" for name in names),
            "/lib/modules/6.1.0-37-amd64/modules.builtin": "kernel/drivers/block/loop.ko\n",
        },
    )
    assert {found["outcome"] for found in look(asked, root)} == {"pass"}
    (root / "lib/modules/6.1.0-37-amd64/modules.builtin").unlink()
    for name, found in zip(names, look(asked, root), strict=True):
        assert found["outcome"] == "error"
        assert found["message"].startswith(
            f"{name} is not loaded; whether it is built in cannot be told: there is no /lib"
        )


@pytest.mark.parametrize("role", ["container-host", "worker"])
def test_a_host_of_containers_has_exceptions_that_are_written_down(role: str) -> None:
    """What it cannot follow is unset, or said otherwise, in a layer of its own."""
    found = findings("--tag", f"role={role}")
    exceptions = items("role")
    unset = {name for name, item in exceptions.items() if item.action == "unset"}
    assert unset
    assert set(found) == (set(items()) - unset if IS_DEBIAN_12 else set())
    assert {name for name, finding in found.items() if "/role/" in finding["source"]} == (
        set(exceptions) - unset if found else set()
    )


def test_the_page_tells_how_many_items_and_sections_there_are() -> None:
    """docs/cis.md, chapter by chapter."""
    page = (REPOSITORY / "docs" / "cis.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([0-9]-[a-z]+)` \| [^|]* \| ([0-9]+) \| ([0-9]+) \|", page, re.MULTILINE)
    counted = []
    for layer in fleet().layers:
        if layer.dimension == "benchmark":
            references = {reference for item in layer.items.values() for reference in item.references}
            counted.append((Path(layer.file).stem, str(len(layer.items)), str(len(references))))
    assert rows == counted
