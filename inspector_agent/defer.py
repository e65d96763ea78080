"""Holds checks that start programs back while the node has enough to do: `defer: {load: 8}` of agent.yml."""

from __future__ import annotations

import os
from collections.abc import Callable

import trio

from inspector_agent import below, limits
from inspector_agent.vitals import load_of


class Guard:
    """Looks at the load average of the last minute, a CPU, of the node below `root`.

    Args:
        load_max: above it checks that start programs wait; 0: they never do.
        say: is told, once a run, that some wait.
    """

    def __init__(self, root: str, load_max: float, say: Callable[[str], None]) -> None:
        self._root = root
        self._load_max = load_max
        self._say = say

    def above(self) -> str:
        """Why to wait, in words; "" where the load is low enough, or cannot be told."""
        if not self._load_max:
            return ""
        try:
            loadavg, online = (
                os.fsdecode(below.read(self._root, path, limits.proc_file_bytes_max))
                for path in ("proc/loadavg", "sys/devices/system/cpu/online")
            )
        except OSError:
            return ""
        percent = load_of(loadavg, online)
        if percent is None or percent <= 100 * self._load_max:
            return ""
        return f"load {percent / 100:.1f} a CPU is above {self._load_max:g} (defer)"

    async def wait(self, count: int, until: float) -> str:
        """Wait with so many items until the load is low enough: ""; or, by trio's clock, `until`: why still to wait."""
        why = self.above()
        left_s = until - trio.current_time()
        if why and left_s > 0:
            self._say(f"{why}: {count} items that start programs wait for at most {left_s:.1f} s")
        while why and trio.current_time() < until:
            await trio.sleep_until(min(until, trio.current_time() + limits.defer_look_s))
            why = self.above()
        return why
