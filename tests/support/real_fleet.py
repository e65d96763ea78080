"""A real ring with real agents, a mirror of plain files, and a coordinator that starts anew for each sweep."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from config_center.release import Release
from inspector_coord.config import load
from inspector_coord.groups import read_groups
from inspector_coord.release_cache import ReleaseCache, prefix_of
from inspector_coord.report import Report, build
from inspector_coord.sweep import FleetSweep, Request
from tests.support.agents import Fixture, agents, config_for
from tests.support.mirror import Mirror, mirrored, pointer_to
from tests.support.serf import SerfRing, serf_ring


@dataclass
class RealFleet:
    """Nodes n001 … with real agents, which all have swappiness 10; the odd ones are in rack a1, the even ones in b1."""

    directory: Path
    ring: SerfRing
    center: Mirror
    agents: list[Fixture]
    first: Release

    async def sweep(self) -> Report:
        """As the command does it, each time by a coordinator that has just started; with time for a busy machine."""
        config = load(self.directory / "coordinator.yml")
        sweep = FleetSweep(config, read_groups({}, []), Request(timeout_s=60.0))
        outcome = await sweep.run(ReleaseCache.of(config).current, lambda *_: None)
        return build(outcome.facts, outcome.ledger, {prefix_of(self.first): self.first}, outcome.reader)


@asynccontextmanager
async def real_fleet(
    directory: Path, first: Release, count: int = 4, centers: Mapping[str, str] | None = None
) -> AsyncIterator[RealFleet]:
    """Nodes that have the release `first`. `centers`: other config centers than everybody's, by node."""
    tags = [{"rack": "a1" if index % 2 else "b1"} for index in range(1, count + 1)]
    async with mirrored() as center, serf_ring(count, tags=tags) as ring:
        center.put(pointer_to(first, 1), first)
        document = {"rings": {"main": {"entries": [ring[0].rpc]}}, "config_center": center.url, "cache": "cache"}
        (directory / "coordinator.yml").write_text(yaml.safe_dump(document))
        own = centers or {}
        configs = [config_for(node, directory, own.get(node.name, center.url)) for node in ring]
        async with agents(*configs) as fixtures:
            for fixture in fixtures:
                await fixture.says("release")
            yield RealFleet(directory, ring, center, fixtures, first)


def states(report: Report) -> dict[str, str]:
    """By node."""
    return {node["name"]: node["state"] for node in report["nodes"]}
