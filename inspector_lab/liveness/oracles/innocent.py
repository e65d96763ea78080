"""CORE. Oracle: nobody is told as down whom a majority could reach, nor whom an entry beside it could hear.

Precisely: told as down for the first time in an incident, its host had power, and for the last `mattered_s` more than
half of the ring could connect to it; or it was cut off, and the watcher was connected to an entry on its side. Whom a
domain stands for that was told before is named with others later: the time since the word before counts for it.
"""

from __future__ import annotations

from inspector_coord.watch.conclusions import Action, Kind
from inspector_lab.liveness import limits
from inspector_lab.liveness.result import Result

__all__ = ["check"]


def check(result: Result) -> list[str]:
    """Sentences about what does not hold."""
    wrong: list[str] = []
    known: dict[int, set[str]] = {}
    before: dict[int, tuple[float, str]] = {}  # when the last word on an incident was told, and with which domain
    for at, each in result.told:
        if each.kind is not Kind.DOWN or each.action is Action.CLOSED:
            continue
        fresh = set(each.nodes) - known.setdefault(each.number, set())
        known[each.number] |= fresh
        told_at, domain = before.get(each.number, (at, ""))
        before[each.number] = at, each.domain
        covered = set(result.land.hosts(domain)) if domain else set()
        for name in sorted(fresh):
            host = result.land.index[name]
            first = (told_at if host in covered else at) - limits.mattered_s
            if result.reachable(host, first, at):
                wrong.append(f"{name} was told as down at {at:.1f} s, while a majority could reach it")
            elif _beside(result, host, first, at):
                wrong.append(f"{name} was told as down at {at:.1f} s, while an entry beside it could hear it")
    return wrong


def _beside(result: Result, host: int, first: float, last: float) -> bool:
    """Whether it was well, and an entry on its side was connected, all that time."""
    if any(words for words in result.hosts.were(host, first, last)):
        return False
    return any(
        result.up_throughout(number, first, last)
        and not any(result.hosts.were(entry, first, last))
        and all(paths.side[entry] == paths.side[host] for paths in result.paths_in(first, last))
        for number, entry in enumerate(result.land.vantages)
    )
