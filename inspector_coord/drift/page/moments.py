"""CORE. Times and lengths as the page tells them: UTC, short, the same width in a column."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from inspector_coord.plain import plain

__all__ = ["Moment", "lasting", "milliseconds", "moment"]


class Moment(msgspec.Struct, frozen=True):
    """text: for people; exact: for programs, "" where the document has no time that could be read."""

    text: str
    exact: str = ""


def moment(told: str | None) -> Moment:
    """`Sat 22 Nov 00:57` of RFC 3339. What is no time stays as it was told, made plain."""
    when = _read(told)
    return Moment(plain(told or "")) if when is None else Moment(f"{when:%a %d %b %H:%M}", f"{when:%Y-%m-%dT%H:%M:%SZ}")


def milliseconds(told: str | None) -> int | None:
    """Since 1970, as charts count; None where there is no time."""
    when = _read(told)
    return None if when is None else round(when.timestamp() * 1000)


def lasting(seconds: float | None) -> str:
    """`3 d 4 h`, `14 h 18 min`, `6 min`, `40 s`; "" for None."""
    if seconds is None:
        return ""
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    return f"{hours} h {minutes % 60} min" if hours and minutes % 60 else f"{hours} h" if hours else f"{minutes} min"


def _read(told: str | None) -> datetime | None:
    try:
        when = datetime.fromisoformat(told or "")
    except ValueError:
        return None
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
