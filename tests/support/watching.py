"""Watches of real rings for tests: agents that are witnesses, a coordinator.yml, and ears for what is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import trio
import yaml

from inspector_agent.ring import connect
from inspector_agent.witness.settings import WitnessSettings
from inspector_coord.config import Config, load
from inspector_coord.watch.conclusions import Action, Happening, Kind
from inspector_coord.watch.journal import Past
from inspector_coord.watch.listening import Listener, Watched
from inspector_coord.watch.service import watch
from tests.support.agents import agents, config_for, with_config
from tests.support.serf import SerfNode, SerfRing, serf_ring, until
from tests.support.waiting import soon


@dataclass
class Ears:
    """A listener that keeps all it is told, and `notes` for what is said beside."""

    heard: list[tuple[str, Happening, float]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rings: Mapping[str, Watched] = field(default_factory=dict)

    def told(self, ring: str, happening: Happening, unix: float) -> None:
        """Keep it."""
        self.heard.append((ring, happening, unix))

    def sees(self, rings: Mapping[str, Watched]) -> None:
        """Keep them."""
        self.rings = rings

    @property
    def happenings(self) -> list[Happening]:
        """All that happened, in order."""
        return [happening for _, happening, _ in self.heard]

    def of(self, action: Action, kind: Kind, *nodes: str) -> list[Happening]:
        """Those of an action and a kind in which all these nodes are."""
        return [
            one for one in self.happenings if (one.action, one.kind) == (action, kind) and set(nodes) <= set(one.nodes)
        ]

    async def hears(self, action: Action, kind: Kind, *nodes: str) -> Happening:
        """Returns as soon as that is told."""
        await soon(lambda: bool(self.of(action, kind, *nodes)), f"{action} {kind} {nodes} in {self.happenings}")
        return self.of(action, kind, *nodes)[0]

    async def judging(self, nodes: int) -> None:
        """Returns once all rings are judged, and so many nodes are known."""

        def holds() -> bool:
            rings = self.rings.values()
            return all(ring.judging for ring in rings) and sum(len(ring.roster) for ring in rings) == nodes

        await soon(holds, "the watch judges")


@dataclass
class WatchedRing:
    """A ring whose nodes all have witnesses. path: of coordinator.yml."""

    ring: SerfRing
    path: Path

    @property
    def config(self) -> Config:
        """As the watcher reads it."""
        return load(self.path)

    def enter(self, *entries: str, **others: Sequence[str]) -> Config:
        """Use these entries, and rings by name with theirs."""
        rings = {"main": {"entries": list(entries)}} | {name: {"entries": list(own)} for name, own in others.items()}
        self.path.write_text(yaml.safe_dump({"rings": rings, "config_center": "http://127.0.0.1:9", "cache": "cache"}))
        return self.config


@asynccontextmanager
async def watched_ring(directory: Path, count: int) -> AsyncIterator[WatchedRing]:
    """A ring with an agent on each node, which does not ping: loopback answers for the dead. The first is the entry."""
    tags = [{"zone": "ab"[index % 2], "rack": f"{'ab'[index % 2]}1"} for index in range(count)]
    settings = WitnessSettings(ssh_port=0, ping=False)
    async with serf_ring(count, tags=tags) as ring:
        configs = [with_config(config_for(node, directory), witness=settings) for node in ring]
        async with agents(*configs) as running:
            for agent in running:
                await agent.says("attached")
            made = WatchedRing(ring, directory / "coordinator.yml")
            made.enter(ring[0].rpc)
            yield made


@asynccontextmanager
async def watching(
    config: Config, *listeners: Listener, nodes: int, past: Mapping[str, Past] | None = None
) -> AsyncIterator[Ears]:
    """A watch that runs while the context is open, and judges when it begins."""
    ears = Ears()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(watch, config, [ears, *listeners], past=past, say=ears.notes.append))
        await soon(lambda: bool(ears.rings), "the watch begins")
        await ears.judging(nodes)
        yield ears
        nursery.cancel_scope.cancel()


async def failed_at(node: SerfNode, name: str) -> None:
    """Returns when this node's Serf lists that member as failed."""

    async def holds() -> bool:
        async with connect(node.rpc) as client:
            return any(member.status == "failed" for member in await client.members(name=name))

    await until(holds, what=f"{node.name} lists {name} as failed")
