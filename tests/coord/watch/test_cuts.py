"""Where a line runs and which way it is cut, told from places and from whose questions are heard where."""

from __future__ import annotations

import pytest

from inspector_agent.witness.messages import Reach, Sight
from inspector_coord.watch.asks import Asks, Open, Purpose
from inspector_coord.watch.crossing import Crossing
from inspector_coord.watch.cuts import Hearing, direction_around, direction_between, line
from inspector_coord.watch.members import Members
from tests.support.paper_world import fleet, listed

A1, A2, B1, C1, C2 = (
    ("zone=a", "rack=a1"),
    ("zone=a", "rack=a2"),
    ("zone=b", "rack=b1"),
    ("zone=c", "rack=c1"),
    ("zone=c", "rack=c2"),
)


@pytest.mark.parametrize(
    ("reached", "unreached", "expected"),
    [
        ([C1, C2], [A1, B1], ("zone=c",)),  # around its zone
        ([C1], [A1, B1], ("rack=c1",)),  # no wider than is known
        ([C1], [A1, C2], ("rack=c1",)),  # around its rack
        ([B1, C2], [A1], ("zone=a", "zone=c")),  # between two zones
        ([C2], [A1, C2], ()),  # no place tells them apart
        ([A1, C2], [A2, B1], ()),  # each in a rack of its own: any could be told apart so
        ([A1, A1, C2], [A2, B1], ("rack=a2", "rack=b1", "rack=c1")),
        ([], [A1], ()),
        ([C2], [], ()),
        ([B1], [C1, C2, A1], ()),  # its own neighbours do not, strangers do
    ],
)
def test_the_widest_place_that_separates_is_the_line(
    reached: list[tuple[str, ...]], unreached: list[tuple[str, ...]], expected: tuple[str, ...]
) -> None:
    """Seen from a suspect in rack c1."""
    assert line(reached, unreached, C1) == expected


def test_a_rack_that_is_all_of_its_zone_is_called_by_the_zone() -> None:
    """Where the other racks are down, the narrower name says nothing more."""
    assert line([C1], [A1, B1], C1, narrowest=0) == ("zone=c",)


class Ring:
    """Vantage 0 in zone a, vantage 1 in zone c; who heard and who answered what is said by the test."""

    def __init__(self) -> None:
        self.asks = Asks("main", 1)
        self.hearing = Hearing()
        self.names = ["a1", "a2", "b1", "b2", "c1", "c2"]

    def ask(self, vantage: int, at: float) -> Open:
        """The same sample through a vantage."""
        return self.asks.known(self.asks.send(Purpose.PICTURE, vantage, self.names, at, wait_s=1.0).number)

    def answer(self, name: str, to: Open, at: float, heard: list[Open]) -> None:
        """A node's answer comes through."""
        to.answered[name] = at
        self.hearing.note(name, to, at, heard)

    def around(self) -> str:
        """The direction of a cut around zone c."""
        return direction_around(
            self.hearing.since(0), list(self.asks.recent(0)), lambda name: name.startswith("c"),
            lambda name: not name.startswith("c"), (lambda vantage: vantage == 1, lambda vantage: vantage == 0), 0.5,
        )  # fmt: skip

    def between(self) -> str:
        """The direction of a cut between zones a and c, seen from c."""
        return direction_between(
            self.hearing.since(0), list(self.asks.recent(0)), lambda name: name.startswith("c"),
            lambda name: name.startswith("a"), (lambda vantage: vantage == 1, lambda vantage: vantage == 0), 0.5,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("inside_hears", "outside_hears", "expected"),
    [
        (False, False, "both ways"),
        (True, False, "cannot send"),
        (False, True, "cannot hear"),
        (True, True, "unknown"),  # gossip passes: then it is only TCP
    ],
)
def test_whose_questions_are_heard_where_tells_the_direction(
    inside_hears: bool, outside_hears: bool, expected: str
) -> None:
    """Those inside answer the vantage inside, those outside the one outside, and say what else they have heard."""
    ring = Ring()
    outer, inner = ring.ask(0, 0.0), ring.ask(1, 0.0)
    for name in ("c1", "c2"):
        ring.answer(name, inner, 1.0, [outer] if inside_hears else [])
    for name in ("a1", "b1"):
        ring.answer(name, outer, 1.0, [inner] if outside_hears else [])
    assert ring.around() == expected


