"""A small fleet for tests of the coordinator: real rings, scripted agents, a config center, a coordinator.yml."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import trio
import yaml

from config_center.folder import Folder
from config_center.http import serve
from config_center.release import Layer, Release
from config_center.resolve import Resolver
from inspector_agent.tally import basis_of, selected
from inspector_agent.wire import Question
from inspector_coord.config import Config, load
from inspector_coord.groups import read_groups
from inspector_coord.release_cache import ReleaseCache
from inspector_coord.report import Report, build
from inspector_coord.sweep import FleetSweep, Outcome, Request
from tests.support.center import item, layer
from tests.support.depots import MirroredStore
from tests.support.scripted import ScriptedAgent
from tests.support.serf import SerfRing, serf_ring

LAYERS = (
    layer("00-fleet", {f"sysctl:key{number}": item(number + 1, at_most=10) for number in range(4)}),
    layer("20-zone-b", {"sysctl:key1": item(7, at_most=5)}, zone="b"),
)


@dataclass
class Fleet:
    """Everything one test needs.

    path: of coordinator.yml. url: of the config center. agents: by node name.
    """

    path: Path
    ring: SerfRing
    url: str
    store: MirroredStore
    release: Release
    agents: dict[str, ScriptedAgent] = field(default_factory=dict)

    @property
    def config(self) -> Config:
        """As the coordinator reads it."""
        return load(self.path)

    def write(self, **changes: Any) -> Config:
        """Change keys of coordinator.yml."""
        document = yaml.safe_load(self.path.read_text()) | changes
        self.path.write_text(yaml.safe_dump(document))
        return self.config

    def prepare(self, *targets: str, **request: Any) -> FleetSweep:
        """A sweep that has not begun."""
        return FleetSweep(self.config, read_groups({}, []), Request(targets=targets, **request))

    @property
    def cache(self) -> ReleaseCache:
        """The coordinator's releases."""
        return ReleaseCache(self.config.cache_dir, self.config.config_center)

    async def outcome(self, sweep: FleetSweep) -> Outcome:
        """Run a sweep."""
        return await sweep.run(self.cache.current, lambda *_: None)

    async def sweep(self, *targets: str, **request: Any) -> Report:
        """Sweep; the report."""
        outcome = await self.outcome(self.prepare(*targets, **request))
        return build(outcome.facts, outcome.ledger, {})


class _Basis:
    """As an agent that has the newest release, and knows the node by these tags, names it; as quickly as that does."""

    def __init__(self, store: MirroredStore, name: str, tags: Mapping[str, str]) -> None:
        self._store, self._name, self._tags = store, name, tags
        self._known: dict[tuple[bytes, tuple[str, ...]], bytes] = {}

    def __call__(self, question: Question) -> bytes:
        asked = (question.release, question.items)
        if asked not in self._known:
            items = Resolver(self._store.current()).baseline(self._name, self._tags).items
            self._known[asked] = basis_of(selected(items, question.items))
        return self._known[asked]


@asynccontextmanager
async def fleet(
    directory: Path,
    count: int,
    scripts: Mapping[str, Sequence[str]] | None = None,
    *,
    layers: Sequence[Layer] = LAYERS,
    rpc_auth: str | None = None,
    entries: Sequence[int] = (0,),
    tags_of: Mapping[str, Mapping[str, str]] | None = None,
    **ring: Any,
) -> AsyncIterator[Fleet]:
    """A ring of `count` nodes in zones a and b, an agent on each that passes unless `scripts` says otherwise."""
    zones = ["a" if index < (count + 1) // 2 else "b" for index in range(count)]
    own = tags_of or {}
    tags = [{"zone": zone, "role": "web", **own.get(f"n{index:03}", {})} for index, zone in enumerate(zones, 1)]
    store = MirroredStore(directory / "store")
    release = store.publish(layers)
    async with serf_ring(count, tags=tags, rpc_auth=rpc_auth, **ring) as nodes, trio.open_nursery() as nursery:
        url = await nursery.start(partial(serve, Folder(store.directory), "127.0.0.1", 0))
        (directory / "auth").write_text(f"{rpc_auth}\n")
        main: dict[str, Any] = {"entries": [nodes[index].rpc for index in entries]}
        main |= {"auth_key_file": "auth"} if rpc_auth is not None else {}
        path = directory / "coordinator.yml"
        path.write_text(yaml.safe_dump({"rings": {"main": main}, "config_center": url, "cache": "cache"}))
        made = Fleet(path, nodes, url, store, release)
        for index, node in enumerate(nodes):
            agent = ScriptedAgent(node, tuple((scripts or {}).get(node.name, ("pass",))), rpc_auth)
            agent.basis = _Basis(store, node.name, tags[index])
            made.agents[node.name] = agent
            await nursery.start(agent.run)
        yield made
        nursery.cancel_scope.cancel()
