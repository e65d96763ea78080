"""Times as a person reads them: the one place where the watch's faces look at the calendar."""

from __future__ import annotations

import time

__all__ = ["stamp"]


def stamp(unix: float) -> str:
    """A time of the wall clock: of this day only the time, else with the date."""
    then, today = time.localtime(unix), time.localtime()
    return time.strftime("%H:%M:%S" if then[:3] == today[:3] else "%Y-%m-%d %H:%M:%S", then)
