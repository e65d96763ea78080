"""What is mounted and what is configured to be, held against findmnt, testinfra and Ansible's facts on this machine."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from checklib.applied import parse_fstab
from checklib.contract import decode_request
from checklib.mounts import parse_mountinfo, parse_mounts
from checklib.node import Node

from tests.support.captures import trees
from tests.support.check_cases import CASES, load, look, look_at, module, outcome
from tests.support.mounted import RefusedError, inside
from tests.support.others import facts, host, told

PROPERTIES = ("source", "fstype", "options", "fsroot", "propagation")
SCRATCH = """
truncate -s 8M image && mkfs.ext4 -q image && mkdir top && mount -t tmpfs -o size=1g,nosuid,nodev scratch top
mkdir -p top/data 'top/with space' top/over top/sub/x top/shared top/read
mount -o noatime,nodev image top/data
mkdir top/data/part && mount --bind top/data/part 'top/with space'
mount -t tmpfs one top/over && mount -t tmpfs -o ro two top/over && mount --make-shared top/over
mount -t tmpfs hidden top/sub/x && mount -t tmpfs upper top/sub
mount --bind -o ro top/data top/shared && mount --make-unbindable top/shared
findmnt --json --list -o TARGET,SOURCE,FSTYPE,OPTIONS,FSROOT,PROPAGATION
"""


def asked(targets: list[str]) -> list[dict[str, Any]]:
    """One item a property, so that what is observed needs no parsing."""
    return [
        {"check": "mount", "key": target, "expect": {name: {"any": True}}} for target in targets for name in PROPERTIES
    ]


def ours(targets: list[str], findings: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """Mount point -> property -> what was observed."""
    values = iter(one["observed"] for one in findings)
    return {
        target: {name: next(values).removeprefix(f"{name} ").strip('"') for name in PROPERTIES} for target in targets
    }


def findmnt(printed: str) -> dict[str, dict[str, str]]:
    """The same of findmnt: of what is mounted on top of each other the last counts."""
    rows = json.loads(printed)["filesystems"]
    return {
        row["target"]: {
            "source": row["source"].partition("[")[0],
            "fstype": row["fstype"],
            "options": " ".join(dict.fromkeys(row["options"].split(",")))[:100],
            "fsroot": row["fsroot"],
            "propagation": row["propagation"],
        }
        for row in rows
    }


def test_real_mounts_are_what_findmnt_says(tmp_path: Path) -> None:
    """A loop device, a bind mount, read-only, shared, unbindable and stacked ones, all properties."""
    names = ["", "/data", "/with space", "/over", "/sub", "/shared"]
    targets = [f"{tmp_path}/top{name}" for name in names] + ["/", "/proc"]
    hidden = {"check": "mount", "key": f"{tmp_path}/top/sub/x", "expect": {"mounted": {"equals": True}}}
    nothing = {"check": "mount", "key": f"{tmp_path}/top/read", "expect": {"mounted": {"equals": True}}}
    try:
        findings, printed = inside(SCRATCH, [*asked(targets), hidden, nothing], tmp_path)
    except RefusedError:
        assert outcome(look([nothing])[0])[:2] == ("fail", "absent")
        return
    theirs = findmnt(printed)
    seen = ours(targets, findings)
    for one in seen.values():
        one["options"] = one["options"][:100]
    assert seen == {target: theirs[target] for target in targets}
    assert outcome(findings[-2]) == ("fail", "false", f"hidden by what is mounted on {tmp_path}/top/sub; expected true")
    assert outcome(findings[-1]) == ("fail", "absent", "expected true")
    assert seen[f"{tmp_path}/top/over"]["source"] == "two"  # what findmnt shows of a stack is not by chance


FSTAB = """
scratch {0}/top tmpfs X-mount.mkdir,size=1g,nosuid,nodev 0 0
{0}/image {0}/top/data ext4 X-mount.mkdir,loop,noatime,nodev 0 0
{0}/top/data/part {0}/top/with\\040space none X-mount.mkdir,bind 0 0
two {0}/top/over tmpfs X-mount.mkdir,rw 0 0
{0}/top/data {0}/top/shared none X-mount.mkdir,bind,ro 0 0
"""
# In this namespace alone the machine's own fstab is covered by the test's.
MOUNT_ALL = """
mkdir -p tree/part top && truncate -s 8M image && mkfs.ext4 -q -d tree image
mount --bind fstab /etc/fstab && mount -a
"""


def applied(place: Path, then: str = "") -> list[tuple[str, str, str]]:
    """Of each mount point of FSTAB, and of all, after mount -a and what came then."""
    place.mkdir()
    (place / "fstab").write_text(FSTAB.format(place), encoding="utf-8")
    keys = [f"{place}/top{name}" for name in ("", "/data", "/with space", "/over", "/shared")]
    findings, _ = inside(MOUNT_ALL + then, [{"check": "fstab", "key": key} for key in [*keys, "all"]], place)
    return [outcome(one) for one in findings]


def test_what_mount_all_makes_of_a_real_fstab_is_what_is_configured(tmp_path: Path) -> None:
    """After mount -a every entry is applied; after changes by hand exactly those deviate that were changed."""
    try:
        assert applied(tmp_path / "a") == [("pass", "applied true", "")] * 6
    except RefusedError:
        assert outcome(look_at("fstab", f"{tmp_path}/a/top"))[:2] == ("fail", "absent")
        return
    place = tmp_path / "b"
    by_hand = "umount top/over; mount -o remount,bind,ro,noexec top/data; mount -o remount,size=2g top"
    whole, data, space, over, shared, everything = applied(place, by_hand)
    assert (space[0], shared[0]) == ("pass", "pass")
    changes = {
        "/top": "its size is 2097152 KiB, not 1048576 KiB",
        "/top/data": "with ro, with noexec",
        "/top/over": "not mounted",
    }
    for one, change in zip((whole, data, over), changes.values(), strict=True):
        assert one == ("fail", "applied false", f"{change}; applied expected true")
    together = "; ".join(f"{place}{key}: {change}" for key, change in changes.items())
    assert everything[:2] == ("fail", "applied false")
    assert everything[2][:280] == f"{together}; applied expected true"[:280]


def test_no_filesystem_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every mount and all of fstab, and not one path but the kernel's own: a dead server would make it hang."""
    touched: list[str] = []
    for name in ("open", "stat", "statvfs", "listdir", "readlink"):
        real = getattr(os, name)

        def record(path: Any, *arguments: Any, real: Any = real, **named: Any) -> Any:
            touched.append(str(path))
            return real(path, *arguments, **named)

        monkeypatch.setattr(os, name, record)
    kind = module("batch").find_kind("mount")
    node = Node(decode_request({"items": []}))
    keys = list(kind.discover(node))
    node.close()
    look([*asked(keys), *({"check": "fstab", "key": key} for key in ("all", *keys))])
    mine = [path for path in touched if not path.isdecimal() and "/checks/" not in path]
    assert any(path.endswith("/mountinfo") for path in mine)
    own = ("/proc/", "/sys/dev/", "/dev/", "/etc/fstab", "/etc/systemd/system/")
    assert [path for path in mine if not path.startswith(own)] == []


