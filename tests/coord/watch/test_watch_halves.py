"""Two living sides of a ring: which one judges, by samples that show now the one and now the other as the bigger."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from inspector_agent.ring import Member
from inspector_coord.watch.asks import Open, Purpose
from inspector_coord.watch.pictures import Picture, Pictures
from inspector_coord.watch.vantages import Vantages

NODES = 10_000
SAMPLE = 48


class Sides:
    """A ring in two parts with an entry in each; `left` of its nodes are on the side of vantage 0."""

    def __init__(self, left: int, seed: int) -> None:
        self.left = left
        self.pictures = Pictures()
        self.vantages = Vantages(self.pictures, lambda: NODES, lambda _: "")
        self._random = random.Random(seed)  # noqa: S311 -- a seed draws the same samples again
        self._at = 0.0
        for number, node in enumerate(("n0", f"n{NODES - 1}")):
            one = self.vantages.up(number, node)
            one.mirror.read([_member(f"n{index}") for index in range(NODES)], 0.0)
        self.vantages.choose(0.0)

    @property
    def since(self) -> float:
        """How old a picture may be to count."""
        return self._at - 10.0

    def look(self) -> int | None:
        """One picture through both entries, decided on as soon as the first of the two is over; who is home then."""
        self._at += 5.0
        names = dict.fromkeys(f"n{index}" for index in self._random.sample(range(NODES), SAMPLE))
        zones = {name: "zone=a" if int(name[1:]) < self.left else "zone=b" for name in names}
        beside: list[Picture] = []
        for number, zone in enumerate(("zone=a", "zone=b")):
            one = Open(number, Purpose.PICTURE, number, names, (), self._at - 1.0, self._at, b"", 0, 0)
            picture = Picture(one, set(), zones, beside)
            picture.heard = {name for name in names if self.left in (0, NODES) or zones[name] == zone}
            self.pictures.add(picture)
        for one_picture in beside:
            one_picture.asked.over = True
            self.vantages.choose(self.since)
        return self.vantages.home

    def homes(self, count: int) -> list[int | None]:
        """Who is home after each of so many pictures."""
        return [self.look() for _ in range(count)]


def _member(name: str) -> Member:
    return Member(name=name, address="127.0.0.1", port=7946, tags={}, status="alive")


def changes(homes: list[int | None]) -> int:
    return sum(early != late for early, late in pairwise(homes))


@pytest.mark.parametrize("seed", range(20))
def test_of_two_halves_home_is_hardly_ever_chosen_again(seed: int) -> None:
    """In a sample of 48 a half shows as 36 to 64 %, and each change of home drops all suspicion."""
    sides = Sides(NODES // 2, seed)
    assert changes(sides.homes(100)) <= 2
    home = sides.vantages.home
    assert home is not None
    assert sides.vantages.majority(home, sides.since)
    assert not sides.vantages.isolated(sides.since, 1)


@pytest.mark.parametrize("seed", range(20))
def test_the_bigger_side_judges_soon(seed: int) -> None:
    """Three quarters are seen at once, or with the second picture."""
    sides = Sides(NODES // 4, seed)
    assert sides.homes(2)[-1] == 1
    assert set(sides.homes(50)) == {1}


@pytest.mark.parametrize("seed", range(5))
def test_what_was_chosen_between_halves_is_chosen_again_when_one_shrinks(seed: int) -> None:
    """The side that was left may become the bigger one."""
    sides = Sides(NODES // 2 - 500, seed)
    sides.homes(40)
    home = sides.vantages.home
    sides.left = NODES // 5 if home == 0 else 4 * NODES // 5
    assert sides.homes(4)[-1] == (1 if home == 0 else 0)


def test_a_picture_is_compared_with_that_of_the_same_moment() -> None:
    """What the other entry heard before the cut is more than what home hears after it, and says nothing."""
    left = 0
    for seed in range(20):
        sides = Sides(NODES, seed)
        sides.look()
        sides.left = NODES // 2
        left += sides.look() != 0
    assert left <= 3  # two standard deviations are passed by chance, too


def test_a_whole_ring_is_no_two_sides() -> None:
    """Both entries hear everybody: they are not apart, and home stays."""
    sides = Sides(NODES // 2, 3)
    sides.homes(10)
    sides.left = NODES
    home = sides.vantages.home
    assert set(sides.homes(10)) == {home}
    assert sides.vantages.apart(1 - (home or 0), sides.since) is False


def test_halves_are_no_minority() -> None:
    """Pictures that show half each do not count as low, so one that is slow does not isolate the watcher."""
    sides = Sides(NODES // 2, 1)
    sides.homes(4)
    assert [sides.pictures.low(number) for number in (0, 1)] == [0, 0]
