"""Shell: releases that were taken from a config center, kept as files named by their digest, verified when read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from config_center.errors import ReleaseError as Unreadable
from config_center.files import write_whole
from config_center.release import Release, decode
from inspector_coord import limits
from inspector_coord.config import Config

__all__ = ["KeptReleases"]


class KeptReleases:
    """The releases in one cache directory."""

    def __init__(self, directory: Path) -> None:
        self._folder = directory / "releases"

    @classmethod
    def of(cls, config: Config) -> KeptReleases:
        """Those of the cache that a coordinator.yml names."""
        return cls(config.cache_dir)

    def get(self, digest: str) -> Release | None:
        """A release, verified again; None where it is missing or damaged."""
        try:
            return decode((self._folder / f"{digest}.json").read_bytes(), digest)
        except (OSError, Unreadable):
            return None

    def past(self, prefixes: Iterable[bytes]) -> dict[bytes, Release]:
        """Those of these releases that are kept, by the prefix of their digest."""
        found: dict[bytes, Release] = {}
        for prefix in set(prefixes):
            for path in sorted(self._folder.glob(f"{prefix.hex()}*.json")):
                release = self.get(path.stem)
                if release is not None:
                    found[prefix] = release
        return found

    def all(self) -> list[Release]:
        """Every one, oldest number first."""
        found = (self.get(path.stem) for path in self._folder.glob("*.json"))
        return sorted((one for one in found if one is not None), key=lambda one: one.number)

    def keep(self, digest: str, raw: bytes) -> None:
        """One more; the oldest go."""
        write_whole(self._folder / f"{digest}.json", raw)
        by_age = sorted(self._folder.glob("*.json"), key=_written, reverse=True)
        for old in by_age[limits.releases_kept_max :]:
            old.unlink(missing_ok=True)


def _written(path: Path) -> float:
    """When a file was written, Unix s; 0 for one that another sweep has just let go."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