TAGS = """
truncate -s 8M image && mkfs.ext4 -q image && mkdir -p top newdev
loop=$(losetup --find --show image) && mount $loop top && losetup --detach $loop
mount -t tmpfs none newdev && mkdir -p newdev/disk/by-uuid newdev/disk/by-label && cp -a /dev/null $loop newdev/
mknod newdev/other b 7 250 && ln -s $loop newdev/alias
ln -s ../../${loop#/dev/} newdev/disk/by-uuid/0a1b-2c3d
ln -s ../../${loop#/dev/} 'newdev/disk/by-label/my\\x20disk'
ln -s ../../other newdev/disk/by-uuid/ffff
mount --bind newdev /dev && mount --bind fstab /etc/fstab
"""


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("UUID=0a1b-2c3d", ""),
        ('UUID="0A1B-2C3D"', ""),
        ("LABEL=my\\040disk", ""),
        ("/dev/alias", ""),
        ("UUID=ffff", "it comes from /dev/loop*, not from UUID=ffff; applied expected true"),
        ("/dev/other", "it comes from /dev/loop*, not from /dev/other; applied expected true"),
        ("LABEL=nothing", "it comes from /dev/loop*, and there is no LABEL=nothing; applied expected true"),
        ("PARTUUID=x", "{0}/top: which device PARTUUID=x is cannot be found out: /dev/loop* is mounted"),
    ],
)
def test_a_device_is_known_by_every_name_it_has(source: str, message: str, tmp_path: Path) -> None:
    """A real filesystem on a loop device, with the links that udev makes: equal by number, whatever it is called."""
    (tmp_path / "fstab").write_text(f"{source} {tmp_path}/top ext4 defaults 0 0\n", encoding="utf-8")
    try:
        (found,), _ = inside(TAGS, [{"check": "fstab", "key": f"{tmp_path}/top"}], tmp_path)
    except RefusedError:
        assert outcome(look_at("fstab", f"{tmp_path}/top"))[:2] == ("fail", "absent")
        return
    assert re.sub(r"loop\d+", "loop*", found["message"]) == message.format(tmp_path)
    assert found["outcome"] == ("pass" if not message else "error" if "PARTUUID" in message else "fail")


