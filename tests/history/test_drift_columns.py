"""Deviations and groups, made a column at a time, against the same made one by one."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector_coord.drift import limits
from inspector_coord.drift.codes import CLASS, CLASS_STEP, HOW
from inspector_coord.drift.columns import ordered, taken
from inspector_coord.drift.document import Class
from inspector_coord.drift.folding import fold
from inspector_coord.drift.heat import cells
from inspector_coord.drift.intervals import Deviations, Intervals, Sweeps, deviations
from inspector_coord.drift.measures import by_node, mean_and_median, minutes_of, put_right

SWEEPS = Sweeps(10, 20, 19)
AWAY, MISSED = {2, 4}, {2, 3, 5}


class One(NamedTuple):
    """One interval, in the order of Intervals."""

    node: int
    item: int
    code: int
    expected: int
    source: int
    observed: int
    release: int
    opened: int
    seen: int
    closed: int
    how: int


@st.composite
def several(draw: st.DrawFn) -> list[One]:
    """Intervals of a few nodes and items: of one (node, item) one after the other, only the last of them open."""
    found: list[One] = []
    for node in range(1, draw(st.integers(1, 5)) + 1):
        for item in range(1, draw(st.integers(1, 3)) + 1):
            moments = sorted(draw(st.sets(st.integers(1, 25), max_size=8)))
            for opened, closed in zip(moments[::2], [*moments[1::2], 0], strict=False):
                if (closed and closed < SWEEPS.first) or opened > SWEEPS.last:
                    continue
                how = draw(st.integers(1, len(HOW) - 1)) if closed else 0
                seen = draw(st.integers(opened, max(opened, (closed or 25) - 1)))
                expected, source = draw(st.integers(0, 2)), draw(st.integers(0, 2))
                code, observed = draw(st.sampled_from((0, 110, 121))), draw(st.integers(0, 20))
                release = draw(st.integers(1, 3))
                found.append(One(node, item, code, expected, source, observed, release, opened, seen, closed, how))
    return draw(st.permutations(found))


def columns(found: list[One]) -> Intervals:
    """The same as columns."""
    rows = np.array(found, dtype=np.int64).reshape(-1, len(One._fields))
    return Intervals(**{name: rows[:, index].copy() for index, name in enumerate(One._fields)})


def plainly(found: list[One]) -> dict[tuple[int, int], dict[str, Any]]:
    """Each deviation by its (node, item), made the plain way."""
    alike: dict[tuple[int, int], list[One]] = defaultdict(list)
    for one in sorted(found, key=lambda each: each.opened):
        alike[one.node, one.item].append(one)
    told = {}
    for key, of_it in alike.items():
        last, begun = of_it[-1], [one.opened for one in of_it if one.opened >= SWEEPS.first]
        ended = 0 < last.closed <= SWEEPS.last
        gone = ended and HOW[last.how] == "unknown"
        seen = min(last.seen, SWEEPS.last)
        missed = last.node in MISSED
        unknown = gone or (not ended and (last.node in AWAY or (missed and seen < SWEEPS.whole)))
        class_: Class = "new" if last.opened >= SWEEPS.first else "open"
        if ended and not gone:
            class_ = "back"
        if len(begun) >= limits.flap_openings_min:
            class_ = "flapping"
        told[key] = {
            "code": CLASS[class_] + last.code,
            "openings": len(begun),
            "opened": begun[0] if class_ == "flapping" else last.opened,
            "confirmed": last.seen if ended else seen if missed else max(seen, SWEEPS.whole),
            "closed": last.closed if ended and not gone else 0,
            "unknown": int(unknown),
        }
    return told


def rows(found: Deviations) -> list[dict[str, int]]:
    """As rows."""
    lists = zip(*(column.tolist() for column in found), strict=True)
    return [dict(zip(Deviations._fields, row, strict=True)) for row in lists]


@settings(max_examples=300, deadline=None)
@given(several())
def test_deviations_are_what_they_are_one_by_one(found: list[One]) -> None:
    """Class, openings, moments, unknown; each (node, item) once."""
    told = {(row["node"], row["item"]): row for row in rows(deviations(columns(found), SWEEPS, AWAY, MISSED))}
    expected = plainly(found)
    assert {key: {name: row[name] for name in expected[key]} for key, row in told.items()} == expected


@st.composite
def many_alike(draw: st.DrawFn) -> Deviations:
    """Some of few fingerprints but for what was observed."""
    classes = st.sampled_from((CLASS["new"], CLASS["flapping"], CLASS["back"] + 110))
    few, values = st.integers(1, 2), st.integers(0, draw(st.sampled_from((1, 30))))
    drawn = {"code": classes, "expected": few, "source": few, "observed": values, "unknown": st.integers(0, 1)}
    size = draw(st.integers(0, 80))
    of_any = st.integers(0, 5)
    found = {name: draw(st.lists(drawn.get(name, of_any), min_size=size, max_size=size)) for name in Deviations._fields}
    return Deviations(**{name: np.array(column, dtype=np.int64) for name, column in found.items()})


@settings(max_examples=200, deadline=None)
@given(many_alike())
def test_groups_are_what_they_are_one_by_one(marked: Deviations) -> None:
    """Sums by fingerprint; one group where values tell nothing, told by the value of the most nodes."""
    folding = fold(marked)
    alike: dict[tuple[int, ...], dict[int, list[dict[str, int]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows(marked):
        alike[row["code"], row["item"], row["expected"], row["source"]][row["observed"]].append(row)
    expected = []
    for same, of_value in alike.items():
        flaps = same[0] // CLASS_STEP == CLASS["flapping"] // CLASS_STEP
        one = len(of_value) > (1 if flaps else limits.values_told_max)
        widest = max(of_value, key=lambda value: (len(of_value[value]), -value))
        parts = {widest: [row for each in of_value.values() for row in each]} if one else of_value
        for value, of_it in parts.items():
            expected.append((
                *same, value, len(of_value) if one else 1, len(of_it), sum(row["unknown"] for row in of_it),
                min(row["opened"] for row in of_it), max(row["opened"] for row in of_it),
                max(row["confirmed"] for row in of_it),
                all(row["closed"] for row in of_it) and max(row["closed"] for row in of_it),
                sum(row["openings"] for row in of_it), sum(row["openings"] > 0 for row in of_it),
                max(row["release"] for row in of_it),
            ))  # fmt: skip
    told = [
        (
            one.code, one.item, one.expected, one.source, one.observed, one.values, one.count, one.unknown, one.opened,
            one.newest, one.confirmed, one.closed, one.openings, one.fresh, one.release,
        )
        for one in folding.groups
    ]  # fmt: skip
    assert sorted(told) == sorted(expected)
    members = folding.members(marked, folding.groups)
    assert [(len(of_it.nodes), len(of_it.told)) for of_it in members] == [(one.count,) * 2 for one in folding.groups]
    ended = sum(bool(row["closed"] and row["how"]) for row in rows(marked))
    assert sum(count for of_it in members for count in of_it.ended.values()) == ended


@settings(max_examples=200, deadline=None)
@given(several())
def test_sums_and_cells_lose_none(found: list[One]) -> None:
    """By node and class, and on a map that has room for all."""
    marked = deviations(columns(found), SWEEPS, AWAY, MISSED)
    counted = by_node(marked)
    assert sum(one.count for one in counted) == len(marked.node)
    assert sum(one.unknown for one in counted) == marked.unknown.sum()
    assert len({(one.node, one.class_) for one in counted}) == len(counted)
    drawn = cells(marked, fold(marked).of, range(1, 6), range(1, 4))
    assert sorted((cell.node, cell.item) for cell in drawn) == sorted(plainly(found))
    assert cells(marked, fold(marked).of, [1], [1]) == [cell for cell in drawn if (cell.node, cell.item) == (1, 1)]


@pytest.mark.parametrize(
    ("minutes", "mean", "median"), [((1, 2, 9), 4.0, 2.0), ((1, 2, 3, 10), 4.0, 2.0), ((5,), 5.0, 5.0)]
)
def test_time_to_put_right(minutes: tuple[int, ...], mean: float, median: float) -> None:
    """Mean and median; only of what passed again within the period."""
    passed, gone = HOW.index("pass"), HOW.index("unknown")
    found = [One(node, 1, 0, 0, 0, 0, 1, 10, 10, 10 + took, passed) for node, took in enumerate(minutes, 1)]
    found += [One(90, 1, 0, 0, 0, 0, 1, 10, 10, 15, gone), One(91, 1, 0, 0, 0, 0, 1, 10, 10, 0, 0)]
    right = put_right(columns(found), SWEEPS)
    assert right.node.tolist() == list(range(1, len(minutes) + 1))
    taken = minutes_of(right, {sweep: 60.0 * sweep + 59.0 * (sweep > 10) for sweep in range(10, 21)})
    assert taken.tolist() == list(minutes)
    assert mean_and_median(taken) == (60.0 * mean, 60.0 * median)


def in_order(columns_: list[Any]) -> list[tuple[int, ...]]:
    """Rows of numbers."""
    return list(zip(*(column.tolist() for column in taken(columns_, ordered(*columns_))), strict=True))


@given(
    st.integers(0, 20).flatmap(
        lambda length: st.lists(
            st.lists(st.integers(-(2**31), 2**33) | st.integers(0, 3), min_size=length, max_size=length),
            min_size=1, max_size=4,
        )
    )
)  # fmt: skip
def test_rows_are_ordered_by_one_column_after_the_other(numbers: list[list[int]]) -> None:
    """Whether they fit into one number or not; negative ones and equal rows, too."""
    some = [np.array(each, dtype=np.int64) for each in numbers]
    assert in_order(some) == sorted(zip(*numbers, strict=True))


@pytest.mark.parametrize("most", [(32, 32), (31, 32), (32, 31)], ids=str)
def test_what_just_fits_into_one_number_and_what_does_not(most: tuple[int, int]) -> None:
    """64 bits are one too many."""
    numbers = [(0, 1, 2**bits - 1, 2**bits - 1, 1) for bits in most]
    two = [np.array(each, dtype=np.int64) for each in numbers]
    assert in_order(two) == sorted(zip(*numbers, strict=True))
