"""CORE. Who is told what the watcher concludes: the terminal, the journal, alerts, figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from inspector_coord.watch.conclusions import Happening

__all__ = ["Listener", "Runs", "Sees", "Watched"]


class Listener(Protocol):
    """Takes what happens, as it happens."""

    def told(self, ring: str, happening: Happening, unix: float) -> None:
        """An incident of `ring` was opened, changed or closed; `unix`: the wall clock at `happening.at`, in seconds.

        `happening.since` belongs to the same clock: it was `happening.at - happening.since` seconds before `unix`.
        Never blocks and never raises: what takes time goes through a bounded queue into `run`.
        """


@runtime_checkable
class Runs(Protocol):
    """A listener that has work of its own."""

    async def run(self) -> None:
        """Started with the watch and cancelled with it. It may end early; an error out of it is one of ours."""


class Watched(Protocol):
    """A ring that is watched, to be looked at while it is.

    roster          name to status (alive, leaving, failed) of all members but those that have left
    open_incidents  the last word on each; their times are of trio's clock
    counted         what went wrong on the way, by word: entry-lost, events-dropped, not-asked, malformed …;
                    and what was done: asked, answered, lists-read
    turned_at       when its loop went round last, by trio's clock: at least every second, if it is alive
    """

    name: str
    counted: Counter[str]
    turned_at: float

    @property
    def roster(self) -> Mapping[str, str]: ...  # noqa: D102

    @property
    def open_incidents(self) -> Sequence[Happening]: ...  # noqa: D102

    @property
    def judging(self) -> bool:
        """Whether the majority of it is heard, so that it can be judged at all."""

    @property
    def entries_up(self) -> int:
        """How many of its entries are connected, of `entries`."""

    @property
    def entries(self) -> int: ...  # noqa: D102


@runtime_checkable
class Sees(Protocol):
    """A listener that also looks at what is so, and not only at what happens."""

    def sees(self, rings: Mapping[str, Watched]) -> None:
        """Called once, before anything happens: the rings by name, as they will be at any later time."""
