"""A sweep right after an act of the config center: real agents on a real ring fetch inside the question's time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from config_center.match import Term
from inspector_coord.config import load
from inspector_coord.groups import read_groups
from inspector_coord.release_cache import ReleaseCache, prefix_of
from inspector_coord.report import Report, build
from inspector_coord.sweep import FleetSweep, Request
from tests.support.agents import Fixture, agents, config_for
from tests.support.center import item, layer, release_of
from tests.support.mirror import Mirror, mirrored, pointer_to
from tests.support.serf import SerfRing, serf_ring

SWAPPINESS = "sysctl:vm.swappiness"
FIRST = release_of(layer("10-all", {SWAPPINESS: item(at_most=10)}), number=1)
SECOND = release_of(layer("10-all", {SWAPPINESS: item(at_most=5)}), number=2)
CANARY = {"rack": Term(any=("b1",))}


@dataclass
class RealFleet:
    """Nodes n001 … with real agents, which all have swappiness 10; the odd ones are in rack a1, the even ones in b1."""

    directory: Path
    ring: SerfRing
    center: Mirror
    agents: list[Fixture]

    async def sweep(self) -> Report:
        """As the command does it, each time by a coordinator that has just started; with time for a busy machine."""
        config = load(self.directory / "coordinator.yml")
        sweep = FleetSweep(config, read_groups({}, []), Request(timeout_s=60.0))
        outcome = await sweep.run(ReleaseCache.of(config).current, lambda *_: None)
        return build(outcome.facts, outcome.ledger, {prefix_of(FIRST): FIRST}, outcome.reader)


@asynccontextmanager
async def fleet(directory: Path, centers: Mapping[str, str] | None = None) -> AsyncIterator[RealFleet]:
    """Four nodes that have release 1. `centers`: other config centers than everybody's, by node."""
    tags = [{"rack": "a1" if index % 2 else "b1"} for index in range(1, 5)]
    async with mirrored() as center, serf_ring(4, tags=tags) as ring:
        center.put(pointer_to(FIRST, 1), FIRST)
        document = {"rings": {"main": {"entries": [ring[0].rpc]}}, "config_center": center.url, "cache": "cache"}
        (directory / "coordinator.yml").write_text(yaml.safe_dump(document))
        own = centers or {}
        configs = [config_for(node, directory, own.get(node.name, center.url)) for node in ring]
        async with agents(*configs) as fixtures:
            for fixture in fixtures:
                await fixture.says("release")
            yield RealFleet(directory, ring, center, fixtures)


def states(report: Report) -> dict[str, str]:
    return {node["name"]: node["state"] for node in report["nodes"]}


async def test_nodes_fetch_what_they_lack_while_they_are_asked(tmp_path: Path) -> None:
    """Nobody told them: the question names release 2, and every verdict is by it."""
    async with fleet(tmp_path) as real:
        assert set(states(await real.sweep()).values()) == {"pass"}
        real.center.put(pointer_to(SECOND, 2), SECOND)
        report = await real.sweep()
    assert set(states(report).values()) == {"fail"}
    assert report["release"] == {"number": 2, "digest": SECOND.digest}
    assert [group["expected"] for group in report["groups"]] == ["at_most 5"]


async def test_a_node_that_cannot_get_it_is_stale_and_says_what_it_has(tmp_path: Path) -> None:
    """Its own mirror stayed behind: never a pass by an old release."""
    async with mirrored() as behind:
        behind.put(pointer_to(FIRST, 1), FIRST)
        async with fleet(tmp_path, {"n003": behind.url}) as real:
            assert set(states(await real.sweep()).values()) == {"pass"}
            real.center.put(pointer_to(SECOND, 2), SECOND)
            report = await real.sweep()
    assert states(report) == {"n001": "fail", "n002": "fail", "n003": "stale", "n004": "fail"}
    stale = report["nodes"][2]
    assert stale["release"] == {"number": 1, "digest": prefix_of(FIRST).hex()}
    held = f"has release 1 ({prefix_of(FIRST).hex()}…), could not get release 2: answered so at "
    assert stale["evidence"].startswith(held)
    assert report["exit_code"] == 3


async def test_a_canary_is_asked_of_its_nodes_alone_until_it_is_promoted_or_rolled_back(tmp_path: Path) -> None:
    """Publish, canary, promote, rollback: each swept at once, each node judged by what the pointer assigns it."""
    async with fleet(tmp_path) as real:
        real.center.put(pointer_to(FIRST, 2, SECOND, CANARY), SECOND)
        canary = await real.sweep()
        assert states(canary) == {"n001": "pass", "n002": "fail", "n003": "pass", "n004": "fail"}
        assert canary["release"] == {
            "number": 1,
            "digest": FIRST.digest,
            "canary": {
                "number": 2,
                "digest": SECOND.digest,
                "match": {"rack": {"any": ("b1",)}},
                "nodes": "n[002,004]",
                "count": 2,
            },
        }
        assert [(group["expected"], group["nodes"]) for group in canary["groups"]] == [("at_most 5", "n[002,004]")]
        assert [node.get("canary", False) for node in canary["nodes"]] == [False, True, False, True]
        real.center.put(pointer_to(SECOND, 3))
        assert set(states(await real.sweep()).values()) == {"fail"}
        back = release_of(layer("10-all", {SWAPPINESS: item(at_most=10)}), number=3)
        real.center.put(pointer_to(back, 4), back)
        assert set(states(await real.sweep()).values()) == {"pass"}
