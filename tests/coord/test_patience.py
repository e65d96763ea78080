"""Times of a sweep, and when the tail of its arrivals is quiet."""

from __future__ import annotations

import pytest

from inspector_coord import limits
from inspector_coord.patience import Arrivals, timing


def arrivals(*at: float) -> Arrivals:
    made = Arrivals()
    for one in at:
        made.add(one)
    return made


def test_the_tail_is_quiet_after_a_gap_of_its_own_scale() -> None:
    """A ring whose last half takes long is waited for longer."""
    quick = arrivals(*[0.5 + n / 1000 for n in range(100)])
    slow = arrivals(*[0.5 + n / 50 for n in range(100)])
    assert quick.quiet_at(100) == pytest.approx(0.599 + limits.quiet_s_min)
    slow_at = slow.quiet_at(100)
    assert slow_at is not None
    assert slow_at - (0.5 + 99 / 50) == pytest.approx(limits.quiet_tail_share * 0.98)


def test_few_arrivals_say_nothing() -> None:
    """With less than half of the answers there is no median: the checks may be slow everywhere."""
    assert arrivals(0.5, 0.6).quiet_at(5) is None
    assert arrivals(0.5, 0.6, 0.7).quiet_at(5) is not None
    assert Arrivals().quiet_at(0) is None


def test_a_gap_is_never_longer_than_its_bound() -> None:
    """One check of minutes must not postpone everything."""
    assert arrivals(0.1, 0.1, 200.0).quiet_at(3) == 200.0 + limits.quiet_s_max


@pytest.mark.parametrize(
    ("members", "last_heard_s"), [(50, 0.6), (100, 0.7), (1_000, 1.0), (10_000, 1.3), (100_000, 2.05)]
)
def test_hearing_covers_the_epidemic(members: int, last_heard_s: float) -> None:
    """The time until the last node has heard, as measured and modelled: some to spare, but not twice as much."""
    hear_s = timing(members, members, 10.0).hear_s
    assert last_heard_s < hear_s < 2 * last_heard_s


def test_half_of_the_time_is_for_asking_again() -> None:
    """Whatever the timeout, a node has at most half of it."""
    for timeout_s in (limits.timeout_s_min, 1.0, 3.0, 10.0, 60.0):
        assert timing(10, 10, timeout_s).answer_within_s <= max(limits.answer_within_s_min, timeout_s / 2)
    assert timing(10, 10, 60.0).answer_within_s == limits.answer_within_s


def test_answers_are_spread_by_rate() -> None:
    """Few need none; ten thousand take half a second."""
    assert timing(20, 20, 10.0).spread_s == 0.0
    assert timing(10_000, 10_000, 10.0).spread_s == pytest.approx(0.5)
    assert timing(10_000, 10_000, 10.0, answers_per_s=5_000.0).spread_s == pytest.approx(2.0)


def test_the_answers_of_all_rings_are_booked_by_one_coordinator() -> None:
    """Twenty rings at once: each takes its share of what is booked a second, where that is less than an entry takes."""
    alone = timing(5_000, 5_000, 10.0)
    beside = timing(5_000, 5_000, 10.0, 100_000)
    assert alone.spread_s == pytest.approx(5_000 / limits.answer_rate_per_s)
    assert beside.spread_s == pytest.approx(100_000 / limits.booking_rate_per_s)
    assert beside.rate_per_s == pytest.approx(limits.booking_rate_per_s / 20)
    assert timing(5_000, 5_000, 10.0, 5_000) == alone


def test_a_spread_is_never_longer_than_a_node_has() -> None:
    """The wire refuses that; with more time, the rate is kept."""
    crowd = timing(400_000, 400_000, 10.0)
    assert crowd.spread_s == crowd.answer_within_s == 5.0
    patient = timing(400_000, 400_000, 100.0)
    assert patient.spread_s == pytest.approx(20.0)
    assert patient.answer_within_s == pytest.approx(limits.spread_factor * 20.0)
