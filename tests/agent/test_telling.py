"""When a node tells its center what it is: after a change, once a day, and ever more seldom while nobody takes it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_agent import limits
from inspector_agent.telling import Telling, TellOutcome, Told, mark_of

DAY = limits.tell_again_s
TAKEN, UNTAKEN = TellOutcome(taken=True), TellOutcome(problem="nobody takes it")


def latest(_low: float, high: float) -> float:
    """The lot that comes last."""
    return high


def test_a_new_node_tells_soon() -> None:
    """Not at once: its whole fleet may be new."""
    telling = Telling(None, latest)
    assert telling.due_at == float("inf")
    telling.know("a", now=100.0, clock=1e9)
    assert telling.due_at == 100.0 + limits.tell_spread_s


def test_what_was_taken_is_told_again_after_a_day() -> None:
    """An unchanged node costs a day's record."""
    telling = Telling(None, latest)
    telling.know("a", now=0.0, clock=1e9)
    telling.ended(TAKEN, "a", now=10.0, clock=1e9)
    telling.know("a", now=20.0, clock=1e9)
    assert telling.due_at == 10.0 + DAY


def test_a_change_is_told_soon() -> None:
    """Also one that came while the last one was being told."""
    telling = Telling(None, latest)
    telling.know("a", now=0.0, clock=1e9)
    telling.ended(TAKEN, "a", now=10.0, clock=1e9)
    telling.know("b", now=50.0, clock=1e9)
    assert telling.due_at == 50.0 + limits.tell_spread_s
    telling.know("c", now=60.0, clock=1e9)
    telling.ended(TAKEN, "b", now=70.0, clock=1e9)
    assert telling.due_at == 70.0 + limits.tell_spread_s


def test_a_restart_tells_nothing_anew() -> None:
    """What was taken before the start counts; its day goes on."""
    telling = Telling(Told("a", at=1e9), latest)
    telling.know("a", now=0.0, clock=1e9 + 3_600)
    assert telling.due_at == pytest.approx(DAY - 3_600 + limits.tell_spread_s)
    telling = Telling(Told("a", at=1e9), latest)
    telling.know("b", now=0.0, clock=1e9 + 3_600)
    assert telling.due_at == limits.tell_spread_s


@pytest.mark.parametrize("clock", [0.0, 1e12])
def test_a_clock_that_was_set_does_not_silence_a_node(clock: float) -> None:
    """Back or ahead: at most a day passes."""
    telling = Telling(Told("a", at=1e9), latest)
    telling.know("a", now=0.0, clock=clock)
    assert 0 <= telling.due_at <= DAY + limits.tell_spread_s


def test_while_nobody_takes_it_the_pauses_grow() -> None:
    """A static mirror, or a center that is down; one that takes it ends that."""
    telling = Telling(None, latest)
    telling.know("a", now=0.0, clock=1e9)
    pauses = []
    for _ in range(40):
        telling.ended(UNTAKEN, "a", now=0.0, clock=1e9)
        pauses.append(telling.due_at)
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (limits.tell_retry_s_min, limits.tell_retry_s_max)
    telling.ended(TAKEN, "a", now=0.0, clock=1e9)
    telling.know("b", now=0.0, clock=1e9)
    telling.ended(UNTAKEN, "b", now=0.0, clock=1e9)
    assert telling.due_at == limits.tell_retry_s_min


@given(retry=st.floats(-10, 1e12), draws=st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_a_busy_center_is_given_its_time(retry: float, draws: list[float]) -> None:
    """Its Retry-After counts, up to a bound; and lots keep a fleet apart."""
    lots = iter(draws * 9)
    telling = Telling(None, lambda low, high: low + (high - low) * next(lots))
    telling.know("a", now=0.0, clock=1e9)
    telling.ended(TellOutcome(problem="busy", retry_after_s=retry), "a", now=0.0, clock=1e9)
    asked = min(max(retry, 0.0), limits.tell_retry_s_max)
    assert asked + limits.tell_retry_s_min / 2 <= telling.due_at <= asked + limits.tell_retry_s_min


def test_any_difference_is_another_mark() -> None:
    """Name, tags, facts, and whom it is told to; the order in a map is no difference."""
    same = mark_of("n1", {"a": "1", "b": "2"}, {"os": "debian"}, ("http://c",))
    assert same == mark_of("n1", {"b": "2", "a": "1"}, {"os": "debian"}, ["http://c"])
    others = [
        mark_of("n2", {"a": "1", "b": "2"}, {"os": "debian"}, ("http://c",)),
        mark_of("n1", {"a": "1"}, {"os": "debian"}, ("http://c",)),
        mark_of("n1", {"a": "1", "b": "2"}, {"os": "ubuntu"}, ("http://c",)),
        mark_of("n1", {"a": "1", "b": "2"}, {"os": "debian"}, ("http://d",)),
    ]
    assert len({same, *others}) == 5
