"""CORE. From when to when: `7d`, `36h`, a day, a moment in RFC 3339, `yesterday`; and how moments are written."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

import msgspec

from inspector_coord.drift import limits
from inspector_coord.errors import ConfigError
from inspector_coord.plain import plain

__all__ = ["Period", "ago", "read_moment", "read_period", "told", "told_for"]

_SPAN: Final = re.compile(r"([0-9]{1,6})(m|h|d|w)")
_UNIT_S: Final = {"m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 7 * 86_400.0}
_EXAMPLES: Final = "7d, 36h, 90m, 2w, yesterday, 2026-11-20 or 2026-11-20T08:30:00Z"


class Period(msgspec.Struct, frozen=True):
    """Unix seconds, since < until."""

    since: float
    until: float


def read_period(since: str, until: str | None, now: float) -> Period:
    """What --since and --until mean; `7d` is so long before now. Raises ConfigError, with examples."""
    end = now if until is None else read_moment(until, now, "--until")
    begin = read_moment(since, now, "--since")
    if end > now + limits.ahead_s_max:
        raise ConfigError(f"--until {plain(until)} is in the future: nothing is known of it yet")
    if begin >= end:
        raise ConfigError(f"--since {plain(since)} ({told(begin)}) is not before {told(end)}: that is no period")
    if end - begin > limits.period_s_max:
        raise ConfigError(f"--since {plain(since)} is more than {limits.period_s_max / 31_622_400:.0f} years back")
    return Period(begin, end)


def read_moment(text: str, now: float, what: str) -> float:
    """A moment in Unix seconds, such as `told` can tell; a day or a time without a zone is in UTC.

    what: the option, for the message. Raises ConfigError.
    """
    moment = _moment(text.strip(), now)
    if moment is None or not limits.moment_s_min <= moment <= limits.moment_s_max:
        raise ConfigError(f"{what} {plain(text)!r} is no time: write {_EXAMPLES}")
    return moment


def _moment(text: str, now: float) -> float | None:
    found = _SPAN.fullmatch(text)
    if found:
        return now - int(found[1]) * _UNIT_S[found[2]]
    midnight = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    words = {"now": now, "today": midnight.timestamp(), "yesterday": (midnight - timedelta(days=1)).timestamp()}
    if text in words:
        return words[text]
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=4_096)  # a report tells the sweeps of its period again and again
def told(unix: float) -> str:
    """RFC 3339 in UTC, whole seconds."""
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def ago(at: str, until: str) -> str:
    """How long before `until` that was, both as `told`: `5 m`, `3 h`, `12 d`."""
    return told_for((datetime.fromisoformat(until) - datetime.fromisoformat(at)).total_seconds())


def told_for(seconds: float) -> str:
    """A duration for people: the largest unit that leaves at least two of it."""
    left = max(0.0, seconds)
    for unit, length in (("d", 86_400.0), ("h", 3_600.0), ("m", 60.0)):
        if left >= 2 * length:
            return f"{left / length:.0f} {unit}"
    return f"{left:.0f} s"