def test_the_machine_s_mounts_are_those_of_testinfra_and_ansible() -> None:
    """Everything that is mounted the whole time, each with type, source and options."""
    kind = module("batch").find_kind("mount")
    node = Node(decode_request({"items": []}))
    targets = list(kind.discover(node))
    node.close()
    findings = iter(look(asked(targets)))
    seen = {target: {name: next(findings)["observed"].partition(" ")[2] for name in PROPERTIES} for target in targets}
    theirs = {point.path: point for point in host().mount_point.get_mountpoints()}
    assert {"/", "/proc"} <= set(theirs) & set(seen)
    for target in ("/", "/proc", "/sys", "/dev"):
        there = theirs[target]
        wanted = (there.filesystem, there.device, sorted(there.options))
        assert (seen[target]["fstype"], seen[target]["source"], sorted(seen[target]["options"].split())) == wanted
    told = {row["mount"]: row for row in facts()["ansible_mounts"]}
    assert "/" in told
    for target in set(told) & {"/", "/boot", "/home"}:
        row = told[target]
        assert (row["fstype"], row["device"]) == (seen[target]["fstype"], seen[target]["source"])
        assert sorted(row["options"].split(",")) == sorted(seen[target]["options"].split())


def rows(*arguments: str) -> list[dict[str, Any]]:
    """What findmnt reads in a file."""
    printed = told("findmnt", "--list", "--json", *arguments, codes=(0, 1))
    read: list[dict[str, Any]] = json.loads(printed or '{"filesystems": []}')["filesystems"]
    return read


def test_tables_of_other_machines_are_read_as_findmnt_reads_them(tmp_path: Path) -> None:
    """Every mountinfo of the captured trees and of our own cases, and their /proc/mounts."""
    planted = tmp_path / "cases"
    planted.mkdir()
    for case in CASES.glob("*/*.yml"):
        for path, text in load(case).get("tree", {}).items():
            if path in {"/proc/1/mountinfo", "/proc/mounts"}:
                (planted / f"{case.parent.name}-{case.stem}-{path.rpartition('/')[2]}").write_text(
                    text, encoding="utf-8"
                )
    files = sorted(planted.iterdir())
    files += [path for root in trees(tmp_path / "trees") for path in root.glob("proc/*/mountinfo") if path.is_file()]
    assert len(files) > 4
    columns = "TARGET,SOURCE,FSTYPE,OPTIONS,FSROOT"
    for path in files:
        text = path.read_text(encoding="utf-8")
        table = parse_mountinfo(text) if path.name.endswith("mountinfo") else parse_mounts(text)
        theirs = {row["target"]: row for row in rows("-F", str(path), "-o", columns)}
        assert set(table.targets()) == set(theirs), path
        for target, row in theirs.items():
            mount = table.at(target)
            assert mount is not None
            source = (row["source"] or "").partition("[")[0]
            assert (mount.fstype, mount.source) == (row["fstype"], source), path
            assert sorted(mount.options) == sorted(row["options"].split(",")), path


def test_fstab_is_read_as_findmnt_reads_it(tmp_path: Path) -> None:
    """Every fstab of our cases that is a text; the lines that mount(8) itself cannot read are left out by both."""
    files = [(case, load(case).get("tree", {}).get("/etc/fstab")) for case in sorted(CASES.glob("fstab/*.yml"))]
    texts = [text for _, text in files if text and "\0" not in text]
    assert len(texts) > 2
    for text in texts:
        (tmp_path / "fstab").write_text(text, encoding="utf-8")
        theirs = rows("-s", "-F", str(tmp_path / "fstab"), "-o", "SOURCE,TARGET,FSTYPE,OPTIONS,PASSNO")
        ours = [
            (one.source, one.target or "none", one.fstype, ",".join(one.options), one.passno)
            for one in parse_fstab(text)
        ]
        assert ours == [
            (
                row["source"],
                row["target"].rstrip("/") or "/",
                row["fstype"],
                row["options"] or "defaults",
                int(row["passno"]),
            )
            for row in theirs
        ]
