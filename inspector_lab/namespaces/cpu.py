"""How much processor time a node may have: a cgroup of its own, made when it is slowed and gone when it is not.

Of version 1 or 2: the cpu controller is in one of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from inspector_lab.errors import BreakError
from inspector_lab.namespaces import limits

MOUNTS = Path("/proc/self/mountinfo")


@dataclass(frozen=True)
class Slices:
    """The cgroups of one lab, below a folder of its name."""

    hierarchy: Path
    version: int
    name: str

    def folder(self, node: str) -> Path:
        """Of one node."""
        return self.hierarchy / self.name / node

    def slow(self, node: str, share: float, pids: Iterable[int]) -> None:
        """Give a node and these processes of it no more than a share of one processor. Raises BreakError."""
        quota = round(share * limits.cpu_period_us)
        folder = self.folder(node)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if self.version == 1:
                (folder / "cpu.cfs_period_us").write_text(str(limits.cpu_period_us))
                (folder / "cpu.cfs_quota_us").write_text(str(quota))
            else:
                for above in (self.hierarchy, self.hierarchy / self.name):
                    (above / "cgroup.subtree_control").write_text("+cpu")
                (folder / "cpu.max").write_text(f"{quota} {limits.cpu_period_us}")
            move(pids, folder)
        except OSError as failure:
            raise BreakError(f"processor time of {node} cannot be limited in {folder}: {failure.strerror}") from failure

    def join(self, node: str) -> None:
        """Become a process of this node, as far as processor time goes, where it has been slowed."""
        with suppress(FileNotFoundError):
            (self.folder(node) / "cgroup.procs").write_text("0")  # whoever writes: it knows itself by another number

    def free(self, node: str) -> None:
        """Let a node have all it wants again."""
        folder = self.folder(node)
        for _ in range(limits.moves_max):
            if not folder.exists():
                return
            move(members(folder), self.hierarchy)
            with suppress(OSError):  # something has forked in between, or is just dying there: once more
                folder.rmdir()
                return
            time.sleep(limits.move_gap_s)
        raise BreakError(f"processes cannot be moved out of {folder}")

    def clear(self) -> None:
        """Remove all of them; to be called when no process of the lab runs any more."""
        folder = self.hierarchy / self.name
        if folder.exists():
            for below in [path for path in folder.iterdir() if path.is_dir()]:
                below.rmdir()
            folder.rmdir()


def slices(name: str, mounts: Path = MOUNTS) -> Slices | None:
    """Where a lab of this name limits processor time; None where the machine knows no way."""
    for line in mounts.read_text().splitlines():
        here, _, there = line.partition(" - ")
        place, (kind, _, options) = Path(here.split()[4]), there.split()[:3]
        if kind == "cgroup" and "cpu" in options.split(","):
            return Slices(place, 1, name)
        if kind == "cgroup2" and "cpu" in (place / "cgroup.controllers").read_text().split():
            return Slices(place, 2, name)
    return None


def members(folder: Path) -> list[int]:
    """Processes in a cgroup."""
    return [int(word) for word in (folder / "cgroup.procs").read_text().split()]


def move(pids: Iterable[int], folder: Path) -> None:
    """Put processes into a cgroup; those that are gone already need none."""
    for pid in pids:
        with suppress(ProcessLookupError):
            (folder / "cgroup.procs").write_text(str(pid))
