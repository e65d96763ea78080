"""CORE. Who is told what the watcher concludes: the terminal, the journal, alerts, figures."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from inspector_coord.watch.model import Happening

__all__ = ["Listener", "Runs"]


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
