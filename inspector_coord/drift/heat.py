"""CORE. The map of nodes and items: the widest of both, with what is unknown told as unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from inspector_coord.drift import limits
from inspector_coord.drift.codes import decoded
from inspector_coord.drift.document import ORIGINS
from inspector_coord.drift.figures import Heat
from inspector_coord.drift.folding import Cell, Fingerprint
from inspector_coord.drift.period import told

__all__ = ["NOT_JUDGED", "STATES", "Axis", "heat_of", "widest"]

NOT_JUDGED = "not judged"
STATES = [*("unknown origin" if origin == "unknown" else origin for origin in ORIGINS), "back", NOT_JUDGED]


def widest(counts: Mapping[int, int], at_most: int) -> list[int]:
    """The ids with the highest counts, the highest first."""
    return sorted(counts, key=lambda one: (-counts[one], one))[:at_most]


class Axis(msgspec.Struct, frozen=True):
    """The ids and names along one side, in order; total: how many with any deviation there are."""

    ids: Sequence[int]
    names: Sequence[str]
    total: int


def heat_of(
    cells: Iterable[Cell], nodes: Axis, items: Axis, *, total: int, group_of: Callable[[Fingerprint], int],
    at: Mapping[int, float], unknown: Iterable[tuple[int, str, float]],
) -> Heat:  # fmt: skip
    """total: how many deviations there are; at: Unix s of sweeps; unknown: as of `coverage`."""
    row = {node: index for index, node in enumerate(nodes.ids)}
    column = {item: index for index, item in enumerate(items.ids)}
    inside = sorted(
        (cell for cell in cells if cell.node in row and cell.item in column),
        key=lambda cell: (column[cell.item], row[cell.node]),
    )
    shown = [
        (row[cell.node], column[cell.item], _state(cell), group_of(cell.same), int(at[cell.opened]))
        for cell in inside[: limits.heat_cells_max]
    ]
    return Heat(
        nodes=list(nodes.names),
        items=list(items.names),
        states=STATES,
        cells=shown,
        unknown=sorted((row[node], state, told(since)) for node, state, since in unknown if node in row),
        nodes_left=nodes.total - len(nodes.ids),
        items_left=items.total - len(items.ids),
        cells_left=total - len(shown),
    )


def _state(cell: Cell) -> int:
    code = decoded(cell.same.code)
    if cell.unknown:
        return STATES.index(NOT_JUDGED)
    if code.class_ == "back":
        return STATES.index("back")
    return ORIGINS.index(code.origin)
