"""Keeps the node's baseline up to date: from the disk at once, from the config center now and again, or for a question.

A center that cannot be reached is said once, asked again at the next turn, and stops nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from config_center.traits import traits_of
from inspector_agent import limits
from inspector_agent.events import Event, Fetch, Fetched, Held
from inspector_agent.facts import flat_facts
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
        config: where the cache and the config centers are, whose signatures count, and how often to ask for news.
        give: takes Held and Fetched events.
        log: where to say what matters.

    Attributes:
        node: who this node is; None before Serf has said so.
        facts: what is known of its machine, by name; layers may match on them.
    """

    def __init__(self, config: AgentConfig, give: Callable[[Event], None], log: Log) -> None:
        self.node: Node | None = None
        self.facts: dict[str, str] = {}
        self._config = config
        self._give = give
        self._log = log
        self._kept = Kept(config.cache)
        self._releases: Releases | None = None
        self._current: Baseline | None = None
        self._problem = ""
        self._due = inf  # when to ask the center for news, by trio's clock
        self._due_changed = trio.Event()
        self._gathered_at = -inf
        self._hurried_at = -inf

    def become(self, node: Node) -> None:
        """The node has this name and these tags now. Gives Held if the disk has its baseline."""
        is_first, self.node = self.node is None, node
        self._gather()
        self._settle()
        # A fleet that is started together does not come to the center together.
        late_s = random.uniform(0, limits.first_refresh_s_max) if is_first and self._current else 0.0  # noqa: S311
        self._ask_by(trio.current_time() + late_s)

    def _gather(self) -> bool:
        """Look at the facts, if that was long ago. Returns whether they changed."""
        now = trio.current_time()
        if now - self._gathered_at < limits.facts_age_s_max:
            return False
        before, self._gathered_at = self.facts, now
        self.facts = flat_facts(self._config.root)
        return self.facts != before

    def _settle(self) -> None:
        """Be the node with this name, these tags and these facts: with others its layers may be others."""
        if self.node is not None:
            config, traits = self._config, traits_of(self.node.tags, self.facts)
            self._releases = Releases(
                config.cache,
                config.config_center,
                name=self.node.name,
                traits=traits,
                trusted_keys=config.trusted_keys,
            )
            self._take_current(self._releases)

    def hurry(self, spread_s: float) -> None:
        """Somebody says there is news: ask after a random delay of at most `spread_s` seconds.

        A question that names a release does not wait for this. Whoever announces again and again gains nothing.
        """
        now = trio.current_time()
        at = max(now + random.uniform(0, spread_s), self._hurried_at + limits.hurry_pause_s_min)  # noqa: S311
        if at < self._due:
            self._hurried_at = at
            self._ask_by(at)

    def _ask_by(self, at: float) -> None:
        self._due = min(self._due, at)
        self._due_changed.set()

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
        """Ask the center for news, for ever: when the node is new, when hurried, and now and again.

        between: called each time.
        """
        while True:
            while trio.current_time() < self._due:
                self._due_changed = trio.Event()
                with trio.move_on_at(self._due):
                    await self._due_changed.wait()
            self._due = inf
            if self._gather():
                self._settle()
            await self._refresh()
            between()
            wait_s = self._config.poll_s * random.uniform(1 - limits.poll_jitter, 1 + limits.poll_jitter)  # noqa: S311
            self._ask_by(trio.current_time() + wait_s)

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
