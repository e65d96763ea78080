"""Thousands of suspects at once: who is taken for what others of the place are, and who is not."""

from __future__ import annotations

import pytest

from inspector_coord.watch import directions, limits
from inspector_coord.watch.conclusions import Finding, Kind
from inspector_coord.watch.directions import Directions
from inspector_coord.watch.incidents import Basis
from inspector_coord.watch.masses import Masses
from inspector_coord.watch.model import Ask
from inspector_coord.watch.settings import Settings
from inspector_coord.watch.state import State
from inspector_coord.watch.suspicion import Cause, Suspect
from tests.support.paper_world import fleet, listed

DOWN = Finding(Kind.DOWN, "reached by none of 6 witnesses")
CUT = Finding(Kind.CUT_OFF, "it answers an entry on its own side", ("zone=b",), "unknown")
EARLIER = [f"n{index}" for index in range(200, 220)]  # half of a rack of zone b
LATER = [f"n{index}" for index in range(240, 380)]
SEEN = LATER[::8][:16]  # of several racks
LIVING = [name for name in LATER[70:] if name not in SEEN]


class Desk:
    """400 nodes in two zones, of which most of zone b fail at 100 s; an entry in each of these places."""

    def __init__(self, *entries: str) -> None:
        self.state = State("main", 0, Settings(), 1)
        members = [listed(node) for node in fleet(2, 5, 40)]
        for member in members:
            self.state.members.list_as(self.state.members.put(member), "alive", 0.0)
        for number, entry in enumerate(entries):
            self.state.vantages.up(number, entry).mirror.read(members, 0.0)
        self.state.vantages.choose(0.0)
        self.state.frozen = False
        self.masses = Masses(self.state, Directions(self.state))

    def looked(self, names: list[str], finding: Finding, since: float) -> None:
        """These failed then, and have been looked at."""
        for name in names:
            self.state.members.list_as(self.state.members.nodes[name], "failed", since)
            self.state.suspicion.drop(name)
            self.state.gathering.put(name, finding, Basis.SERF, since, since + 2.0)

    def fail(self) -> None:
        """Zone b goes, and a roll call through all entries has ended; LIVING have answered the last of them."""
        last = len(self.state.vantages) - 1
        self.suspect()
        for name in LATER:
            suspect = self.state.suspicion.get(name)
            assert suspect is not None
            if name in LIVING and last:
                suspect.answers[last] = None
        self.masses.tend(100.0)
        for effect in self.state.effects:
            assert isinstance(effect, Ask)
            self.masses.over(self.state.asks.known(effect.number), 104.0)

    def suspect(self) -> None:
        """Zone b is listed as failed."""
        for name in LATER:
            self.state.members.list_as(self.state.members.nodes[name], "failed", 100.0)
            self.state.suspicion.begin(name, Cause.SERF, 100.0, 100.0)

    def rolls(self, first: float, last: float) -> list[float]:
        """When everybody is asked between two moments, tended twice a second."""
        asked = []
        for step in range(round(2 * (last - first))):
            before = len(self.state.effects)
            self.masses.tend(first + step / 2)
            asked += [first + step / 2] * (len(self.state.effects) > before)
        return asked

    def taken(self) -> dict[Kind, int]:
        """How many of those that were not looked at are taken for what."""
        self.masses.tend(104.5)
        found = [self.state.gathering.of(name) for name in LATER if name not in SEEN]
        return {kind: count for kind in Kind if (count := sum(1 for one in found if one and one.kind is kind))}


def test_a_mass_begins_anew_when_the_last_one_is_over() -> None:
    """Not while some dozens still wait for a verdict: then it is the same one, which goes on."""
    desk = Desk("n000")
    desk.fail()
    assert desk.rolls(100.5, 130.0) == [108.0, 124.0]
    for name in LATER[40:]:
        desk.state.suspicion.drop(name)
    assert desk.rolls(130.0, 140.0) == []
    desk.suspect()
    assert desk.rolls(140.0, 160.0) == [156.0]
    desk.state.suspicion.clear()
    assert desk.rolls(160.0, 161.0) == []
    desk.suspect()
    assert desk.rolls(161.5, 180.0) == [161.5, 169.5]


def test_who_went_long_before_says_nothing_of_them() -> None:
    """Twenty nodes of a rack without power are all that has been looked at in the zone so far."""
    desk = Desk("n000")
    desk.looked(EARLIER, DOWN, 10.0)
    desk.fail()
    assert desk.taken() == {}
    desk.looked(SEEN, DOWN, 100.0)
    assert desk.taken() == {Kind.DOWN: len(LATER) - len(SEEN)}


def test_where_an_entry_lives_not_all_are_down() -> None:
    """An entry in the zone can be used, so what is down there is down for itself, and looked at each."""
    desk = Desk("n000", "n399")
    desk.fail()
    desk.looked(SEEN, DOWN, 100.0)
    assert desk.taken() == {}


def test_those_that_answer_behind_a_cut_are_measured_by_each_other() -> None:
    """Some of the zone are down as well: that leaves the silent ones open, and tells nothing of who answers."""
    desk = Desk("n000", "n399")
    desk.looked(EARLIER, DOWN, 95.0)
    desk.fail()
    desk.looked(SEEN, CUT, 100.0)
    assert desk.taken() == {Kind.CUT_OFF: len(LIVING)}


@pytest.mark.parametrize(("seconds", "told"), [(5.0, "both ways"), (limits.gossip_to_dead_s + 5.0, "unknown")])
def test_a_direction_is_not_told_from_when_gossip_to_the_failed_had_ended(
    monkeypatch: pytest.MonkeyPatch, seconds: float, told: str
) -> None:
    """It goes by when the entry that is home now listed them as failed, which may be long before it was home."""
    monkeypatch.setattr(directions, "direction_around", lambda *_: "both ways")  # as if nobody had heard anything
    desk = Desk("n000")
    state, home = desk.state, desk.state.vantages.home
    assert home is not None
    member = next(listed(node, "failed") for node in fleet(2, 5, 40) if node.name == "n200")
    state.vantages[home].mirror.changed("failed", [member], 100.0)
    now = 100.0 + seconds
    assert Directions(state).of("zone=b", Suspect("n200", Cause.SERF, now), now) == told
