"""CORE. Oracle: what the stream of an entry loses is learned all the same, when lists are compared.

Precisely: a list says of a member for `compared_s` on end that it is alive, or failed, and the watcher is connected to
that entry all the time: by then it was given that status. After a connection it takes no longer than `connected_s`.
"""

from __future__ import annotations

from collections import defaultdict

from inspector_lab.liveness import limits
from inspector_lab.liveness.result import Result

__all__ = ["check"]


def check(result: Result) -> list[str]:
    """Sentences about what does not hold."""
    given: dict[tuple[int, str], list[tuple[float, str]]] = defaultdict(list)
    for at, vantage, name, status in result.learned:
        given[vantage, name].append((at, status))
    turns: dict[tuple[int, int], list[tuple[float, str]]] = defaultdict(list)
    for at, vantage, host, status in result.turns:
        turns[vantage, host].append((at, status))
    wrong: list[str] = []
    for (vantage, host), changes in turns.items():
        name = result.land.names[host]
        for (at, status), until in zip(changes, [*(at for at, _ in changes[1:]), float("inf")], strict=True):
            due = at + limits.compared_s
            if status not in ("alive", "failed") or until <= due or due > result.scenario.seconds:
                continue
            if not result.up_throughout(vantage, at, due):
                continue
            known = [said for when, said in given[vantage, name] if when <= due]
            if ((known[-1] if known else "") or "alive") != status:
                wrong.append(
                    f"{name} is {status} at vantage {vantage} since {at:.1f} s, and was not compared by {due:.1f} s"
                )
    return wrong + _unread(result)


def _unread(result: Result) -> list[str]:
    """Entries that were connected, and whose lists were not read."""
    return [
        f"vantage {vantage} was connected at {at:.1f} s, and its list was not read by {at + limits.connected_s:.1f} s"
        for at, vantage, up in result.links
        if up
        and result.up_throughout(vantage, at, at + limits.connected_s)
        and at + limits.connected_s < result.scenario.seconds
        and not any(at <= when <= at + limits.connected_s and number == vantage for when, number in result.reads)
    ]
