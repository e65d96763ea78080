"""Limits of processor time: cgroups of both versions, as files below a directory of a test's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inspector_lab.errors import BreakError
from inspector_lab.namespaces.cpu import Slices, slices

OLD = "30 24 0:26 / {place} rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
NEW = "42 24 0:38 / {place} rw,relatime - cgroup2 cgroup2 rw\n"
OTHER = "31 24 0:27 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"


def table(folder: Path, *lines: str) -> Path:
    """A mountinfo with these lines."""
    path = folder / "mountinfo"
    path.write_text("".join(line.format(place=folder) for line in lines))
    return path


def test_version_1_is_used_where_its_controller_is_mounted(tmp_path: Path) -> None:
    """Also beside a version 2 without one."""
    (tmp_path / "cgroup.controllers").write_text("hugetlb\n")
    assert slices("lab", table(tmp_path, OTHER, OLD, NEW)) == Slices(tmp_path, 1, "lab")


def test_version_2_is_used_where_it_has_the_controller(tmp_path: Path) -> None:
    """As on today's machines; without one there is no way."""
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io\n")
    assert slices("lab", table(tmp_path, OTHER, NEW)) == Slices(tmp_path, 2, "lab")
    (tmp_path / "cgroup.controllers").write_text("cpuset io\n")
    assert slices("lab", table(tmp_path, OTHER, NEW)) is None


@pytest.mark.parametrize(
    ("version", "files"),
    [
        (1, {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "25000"}),
        (2, {"cpu.max": "25000 100000"}),
    ],
)
def test_a_share_becomes_a_quota(tmp_path: Path, version: int, files: dict[str, str]) -> None:
    """Of the kernel's own period; every process of the node is moved there."""
    found = Slices(tmp_path, version, "lab")
    found.slow("n001", 0.25, [os.getpid()])
    folder = tmp_path / "lab" / "n001"
    assert {name: (folder / name).read_text() for name in files} == files
    assert (folder / "cgroup.procs").read_text() == str(os.getpid())
    if version == 2:
        assert (tmp_path / "cgroup.subtree_control").read_text() == "+cpu"


def test_a_limit_that_cannot_be_set_is_told(tmp_path: Path) -> None:
    """With the node and the place."""
    (tmp_path / "lab").write_text("no folder")
    with pytest.raises(BreakError, match=r"processor time of n001 cannot be limited in .*lab/n001"):
        Slices(tmp_path, 1, "lab").slow("n001", 0.5, [])


def test_nothing_is_left_to_free_or_clear_twice(tmp_path: Path) -> None:
    """What was never made, or is gone, is no error."""
    found = Slices(tmp_path, 1, "lab")
    found.join("n001")
    found.free("n001")
    found.clear()
    (tmp_path / "lab" / "n001").mkdir(parents=True)
    found.clear()
    assert list(tmp_path.iterdir()) == []
