"""CORE. Which questions each host has heard: what it tells in its answers, newest first."""

from __future__ import annotations

from inspector_agent.witness import limits as witness_limits

__all__ = ["Heard"]

KEPT = 2 * witness_limits.heard_ids_max  # some of them are only on their way


class Heard:
    """By host. A question is known as soon as it is on its way, and told from when it arrives."""

    __slots__ = ("_ahead", "_ids")

    def __init__(self, count: int) -> None:
        self._ids: list[tuple[bytes, ...]] = [()] * count
        self._ahead: dict[int, dict[bytes, float]] = {}

    def note(self, host: int, at: float, question: bytes, now: float) -> None:
        """It hears it at that time."""
        self._ids[host] = (question, *self._ids[host][: KEPT - 1])
        if at > now:
            self._ahead.setdefault(host, {})[question] = at

    def ids(self, host: int, now: float) -> tuple[bytes, ...]:
        """What it has heard by now."""
        ahead = self._ahead.get(host)
        if ahead is None:
            return self._ids[host][: witness_limits.heard_ids_max]
        late = {question for question, at in ahead.items() if at > now}
        if not late:
            del self._ahead[host]
        return tuple(each for each in self._ids[host] if each not in late)[: witness_limits.heard_ids_max]
