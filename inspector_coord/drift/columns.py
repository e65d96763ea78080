"""CORE. Columns of numbers of one length each, which are worked on whole: what numpy is used for here, in one place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["HIGH", "Column", "Mask", "Places", "firsts", "lengths", "ordered", "parted", "rows", "taken"]

Column = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]
"""Row numbers."""

_LOW_BITS: Final = 32
HIGH: Final = 2**_LOW_BITS
"""What the first of two ids that make one number counts for."""

_KEY_BITS: Final = 63  # of a number that is not negative


def taken(columns: Iterable[Column], which: Places | Mask) -> Iterator[Column]:
    """Some rows of each."""
    return (column[which] for column in columns)


def rows(columns: Iterable[Column]) -> Iterator[tuple[Any, ...]]:
    """Row by row, as numbers of Python's own."""
    return zip(*(column.tolist() for column in columns), strict=True)


def parted(both: Column) -> tuple[Column, Column]:
    """The two ids of each number, the first one times HIGH and the second one."""
    return both >> _LOW_BITS, both & (HIGH - 1)


def ordered(*columns: Column) -> Places:
    """The rows in the order of the first of these columns, then of the second …; equal rows in any order.

    What fits into one number is sorted by that: in a third of the time.
    """
    if not len(columns[0]):
        return np.empty(0, dtype=np.intp)
    lows = [int(column.min()) for column in columns]
    bits = [(int(column.max()) - low).bit_length() for column, low in zip(columns, lows, strict=True)]
    if sum(bits) > _KEY_BITS:
        return np.lexsort(columns[::-1])
    key = np.zeros_like(columns[0])
    for column, low, width in zip(columns, lows, bits, strict=True):
        key = (key << width) | (column - low)
    return np.argsort(key)


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
