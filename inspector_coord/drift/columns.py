"""CORE. Columns of numbers of one length each, which are worked on whole: what numpy is used for here, in one place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["HIGH", "Column", "Mask", "Places", "firsts", "joined", "lengths", "parted", "rows", "taken"]

Column = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]
"""Row numbers."""

HIGH: Final = 2**32
"""What the first of two ids that make one number counts for."""


def taken(columns: Iterable[Column], which: Places | Mask) -> Iterator[Column]:
    """Some rows of each."""
    return (column[which] for column in columns)


def rows(columns: Iterable[Column]) -> Iterator[tuple[Any, ...]]:
    """Row by row, as numbers of Python's own."""
    return zip(*(column.tolist() for column in columns), strict=True)


def joined(high: Column, low: Column) -> Column:
    """Two ids as one number: what is sorted by one key instead of two is sorted in half of the time."""
    return high * HIGH + low


def parted(both: Column) -> tuple[Column, Column]:
    """The two ids of each number, see `joined`."""
    return np.divmod(both, HIGH)


def firsts(*columns: Column) -> Places:
    """Where a row differs from the one before it in any of these columns."""
    differs = np.zeros(len(columns[0]), dtype=np.bool_)
    differs[:1] = True
    for column in columns:
        differs[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(differs)


def lengths(begins: Places, total: int) -> Places:
    """How many rows each stretch has, of so many in all, by where they begin."""
    return np.diff(np.append(begins, total))
