"""The release to ask for, from the config center or, where that is down, the last good one; and those of the past.

CACHE/current.json             pointer to the last good release, as the config center wrote it
CACHE/releases/<digest>.json   releases, verified; the newest `releases_kept_max` are kept to read stale answers with
CACHE/parts/<sha256>           executables of the site, for the second pass
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import httpx
import msgspec
import trio

from config_center import limits as center_limits
from config_center.canonical import digest_of
from config_center.errors import ReleaseError as Unreadable
from config_center.files import write_whole
from config_center.pointer import decode_pointer
from config_center.release import Release, SiteCheck, decode
from inspector_agent.limits import id_bytes
from inspector_coord import limits
from inspector_coord.errors import ReleaseError

__all__ = ["Current", "ReleaseCache", "prefix_of"]

PUBLISH = "publish one with `config-center publish`"


class Current(msgspec.Struct, frozen=True):
    """The release to ask for. `note` says where it is from if not fresh from the config center, else ""."""

    release: Release
    note: str = ""


class _CenterDown(Exception):  # noqa: N818 -- a fact, handled here
    """The config center cannot be had, or what it sends is no release."""


def prefix_of(release: Release) -> bytes:
    """What stands for a release in questions and answers: the first bytes of its digest."""
    return bytes.fromhex(release.digest)[:id_bytes]


class ReleaseCache:
    """Releases of one config center, kept in one directory."""

    def __init__(self, directory: Path, url: str) -> None:
        self._directory = directory
        self._url = url.rstrip("/")

    async def current(self) -> Current:
        """The release to ask for. Raises ReleaseError where there is none."""
        try:
            async with self._client() as client:
                return Current(await self._fetch(client))
        except _CenterDown as problem:
            release = await trio.to_thread.run_sync(self._last_good)
            if release is None:
                raise ReleaseError(
                    f"{problem}; no earlier release is kept in {self._directory} either: "
                    "start the config center, or correct config_center in coordinator.yml"
                ) from problem
            return Current(release, f"{problem}: asking for release {release.number}, the last good one")

    def past(self, prefixes: Iterable[bytes]) -> dict[bytes, Release]:
        """Those of these releases that are kept, by the prefix of their digest."""
        found: dict[bytes, Release] = {}
        for prefix in set(prefixes):
            for path in sorted(self._releases.glob(f"{prefix.hex()}*.json")):
                release = self._kept(path.stem)
                if release is not None:
                    found[prefix] = release
        return found

    async def site_checks(self, release: Release, kinds: Iterable[str]) -> dict[str, Path]:
        """Executables of the site for these kinds of checks, verified; what cannot be had is left out."""
        wanted = set(kinds)
        found: dict[str, Path] = {}
        async with self._client() as client:
            for check in release.checks:
                if check.name in wanted:
                    path = self._directory / "parts" / check.sha256
                    if await trio.to_thread.run_sync(_verified, path, check) or await self._fetch_part(
                        client, path, check
                    ):
                        found[check.name] = path
        return found

    @property
    def _releases(self) -> Path:
        return self._directory / "releases"

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=limits.http_timeout_s, trust_env=False)

    async def _fetch(self, client: httpx.AsyncClient) -> Release:
        status, raw = await self._get(client, "current.json", center_limits.pointer_bytes_max)
        if status == httpx.codes.NOT_FOUND:
            raise ReleaseError(f"the config center {self._url} has published nothing yet: {PUBLISH}")
        if status != httpx.codes.OK:
            raise _CenterDown(f"the config center {self._url} answers {status}")
        try:
            pointer = decode_pointer(raw)
            kept = await trio.to_thread.run_sync(self._kept, pointer.digest)
            if kept is None:
                status, body = await self._get(
                    client, f"releases/{pointer.digest}.json", center_limits.release_bytes_max
                )
                if status != httpx.codes.OK:
                    raise _CenterDown(f"the config center {self._url} answers {status} for release {pointer.number}")
                kept = decode(body, pointer.digest)
                await trio.to_thread.run_sync(self._keep, pointer.digest, body)
            await trio.to_thread.run_sync(write_whole, self._directory / "current.json", raw)
        except Unreadable as problem:
            raise _CenterDown(
                f"the config center {self._url} sends a release that cannot be used: {problem}"
            ) from problem
        except OSError as problem:
            raise ReleaseError(
                f"the cache {self._directory} cannot be written: {problem.strerror or problem}"
            ) from problem
        return kept

    async def _get(self, client: httpx.AsyncClient, path: str, bytes_max: int) -> tuple[int, bytes]:
        """(status, body). Little more than `bytes_max` is read: whoever decodes it says that it is too big."""
        body = bytearray()
        try:
            async with client.stream("GET", f"{self._url}/{path}") as response:
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > bytes_max:
                        break
                return response.status_code, bytes(body)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as problem:
            why = str(problem) or type(problem).__name__
            raise _CenterDown(f"the config center {self._url} cannot be reached ({why})") from problem

    async def _fetch_part(self, client: httpx.AsyncClient, path: Path, check: SiteCheck) -> bool:
        try:
            status, body = await self._get(client, f"parts/{check.sha256}", center_limits.part_bytes_max)
        except _CenterDown:
            return False
        if status != httpx.codes.OK or digest_of(body) != check.sha256:
            return False
        await trio.to_thread.run_sync(write_whole, path, body)
        return True

    def _last_good(self) -> Release | None:
        try:
            pointer = decode_pointer((self._directory / "current.json").read_bytes())
        except (OSError, Unreadable):
            return None
        return self._kept(pointer.digest)

    def _kept(self, digest: str) -> Release | None:
        """A release of the cache, verified again; None where it is missing or damaged."""
        try:
            return decode((self._releases / f"{digest}.json").read_bytes(), digest)
        except (OSError, Unreadable):
            return None

    def _keep(self, digest: str, raw: bytes) -> None:
        write_whole(self._releases / f"{digest}.json", raw)
        by_age = sorted(self._releases.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in by_age[limits.releases_kept_max :]:
            old.unlink(missing_ok=True)


def _verified(path: Path, check: SiteCheck) -> bool:
    try:
        return digest_of(path.read_bytes()) == check.sha256
    except OSError:
        return False


def kinds_of(findings: Iterable[Mapping[str, str]]) -> set[str]:
    """The kinds of checks of some findings of a report."""
    return {finding["item"].partition(":")[0] for finding in findings}
