"""CORE. The figures of a drift report: shares, compliance, corrections, offenders, coverage, the map."""

from __future__ import annotations

import msgspec

__all__ = [
    "Corrections",
    "Coverage",
    "Drifter",
    "Heat",
    "Long",
    "Longest",
    "NodeSetTold",
    "Offender",
    "Point",
    "Share",
]


class NodeSetTold(msgspec.Struct, frozen=True, kw_only=True):
    """Nodes, and how many they are."""

    nodes: str = ""
    count: int = 0


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """Deviations of one value of a dimension; "" are those without any."""

    value: str
    new: int = 0
    flapping: int = 0
    open: int = 0
    back: int = 0
    unknown: int = 0


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """The fleet in one whole sweep. `nodes` - `nodes_judged` are unknown: a curve has to show them as such."""

    at: str
    sweep: str
    nodes: int
    nodes_judged: int
    nodes_pass: int
    items_judged: int
    items_pass: int


class Longest(msgspec.Struct, frozen=True, kw_only=True):
    """The deviation that took longest to be put right."""

    node: str
    item: str
    seconds: float
    closed: str


class Corrections(msgspec.Struct, frozen=True, kw_only=True):
    """Deviations that passed again in the period, and how long it took from the first sight; by whole minutes."""

    count: int = 0
    mean_s: float | None = None
    median_s: float | None = None
    longest: Longest | None = None


class Offender(msgspec.Struct, frozen=True, kw_only=True):
    """A node that deviates again and again: how often one of its items opened in the period, and how many items did."""

    node: str
    openings: int
    items: int


class Drifter(msgspec.Struct, frozen=True, kw_only=True):
    """An item that drifts (origin `drift`): how often it opened in the period, on how many nodes."""

    item: str
    openings: int
    nodes: int


class Long(msgspec.Struct, frozen=True, kw_only=True):
    """Nodes that nobody could judge since a time, and why: the state that the ledger gave them, absent, unreached."""

    nodes: str
    count: int
    state: str
    since: str


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """Of which nodes nothing is known: `unknown` all that cannot be judged now, of them `never` judged, or not for
    `long`; `states`: why, by the words of the history (stale: lag, they have not adopted their release), or MISSED of
    codes.py."""

    unknown: NodeSetTold = NodeSetTold()
    never: NodeSetTold = NodeSetTold()
    long: list[Long] = []
    long_left: int = 0
    states: dict[str, NodeSetTold] = {}


class Heat(msgspec.Struct, frozen=True, kw_only=True):
    """The widest nodes and items as a map; a pair without a cell is as it should be, or its node is unknown.

    nodes    by ring and name; `items` widest first
    cells    [index in `nodes`, in `items`, in `states`, in the document's groups or -1, Unix s when it opened]
    states   words: an origin for what is open or flapping (`unknown` is `unknown origin`), `back`, and `not judged` for
             what was wrong when its node was last judged
    unknown  [index in `nodes`, state (down, absent, …), since when]: of these nothing is known now
    left     how many nodes, items and deviations with any of the states did not fit
    """

    nodes: list[str] = []
    items: list[str] = []
    states: list[str] = []
    cells: list[tuple[int, int, int, int, int]] = []
    unknown: list[tuple[int, str, str]] = []
    nodes_left: int = 0
    items_left: int = 0
    cells_left: int = 0
