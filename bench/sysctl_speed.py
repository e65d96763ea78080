"""How long 300 kernel parameters take on one node, from the agent's fork to its last finding."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import trio

from bench.figures import Figure
from config_center.resolve import Item
from inspector_agent.bundled import checks_dir
from inspector_agent.findings import Finding
from inspector_agent.runner.run import CheckRunner

ITEMS = 300


def parameters() -> list[str]:
    """The first 300 readable kernel parameters of this machine."""
    root = Path("/proc/sys")
    found = (path for path in sorted(root.rglob("*")) if path.is_file() and path.stat().st_mode & 0o444)
    keys = [".".join(path.relative_to(root).parts) for path in found]
    if len(keys) < ITEMS:
        raise SystemExit(f"this machine has only {len(keys)} kernel parameters")
    return keys[:ITEMS]


def item(number: int, key: str) -> Item:
    """An item that wants the parameter to be there."""
    return Item(
        number=number, id=f"sysctl:{key}", check="sysctl", key=key, expect={"value": {"any": True}}, with_={},
        severity="major", timeout_s=2.0, source="bench:1",
    )  # fmt: skip


async def once(runner: CheckRunner, items: list[Item]) -> float:
    """Milliseconds of one run over all items."""
    findings: list[Finding] = []
    began = time.perf_counter()
    await runner.run(items, findings.append, deadline_s=30)
    took_ms = 1000 * (time.perf_counter() - began)
    if len(findings) != len(items):
        raise SystemExit(f"{len(findings)} findings for {len(items)} items")
    return took_ms


def measure(*, runs: int) -> list[Figure]:
    """`runs` runs after one to warm up."""
    items = [item(number, key) for number, key in enumerate(parameters())]

    async def all_runs() -> list[float]:
        with TemporaryDirectory() as parts:
            runner = CheckRunner(
                checks_dir=checks_dir(), parts_dir=Path(parts), root="/", facts={"name": "bench", "tags": {}}
            )
            return [await once(runner, items) for _ in range(runs + 1)]

    took = trio.run(all_runs)[1:]
    note = "wall time of one run in one forked process, from the agent's fork to its last finding"
    return [Figure("sysctl_300_ms", f"{ITEMS} sysctl items on one node", "ms", tuple(took), 60, note=note)]
