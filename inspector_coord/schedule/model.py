"""CORE. `schedule:` of coordinator.yml.

    schedule:
      nightly: {cron: "30 3 * * *", timezone: Europe/Berlin, jitter: 2m}
      kernels: {every: 15m, targets: [zone=a], items: ["sysctl:*"], escalate: false}

A job has either `cron` or `every`. Without `timezone` cron's fields are in the machine's own.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from inspector_coord.schedule import limits

__all__ = ["JobName", "JobSettings"]

JobName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=limits.name_chars_max)]


class JobSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A job as a person writes it; the words are those of `inspector sweep`."""

    cron: str = ""
    every: str = ""
    timezone: str = ""
    jitter: str = "0s"
    targets: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    timeout_s: float | None = None
    escalate: bool = True
