"""What is wished of the churn of a running hollow ring: a small file that its members' process looks at."""

from __future__ import annotations

from pathlib import Path

import msgspec

from config_center.files import write_whole
from inspector_lab.errors import PlanError
from inspector_lab.hollow import limits


class ChurnWish(msgspec.Struct, frozen=True):
    """percent_a_minute: of the members that go; 0: from now on nobody goes, and nobody comes back."""

    percent_a_minute: float = 0.0


def wish_churn(path: Path, percent_a_minute: float) -> None:
    """Let so many go from now on. Raises PlanError for what cannot be, and where no hollow ring is."""
    if not 0 <= percent_a_minute <= limits.churn_percent_max:
        raise PlanError(f"churn in % a minute must be 0 to {limits.churn_percent_max:g}, not {percent_a_minute:g}")
    write_whole(path, msgspec.json.encode(ChurnWish(percent_a_minute)))


class Wished:
    """The file as the process sees it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None

    def news(self) -> ChurnWish | None:
        """What is wished, where that is new since the last look."""
        try:
            stat = self._path.stat()
            seen = stat.st_ino, stat.st_mtime_ns
            if seen == self._seen:
                return None
            self._seen = seen
            return msgspec.json.decode(self._path.read_bytes(), type=ChurnWish)
        except FileNotFoundError:
            return None
