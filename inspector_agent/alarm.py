"""Wakes a session when what it waits for is due."""

from __future__ import annotations

from collections.abc import Callable

import trio


class Alarm:
    """Sleeps while the session waits for nothing, so that an idle agent costs nothing."""

    def __init__(self) -> None:
        self._changed = trio.Event()

    def changed(self) -> None:
        """Something else may be due now."""
        self._changed.set()

    async def keep(self, due_at: Callable[[], float | None], tick: Callable[[], None]) -> None:
        """Call `tick` whenever the moment that `due_at` tells has come (trio's time; None: there is none), for ever."""
        while True:
            self._changed = trio.Event()
            at = due_at()
            with trio.move_on_at(float("inf") if at is None else at):
                await self._changed.wait()
                continue
            tick()
