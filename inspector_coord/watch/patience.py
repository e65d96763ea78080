"""CORE. How long to wait for what everybody could say: as long as it took lately, and longer while members change.

Serf passes on words about members before questions. While a zone fails, or where processors are busy, a question needs
seconds to get round, and so do its acknowledgements. Who has said nothing within a second is then not gone, only late.
"""

from __future__ import annotations

from collections import deque

from inspector_coord.watch import limits

__all__ = ["Patience"]


class Patience:
    """What acknowledgements have needed lately, and how many members have changed."""

    def __init__(self) -> None:
        self._took: deque[tuple[float, float]] = deque()  # (when, seconds), each shorter than all before it
        self._changed: deque[tuple[str, float]] = deque(maxlen=limits.changes_kept)

    def acked(self, took_s: float, now: float) -> None:
        """An acknowledgement has come, so long after its question."""
        took_s = min(took_s, limits.patience_s_max)
        while self._took and self._took[-1][1] <= took_s:
            self._took.pop()
        self._took.append((now, took_s))

    def changed(self, name: str, now: float) -> None:
        """An entry lists a member otherwise than before."""
        self._changed.append((name, now))

    def slowest_s(self, now: float) -> float:
        """What the slowest acknowledgement of the last while needed; 0 without any."""
        while self._took and self._took[0][0] < now - limits.slowest_s:
            self._took.popleft()
        return self._took[0][1] if self._took else 0.0

    def wait_s(self, usual_s: float, low: int, now: float) -> float:
        """How long a picture waits until it proves that somebody is not heard.

        usual_s  where nothing happens;  low: pictures before it, in a row, that showed a minority
        """
        changed = len({name for name, at in self._changed if at >= now - limits.changes_s})
        wait_s = max(usual_s + limits.change_patience_s * changed, limits.patience_slack * self.slowest_s(now))
        if low:
            wait_s = max(wait_s, limits.doubt_patience_s * (1 + low) / 2)
        return max(usual_s, min(wait_s, limits.patience_s_max))
