"""The small disks of the nodes: a tmpfs each, mounted where only the keeper sees it: it outlives a power cut."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from inspector_lab.layout import Layout, NodeLayout
from inspector_lab.namespaces import inside, kernel, limits

FILLING = "filling"  # the file that fills a disk


def make_private() -> None:
    """See no more of what the machine mounts, and let it see nothing of ours."""
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)


def make_all(layout: Layout, nodes: list[str]) -> None:
    """A disk a node, with what `up` has written for it."""
    layout.disks.mkdir(mode=0o700, exist_ok=True)
    kernel.mount("disks", str(layout.disks), "tmpfs", data="mode=700,size=1m")
    for name in nodes:
        disk = layout.disks / name
        disk.mkdir()
        kernel.mount(name, str(disk), "tmpfs", data=f"mode=755,size={limits.disk_bytes}")
        stock(disk, layout.node(name))


def stock(disk: Path, files: NodeLayout) -> None:
    """The directories of a fresh disk."""
    for place in inside.OVERLAID:
        for folder in ("upper", "work"):
            (disk / place.removeprefix("/") / folder).mkdir(parents=True)
    for place in inside.REPLACED:
        mode = 0o1777 if place == "/tmp" else 0o700  # noqa: S108 - the node's own
        (disk / place.removeprefix("/")).mkdir()
        (disk / place.removeprefix("/")).chmod(mode)
    for source in (files.root, files.cache, files.scratch):
        shutil.copytree(source, disk / inside.LAB / source.name, symlinks=True)
    files.disk.mkdir(exist_ok=True)


def fill(disk: Path) -> None:
    """Leave no byte free."""
    with (disk / FILLING).open("ab") as file, suppress(OSError):  # ENOSPC is what we want
        step = limits.fill_step_bytes
        while step:
            try:
                os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), step)
            except OSError:
                step //= 2


def empty(disk: Path) -> None:
    """Free what `fill` took."""
    (disk / FILLING).unlink(missing_ok=True)
