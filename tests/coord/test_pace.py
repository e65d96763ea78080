"""What an entry drops for want of speed is asked for more slowly; what the network loses is not."""

from __future__ import annotations

import pytest

from inspector_coord import limits
from inspector_coord.pace import Pace
from tests.support.paper_ring import Paper, PaperRing

NODES = 1_500
FLEET = 60_000  # of which this ring is a part: its answers are wanted at 1,000 a second


def slow_entry(takes_per_s: float, seed: int, **how: float) -> PaperRing:
    """A ring whose entry takes so many answers a second."""
    nodes = [Paper(f"n{index:04}") for index in range(NODES)]
    return PaperRing(nodes, seed=seed, fleet=FLEET, takes_per_s=takes_per_s, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("takes_per_s", [350.0, 600.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_an_entry_that_drops_half_is_asked_more_slowly(takes_per_s: float, seed: int) -> None:
    """It takes a third to a half of what comes: in the end nobody is missing."""
    ring = slow_entry(takes_per_s, seed)
    states = ring.run()
    assert ring.refused > NODES / 4
    assert set(states.values()) == {"pass"}
    assert ring.now < ring.timeout_s


def test_answers_that_were_dropped_are_told_from_slow_checks() -> None:
    """Less than half have come, and a sample has its verdicts: nobody is waited for until the end of their time."""
    ring = slow_entry(300.0, 3)
    ring.run()
    again = [at for at, ask in ring.asks[1:] if not ask.names]
    assert again
    assert again[0] < 4.5  # the whole sample could have until 5.9 s


def test_loss_slows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 5 % loss the same is asked at the same times as by a coordinator that never slows down."""
    ring, steady = slow_entry(1e9, 4, loss=0.05), slow_entry(1e9, 4, loss=0.05)
    assert set(ring.run().values()) == {"pass"}
    monkeypatch.setattr(limits, "came_share_min", 0.0)
    steady.run()
    assert steady.asks == ring.asks


def test_the_rate_falls_to_what_the_entry_took() -> None:
    """By the share that came; once more, if that was too fast again."""
    pace = Pace()
    pace.meant(1_000)
    pace.learn(600)
    assert pace.share == pytest.approx(0.4)
    pace.meant(600)
    pace.learn(300)
    assert pace.share == pytest.approx(0.2)


def test_a_round_is_judged_once() -> None:
    """Who is put off because gossip is full is not counted a second time."""
    pace = Pace()
    pace.learn(600)
    assert pace.share == 1.0
    pace.meant(1_000)
    pace.learn(600)
    pace.learn(600)
    assert pace.share == pytest.approx(0.4)


def test_ordinary_loss_keeps_the_rate_and_good_rounds_bring_it_back() -> None:
    """At 20 % loss of each packet three of four come."""
    pace = Pace()
    pace.meant(1_000)
    pace.learn(300)
    assert pace.share == 1.0
    pace.meant(1_000)
    pace.learn(500)
    shares = []
    for _ in range(4):
        pace.meant(100)
        pace.learn(10)
        shares.append(pace.share)
    assert shares == [0.75, 1.0, 1.0, 1.0]


def test_stopped_nodes_cost_a_bounded_time() -> None:
    """Nobody answers: the rate has a floor."""
    pace = Pace()
    for _ in range(10):
        pace.meant(1_000)
        pace.learn(1_000)
    assert pace.share == limits.pace_share_min


def test_answers_of_two_questions_do_not_come_at_once() -> None:
    """The second spread begins where the first one ends."""
    pace = Pace()
    assert pace.spread(2.0, 10.0) == 2.0
    assert pace.spread(1.0, 11.0) == 2.0
    assert pace.spread(1.0, 20.0) == 1.0
