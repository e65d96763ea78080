"""CORE. Oracle: a cut is named soon, where anybody can know it, and its direction is right, where it can be known.

Precisely: a zone or a rack is cut off from all others, alone in its time, and the watcher stays connected to entries
on both sides that are well. Then `named_s` after the last of the domain was told as failed, an open incident says cut
off, has most of the domain, and its domain is the right one (or one that has the same members). A direction of a cut is
never told wrong, and where the watcher has entries on both sides it is named, unless the cut ends within `named_s`.
"""

from __future__ import annotations

from collections.abc import Iterator

from inspector_coord.watch.conclusions import Action, Happening, Kind
from inspector_lab.liveness import limits
from inspector_lab.liveness.oracles.found import busy_s
from inspector_lab.liveness.result import Result
from inspector_lab.liveness.scenario import Fault

__all__ = ["check"]

DIRECTIONS = {"both": "both ways", "in": "cannot hear", "out": "cannot send"}


def check(result: Result) -> list[str]:
    """Sentences about what does not hold."""
    wrong: list[str] = []
    for fault, hosts in _single(result):
        until = min(fault.until_s if fault.until_s is not None else result.scenario.seconds, result.scenario.seconds)
        within = frozenset(result.land.names[host] for host in hosts)
        about = [
            (at, each)
            for at, each in result.told
            if each.kind is Kind.CUT_OFF and fault.at_s < at < until and within.issuperset(each.nodes) and each.nodes
        ]
        known = _known(result, fault, hosts, until)
        wrong += _directions(fault, about, until, known=known)
        if known and not fault.other:
            wrong += _named(result, fault, frozenset(within), until)
    return wrong


def _single(result: Result) -> Iterator[tuple[Fault, tuple[int, ...]]]:
    """Cuts of a domain, not of half of who lives, that no other cut overlaps, not even while it heals."""
    cuts = list(result.faults("cut"))
    for fault, hosts in cuts:
        end = (fault.until_s if fault.until_s is not None else float("inf")) + limits.healed_s
        alone = all(
            other is fault
            or other.at_s > end
            or (other.until_s if other.until_s is not None else float("inf")) + limits.healed_s < fault.at_s
            for other, _ in cuts
        )
        away = result.away(fault.at_s, fault.at_s + limits.mattered_s)
        inside, living = len(set(hosts) - away), len(result.land) - len(away)
        half = 2 * limits.alone_share * inside >= living
        if alone and fault.domain and fault.at_s >= limits.starting_s and not half:
            yield fault, hosts


def _known(result: Result, fault: Fault, hosts: tuple[int, ...], until: float) -> bool:
    """Whether the watcher is connected on both sides, through entries that are well, all that time."""
    inside = frozenset(hosts)
    first = fault.at_s - limits.mattered_s
    if any(first - limits.starting_s < start for start in result.starts if start < until and start > 0):
        return False
    sides = {
        entry in inside
        for number, entry in enumerate(result.land.vantages)
        if result.up_throughout(number, first, until) and not any(result.hosts.were(entry, first, until))
    }
    return len(sides) == 2


def _directions(fault: Fault, about: list[tuple[float, Happening]], until: float, *, known: bool) -> list[str]:
    right = {DIRECTIONS[fault.way], "unknown", ""}
    wrong = [
        f"{each.domain or each.nodes[0]} {DIRECTIONS[fault.way]}, and was told as {each.direction!r} at {at:.1f} s"
        for at, each in about
        if each.direction not in right
    ]
    enough = [(at, each) for at, each in about if 2 * len(each.nodes) >= max(1, each.of)]
    in_time = bool(enough) and enough[0][0] + limits.named_s < until
    if known and not fault.other and in_time and all(each.direction in ("unknown", "") for _, each in enough):
        wrong.append(f"nobody was told that {enough[0][1].domain or enough[0][1].nodes[0]} {DIRECTIONS[fault.way]}")
    return wrong


def _named(result: Result, fault: Fault, within: frozenset[str], until: float) -> list[str]:
    """Whether it is named in time."""
    inside = {number for number, entry in enumerate(result.land.vantages) if result.land.names[entry] in within}
    failed = {
        name: at
        for at, vantage, name, status in reversed(result.learned)
        if status == "failed" and name in within and vantage not in inside and fault.at_s < at < until
    }
    well = [name for name in within if not any(result.hosts.were(result.land.index[name], fault.at_s - 60.0, until))]
    if len(failed) < len(well) or len(well) < limits.cut_nodes_min:
        return []
    due = max(failed.values()) + limits.named_s + limits.named_each_s * len(within) + busy_s(result)
    if due >= until or fault.other:
        return []
    last = {each.number: each for at, each in result.told if at <= due}
    later = range(result.scenario.nodes, len(result.land))  # who joins, if at all
    away = result.away(fault.at_s, due).union(later)
    behind = {result.land.index[name] for name in within}
    for each in last.values():
        same = each.domain == fault.domain or set(result.land.hosts(each.domain or "zone=")) - away == behind - away
        most = len(within.intersection(each.nodes)) >= limits.cut_share * len(well)
        if each.kind is Kind.CUT_OFF and each.action is not Action.CLOSED and same and most:
            return []
    seen = ", ".join(
        f"{each.kind} {each.domain or '-'} ({len(each.nodes)})"
        for each in last.values()
        if each.action is not Action.CLOSED and within.intersection(each.nodes)
    )
    return [f"{fault.domain} was cut off at {fault.at_s:.1f} s, and at {due:.1f} s it is told as: {seen or 'nothing'}"]
