"""CORE. The map of nodes and items: the widest of both, with what is unknown told as unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from inspector_coord.drift import limits
from inspector_coord.drift.codes import decoded
from inspector_coord.drift.columns import Column, rows, taken
from inspector_coord.drift.document import ORIGINS
from inspector_coord.drift.figures import Heat
from inspector_coord.drift.intervals import Deviations
from inspector_coord.drift.period import told

__all__ = ["NOT_JUDGED", "STATES", "Axis", "Cell", "cells", "heat_of", "widest"]

NOT_JUDGED = "not judged"
STATES = [*("unknown origin" if origin == "unknown" else origin for origin in ORIGINS), "back", NOT_JUDGED]


def widest(counts: Mapping[int, int], at_most: int) -> list[int]:
    """The ids with the highest counts, the highest first."""
    return sorted(counts, key=lambda one: (-counts[one], one))[:at_most]


class Cell(NamedTuple):
    """One deviation of the map; group: its number."""

    node: int
    item: int
    unknown: int
    opened: int
    code: int
    group: int


def cells(found: Deviations, of: Column, nodes: Iterable[int], items: Iterable[int]) -> list[Cell]:
    """The deviations of these nodes and items. of: the group of each deviation."""
    inside = np.flatnonzero(np.isin(found.node, list(nodes)) & np.isin(found.item, list(items)))
    columns = (found.node, found.item, found.unknown, found.opened, found.code, of)
    return [Cell(*row) for row in rows(taken(columns, inside))]


class Axis(msgspec.Struct, frozen=True):
    """The ids and names along one side, in order; total: how many with any deviation there are."""

    ids: Sequence[int]
    names: Sequence[str]
    total: int


def heat_of(
    cells: Iterable[Cell], nodes: Axis, items: Axis, *, total: int, groups: Mapping[int, int],
    at: Mapping[int, float], unknown: Iterable[tuple[int, str, float]],
) -> Heat:  # fmt: skip
    """total: how many deviations there are; groups: where those that are told stand, by number; at: Unix s of sweeps;
    unknown: as of `coverage`.
    """
    row = {node: index for index, node in enumerate(nodes.ids)}
    column = {item: index for index, item in enumerate(items.ids)}
    inside = sorted(cells, key=lambda cell: (column[cell.item], row[cell.node]))
    shown = [
        (row[cell.node], column[cell.item], _state(cell), groups.get(cell.group, -1), int(at[cell.opened]))
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
    code = decoded(cell.code)
    if cell.unknown:
        return STATES.index(NOT_JUDGED)
    if code.class_ == "back":
        return STATES.index("back")
    return ORIGINS.index(code.origin)
