"""How a second pass works: what `second_pass:` in coordinator.yml becomes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

import msgspec

__all__ = ["Settings"]

LEAST = {"forks": 1, "batch": 1, "sample": 1, "nodes_max": 1, "host_timeout_s": 1}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How the second pass works; times in seconds.

    `sample` nodes of each fingerprint are looked at, and `nodes_max` nodes altogether. A host has `host_timeout_s`,
    but never less than limits.host_s_min.
    `site_checks` maps the name of a site's own check to its executable on this machine (a verified part of the
    release); without an entry, items of that check are skipped with that reason. `work_dir` is where a private
    temporary directory is made and removed again; None: the system's.
    """

    inventory: PurePath | None = None
    forks: int = 25
    batch: int = 100
    sample: int = 3
    nodes_max: int = 500
    host_timeout_s: int = 20
    site_checks: Mapping[str, PurePath] = {}
    work_dir: PurePath | None = None

    def __post_init__(self) -> None:
        """Refuse what could never work, before anything is started."""
        for name, least in LEAST.items():
            if getattr(self, name) < least:
                raise ValueError(f"second_pass.{name} is {getattr(self, name)}: it must be {least} or more")
