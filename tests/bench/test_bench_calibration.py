"""The arithmetic of the calibration, and that its plot is the same for the same curves."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import calibration_plot, simulated_curves
from bench.comparison import Comparison, table, whole

REAL = ([0.0, 0.2, 0.4, 1.0], [0.0, 0.4, 0.6, 1.2], [0.0, 0.3, 0.5, 1.1])
SIMULATED = ([0.0, 0.3, 0.5, 0.8], [0.0, 0.3, 0.5, 0.9])
COMPARED = Comparison("acks_4", "acks of 4", 4, REAL, SIMULATED, missing=1, machine="3.0 ms on, 1.0 ms in line")


def test_both_curves_are_compared_by_the_medians_of_their_runs() -> None:
    assert COMPARED.median == pytest.approx((0.4, 0.4))
    assert COMPARED.last == pytest.approx((1.1, 0.85))
    assert COMPARED.last.ratio == pytest.approx(0.85 / 1.1)


def test_a_simulation_that_is_too_fast_by_more_than_a_fifth_misses_its_budget() -> None:
    verdicts = {figure.key: figure.verdict for figure in COMPARED.figures()}
    assert verdicts == {
        "calibration_acks_4_median": "met",
        "calibration_acks_4_median_s": "reported",
        "calibration_acks_4_last": "missed",
        "calibration_acks_4_last_s": "reported",
    }


def test_so_does_one_that_is_too_slow() -> None:
    turned = COMPARED._replace(real=SIMULATED, simulated=REAL)
    assert [figure.verdict for figure in turned.figures() if figure.bound is not None] == ["met", "missed"]


def test_runs_that_lack_somebody_are_told_apart() -> None:
    assert whole([(0.1, 0.2), (0.1,)], 2) == [(0.1, 0.2)]
    assert "| acks of 4 | 3 (and 1 that lacked somebody) | 0.400 s | 0.400 s | 1.00 | 1.100 s |" in table([COMPARED])


def test_the_plot_has_the_same_bytes_for_the_same_curves(tmp_path: Path) -> None:
    files = [tmp_path / "one.svg", tmp_path / "two.svg"]
    for file in files:
        calibration_plot.draw([COMPARED, COMPARED._replace(key="other")], file)
    one, two = (file.read_bytes() for file in files)
    assert one == two
    assert b"acks of 4" in one


def test_a_simulated_ring_is_heard_whole_and_the_same_for_the_same_seed() -> None:
    arrivals = simulated_curves.acks(20, bytes(150), 1)
    assert len(arrivals) == 20
    assert arrivals == simulated_curves.acks(20, bytes(150), 1)
    assert arrivals != simulated_curves.acks(20, bytes(150), 2)


def test_a_simulated_ring_hears_later_when_all_have_just_changed_a_tag() -> None:
    quiet, churned = (simulated_curves.acks(40, bytes(150), 1, retagged_s=before) for before in (None, 0.6))
    assert churned[-1] > 2 * quiet[-1]


def test_simulated_verdicts_come_later_by_what_the_checks_take() -> None:
    fast, slow = (simulated_curves.verdicts(20, [took_s] * 20, 1) for took_s in (0.02, 0.52))
    assert len(fast) == len(slow) == 20
    assert slow[-1] - fast[-1] == pytest.approx(0.5, abs=0.2)
