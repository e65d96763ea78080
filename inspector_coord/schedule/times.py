"""CORE. When: every N minutes, or by the five fields of cron.

A *slot* is a moment, in Unix time, at which a job is to begin. Slots of `every` are multiples of the period, so that
they stay where they are when a program starts anew. cron's fields are read by cronsim, as Debian's cron takes them: a
slot in the hour that a change of the clocks leaves out comes right after it, one in the hour that comes twice once.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta, tzinfo
from typing import Protocol

import msgspec
from cronsim import CronSim, CronSimError

from inspector_coord.errors import ConfigError

__all__ = ["Cron", "Every", "Times", "cron_of", "jitter_of", "seconds_of"]

_SPAN = re.compile(r"([0-9]{1,7})\s*(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Times(Protocol):
    """The slots of a job, as Unix times in seconds."""

    def last(self, now: float) -> float:
        """The latest slot that is not after `now`."""

    def next(self, now: float) -> float:
        """The earliest slot after `now`."""


class Every(msgspec.Struct, frozen=True):
    """Every `period_s` seconds."""

    period_s: float

    def last(self, now: float) -> float:
        """See `Times`."""
        return now // self.period_s * self.period_s

    def next(self, now: float) -> float:
        """See `Times`."""
        return (now // self.period_s + 1) * self.period_s


class Cron(msgspec.Struct, frozen=True):
    """By cron's five fields, in a time zone."""

    text: str
    zone: tzinfo

    def last(self, now: float) -> float:
        """See `Times`."""
        after = datetime.fromtimestamp(int(now), self.zone) + timedelta(seconds=1)
        return next(CronSim(self.text, after, reverse=True)).timestamp()

    def next(self, now: float) -> float:
        """See `Times`."""
        return next(CronSim(self.text, datetime.fromtimestamp(int(now), self.zone))).timestamp()


def cron_of(text: str, zone: tzinfo, near: float) -> Cron:
    """Read cron's fields; `near`: some Unix time, around which there has to be a slot. Raises ConfigError."""
    if len(text.split()) != 5:
        raise ConfigError(
            f"cron {text!r} has not five fields: write minute hour day month weekday, such as '30 3 * * *'"
        )
    cron = Cron(text, zone)
    try:
        cron.last(near)
        cron.next(near)
    except (CronSimError, StopIteration, ValueError, OverflowError) as problem:
        why = str(problem) or "no such day comes"
        raise ConfigError(f"cron {text!r} cannot be read: {why}; such as '30 3 * * *', '*/15 * * * *'") from problem
    return cron


def seconds_of(text: str) -> float:
    """A length of time such as `90s`, `5m`, `6h`, `1d`, in seconds. Raises ConfigError."""
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f"{text!r} is no length of time: write 90s, 5m, 6h or 1d")
    return float(int(found[1]) * _SECONDS[found[2]])


def jitter_of(name: str, host: str, slot: float, most_s: float) -> float:
    """Seconds after the slot at which the job begins: the same for the same slot, another on another host."""
    drawn = hashlib.blake2b(f"{name}\0{host}\0{slot:.0f}".encode(), digest_size=8).digest()
    return most_s * int.from_bytes(drawn) / 2**64
