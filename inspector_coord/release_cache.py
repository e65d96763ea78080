"""The releases to ask for, from the config center or, where that is down, the last good ones; and those of the past.

CACHE/current.json             pointer to the last good releases, as the config center wrote it
CACHE/releases/<digest>.json   releases, verified; the newest `releases_kept_max` are kept to read stale answers with
CACHE/parts/<sha256>           executables of the site, for the second pass
CACHE/trust.json               see `trust`
CACHE/nodes.kept               see `known_nodes`
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import httpx
import trio

from config_center import limits as center_limits
from config_center.canonical import digest_of
from config_center.errors import ReleaseError as Unreadable
from config_center.errors import TrustError
from config_center.files import write_whole
from config_center.keys import PublicKey
from config_center.pointer import Pointer, decode_pointer
from config_center.release import Release, SiteCheck, decode
from inspector_coord.center_http import CenterAway, CenterDown, client_for, get
from inspector_coord.config import Config
from inspector_coord.current import Current, prefix_of
from inspector_coord.errors import ReleaseError
from inspector_coord.kept_releases import KeptReleases
from inspector_coord.known_nodes import known_nodes
from inspector_coord.trust import Trust, keys_of

__all__ = ["Current", "ReleaseCache", "prefix_of"]

PUBLISH = "publish one with `config-center publish`"


class _NothingPublished(CenterDown):
    """This center has no release yet."""


class ReleaseCache:
    """Releases of one config center and its mirrors, kept in one directory."""

    def __init__(self, directory: Path, centers: str | Sequence[str], trusted: tuple[PublicKey, ...] = ()) -> None:
        """`centers`: the center or its mirrors, tried in order. `trusted`: keys, one of which must sign pointers."""
        self._directory = directory
        self._centers = tuple(center.rstrip("/") for center in ([centers] if isinstance(centers, str) else centers))
        self._trust = Trust(directory, trusted)
        self._kept = KeptReleases(directory)

    @classmethod
    def of(cls, config: Config) -> ReleaseCache:
        """The cache that a coordinator.yml describes. Raises ConfigError for a key that cannot be used."""
        return cls(config.cache_dir, config.centers, keys_of(config))

    async def current(self) -> Current:
        """What to ask for, and what is known of the nodes if that asks about facts. Raises ReleaseError."""
        async with client_for() as client:
            current, away = await self._current(client)
            if current.asked_facts:
                there = [center for center in self._centers if center not in away]
                current.known = await known_nodes(client, there, self._directory / "nodes.kept")
        return current

    async def site_checks(self, release: Release, kinds: Iterable[str]) -> dict[str, Path]:
        """Executables of the site for these kinds of checks, verified; what cannot be had is left out."""
        wanted = set(kinds)
        found: dict[str, Path] = {}
        async with client_for() as client:
            for check in release.checks:
                if check.name in wanted:
                    path = self._directory / "parts" / check.sha256
                    if await trio.to_thread.run_sync(_verified, path, check) or await self._fetch_part(
                        client, path, check
                    ):
                        found[check.name] = path
        return found

    # ---- what is current --------------------------------------------------------------------------------------------

    async def _current(self, client: httpx.AsyncClient) -> tuple[Current, set[str]]:
        """From the first center that has something to rely on, else what was good the last time; and who is away."""
        problems: list[CenterDown] = []
        away: set[str] = set()
        for center in self._centers:
            try:
                taken = await self._from(client, center)
            except CenterDown as problem:
                problems.append(problem)
                away |= {center} if isinstance(problem, CenterAway) else set()
            else:
                said = "; ".join(str(problem) for problem in problems)
                return Current(*taken, note=f"{said}: taken from {center}" if said else ""), away
        said = "; ".join(str(problem) for problem in problems)
        if all(isinstance(problem, _NothingPublished) for problem in problems):
            raise ReleaseError(said)
        kept = await trio.to_thread.run_sync(self._last_good)
        if kept is None:
            raise ReleaseError(
                f"{said}; no earlier release is kept in {self._directory} either: "
                "start the config center, or correct config_center in coordinator.yml"
            )
        return Current(*kept, note=f"{said}: asking for release {kept[0].number}, the last good one"), away

    async def _from(self, client: httpx.AsyncClient, center: str) -> tuple[Release, Pointer, Release | None]:
        """(release for everybody, pointer, the canary's release) of one center, all of it verified, and kept."""
        reply = await get(client, f"{center}/current.json", center_limits.pointer_bytes_max)
        if reply.status == httpx.codes.NOT_FOUND:
            raise _NothingPublished(f"the config center {center} has published nothing yet: {PUBLISH}")
        if reply.status != httpx.codes.OK:
            raise CenterDown(f"the config center {center} answers {reply.status}")
        try:
            pointer = decode_pointer(reply.body)
            await trio.to_thread.run_sync(self._trust.check, pointer)
            releases = [await self._release(client, center, number, digest) for number, digest in pointer.releases()]
            await trio.to_thread.run_sync(self._trust.take, pointer)
            await trio.to_thread.run_sync(write_whole, self._directory / "current.json", reply.body)
        except TrustError as problem:
            raise CenterDown(f"the pointer of the config center {center} is refused: {problem}") from problem
        except Unreadable as problem:
            raise CenterDown(f"the config center {center} sends a release that cannot be used: {problem}") from problem
        except OSError as problem:
            raise ReleaseError(
                f"the cache {self._directory} cannot be written: {problem.strerror or problem}"
            ) from problem
        return releases[0], pointer, releases[1] if pointer.canary is not None else None

    async def _release(self, client: httpx.AsyncClient, center: str, number: int, digest: str) -> Release:
        kept = await trio.to_thread.run_sync(self._kept.get, digest)
        if kept is not None:
            return kept
        reply = await get(client, f"{center}/releases/{digest}.json", center_limits.release_bytes_max)
        if reply.status != httpx.codes.OK:
            raise CenterDown(f"the config center {center} answers {reply.status} for release {number}")
        release = decode(reply.body, digest)
        await trio.to_thread.run_sync(self._kept.keep, digest, reply.body)
        return release

    def _last_good(self) -> tuple[Release, Pointer, Release | None] | None:
        """What was taken the last time, if it still counts and nothing of it is missing."""
        try:
            pointer = decode_pointer((self._directory / "current.json").read_bytes())
            self._trust.check_kept(pointer)
        except (OSError, Unreadable, TrustError):
            return None
        releases = [self._kept.get(digest) for _, digest in pointer.releases()]
        main, canary = releases[0], releases[-1]
        if main is None or canary is None:
            return None
        return main, pointer, canary if pointer.canary is not None else None

    # ---- files ------------------------------------------------------------------------------------------------------

    async def _fetch_part(self, client: httpx.AsyncClient, path: Path, check: SiteCheck) -> bool:
        """Get an executable from the first center that has it as its digest names it."""
        for center in self._centers:
            try:
                reply = await get(client, f"{center}/parts/{check.sha256}", center_limits.part_bytes_max)
            except CenterDown:
                continue
            if reply.status == httpx.codes.OK and digest_of(reply.body) == check.sha256:
                await trio.to_thread.run_sync(write_whole, path, reply.body)
                return True
        return False


def _verified(path: Path, check: SiteCheck) -> bool:
    try:
        return digest_of(path.read_bytes()) == check.sha256
    except OSError:
        return False
