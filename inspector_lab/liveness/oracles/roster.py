"""CORE. Oracle: at the end the watcher's roster is that of the ring, whatever its stream has lost on the way."""

from __future__ import annotations

from inspector_lab.liveness.result import Result

__all__ = ["check"]

GONE = ("left", "none", "")
NAMES_MAX = 5


def check(result: Result) -> list[str]:
    """Sentences about what does not hold. Compared with the entry that most is in common with."""
    if result.roster is None or not result.rosters:
        return []
    mine = {name: status for name, status in result.roster.items() if status not in GONE}
    wrong: list[str] = []
    for number, listed in result.rosters.items():
        ring = {name: status for name, status in listed.items() if status not in GONE}
        if mine == ring:
            return []
        odd = sorted({name for name, _ in mine.items() ^ ring.items()})
        some = ", ".join(f"{name} {mine.get(name)!r} / {ring.get(name)!r}" for name in odd[:NAMES_MAX])
        wrong.append(f"{len(odd)} of {len(ring)} members are not as vantage {number} lists them: {some}")
    return wrong
