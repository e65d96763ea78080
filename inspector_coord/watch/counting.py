"""CORE. What is counted of a watch, whoever shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

__all__ = ["Counting"]


@runtime_checkable
class Counting(Protocol):
    """A listener that counts, too. Nothing of it blocks or raises."""

    def members(self, ring: str, by_status: Mapping[str, int]) -> None:
        """How many members a ring has now, by Serf's status."""

    def asked(self, ring: str, count: int = 1) -> None:
        """Questions were sent."""

    def answered(self, ring: str, count: int = 1) -> None:
        """Answers came."""

    def lost(self, ring: str, count: int = 1) -> None:
        """Events of the stream did not reach us: they were found by comparison, or dropped by the entry."""

    def reconnected(self, ring: str) -> None:
        """An entry that was connected before is connected again."""

    def roster_read(self, ring: str) -> None:
        """A whole member list was read just now."""
