"""CORE. Oracle: the watcher calls itself isolated only if it is.

Precisely: not while it was connected, for the last `alone_s`, to an entry that is well and in contact with most of the
ring and with the host that the watcher runs on, and most inspection agents answered.
"""

from __future__ import annotations

from inspector_coord.watch.conclusions import Action, Kind
from inspector_lab.liveness import limits
from inspector_lab.liveness.result import Result

__all__ = ["check", "hears_most"]


def check(result: Result) -> list[str]:
    """Sentences about what does not hold."""
    return [
        f"at {at:.1f} s the watcher called itself isolated, while it could hear most of the ring"
        for at, each in result.told
        if each.kind is Kind.ISOLATED and each.action is Action.OPENED and hears_most(result, at - limits.alone_s, at)
    ]


def hears_most(result: Result, first: float, last: float) -> bool:
    """Whether one entry, well and connected, could ask most of the ring and be answered, all that time."""
    silent = sum(1 for host in range(len(result.land)) if any(result.hosts.were(host, first, last)))
    for number, entry in enumerate(result.land.vantages):
        if not result.up_throughout(number, first, last) or any(result.hosts.were(entry, first, last)):
            continue
        for paths in result.paths_in(first, last):
            side, home = paths.side[entry], result.land.watcher
            if home is not None and not paths.connects(home, entry):
                break  # nothing comes through any more, and the connection looks as it did
            near = sum(
                count
                for other, count in paths.sizes.items()
                if other in paths.hearers(side) and paths.sides_pass(other, side)
            )
            if 2 * (near - silent) <= limits.alone_share * len(result.land):
                break
        else:
            return True
    return False
