"""What a process has of memory, as the kernel tells it."""

from __future__ import annotations

from pathlib import Path


def memory_kb(pid: int, field: str) -> int:
    """One field of a process's smaps_rollup, kB: "Pss", "Rss", "Private_Dirty"."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise SystemExit(f"/proc/{pid}/smaps_rollup has no {field}")


def peak_mb(pid: int) -> float:
    """The most resident memory that a program has had, MB.

    Not `ru_maxrss`: in a process that was just started this is at least what its parent had.
    """
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"/proc/{pid}/status has no VmHWM")
