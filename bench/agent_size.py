"""Memory of the agent after many sweeps, and what it burns when nobody asks."""

from __future__ import annotations

import os
import time
from pathlib import Path

from bench.figures import Figure
from bench.fleet import Fleet
from bench.memory import memory_kb


def family(pid: int) -> list[int]:
    """The process and all its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(grandchild for child in children for grandchild in family(int(child)))]


def total_mb(pid: int, field: str = "Pss") -> float:
    """A field summed over all resident processes of an agent, MB."""
    return sum(memory_kb(one, field) for one in family(pid)) / 1024


def cpu_s(pid: int) -> float:
    """CPU seconds of a process and its ended children so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def measure(fleet: Fleet, *, sweeps: int, idle_s: float) -> list[Figure]:
    """An agent of the fleet after `sweeps` full sweeps; growth from a fifth of them to the end; idle CPU."""
    pids = [node["processes"]["agent"]["pid"] for node in fleet.state["nodes"].values()]
    early: list[float] = []
    for at in range(sweeps):
        fleet.sweep()
        if at == sweeps // 5:
            early = [total_mb(pid) for pid in pids]
    late = [total_mb(pid) for pid in pids]
    before = [cpu_s(pid) for pid in pids]
    time.sleep(idle_s)
    idle = [100 * (cpu_s(pid) - began) / idle_s for pid, began in zip(pids, before, strict=True)]
    growth = [after - first for first, after in zip(early, late, strict=True)]
    return [
        Figure(
            "agent_mb",
            f"agent after {sweeps} sweeps, PSS of all its processes",
            "MB",
            tuple(late),
            32,
            note=f"each of {len(pids)} agents on one machine, which share the pages of Python itself",
        ),
        Figure("agent_rss_mb", "  the same, RSS", "MB", tuple(total_mb(pid, "Rss") for pid in pids)),
        Figure("agent_growth_mb", f"  growth from sweep {sweeps // 5} to {sweeps}", "MB", tuple(growth), 0.5),
        Figure("agent_idle_percent", f"agent idle, {idle_s:g} s", "% of a core", tuple(idle), 0.1),
    ]
