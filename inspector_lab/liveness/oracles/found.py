"""CORE. Oracle: nobody dead stays alive: whom Serf has told as failed is named within a bound, and as what it is.

Precisely: a connected entry that hears the core of the ring told the watcher that a member failed, and it stays so.
Within `found_s` (more where packets get lost, or where many fail at once: witnesses look at a few at a time) it is in
an open incident; a host without power in one that says down, cut off or flapping. While the watcher says that it is
isolated it accuses nobody, and has so much time afterwards.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict

from inspector_coord.watch.model import Action, Kind
from inspector_lab.liveness import limits
from inspector_lab.liveness.result import Result

__all__ = ["check"]

NAMED = {Kind.DOWN, Kind.CUT_OFF, Kind.STALLED, Kind.FLAPPING}
DEAD = {Kind.DOWN, Kind.CUT_OFF, Kind.FLAPPING}


def check(result: Result) -> list[str]:
    """Sentences about what does not hold."""
    wrong: list[str] = []
    stories = _stories(result)
    alone = _alone(result)
    tellings = _tellings(result)
    times = sorted(at for at, _, _, _ in tellings)
    for at, vantage, name, until in tellings:
        many = bisect_right(times, at + limits.together_s) - bisect_right(times, at - limits.together_s)
        due = at + bound_s(result, many)
        for first, last in alone:  # it is silent while it is isolated
            if first <= due and last >= at - limits.rounding_s:
                due = max(due, last + bound_s(result, many))
        if due >= min(until, result.scenario.seconds) or not result.up_throughout(vantage, at, due):
            continue
        kinds = _kinds(stories.get(name, []), due)
        host = result.land.index[name]
        dead = all("off" in words for words in result.hosts.were(host, at - limits.mattered_s, due))
        if not kinds & (DEAD if dead else NAMED):
            told = f" but in {', '.join(sorted(kinds))}" if kinds else ""
            wrong.append(f"{name} failed at {at:.1f} s, and at {due:.1f} s it is in no incident that says so{told}")
    return wrong


def bound_s(result: Result, many: int) -> float:
    """How long it may take, where so many failed about the same time."""
    lossy = max([result.scenario.loss, *(fault.amount for fault, _ in result.faults("loss"))])
    return (
        limits.found_s
        + (limits.found_lossy_s if lossy else 0.0)
        + limits.found_each_s * max(0, many - limits.found_at_once)
    )


def _tellings(result: Result) -> list[tuple[float, int, str, float]]:
    """(when, by which vantage, who, until when it said nothing else): failures told by entries that hear the core."""
    found = []
    last: dict[tuple[int, str], tuple[float, int, str]] = {}
    for at, vantage, name, status in [*result.learned]:
        before = last.pop((vantage, name), None)
        if before is not None:
            found.append((*before, at))
        if status == "failed":
            last[vantage, name] = (at, vantage, name)
    found += [(*before, float("inf")) for before in last.values()]
    core = [
        each
        for each in found
        if all(paths.hears_core(result.land.vantages[each[1]]) for paths in result.paths_in(each[0] - 60.0, each[0]))
    ]
    return sorted(core)


def _stories(result: Result) -> dict[str, list[tuple[float, int, Kind | None]]]:
    """Name -> (when, incident, its kind or None once it is out of it), as told."""
    stories: dict[str, list[tuple[float, int, Kind | None]]] = defaultdict(list)
    within: dict[int, set[str]] = {}
    for at, each in result.told:
        now = set() if each.action is Action.CLOSED else set(each.nodes)
        before = within.get(each.number, set())
        for name in now - before:
            stories[name].append((at, each.number, each.kind))
        for name in before - now:
            stories[name].append((at, each.number, None))
        within[each.number] = now
    return stories


def _kinds(story: list[tuple[float, int, Kind | None]], at: float) -> set[Kind]:
    """The kinds of the incidents that it is in then."""
    now = {number: kind for when, number, kind in story if when <= at}
    return {kind for kind in now.values() if kind is not None}


def _alone(result: Result) -> list[tuple[float, float]]:
    """When the watcher said that it was isolated, and from when to when it was only just started."""
    found: dict[int, tuple[float, float]] = {}
    for at, each in result.told:
        if each.kind is Kind.ISOLATED:
            began = found.get(each.number, (at, 0.0))[0]
            found[each.number] = (began, at if each.action is Action.CLOSED else float("inf"))
    return [*found.values(), *((start, start + limits.starting_s) for start in result.starts)]
