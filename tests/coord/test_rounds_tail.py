"""The curve of first answers: when its tail has ended, and what a curve that does not come says."""

from __future__ import annotations

import pytest

from inspector_coord import limits
from inspector_coord.ledger import Node
from inspector_coord.patience import Arrivals, Timing, timing
from inspector_coord.tail import Look, Tail
from inspector_coord.waiting import Wait

TIMING = timing(10_000, 10_000, 10.0)


def looks(tail: Tail, until: float, now: float = 0.0) -> list[tuple[float, Look]]:
    """What is found by looking whenever the tail wants it."""
    found: list[tuple[float, Look]] = []
    while (now := tail.next(now)) <= until:
        look = tail.look(now)
        if look is not Look.NOBODY:
            found.append((now, look))
    return found


def epidemic(tail: Tail, count: int, lost: int, until: float) -> None:
    """Answers of so many nodes: the unheard are a fifteenth after each interval from 0.6 s on, the turns take 0.5 s."""
    steps = [(0.6 + step * 0.01) for step in range(200)]
    left = float(count - lost)
    for at in steps:
        now_left = (count - lost) * 15 ** (-max(0.0, at - 0.6) / 0.2)
        for _ in range(round(left) - round(now_left)):
            if at <= until:
                tail.add(at + 0.5)
        left = now_left


def test_a_tail_that_explains_few_of_the_missing_has_ended() -> None:
    """500 of 10,000 are lost: the fall of the curve says so before there is any gap."""
    tail = Tail(TIMING, 0.0, 10_000, 0.0)
    epidemic(tail, 10_000, 500, until=1.0)
    last = 1.5
    found = looks(tail, 3.0, now=last - 0.05)
    assert found[0][1] is Look.MISSING
    assert found[0][0] < last + limits.quiet_s_min


def test_a_curve_that_still_brings_the_missing_is_waited_for() -> None:
    """Nobody is lost: what is missing is what the fall promises."""
    arrivals = Arrivals()
    for step in range(200):
        for _ in range(round(3000 * 15 ** (-step * 0.01 / 0.2))):
            arrivals.add(1.0 + step * 0.01)
    for now in (1.3, 1.4, 1.5):
        missing = sum(round(3000 * 15 ** (-step * 0.01 / 0.2)) for step in range(200) if 1.0 + step * 0.01 > now)
        seen = Arrivals()
        for step in range(200):
            if 1.0 + step * 0.01 <= now:
                for _ in range(round(3000 * 15 ** (-step * 0.01 / 0.2))):
                    seen.add(1.0 + step * 0.01)
        assert seen.to_come(now) > missing * limits.tail_share_max


def test_a_steady_curve_promises_more() -> None:
    """Slow checks everywhere: as many in the last window as in the one before."""
    arrivals = Arrivals()
    for step in range(400):
        arrivals.add(step * 0.005)
    assert arrivals.to_come(2.0) > 300


def test_an_empty_window_is_no_promise_of_nothing() -> None:
    """With a handful missing, chance alone explains a window without any."""
    arrivals = Arrivals()
    for step in range(10):
        arrivals.add(step * 0.01)
    assert arrivals.to_come(1.0) > 5


def test_a_look_that_comes_late_is_taken_again() -> None:
    """This process stood still, and so did the answers: quiet says nothing before a window has passed."""
    tail = Tail(TIMING, 0.0, 100, 0.0)
    for _ in range(80):
        tail.add(1.2)
    due = tail.next(1.3)
    late = due + 0.4
    assert tail.look(late) is Look.NOBODY
    assert tail.next(late) >= late + limits.tail_window_s - 1e-9
    assert looks(tail, 5.0, now=late)[0][1] is Look.MISSING


def test_where_nobody_answers_the_own_node_is_asked_first_then_a_sample_then_all() -> None:
    """A sample that says nothing either: the others have not slow checks, they have stopped."""
    tail = Tail(TIMING, 0.0, 10_000, 0.1)
    waits = {f"n{index}": Wait(Node("main", f"n{index}", "", {}, "alive")) for index in range(1000)}
    found = []
    now = 0.0
    while (now := tail.next(now)) < 9.0:
        look = tail.look(now)
        if look is not Look.NOBODY:
            found.append((look, len(tail.meant(look, waits, "n7", now))))
    assert [look for look, _ in found] == [Look.OWN, Look.SAMPLE, Look.MISSING]
    assert found[0][1] == 1
    assert limits.filter_names_max <= found[1][1] < 1.2 * limits.filter_names_max
    assert found[2][1] == 1000


@pytest.mark.parametrize("spread_s", [0.0, 2.5])
def test_no_curve_falls_before_its_time(spread_s: float) -> None:
    """Half have come in one burst, then nothing: as long as turns and epidemic last, that is chance."""
    times = Timing(10.0, 5.0, spread_s, 1.8)
    tail = Tail(times, 0.0, 1000, 0.0)
    for _ in range(600):
        tail.add(0.3)
    found = looks(tail, 5.0, now=0.3)[0]
    assert found[0] >= spread_s + limits.tail_hear_share * 1.8
    # who is meant is everybody who was asked then, however early that is
    waits = {"n1": Wait(Node("main", "n1", "", {}, "alive"), asked_at=0.0)}
    assert tail.meant(found[1], waits, "", found[0]) == [waits["n1"]]
