"""Waiting for the world outside, where it sets no event of its own: poll a condition until a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable

import trio

POLL_S = 0.01
# A wait ends with what it waits for: this bound only ends one in vain, so it is far beyond what a busy machine needs.
PATIENCE_S = 120.0


def wait_until(holds: Callable[[], bool], what: str, *, within_s: float = PATIENCE_S) -> None:
    """Returns as soon as the condition holds; fails with `what` when it has not within the time."""
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s:g} s: {what}")
        time.sleep(POLL_S)


async def soon(holds: Callable[[], bool], what: str = "", *, within_s: float = PATIENCE_S) -> None:
    """`wait_until`, while other tasks go on."""
    with trio.move_on_after(within_s):
        while not holds():  # noqa: ASYNC110  # the world outside sets no Event
            await trio.sleep(POLL_S)
        return
    raise AssertionError(f"not within {within_s:g} s: {what}")
