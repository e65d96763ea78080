"""`inspector-lab down`: ends exactly what `up` started here, and knows when it is gone."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable

from inspector_lab import limits, processes
from inspector_lab.control import give_order
from inspector_lab.errors import NotRunningError, StateError
from inspector_lab.layout import Layout
from inspector_lab.state import LabState, require_running


def take_down(layout: Layout) -> LabState:
    """End the lab in this directory and wait until nothing of it runs. Its files stay, for the logs in them.

    Raises NotRunningError when there is nothing to end, StateError when processes outlive every attempt.
    """
    lab = require_running(layout)

    def order() -> None:
        with contextlib.suppress(NotRunningError, StateError):  # the next attempts need no answer
            give_order(layout.socket, {"do": "down"})

    def signalled(identity: processes.Identity, number: signal.Signals) -> Callable[[], None]:
        return lambda: processes.send([identity.pid] if identity.alive() else [], number)

    # Killing the keeper still leaves the guard to clear up; killing the guard is the last resort.
    for attempt in (
        order,
        signalled(lab.guard, signal.SIGTERM),
        signalled(lab.keeper, signal.SIGKILL),
        signalled(lab.guard, signal.SIGKILL),
    ):
        attempt()
        if all(processes.wait_gone(identity, limits.down_s_max) for identity in (lab.guard, lab.keeper)):
            return lab
    raise StateError(f"processes {lab.guard.pid} and {lab.keeper.pid} of the lab in {layout.home} do not end")


def leave_nothing(layout: Layout) -> None:
    """Take down what runs here, if anything does: for the end of a demo or a test, whatever happened before."""
    with contextlib.suppress(NotRunningError):
        take_down(layout)
