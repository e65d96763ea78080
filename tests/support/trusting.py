"""A node that trusts keys, and the center that it listens to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from config_center.release import Release
from config_center.resolve import Baseline
from inspector_agent.releases import Releases
from tests.support.center import SignedCenter, item, layer
from tests.support.web import Web, web

RAID = b"#!/bin/sh\nexit 0\n"
AWAY = "http://127.0.0.1:1"


def expects(number: int) -> Any:
    """A layer whose one item tells releases apart."""
    return layer("10", {"sysctl:a.b": item(equals=number)})


class TrustingNode:
    """A node, its cache, and a center whose acts are signed. It has followed nothing yet.

    Attributes:
        signed: what the center publishes.
        first, second, third: releases 1 to 3; the second has a check of the site.
        traits: what matches look at.
    """

    def __init__(self, server: Web, directory: Path) -> None:
        self.server = server
        self.signed = SignedCenter()
        server.files = self.signed.files
        self.cache = directory / "cache"
        self.first = self.signed.release(1, expects(1))
        self.second = self.signed.release(2, expects(2), checks={"raid": RAID})
        self.third = self.signed.release(3, expects(3), checks={"raid": RAID, "zfs": RAID + b"# zfs\n"})
        self.traits: dict[str, str] = {}

    @property
    def url(self) -> str:
        """Of the pointer."""
        return f"{self.server.url}/current.json"

    def started(self, *centers: str, keys: Sequence[str] | None = None, traits: Mapping[str, str] | None = None) -> Any:
        """Its releases, as an agent has them that starts now."""
        trusted = self.signed.trusted if keys is None else keys
        where = centers or (self.server.url,)
        return Releases(
            self.cache, where, name="n001", traits=self.traits if traits is None else traits, trusted_keys=trusted
        )

    async def follows(self, release: Release, **options: Any) -> Baseline:
        """An agent that starts now takes this release, and one that starts after it without a center has it."""
        started = self.started(**options)
        found = await started.refresh()
        assert started.last_error == ""
        self.holds(release, **options)
        assert found is not None
        assert found.digest == release.digest
        return found  # type: ignore[no-any-return]

    def holds(self, release: Release | None, **options: Any) -> None:
        """What an agent has that starts now, and cannot reach any center."""
        found = self.started(AWAY, **options).current()
        assert (found and found.digest) == (release and release.digest)

    async def refuses(self, running: Releases, last_good: Release | None, asked: Release | None = None) -> str:
        """The center's word is taken neither as news nor for a question; the last good release stays. Says why."""
        if asked is not None:
            assert await running.ensure(bytes.fromhex(asked.digest)[:8], asked.number, 20.0) is None
            assert running.last_error
        found = await running.refresh()
        assert (found and found.digest) == (last_good and last_good.digest)
        assert running.last_error
        self.holds(last_good)
        return running.last_error


@asynccontextmanager
async def trusting_node(directory: Path) -> AsyncIterator[TrustingNode]:
    """A node, and its center at work."""
    async with web() as server:
        yield TrustingNode(server, directory)
