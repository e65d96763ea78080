"""All items of a request, one after the other, each within its own time; whatever happens to one, the rest goes on."""

from __future__ import annotations

import signal
import time

from checklib import limits
from checklib.contract import finding
from checklib.errors import CannotTell, Overran
from checklib.examine import examine
from checklib.kinds import READS
from checklib.node import Node

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

    from checklib.contract import Item, Request
    from checklib.kinds import Kind

    Emit = Callable[[dict[str, Any]], None]
    Find = Callable[[str], Kind]  # raises CannotTell where there is no kind of that name


def run_items(request: Request, find: Find, emit: Emit) -> None:
    """Look at every item, those that cost least first, and emit {"start": id} and a finding for each.

    Of a request that wants reading only, those that may start programs are left, with {"held": id}.
    Uses SIGALRM, so it must run in a process's main thread.
    """
    kinds: dict[str, Kind | CannotTell] = {}
    for item in request.items:
        if item.check not in kinds:
            kinds[item.check] = _find(find, item.check)
    node = Node(request)
    handler, timer = signal.signal(signal.SIGALRM, _overrun), signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        for item in sorted(request.items, key=lambda item: _effort(kinds[item.check])):
            if request.reads_only and _effort(kinds[item.check]) > READS:
                emit({"held": item.id})
                continue
            emit({"start": item.id})
            began = time.perf_counter()
            node.root.read_bytes = 0
            line = _one(kinds[item.check], item, node)
            line["ms"] = round(1000 * (time.perf_counter() - began), 3)
            emit(line)
    finally:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *timer)  # a caller's own alarm goes on
        node.close()


def _find(find: Find, check: str) -> Kind | CannotTell:
    try:
        return find(check)
    except CannotTell as error:
        return error
    except ImportError as error:  # a Python without all of its own modules: the other kinds do not need them
        return CannotTell(f"the check {check} cannot be loaded here: {error}")


def _effort(kind: Kind | CannotTell) -> int:
    return 0 if isinstance(kind, CannotTell) else kind.effort


class _Alarm(Exception):  # noqa: N818 - it is a bell, not a mistake
    """The time of the item in progress is up. No OSError, so that no check takes it for one of its own."""


def _overrun(_number: int, _frame: FrameType | None) -> None:
    raise _Alarm


def _one(kind: Kind | CannotTell, item: Item, node: Node) -> dict[str, Any]:
    """The finding of one item, whatever happens."""
    if isinstance(kind, CannotTell):
        return finding(item.id, "error", message=str(kind))
    if item.mistake:
        return finding(item.id, "error", message=item.mistake)
    item.timeout_s = item.timeout_s or kind.timeout_s
    # What starts programs ends them itself at the timeout, and can then say more; a file that cannot be read or a
    # regular expression without end is interrupted by the alarm.
    alarm_s = item.timeout_s + (limits.alarm_grace_s if kind.effort else 0.0)
    try:
        signal.setitimer(signal.ITIMER_REAL, alarm_s)
        try:
            return examine(kind, item, node)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except _Alarm:
        return finding(item.id, "error", message=str(Overran(item.timeout_s)))
    # The one place where anything at all is caught: a mistake in one kind, or what nobody foresaw on one machine, must
    # not take the verdict of all other items with it. It is told as what it is, an error.
    except Exception as error:  # noqa: BLE001
        return finding(item.id, "error", message=f"unexpected {type(error).__name__}: {error}")
