"""How long pictures are waited for, and what counts for them."""

from __future__ import annotations

from inspector_coord.watch import limits
from inspector_coord.watch.asks import Open, Purpose
from inspector_coord.watch.patience import Patience
from inspector_coord.watch.pictures import Picture, Pictures

NAMES = [f"n{index:02}" for index in range(30)]
SIDES = {name: f"zone={'abc'[index // 10]}" for index, name in enumerate(NAMES)}


def picture(pictures: Pictures, number: int, wait_s: float = 1.0) -> Picture:
    """One that has been asked for through vantage 0."""
    asked = Open(number, Purpose.PICTURE, 0, dict.fromkeys(NAMES), (), 10.0 * number, 10.0 * number + wait_s, b"", 0, 0)
    one = Picture(asked, set(), SIDES, [])
    pictures.add(one)
    return one


def test_patience_grows_with_what_acknowledgements_need_and_forgets_it() -> None:
    patience = Patience()
    assert patience.wait_s(1.0, 0, 0.0) == 1.0
    patience.acked(2.0, 10.0)
    patience.acked(0.1, 11.0)
    assert patience.slowest_s(11.0) == 2.0
    assert patience.wait_s(1.0, 0, 11.0) == limits.patience_slack * 2.0
    assert patience.slowest_s(10.5 + limits.slowest_s) == 0.1
    patience.acked(60.0, 40.0)
    assert patience.wait_s(1.0, 0, 41.0) == limits.patience_s_max


def test_patience_grows_while_members_change_and_in_doubt() -> None:
    patience = Patience()
    for index in range(20):
        patience.changed(f"n{index % 10}", 5.0)
    assert patience.wait_s(1.0, 0, 6.0) == 1.0 + 10 * limits.change_patience_s
    assert patience.wait_s(1.0, 0, 6.0 + limits.changes_s) == 1.0
    assert patience.wait_s(1.0, 1, 20.0) == limits.doubt_patience_s
    assert patience.wait_s(1.0, 2, 20.0) > limits.doubt_patience_s


def test_what_comes_late_counts_for_every_picture_that_was_asked_for() -> None:
    pictures = Pictures()
    first, second = picture(pictures, 1), picture(pictures, 2)
    first.asked.over = True
    assert pictures.low(0) == 1
    cleared = [pictures.said(0, name) for name in NAMES[:17]]
    assert cleared == [False] * 16 + [True]
    assert first.clear
    assert second.clear
    assert pictures.low(0) == 0


def test_isolation_takes_pictures_that_were_waited_for() -> None:
    pictures = Pictures()
    for number, wait_s in enumerate((1.0, 1.0, limits.doubt_patience_s), 1):
        assert not pictures.proven(0, 2)
        one = picture(pictures, number, wait_s)
        pictures.said(0, NAMES[0])
        one.asked.over = True
    assert pictures.proven(0, 2)
    assert not pictures.proven(0, 4)


def test_first_words_from_one_place_only_are_enough() -> None:
    pictures = Pictures()
    one = picture(pictures, 1)
    for name in NAMES[:5]:
        pictures.said(0, name)
    assert list(pictures.decided()) == []
    pictures.said(0, NAMES[5])
    assert list(pictures.decided()) == [one.asked]
    pictures.said(0, NAMES[-1])
    assert list(pictures.decided()) == []
