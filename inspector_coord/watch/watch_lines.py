"""CORE. What happened, in one line that a person reads at night.

12:03:07 rack b2: 38 of 40 down since 12:03:05 (n[041-078]): reached by none of 6 witnesses (zone=a, zone=c)
12:09:17 rack b2: back after 6 min 12 s (n[041-078])
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from inspector_coord.fold import fold_names
from inspector_coord.plain import plain
from inspector_coord.watch import shell_limits as limits
from inspector_coord.watch.conclusions import Action, Happening, Kind
from inspector_coord.watch.incidents import lasting
from inspector_coord.watch.listening import Watched

__all__ = ["line", "open_line", "ring_line", "states", "what"]

Stamp = Callable[[float], str]


def line(ring: str, happening: Happening, unix: float, stamp: Stamp) -> str:
    """One event. `ring`: "" where there is only one; `stamp` writes a time of the wall clock for people."""
    head = stamp(unix) + (f" {plain(ring)}:" if ring else "")
    return plain(f"{head} {_said(happening, unix, stamp)}", limits.line_chars_max)


def open_line(ring: str, happening: Happening, now: float, unix: float, stamp: Stamp) -> str:
    """An incident that is open, at the moment `now` of its own clock."""
    head = f"{plain(ring)}: " if ring else ""
    there = _standing(happening, stamp(unix - (now - happening.since)))
    lasts = lasting(now - happening.since)
    return plain(f"{head}{there}, for {lasts}{_why(happening)}", limits.line_chars_max)


def states(roster: Mapping[str, str], opened: Iterable[Happening]) -> Counter[str]:
    """How many nodes are how: by the incident they are in, else `up`, or `suspect` where it is not known yet."""
    found = {name: str(one.kind) for one in opened for name in one.nodes if one.kind is not Kind.ISOLATED}
    counts = Counter(found.get(name, "up" if status != "failed" else "suspect") for name, status in roster.items())
    gone = [name for name, kind in found.items() if kind == Kind.LEFT and name not in roster]
    return counts + Counter({str(Kind.LEFT): len(gone)})


def ring_line(name: str, ring: Watched) -> str:
    """A ring at a glance: "main: 40 nodes: 38 up, 2 down; 3 of 3 entries"."""
    counts = states(ring.roster, ring.open_incidents)
    order = ["up", *(str(kind) for kind in Kind), "suspect"]
    told = ", ".join(f"{counts[state]} {state}" for state in order if counts[state])
    seen = "" if ring.judging else "; too little of it is heard to judge"
    entries = f"{ring.entries_up} of {ring.entries} entries"
    return f"{plain(name)}: {len(ring.roster)} nodes{': ' if told else ''}{told}; {entries}{seen}"


def what(happening: Happening) -> str:
    """Whom it is about: "rack b2", "n007", "n[003,009]", "this watcher"."""
    if happening.kind is Kind.ISOLATED:
        return "this watcher"
    if happening.domain:
        return " ".join(happening.domain.split("=", 1))
    return _nodes(happening)


def _said(happening: Happening, unix: float, stamp: Stamp) -> str:
    since = stamp(unix - max(0.0, happening.at - happening.since))
    if happening.action is Action.OPENED:
        return _standing(happening, since) + _why(happening)
    if happening.action is Action.CHANGED:
        return f"{_standing(happening, since, 'now ')}{_back(happening)}{_why(happening)}"
    nodes = f" ({_nodes(happening)})" if happening.domain else ""
    was = "" if happening.closed_by is None else f"{happening.kind} "
    return f"{what(happening)}: {was}{happening.evidence}{nodes}"


def _standing(happening: Happening, since: str, now: str = "") -> str:
    """What is so: "rack b2: 38 of 40 down since 12:03:05 (n[041-078])"."""
    if happening.kind is Kind.ISOLATED:
        return f"this watcher sees too little of the ring since {since}"
    count = len(happening.nodes)
    if happening.domain:
        whole = f"all {count}" if count >= happening.of else f"{count} of {happening.of}"
        return f"{what(happening)}: {now}{whole} {_kind(happening)} since {since} ({_nodes(happening)})"
    many = f"{count} nodes " if count > 1 else ""
    return f"{_nodes(happening)}: {now}{many}{_kind(happening)} since {since}"


def _kind(happening: Happening) -> str:
    """The kind; of a cut with its line and direction, of a flap with its count."""
    if happening.kind is Kind.FLAPPING and happening.count:
        return f"flapping ({happening.count} times)"
    if happening.kind is not Kind.CUT_OFF:
        return str(happening.kind)
    places = [" ".join(place.split("=", 1)) for place in happening.parted]
    own = " ".join(happening.domain.split("=", 1))
    others = [place for place in places if place != own]
    line_ = f" from {', '.join(others)}" if others else ""
    way = f", {happening.direction}" if happening.direction not in ("", "unknown") else ""
    return f"cut off{line_}{way}"


def _back(happening: Happening) -> str:
    return f", {fold_names(happening.back)} back" if happening.back and not happening.domain else ""


def _why(happening: Happening) -> str:
    return f": {happening.evidence}" if happening.evidence else ""


def _nodes(happening: Happening) -> str:
    return plain(fold_names(happening.nodes), limits.nodes_chars_max)
