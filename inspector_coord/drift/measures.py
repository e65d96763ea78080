"""CORE. The figures of a report: the curve, how long corrections took, who deviates most, who is unknown."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from inspector_coord.drift import limits
from inspector_coord.drift.codes import CLASS
from inspector_coord.drift.document import CLASSES, Counts
from inspector_coord.drift.figures import Coverage, Drifter, Long, NodeSetTold, Offender, Point, Share
from inspector_coord.drift.period import told
from inspector_coord.fold import fold_names

__all__ = ["Tally", "coverage", "mean_and_median", "ranks", "thinned"]


class Tally:
    """Counts of deviations by class, of which the unknown are counted apart, for each of several values."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)

    def add(self, value: str, class_code: int, count: int, unknown: int) -> None:
        """So many deviations of a class, among them unknown ones."""
        class_ = CLASSES[class_code // CLASS["flapping"]] if class_code else CLASSES[0]
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
        return shares[: limits.shares_max]


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


def mean_and_median(durations: Sequence[tuple[int, int]]) -> tuple[int, float, float] | None:
    """(how many, mean, median) in seconds, of (minutes, how many) in ascending order. None without any."""
    count = sum(times for _, times in durations)
    if not count:
        return None
    mean = sum(minutes * times for minutes, times in durations) / count
    passed, middle = 0, 0
    for minutes, times in durations:
        passed += times
        middle = minutes
        if 2 * passed >= count:
            break
    return count, 60.0 * mean, 60.0 * middle


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
    )


def _set(nodes: Iterable[int], name: Callable[[int], str]) -> NodeSetTold:
    names = [name(node) for node in nodes]
    return NodeSetTold(nodes=fold_names(names), count=len(names))
