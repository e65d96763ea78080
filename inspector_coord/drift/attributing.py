"""CORE. What had just happened where something became wrong, and what these nodes have in common.

A happening counts for a deviation if it was on the same node (or on all) within `window_s` before the deviation was
seen: an hour, or twice the usual gap between sweeps where that is longer, because nobody looked in between. It is told
if it counts for enough of the group's nodes: what happened to one of fifty explains none of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from statistics import median

import msgspec

from inspector_coord.causes import Cause, causes_of
from inspector_coord.drift import limits
from inspector_coord.drift.document import Before, HappeningTold
from inspector_coord.drift.period import told
from inspector_coord.fold import fold_names

__all__ = ["Event", "Events", "Tags", "before", "happenings_told", "window_s"]


class Event(msgspec.Struct, frozen=True):
    """Something that happened. node None: to all; item: it is about this item alone; ended: when it was over."""

    kind: str
    at: float
    text: str
    node: int | None = None
    who: str = ""
    source: str = ""
    item: int | None = None
    ended: float | None = None


class Events:
    """All that happened, by node."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.of_all: list[Event] = []
        self._of_node: dict[int, list[Event]] = defaultdict(list)
        for event in sorted(events, key=lambda one: one.at):
            (self.of_all if event.node is None else self._of_node[event.node]).append(event)

    def of_node(self, node: int) -> Sequence[Event]:
        """What happened to a node alone."""
        return self._of_node.get(node, ())

    def shared(self, item: int) -> list[Event]:
        """What happened to all, as far as it may bear on an item: releases that say nothing else of it do not."""
        return [event for event in self.of_all if event.item in (None, item) and not _of_others(event)]


def window_s(gaps_s: Sequence[float]) -> float:
    """How far to look back, from the gaps between the period's sweeps."""
    usual = median(gaps_s) if gaps_s else limits.before_s_max
    return min(limits.before_s_max, max(limits.before_s, limits.before_gaps * usual))


def before(
    seen: Mapping[int, float], item: int, origin: str, events: Events, window: float, name: Callable[[int], str]
) -> list[Before]:
    """What happened before, what explains most nodes first. seen: node -> when it was seen to deviate, Unix s."""
    found: dict[tuple[str, str, str], dict[int, Event]] = defaultdict(dict)
    shared = events.shared(item)
    to_all: dict[float, list[Event]] = {}  # many were seen in the same sweep
    for node, seen_at in seen.items():
        if seen_at not in to_all:
            to_all[seen_at] = [
                event for event in _unfollowed(shared, seen_at) if _counts(event, seen_at, origin, window)
            ]
        own = [event for event in events.of_node(node) if _counts(event, seen_at, origin, window)]
        for event in (*to_all[seen_at], *own):
            found[event.kind, event.text, event.source][node] = event
    least = max(1.0, limits.before_share_min * len(seen))
    explaining = [
        _told(kind, text, source, on, seen, name) for (kind, text, source), on in found.items() if len(on) >= least
    ]
    explaining.sort(key=lambda one: (one.source == "", -one.count, one.seconds_before, one.kind, one.text))
    return explaining[: limits.before_max]


def _counts(event: Event, seen_at: float, origin: str, window: float) -> bool:
    """It was before, and not too long before: what lasted, by its end."""
    if event.at > seen_at:
        return False
    over = min(event.ended or event.at, seen_at)
    if event.item is not None and origin == "intended":  # its release is the reason, however long ago it was
        return True
    return seen_at - max(event.at, over) <= window


def _unfollowed(events: Sequence[Event], seen_at: float) -> list[Event]:
    """Of an item's own releases only the newest: who lags behind two, lags behind the last."""
    newest = max((event.at for event in events if event.item is not None and event.at <= seen_at), default=0.0)
    return [event for event in events if event.item is None or event.at == newest]


def _of_others(event: Event) -> bool:
    """A release, without the items that it changed: those are events of their own."""
    return event.kind == "release" and event.item is None


def _told(
    kind: str, text: str, source: str, on: Mapping[int, Event], seen: Mapping[int, float], name: Callable[[int], str]
) -> Before:
    return Before(
        kind=kind,
        at=told(min(event.at for event in on.values())),
        text=text,
        source=source,
        nodes=fold_names(name(node) for node in on),
        count=len(on),
        seconds_before=round(min(seen[node] - event.at for node, event in on.items()), 1),
    )


class Tags:
    """Tags of all nodes, and of those that were judged: what causes are measured against."""

    def __init__(self, tags: Mapping[int, Mapping[str, str]], judged: Iterable[int]) -> None:
        self._pairs_of = {node: tuple(one.items()) for node, one in tags.items()}
        self._judged = frozenset(judged)
        self._counted = self._count(self._judged)

    def _count(self, nodes: Iterable[int]) -> Counter[tuple[str, str]]:
        return Counter(chain.from_iterable(map(self._pairs_of.__getitem__, nodes)))

    def causes(self, failing: Sequence[int]) -> list[Cause]:
        """The tags that best tell these nodes from the others, as in a sweep."""
        strangers = set(failing) - self._judged
        beside = self._count(strangers)
        counted = self._count(failing)
        evaluated = {pair: self._counted[pair] + beside[pair] for pair in counted}
        return [
            Cause(cause.tag, round(cause.precision, 3), round(cause.recall, 3))
            for cause in causes_of(counted, len(failing), evaluated, len(self._judged) + len(strangers))
        ]


def happenings_told(events: Iterable[Event], name: Callable[[int], str]) -> tuple[list[HappeningTold], int]:
    """(the widest of what happened, in the order of time; how many more there are).

    The same on several nodes at about the same time is one.
    """
    groups: dict[tuple[str, str, str], list[list[Event]]] = defaultdict(list)
    for event in sorted(events, key=lambda one: one.at):
        alike = groups[event.kind, event.text, event.who]
        if not alike or event.at - alike[-1][0].at > limits.together_s:
            alike.append([])
        alike[-1].append(event)
    several = [one for alike in groups.values() for one in alike]
    several.sort(key=lambda one: (one[0].node is not None, -len(one), -one[0].at))
    shown = sorted(several[: limits.happenings_told_max], key=lambda one: (one[0].at, one[0].kind, one[0].text))
    return [_happening(one, name) for one in shown], len(several) - len(shown)


def _happening(events: Sequence[Event], name: Callable[[int], str]) -> HappeningTold:
    nodes = {event.node for event in events if event.node is not None}
    first = events[0]
    return HappeningTold(
        kind=first.kind, at=told(first.at), text=first.text, who=first.who,
        nodes=fold_names(name(node) for node in nodes), count=len(nodes),
    )  # fmt: skip