def test_a_vantage_behind_the_same_cut_is_not_outside() -> None:
    """A rack is asked about, the whole zone is cut off: that others of the zone hear each other tells nothing of it."""
    ring = Ring()
    outer, inner, beside = ring.ask(0, 0.0), ring.ask(1, 0.0), ring.ask(2, 0.0)
    for name in ("c1", "c2"):
        ring.answer(name, inner, 1.0, [beside])
    for name in ("a1", "b1"):
        ring.answer(name, outer, 1.0, [])
    assert ring.around() == "both ways"


def test_who_answers_too_soon_or_alone_proves_no_deafness() -> None:
    """Gossip takes its time, and one node may be slow."""
    ring = Ring()
    outer, inner = ring.ask(0, 0.0), ring.ask(1, 0.0)
    for name in ("c1", "c2"):
        ring.answer(name, inner, 0.2, [])
    for name in ("a1", "b1"):
        ring.answer(name, outer, 1.0, [])
    assert ring.around() == "unknown"
    ring.answer("c1", inner, 1.0, [])
    assert ring.around() == "unknown"
    ring.answer("c2", inner, 1.0, [])
    assert ring.around() == "both ways"


def test_without_an_entry_inside_nobody_knows_the_direction() -> None:
    """Nobody inside can be asked."""
    ring = Ring()
    outer = ring.ask(0, 0.0)
    for name in ("a1", "b1"):
        ring.answer(name, outer, 1.0, [])
    assert ring.around() == "unknown"


def test_where_a_third_place_passes_gossip_on_straight_answers_tell_the_direction() -> None:
    """Zone c hears vantage 0 by way of b, says so through vantage 1, and its straight answers to 0 do not come."""
    ring = Ring()
    at_a, at_c = ring.ask(0, 0.0), ring.ask(1, 0.0)
    for name in ("c1", "c2"):
        ring.answer(name, at_c, 1.0, [at_a])
    for name in ("a1", "a2"):
        ring.answer(name, at_a, 1.0, [at_c])
    assert ring.between() == "both ways"
    ring.answer("a1", at_c, 1.1, [at_a])
    assert ring.between() == "cannot send"


def _crossing(zones: int = 3, racks: int = 2) -> tuple[Crossing, Members, Asks]:
    members = Members(("zone", "rack"), {})
    for node in fleet(zones=zones, racks=racks):
        members.list_as(members.put(listed(node)), "alive", 0.0)
    return Crossing(members), members, Asks("main", 1)


def _round(
    crossing: Crossing, members: Members, asks: Asks, broken: set[frozenset[str]]
) -> tuple[list[str], list[str]]:
    """All landmarks look at each other; what came of it: lines broken, lines healed."""
    names = crossing.names()
    one = asks.known(asks.send(Purpose.CROSS, 0, names, 0.0, wait_s=1.0, targets=tuple(names)).number)
    for witness in names:
        here = members.nodes[witness].places[0]
        ways = [frozenset((here, members.nodes[target].places[0])) not in broken for target in names]
        reaches = [Reach.OK if way else Reach.TIMEOUT for way in ways]
        crossing.note(one, members.nodes[witness], [Sight("alive", reach, reach, Reach.SKIPPED) for reach in reaches])
    found, healed = crossing.over(one)
    return [" ".join(each.pair) + " by " + ",".join(each.bridges) for each in found], [
        " ".join(pair) for pair in healed
    ]


def test_a_line_is_broken_after_two_rounds_and_whole_after_two() -> None:
    """Nothing comes through between a and c, b reaches both."""
    crossing, members, asks = _crossing()
    cut = {frozenset(("zone=a", "zone=c"))}
    assert _round(crossing, members, asks, cut) == ([], [])
    assert _round(crossing, members, asks, cut) == (["zone=a zone=c by zone=b"], [])
    assert _round(crossing, members, asks, cut) == ([], [])
    assert _round(crossing, members, asks, set()) == ([], [])
    assert _round(crossing, members, asks, set()) == ([], ["zone=a zone=c"])
    assert not crossing.doubted


def test_a_place_that_nobody_reaches_is_no_line() -> None:
    """It is down or cut off on all sides, which Serf sees by itself."""
    crossing, members, asks = _crossing()
    cut = {frozenset(("zone=a", "zone=c")), frozenset(("zone=b", "zone=c"))}
    for _ in range(4):
        assert _round(crossing, members, asks, cut) == ([], [])


def test_two_places_have_nobody_between_them() -> None:
    """No question is asked for nothing."""
    crossing, _, _ = _crossing(zones=2, racks=1)
    assert crossing.names() == []
