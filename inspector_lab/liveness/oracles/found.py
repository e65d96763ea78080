"""CORE. Oracle: nobody dead stays alive: whom Serf has told as failed is named within a bound, and as what it is.

Precisely: connected entries that hear the core of the ring told the watcher that a member failed, and it stays so:
its Serf agent does not run, or it is cut off. Within `found_s` (more where packets get lost, or seem to, where many
wait to be looked at, as witnesses look at a few at a time, and where a question is overwritten at the entry) it is in
an open incident, or one is open of a domain that it belongs to. For a host without power it is one that says down, cut
off or flapping. While the watcher says that it is isolated it accuses nobody, and has so much time afterwards; it says
so `isolated_s` later, having asked twice. So it has after an entry that died without a word was given up.

Who follows others into their incident is told when these are twice as many, or `followed_s` later.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator

from inspector_coord.watch.conclusions import Action, Kind
from inspector_coord.watch.limits import heal_s, lossy_share
from inspector_lab.liveness import limits
from inspector_lab.liveness.hosts import SILENT
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
    times, dones = _queue(result, alone, {(at, name) for at, _, name, _ in tellings})
    for at, vantage, name, until in tellings:
        early, late = bisect_left(times, at - limits.together_s), bisect_right(times, at + limits.together_s)
        together = limits.found_each_s * (late - early - limits.found_at_once)
        wait_s = max(0.0, together, dones[late - 1] - at if late else 0.0)
        due = at + bound_s(result, wait_s)
        if any(at - limits.mattered_s < when < due for when in result.overwritten):
            due += limits.found_lossy_s
        host = result.land.index[name]
        for first, last in alone:  # it is silent while it is isolated
            healing_s = _healing_s(result, host, at, last)
            if first <= due + limits.isolated_s and last >= at - max(limits.rounding_s, healing_s):
                due = max(due, last + healing_s + bound_s(result, wait_s))
        if due >= min(until, result.scenario.seconds) or not result.up_throughout(vantage, at, due):
            continue
        kinds = _kinds(stories.get(name, []), due) | _around(result, name, due)
        if not kinds & NAMED:  # told with the others, but later
            kinds = _kinds(stories.get(name, []), due + limits.followed_s)
        if not _gone(result, host, at - limits.mattered_s, due):
            continue
        dead = all("off" in words for words in result.hosts.were(host, at - limits.mattered_s, due))
        if kinds & (DEAD if dead else NAMED):
            continue
        if result.hears_core(vantage, at, due) and _most(result, at, due):  # last, as they cost most
            told = f" but in {', '.join(sorted(kinds))}" if kinds else ""
            wrong.append(f"{name} failed at {at:.1f} s, and at {due:.1f} s it is in no incident that says so{told}")
    return wrong


def _queue(
    result: Result, alone: list[tuple[float, float]], counted: set[tuple[float, str]]
) -> tuple[list[float], list[float]]:
    """(when somebody was first told as failed; when all of those by then have been looked at): one each `found_each_s`.

    Some are looked at together. Nobody is while the watcher is isolated. counted: tellings that count, by when and who:
    what an entry had lost and tells long after the others is new.
    """
    times, dones, done = [], [], 0.0
    failed: dict[str, float] = {}
    for told_at, _, name, status in sorted(result.learned):
        at = max([told_at, *(last for first, last in alone if first <= told_at <= last < float("inf"))])
        if status != "failed":
            failed.pop(name, None)
            continue
        if name in failed and ((told_at, name) not in counted or told_at <= failed[name] + limits.found_s):
            continue
        failed[name] = told_at
        times.append(told_at)
        done = max(done, at) + limits.found_each_s
        dones.append(done - limits.found_each_s * limits.found_at_once)
    return times, dones


def bound_s(result: Result, wait_s: float) -> float:
    """How long it may take, where some wait so long for their turn."""
    mute = {host for _, hosts in result.faults("agent-dead", "agent-frozen") for host in hosts}
    many_mute = len(mute) > lossy_share * len(result.land)  # it looks like loss, and each look waits for one of them
    lossy = result.scenario.loss > 0 or any(True for _ in result.faults("loss")) or many_mute
    return (
        limits.found_s
        + (limits.found_lossy_s if lossy else 0.0)
        + (limits.found_mute_s if many_mute else 0.0)
        + busy_s(result)
        + wait_s
    )


def busy_s(result: Result) -> float:
    """What it takes longer where questions are heard late: a picture and a look, or two of each."""
    return limits.found_busy * sum(fault.amount for fault, _ in result.faults("busy"))


def _tellings(result: Result) -> list[tuple[float, int, str, float]]:
    """(when, by which vantage, who, until when it said nothing else): failures told by entries that hear the core.

    Of several entries the last one counts: only one of them need be believed, and streams lose things. That somebody
    has left, or was pruned, may be known through any of them.
    """
    leavings: dict[str, list[float]] = defaultdict(list)
    for at, _, name, status in sorted(result.learned):
        if status == "left":
            leavings[name].append(at)
    found: dict[str, list[tuple[float, int, str, float]]] = defaultdict(list)
    last: dict[tuple[int, str], float] = {}
    for at, vantage, name, status in (*result.learned, *_ends(result)):
        before = last.pop((vantage, name), None)
        if before is not None and result.hears_core(vantage, before - limits.mattered_s, before):
            left = bisect_left(leavings[name], before)
            found[name].append((before, vantage, name, min([at, *leavings[name][left : left + 1]])))
        if status == "failed":
            last[vantage, name] = at
    latest = []
    for tellings in found.values():
        spans: dict[int, list[tuple[float, float]]] = defaultdict(list)
        for at, vantage, _, until in tellings:
            spans[vantage].append((at, until))
        for telling in tellings:
            at = telling[0]
            others = (number for number in range(len(result.land.vantages)) if not _within(spans[number], at))
            if not any(result.up_throughout(number, at, at) and result.hears_core(number, at, at) for number in others):
                latest.append(telling)
    return sorted(latest)


def _within(spans: list[tuple[float, float]], at: float) -> bool:
    """Whether a moment is in one of these spans, which follow one another."""
    place = bisect_right(spans, (at, float("inf"))) - 1
    return place >= 0 and at < spans[place][1]


def _ends(result: Result) -> list[tuple[float, int, str, str]]:
    """A last word about everybody, so that no telling stays open."""
    pairs = {(vantage, name) for _, vantage, name, _ in result.learned}
    return [(float("inf"), vantage, name, "") for vantage, name in sorted(pairs)]


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
    """When the watcher said that it was isolated, was just started, or asked in vain: no witnesses, a dead entry."""
    found: dict[int, tuple[float, float]] = {}
    for at, each in result.told:
        if each.kind is Kind.ISOLATED:
            began = found.get(each.number, (at, 0.0))[0]
            found[each.number] = (began, at if each.action is Action.CLOSED else float("inf"))
    started = [(start, start + limits.starting_s) for start in result.starts]
    blind = [
        (fault.at_s, min(fault.until_s or float("inf"), fault.at_s + limits.blind_s) + limits.starting_s)
        for fault, hosts in result.faults("agent-dead", "agent-frozen")
        if 2 * len(hosts) > len(result.land)
    ]
    return [*found.values(), *started, *blind, *_unnoticed(result)]


def _unnoticed(result: Result) -> Iterator[tuple[float, float]]:
    """While an entry is gone without a word, and the watcher has not given it up yet: it may ask through that one."""
    watcher = result.land.watcher
    for last, vantage, up in result.links:
        first, entry = last - limits.noticing_s[1], result.land.vantages[vantage]
        dead = any(words & {"off", "serf-frozen"} for words in result.hosts.were(entry, first, last))
        if not up and (
            dead or (watcher is not None and not all(p.connects(watcher, entry) for p in result.paths_in(first, last)))
        ):
            yield first, last


def _healing_s(result: Result, host: int, at: float, last: float) -> float:
    """After a cut Serf takes its time to list everybody as alive: whose host is reached may be one of those."""
    frozen = any("serf-frozen" in words for words in result.hosts.were(host, at, last))
    return heal_s if frozen else 0.0


def _gone(result: Result, host: int, first: float, last: float) -> bool:
    """Whether its Serf agent does not run, or a cut parts it from the core, all that time."""
    stopped = all(words & SILENT for words in result.hosts.were(host, first, last))
    return stopped or all(paths.apart(host) for paths in result.paths_in(first, last))


def _most(result: Result, first: float, last: float) -> bool:
    """Whether the core is clearly more than half of those who live: of two halves either may be right."""
    away = result.away(first, last)
    living = len(result.land) - len(away)
    return all(
        2 * (sum(paths.sizes[side] for side in paths.core) - sum(1 for host in away if not paths.apart(host)))
        > limits.alone_share * living
        for paths in result.paths_in(first, last)
    )


def _around(result: Result, name: str, at: float) -> set[Kind]:
    """The kinds of the incidents that are open then of a domain that it belongs to."""
    host = result.land.index[name]
    last = {each.number: each for when, each in result.told if when <= at}
    return {
        each.kind
        for each in last.values()
        if each.domain and each.action is not Action.CLOSED and host in result.land.hosts(each.domain)
    }
