"""Keeps the node's baseline up to date: from the disk at once, from the config center now and again, or for a question.

A center that cannot be reached is said once, asked again at the next turn, and stops nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from inspector_agent import limits
from inspector_agent.events import Event, Fetch, Fetched, Held
from inspector_agent.kept import Kept
from inspector_agent.log import Log
from inspector_agent.releases import Releases

if TYPE_CHECKING:
    from config_center.resolve import Baseline
    from inspector_agent.config import AgentConfig


@dataclass(frozen=True)
class Node:
    """What Serf says of this node."""

    name: str
    tags: Mapping[str, str]


class Upkeep:
    """The releases of one node.

    Args:
        config: where the cache and the config centers are, and how often to ask for news.
        give: takes Held and Fetched events.
        log: where to say what matters.

    Attributes:
        node: who this node is; None before Serf has said so.
    """

    def __init__(self, config: AgentConfig, give: Callable[[Event], None], log: Log) -> None:
        self.node: Node | None = None
        self._config = config
        self._give = give
        self._log = log
        self._kept = Kept(config.cache)
        self._releases: Releases | None = None
        self._current: Baseline | None = None
        self._problem = ""
        self._hurry = trio.Event()  # the node is new, or another one than before: ask the center now

    def become(self, node: Node) -> None:
        """The node has this name and these tags now. Gives Held if the disk has its baseline."""
        self.node = node
        self._releases = Releases(self._config.cache, self._config.config_center, name=node.name, tags=node.tags)
        self._take_current(self._releases)
        self._hurry.set()

    def parts_dir(self, digest: str) -> Path:
        """Where the site's own executables of that release are."""
        return self._kept.checks_dir(digest)

    async def fetch(self, order: Fetch) -> None:
        """Do a Fetch. Gives Fetched."""
        releases = baseline = None
        while self._releases is not None and releases is not self._releases:  # the node became another one meanwhile
            releases = self._releases
            baseline = await releases.ensure(order.wanted, order.number, order.deadline_s)
        self._give(Fetched(order.wanted, baseline))
        if releases is not None:
            self._say_problem(releases)
            self._take_current(releases)

    async def poll(self, between: Callable[[], None]) -> None:
        """Ask the center for news, for ever: when the node is new, and then now and again; `between` is called then."""
        await self._hurry.wait()
        if self._current is not None:  # a fleet that is started together does not come to the center together
            await trio.sleep(random.uniform(0, limits.first_refresh_s_max))  # noqa: S311
        while True:
            self._hurry = trio.Event()
            await self._refresh()
            between()
            wait_s = self._config.poll_s * random.uniform(1 - limits.poll_jitter, 1 + limits.poll_jitter)  # noqa: S311
            with trio.move_on_after(wait_s):
                await self._hurry.wait()

    async def _refresh(self) -> None:
        releases = self._releases
        if releases is not None:
            await releases.refresh()
            self._say_problem(releases)
            if releases is self._releases:
                self._take_current(releases)

    def _take_current(self, releases: Releases) -> None:
        baseline = releases.current()
        if baseline is not None and baseline is not self._current:
            self._current = baseline
            self._give(Held(baseline))
            self._log("release", number=baseline.release_number, digest=baseline.digest[:12], items=len(baseline.items))

    def _say_problem(self, releases: Releases) -> None:
        """What keeps a release from this node, when it is news."""
        if releases.last_error and releases.last_error != self._problem:
            self._log("release-problem", problem=releases.last_error)
        self._problem = releases.last_error
