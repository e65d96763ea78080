"""CORE. Oracle: at the end every incident is closed, or still true.

What changed lately is given time: healing and lists that are gathered (`settling_s`), and, where only a roll call
tells, some of these (`rolling_s`). Flapping closes after a quiet that grows: there the flapping itself has to be true.
While the watcher is isolated, all others stay as they are.
"""

from __future__ import annotations

from inspector_coord.watch.conclusions import Happening, Kind
from inspector_lab.liveness import limits
from inspector_lab.liveness.oracles.alone import hears_most
from inspector_lab.liveness.paths import Paths
from inspector_lab.liveness.result import Result

__all__ = ["check"]

UNWELL = {"off", "serf-dead", "serf-frozen", "gone"}
STALLED = UNWELL | {"agent-dead", "agent-frozen", "slow", "late"}
GRAY = {"slow", "late", "unwell"}


def check(result: Result) -> list[str]:
    """Sentences about what does not hold."""
    wrong: list[str] = []
    end = result.scenario.seconds
    false_at = {
        result.land.names[host]: fault.at_s + fault.amount for fault, hosts in result.faults("false") for host in hosts
    }
    for number, each in sorted(result.open_at_end.items(), key=lambda item: item[1].kind is not Kind.ISOLATED):
        if each.kind is Kind.ISOLATED:
            if hears_most(result, end - limits.rolling_s, end):
                wrong.append(f"incident {number} (isolated) is still open, while the watcher hears most of the ring")
            else:
                return []  # it holds all others as they are
            continue
        well = [name for name in each.nodes if _well(result, each, name, false_at.get(name, float("-inf")))]
        if well:
            some = ", ".join(well[:5])
            wrong.append(
                f"incident {number} ({each.kind} {each.domain or each.nodes[0]}) is still open with {some}, "
                f"{len(well)} of {len(each.nodes)} that are well"
            )
        if not each.nodes:
            wrong.append(f"incident {number} ({each.kind}) is open, with nobody in it")
    return wrong


def _well(result: Result, each: Happening, name: str, false_at: float) -> bool:
    """Whether a node has nothing any more that this incident says of it."""
    end, host = result.scenario.seconds, result.land.index[name]
    patience_s = limits.settling_s if each.kind in (Kind.DOWN, Kind.CUT_OFF) else limits.rolling_s
    if each.kind is Kind.FLAPPING:
        return not _flapped(result, name)
    if false_at > end - patience_s:
        return False
    reasons = {word for words in result.hosts.were(host, end - patience_s, end) for word in words}
    apart = any(_apart(host, paths) for paths in result.paths_in(end - patience_s, end))
    match each.kind:
        case Kind.LEFT:
            return "gone" not in reasons
        case Kind.GRAY:
            return not (reasons & GRAY)
        case Kind.STALLED:
            return not (reasons & STALLED or apart)
        case _:
            return not (reasons & UNWELL or apart)


def _apart(host: int, paths: Paths) -> bool:
    """Whether any cut parts it from anybody."""
    side = paths.side[host]
    return not all(paths.sides_pass(side, other) and paths.sides_pass(other, side) for other in paths.sizes)


def _flapped(result: Result, name: str) -> bool:
    """Whether the ring said of it that it went or came, as often as flapping wants, within its time.

    Whichever entry said so: one after the other may have been home. Who goes twice without having come has gone once;
    but who is leaving had come, as Serf takes only those who are alive for leaving.
    """
    here: bool | None = None
    times: list[float] = []
    for at, _, who, status in result.learned:
        if who == name:
            steps = [True, False] if status == "leaving" and here is False else [status == "alive"]
            for step in steps:
                if step is not here:
                    times.append(at)
                here = step
    first = limits.flaps_min - 1
    return any(late - early <= limits.flaps_s for early, late in zip(times, times[first:], strict=False))
