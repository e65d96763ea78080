"""CORE. The figures of a report: the curve, how long corrections took, who deviates most, who is unknown."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
import numpy as np

from inspector_coord.drift import limits
from inspector_coord.drift.codes import CLASS_STEP, HOW
from inspector_coord.drift.columns import Column, rows, taken
from inspector_coord.drift.document import CLASSES, Counts
from inspector_coord.drift.figures import Coverage, Drifter, Long, NodeSetTold, Offender, Point, Share
from inspector_coord.drift.intervals import Deviations, Intervals, Sweeps
from inspector_coord.drift.period import told
from inspector_coord.fold import fold_names
from inspector_coord.history.model import NO_MEMBER

__all__ = [
    "NodeRow", "Tally", "by_node", "coverage", "hidden", "lasting", "mean_and_median", "minutes_of", "put_right",
    "ranks", "thinned",
]  # fmt: skip


class NodeRow(msgspec.Struct, frozen=True, gc=False):
    """A node's deviations of one class: how many, of them unknown; how often they opened, how many did."""

    node: int
    class_: int
    count: int
    unknown: int
    openings: int
    fresh: int


def by_node(found: Deviations) -> list[NodeRow]:
    """Deviations by node and class."""
    same, which, counts = np.unique(
        found.node * len(CLASSES) + found.code // CLASS_STEP, return_inverse=True, return_counts=True
    )
    sums = (np.bincount(which, each) for each in (found.unknown, found.openings, found.openings > 0))
    node, class_ = np.divmod(same, len(CLASSES))
    columns = (node, class_ * CLASS_STEP, counts, *(each.astype(np.int64) for each in sums))
    return [NodeRow(*row) for row in rows(columns)]


class Tally:
    """Counts of deviations by class, of which the unknown are counted apart, for each of several values."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)

    def add(self, value: str, class_code: int, count: int, unknown: int) -> None:
        """So many deviations of a class, among them unknown ones."""
        class_ = CLASSES[class_code // CLASS_STEP]
        self._counts[value][class_] += count - unknown
        self._counts[value]["unknown"] += unknown

    def counts(self) -> dict[str, Counts]:
        """By value."""
        return {value: Counts(**counted) for value, counted in self._counts.items()}

    def total(self) -> Counts:
        """All values together."""
        return Counts(**sum(self._counts.values(), Counter[str]()))

    def shares(self) -> list[Share]:
        """The values with most that is new or flapping, then with most at all."""
        shares = [Share(value=value, **counted) for value, counted in self._counts.items()]
        shares.sort(key=lambda one: (-one.new - one.flapping, -one.open - one.unknown - one.back, one.value))
        return shares


def lasting(opened: Column, closed: Column, sweeps: Column) -> Column:
    """How many of some stays had begun in each of these sweeps, and not ended."""
    begun = np.searchsorted(np.sort(opened), sweeps, side="right")
    ended = np.searchsorted(np.sort(closed), sweeps, side="right")
    return begun - ended


def thinned(points: Sequence[Point]) -> list[Point]:
    """At most points_max: of each stretch the worst, so that no dip is lost; the first and the last always."""
    if len(points) <= limits.points_max:
        return list(points)
    inner = points[1:-1]
    size = -(-len(inner) // (limits.points_max - 2))
    worst = [min(inner[begin : begin + size], key=_passing) for begin in range(0, len(inner), size)]
    return [points[0], *worst, points[-1]]


def _passing(point: Point) -> tuple[float, float, int]:
    nodes = point.nodes_pass / point.nodes_judged if point.nodes_judged else 0.0
    items = point.items_pass / point.items_judged if point.items_judged else 0.0
    return nodes, items, point.nodes_judged


def put_right(found: Intervals, sweeps: Sweeps) -> Intervals:
    """The intervals that ended in the period because their item passed again."""
    chosen = (found.how == HOW.index("pass")) & (found.closed <= sweeps.last)
    return Intervals(*taken(found, np.flatnonzero(chosen)))


def minutes_of(found: Intervals, at: Mapping[int, float]) -> Column:
    """How long each was open, in whole minutes. at: Unix s of the sweeps that opened and closed them."""
    sweeps = np.array(sorted(at), dtype=np.int64)
    times = np.array([at[sweep] for sweep in sweeps.tolist()])
    opened, closed = (times[np.searchsorted(sweeps, ids)] for ids in (found.opened, found.closed))
    minutes: Column = np.floor_divide(closed - opened, 60.0).astype(np.int64)
    return minutes


def mean_and_median(minutes: Column) -> tuple[float, float]:
    """In seconds; of an even number the lower one in the middle."""
    return 60.0 * float(minutes.mean()), 60.0 * float(np.sort(minutes)[(len(minutes) - 1) // 2])


def ranks(
    openings: Mapping[int, tuple[int, int]], drifting: Mapping[int, tuple[int, int]],
    name: Callable[[int], str], item_name: Callable[[int], str],
) -> tuple[list[Offender], list[Drifter]]:  # fmt: skip
    """Nodes that deviated more than once, and items that drifted. openings: node -> (openings, items); and likewise."""
    nodes = sorted((-times, -items, name(node)) for node, (times, items) in openings.items() if times > 1)
    items = sorted((-times, -on, item_name(item)) for item, (times, on) in drifting.items() if times)
    return (
        [Offender(node=node, openings=-times, items=-count) for times, count, node in nodes[: limits.ranks_max]],
        [Drifter(item=item, openings=-times, nodes=-on) for times, on, item in items[: limits.ranks_max]],
    )


def coverage(
    states: Iterable[tuple[int, str, float]], never: Iterable[int], until: float, name: Callable[[int], str]
) -> Coverage:
    """states: (node, why it cannot be judged, since when) at the end of the period; never: nodes never judged yet."""
    unjudged = list(states)
    since = {node: at for node, _, at in unjudged}
    late: dict[tuple[str, float], list[int]] = defaultdict(list)
    of_state: dict[str, list[int]] = defaultdict(list)
    for node, state, at in unjudged:
        of_state[state].append(node)
        if until - at >= limits.long_s:
            late[state, at].append(node)
    new = set(never)
    lines = sorted(late.items(), key=lambda one: (-len(one[1]), one[0]))
    return Coverage(
        unknown=_set(since.keys() | new, name),
        never=_set(new, name),
        states={state: _set(nodes, name) for state, nodes in sorted(of_state.items())},
        long=[
            Long(nodes=fold_names(map(name, nodes)), count=len(nodes), state=state, since=told(at))
            for (state, at), nodes in lines[: limits.long_max]
        ],
        long_left=max(0, len(lines) - limits.long_max),
    )


def hidden(states: Iterable[tuple[int, str, float]], never: Iterable[int]) -> int:
    """Of `coverage` how many nodes make it incomplete: all but those that are no members any more."""
    why = {node: state for node, state, _ in states}
    return sum(why.get(node, "") not in NO_MEMBER for node in why.keys() | set(never))


def _set(nodes: Iterable[int], name: Callable[[int], str]) -> NodeSetTold:
    names = [name(node) for node in nodes]
    return NodeSetTold(nodes=fold_names(names), count=len(names))
