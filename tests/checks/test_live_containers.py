"""Containers of a real runc, counted beside `runc list`; disks beside df(1)."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector_lab.tools import locate
from tests.support.check_cases import look_at
from tests.support.mounted import REFUSED, RefusedError, inside
from tests.support.others import PLAIN

NAMES = ("one", "two", "dead")

# What a kernel says that lets nobody make them; any other complaint is a mistake of the test.
REFUSE = f"grep -qiE 'cgroup|not permitted|permission denied|read-only' log && exit {REFUSED} || exit 1"

RUNS = """
mount -t tmpfs tmpfs /run
mount --rbind / rootfs
for name in {names}; do
  cp config-$name.json config.json
  {runc} run -d $name < /dev/null > /dev/null 2>> log || {{ cat log >&2; {refuse}; }}
done
{runc} kill dead KILL
while test "$({runc} list --format json | grep -o '"status":"running"' | wc -l)" != 2; do :; done
{runc} list --format json
"""


@pytest.fixture
def bundle(tmp_path: Path) -> Iterator[Path]:
    """What runc needs to run a program of this machine; its control groups do not end with their processes."""
    (tmp_path / "rootfs").mkdir()
    groups = [f"inspector-{tmp_path.name}-{name}" for name in NAMES]
    for name, group in zip(NAMES, groups, strict=True):
        config = {
            "ociVersion": "1.0.2",
            "root": {"path": "rootfs"},
            "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["sleep", "1000"], "env": ["PATH=/bin"]},
            "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}], "cgroupsPath": f"/{group}"},
        }  # fmt: skip
        (tmp_path / f"config-{name}.json").write_text(json.dumps(config), encoding="utf-8")
    yield tmp_path
    # Others take groups of theirs away meanwhile: os.walk passes over them, a glob of Python 3.11 does not.
    for place, _, _ in os.walk("/sys/fs/cgroup", topdown=False):
        if Path(place).name in groups:
            Path(place).rmdir()


def test_containers_that_run_are_counted_as_runc_lists_them(bundle: Path) -> None:
    """Two run, one was killed and not removed."""
    items = [
        {"check": "container", "key": "running", "expect": {"count": {"equals": 2}}},
        {"check": "container", "key": "running", "expect": {"count": {"at_most": 1}}},
        {"check": "container", "key": "pods", "expect": {"count": {"any": True}}},
    ]
    try:
        (two, over, pods), listed = inside(
            RUNS.format(names=" ".join(NAMES), runc=locate("runc"), refuse=REFUSE), items, bundle
        )
    except RefusedError:  # no namespaces or control groups for whoever runs this
        assert look_at("container", "running", {"count": {"any": True}})["outcome"] in {"na", "pass", "error"}
        return
    assert sorted(one["status"] for one in json.loads(listed)) == ["running", "running", "stopped"]
    assert (two["outcome"], two["observed"]) == ("pass", "2")
    assert (over["outcome"], over["message"]) == ("fail", "expected at_most 1")
    assert pods["outcome"] == ("pass" if Path("/var/lib/kubelet/pods").exists() else "na")


def test_disks_as_df_has_them() -> None:
    """The filesystem of the folder that decides."""
    found = look_at("container", "logs", {name: {"any": True} for name in ("path", "used")})
    path, used = (word.rpartition(" ")[2] for word in found["observed"].split(", "))
    told = subprocess.run(["df", "--output=pcent", path], capture_output=True, text=True, check=True, env=PLAIN)
    assert abs(int(told.stdout.split()[-1].rstrip("%")) - int(used)) <= 1
