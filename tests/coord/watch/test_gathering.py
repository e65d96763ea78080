"""From verdicts to incidents: what goes together is one, what is told is told once, what is back is told together."""

from __future__ import annotations

from collections import Counter

import pytest

from inspector_coord.watch import limits
from inspector_coord.watch.agenda import Agenda
from inspector_coord.watch.book import Book
from inspector_coord.watch.conclusions import Action, Finding, Happening, Kind
from inspector_coord.watch.domains import best_domain
from inspector_coord.watch.gathering import Gathering
from inspector_coord.watch.incidents import Basis, Incident, evidence_of_one, lasting
from inspector_coord.watch.members import Members
from inspector_coord.watch.settings import Settings
from tests.support.paper_world import fleet, listed

DOWN = Finding(Kind.DOWN, "reached by none")
GONE_FOR_LONG = 100.0  # after which somebody who is back is told as back at once


class Desk:
    """A gathering with its agenda, and all that it has told."""

    def __init__(self, zones: int = 3, racks: int = 2, each: int = 5) -> None:
        self.members = Members(("zone", "rack"), {})
        for node in fleet(zones, racks, each):
            self.members.list_as(self.members.put(listed(node)), "alive", 0.0)
        self.agenda = Agenda()
        self.gathering = Gathering(self.members, Settings(), self.agenda, 1)
        self.now = 0.0
        self.told: list[Happening] = []

    def put(self, *names: str, finding: Finding = DOWN, since: float | None = None, basis: Basis = Basis.SERF) -> bool:
        """A verdict on some nodes."""
        since = self.now if since is None else since
        taken = [self.gathering.put(name, finding, basis, since, self.now) for name in names]
        return all(taken)

    def back(self, *names: str) -> None:
        """Some nodes are well again."""
        for name in names:
            self.gathering.returned(name, self.now)

    def run(self, seconds: float, *, busy: bool = False) -> list[Happening]:
        """Let time pass; what is told."""
        end, before = self.now + seconds, len(self.told)
        while self.agenda.next_at <= end:
            self.now = max(self.now, self.agenda.next_at)
            due = [int(number) for _, number in self.agenda.due(self.now)]
            self.told += self.gathering.tell(due, self.now, busy=busy)
        self.now = end
        return self.told[before:]


def short(told: list[Happening]) -> list[tuple[int, str, str, int, str]]:
    """Number, action, kind, nodes, domain."""
    return [(one.number, str(one.action), str(one.kind), len(one.nodes), one.domain) for one in told]


def names(first: int, last: int) -> list[str]:
    """n005 … n009 is rack a2, n010 … n014 rack b1."""
    return [f"n{index:03}" for index in range(first, last + 1)]


def test_a_rack_is_one_incident_with_its_domain_and_closes_once() -> None:
    """All five of it, told after the hold, and closed with one word when the last is back."""
    desk = Desk()
    desk.put(*names(5, 9))
    assert desk.run(0.99) == []
    opened = desk.run(2.0)
    assert short(opened) == [(1, "opened", "down", 5, "rack=a2")]
    assert (opened[0].of, opened[0].since) == (5, 0.0)
    desk.run(GONE_FOR_LONG)
    desk.back(*names(5, 8))
    assert desk.run(1.0) == []
    desk.back("n009")
    closed = desk.run(1.0)
    assert short(closed) == [(1, "closed", "down", 5, "rack=a2")]
    assert closed[0].back == tuple(names(5, 9))
    assert closed[0].evidence == "back after 1 min 44 s"


def test_ten_that_have_nothing_in_common_are_one_incident_without_a_domain() -> None:
    """They went together: that is all that is known."""
    desk = Desk(zones=3, racks=4, each=10)
    desk.put(*names(0, 119)[::12])
    assert short(desk.run(5.0)) == [(1, "opened", "down", 10, "")]


def test_who_goes_later_without_a_reason_in_common_is_another_incident() -> None:
    """Half a minute is no coincidence in time any more."""
    desk = Desk()
    desk.put("n000")
    desk.run(30.0)
    desk.put("n012")
    desk.run(30.0)
    assert short(desk.told) == [(1, "opened", "down", 1, ""), (2, "opened", "down", 1, "")]


def test_a_domain_that_goes_slowly_stays_one_incident() -> None:
    """Node by node over a minute: each has a word until the rack is named, which stands for the others then."""
    desk = Desk(zones=2, racks=2, each=20)
    for name in names(0, 19):
        desk.put(name)
        desk.run(3.0)
    desk.run(30.0)
    assert {one.number for one in desk.told} == {1}
    assert short(desk.told)[-1] == (1, "changed", "down", 20, "rack=a1")
    assert [one.domain for one in desk.told].index("rack=a1") == 9  # half of it
    assert len(desk.told) <= 10 + 3


def test_each_new_name_is_told_in_time_where_no_domain_stands_for_it() -> None:
    """Within two seconds of when it failed."""
    desk = Desk()
    for name in ("n000", "n011", "n022", "n007"):
        desk.put(name)
        desk.run(1.5)
    desk.run(5.0)
    failed = {"n000": 0.0, "n011": 1.5, "n022": 3.0, "n007": 4.5}
    for name, at in failed.items():
        first = min(one.at for one in desk.told if name in one.nodes)
        assert first - at <= 2.0, name


def test_two_halves_of_a_rack_become_one_incident() -> None:
    """The second half comes when the first has long been told: the younger goes on as the older."""
    desk = Desk(zones=2, racks=2, each=10)
    desk.put(*names(0, 2), "n033")
    desk.run(25.0)
    desk.put(*names(3, 9))
    desk.run(20.0)
    closed = [one for one in desk.told if one.action is Action.CLOSED]
    still = {one.number: one for one in desk.told if one.number not in {each.number for each in closed}}
    assert sorted((one.domain, len(one.nodes)) for one in still.values()) == [("", 1), ("rack=a1", 10)]
    assert all(one.closed_by in still for one in closed)


def test_what_would_be_put_apart_again_is_not_put_together() -> None:
    """A neighbour of a rack was told before it: their zone would cover both, but the rack is what would be told.

    They went over and were put apart again, for ever.
    """
    desk = Desk(zones=2, racks=2, each=5)
    desk.put("n004")
    assert short(desk.run(8.0)) == [(1, "opened", "down", 1, "")]
    desk.put(*names(5, 9))
    assert short(desk.run(5.0)) == [(2, "opened", "down", 5, "rack=a2")]
    assert desk.gathering.of("n004") is not desk.gathering.of("n005")


def test_placing_ends_even_where_each_one_brings_about_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """A watcher that hangs tells nothing: what is due is told as it is."""
    placed: list[int] = []

    def restless(_book: Book, one: Incident, _now: float) -> list[int]:
        placed.append(one.number)
        return [one.number]

    monkeypatch.setattr(Book, "place", restless)
    desk = Desk()
    desk.put("n001")
    assert short(desk.run(1.5)) == [(1, "opened", "down", 1, "")]
    assert len(placed) < 20 * limits.placings_max


def test_who_is_not_of_the_domain_is_no_part_of_its_incident() -> None:
    """A rack and one node elsewhere at the same time are two things."""
    desk = Desk()
    desk.put(*names(5, 9), "n020")
    desk.run(3.0)
    assert sorted(short(desk.told), key=lambda one: one[3]) == [
        (2, "opened", "down", 1, ""), (1, "opened", "down", 5, "rack=a2"),
    ]  # fmt: skip


def test_most_being_back_for_a_while_is_told_once_and_the_rest_stays_open() -> None:
    """Nine of ten: one word after five seconds, with the one that is missing."""
    desk = Desk(zones=1, racks=2, each=10)
    desk.put(*names(0, 9))
    desk.run(GONE_FOR_LONG)
    desk.told.clear()
    desk.back(*names(0, 8))
    assert desk.run(4.9) == []
    changed = desk.run(0.2)
    assert short(changed) == [(1, "changed", "down", 1, "")]
    assert len(changed[0].back) == 9
    desk.back("n009")
    assert short(desk.run(1.0)) == [(1, "closed", "down", 1, "")]


def test_those_that_are_left_are_told_by_name_if_one_is_not_of_their_domain() -> None:
    """Of a zone all but a rack and one neighbour are back: not "6 of 5"."""
    desk = Desk(zones=2, racks=4, each=5)
    desk.put(*names(0, 19))
    assert short(desk.run(5.0)) == [(1, "opened", "down", 20, "zone=a")]
    desk.run(GONE_FOR_LONG)
    desk.back(*names(6, 19))
    told = desk.run(limits.some_back_s + 1.0)
    assert (told[0].nodes, told[0].domain, told[0].of) == (tuple(names(0, 5)), "", 0)


def test_who_is_back_before_it_was_told_was_never_away() -> None:
    """Restarted within a second."""
    desk = Desk()
    desk.put("n000")
    desk.run(0.5)
    desk.back("n000")
    assert desk.run(100.0) == []
    assert list(desk.gathering) == []


def test_who_falls_again_before_its_return_was_told_is_still_in_the_same_incident() -> None:
    """Gone for a moment, back for a moment."""
    desk = Desk()
    desk.put("n000")
    desk.run(5.0)
    desk.back("n000")
    desk.run(limits.back_hold_s - 1.0)
    desk.gathering.relapsed("n000", desk.now)
    desk.run(100.0)
    assert short(desk.told) == [(1, "opened", "down", 1, "")]


def test_better_evidence_is_a_new_incident_that_closes_the_old_one() -> None:
    """What opens is told before what goes on as it, and nobody is in two."""
    desk = Desk()
    desk.put("n000", "n011")
    desk.run(30.0)
    desk.told.clear()
    cut = Finding(Kind.CUT_OFF, "reached from zone=b", ("zone=b", "zone=a"), "unknown")
    assert desk.put("n000", finding=cut, since=0.0)
    first = desk.run(1.0)
    assert sorted(short(first)) == [(1, "changed", "down", 1, ""), (2, "opened", "cut off", 1, "zone=a")]
    assert desk.put("n011", finding=cut, since=0.0)
    last = desk.run(2.0)
    assert [(one.number, one.action, one.closed_by) for one in last if one.action is Action.CLOSED] == [
        (1, Action.CLOSED, 2)
    ]


@pytest.mark.parametrize(
    ("first", "then", "may"),
    [
        (Kind.DOWN, Kind.STALLED, False),  # a rack that boots is not 40 stalled nodes
        (Kind.DOWN, Kind.FLAPPING, False),
        (Kind.DOWN, Kind.CUT_OFF, True),
        (Kind.GRAY, Kind.DOWN, True),
        (Kind.STALLED, Kind.DOWN, True),
        (Kind.CUT_OFF, Kind.DOWN, False),
        (Kind.CUT_OFF, Kind.STALLED, False),
    ],
)
def test_children_of_a_domain_have_no_events_of_their_own(first: Kind, then: Kind, *, may: bool) -> None:
    """But for what is worse than was known, or known better."""
    desk = Desk()
    desk.put(*names(5, 9), finding=Finding(first, "at first"))
    desk.run(5.0)
    assert desk.put("n005", finding=Finding(then, "then")) is may


def test_one_node_alone_may_become_anything() -> None:
    """It is nobody's child."""
    desk = Desk()
    desk.put("n005")
    desk.run(5.0)
    assert desk.put("n005", finding=Finding(Kind.STALLED, "then"))


def test_cuts_with_different_lines_are_different_incidents() -> None:
    """Also when they begin at the same time."""
    desk = Desk()
    desk.put("n000", finding=Finding(Kind.CUT_OFF, "it answers there", ("zone=a",), "both ways"))
    desk.put("n020", finding=Finding(Kind.CUT_OFF, "it answers there", ("zone=c",), "cannot send"))
    told = desk.run(5.0)
    assert [(one.domain, one.of, one.direction, one.parted) for one in told] == [
        ("zone=a", 10, "both ways", ("zone=a",)), ("zone=c", 10, "cannot send", ("zone=c",)),
    ]  # fmt: skip


def test_a_direction_once_known_is_not_forgotten() -> None:
    """Later looks cannot tell it any more."""
    desk = Desk()
    known = Finding(Kind.CUT_OFF, "it answers there", ("zone=a",), "cannot hear")
    desk.put("n000", finding=known)
    desk.run(5.0)
    desk.put("n000", finding=Finding(Kind.CUT_OFF, "it answers there", ("zone=a",), "unknown"))
    desk.run(100.0)
    assert [one.direction for one in desk.told] == ["cannot hear"]


def test_who_left_is_told_and_closed_by_itself() -> None:
    """Nothing more is expected of it."""
    desk = Desk()
    desk.put("n000", finding=Finding(Kind.LEFT, "left in good order"), basis=Basis.LEFT)
    assert short(desk.run(200.0)) == [(1, "opened", "left", 1, ""), (1, "closed", "left", 1, "")]


def test_the_reason_is_told_where_the_last_node_is_no_member_any_more() -> None:
    """Forgotten by Serf is not back."""
    desk = Desk()
    desk.put("n000")
    desk.run(100.0)
    desk.gathering.removed("n000", "forgotten by Serf", desk.now)
    closed = desk.run(1.0)
    assert [(one.evidence, one.back) for one in closed] == [("forgotten by Serf", ())]


def test_while_others_are_looked_at_the_first_word_waits_a_little_longer() -> None:
    """But never longer than it may."""
    desk = Desk()
    desk.put("n000")
    assert desk.run(limits.tell_s_max - 0.05, busy=True) == []
    assert len(desk.run(0.2, busy=True)) == 1


@pytest.mark.parametrize(
    ("counts", "size", "expected"),
    [
        ({"rack=b2": 38, "zone=b": 38}, 38, ("rack=b2", 40)),
        ({"rack=b2": 2, "zone=b": 2}, 2, ("", 0)),  # too few
        ({"rack=b2": 15, "zone=b": 15}, 15, ("", 0)),  # less than half of it
        ({"rack=b2": 30, "zone=b": 60, "role=db": 3}, 60, ("zone=b", 80)),
        ({"rack=b2": 20, "zone=b": 20}, 40, ("", 0)),  # half of the incident is elsewhere
    ],
)
def test_the_domain_is_the_tag_that_covers_the_incident_best(
    counts: dict[str, int], size: int, expected: tuple[str, int]
) -> None:
    """Of rack b2 with 40, zone b with 80."""
    of = {"rack=b2": 40, "zone=b": 80, "role=db": 400}
    assert best_domain(Counter(counts), size, lambda tag: of[tag], ("zone", "rack")) == expected


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "0 s"),
        (8.4, "8 s"),
        (60, "1 min"),
        (723, "12 min 3 s"),
        (3_600, "1 h"),
        (11_100, "3 h 5 min"),
        (90_000, "1 day 1 h"),
        (187_200, "2 days 4 h"),
    ],
)
def test_times_are_read_at_a_glance(seconds: float, words: str) -> None:
    """Two units at most."""
    assert lasting(seconds) == words


def test_who_goes_over_into_another_incident_is_named_in_one_of_them() -> None:
    """The old one says so at the very moment at which the new one is told, be that by closing or by a change."""
    stalled = Finding(Kind.STALLED, "then")
    desk = Desk()
    desk.put("n000", finding=stalled, basis=Basis.AGENT)
    desk.run(20.0)
    desk.put("n006", "n007", finding=stalled, basis=Basis.AGENT)
    desk.run(20.0)
    desk.put("n000", "n006", "n020")
    told = desk.run(10.0)
    assert [(one.number, str(one.action), one.closed_by) for one in told] == [
        (3, "opened", None),
        (2, "changed", None),
        (1, "closed", 3),
    ]
    assert {one.at for one in told} == {41.0}


def test_who_went_over_into_two_incidents_is_taken_back_with_the_first_of_them_that_is_told() -> None:
    """The second is held for others of its line; until then nobody is to be named in two incidents."""
    desk = Desk()
    desk.put("n001", "n011", "n021")
    desk.run(5.0)
    desk.put("n001", finding=Finding(Kind.CUT_OFF, "reached by zone=a", ("zone=b", "zone=a")), since=0.0)
    desk.put("n011", finding=Finding(Kind.CUT_OFF, "reached by zone=b", ("zone=a", "zone=b")))
    told = desk.run(0.1)
    assert short(told) == [(2, "opened", "cut off", 1, "zone=a"), (1, "changed", "down", 1, "")]
    assert [one.nodes for one in told] == [("n001",), ("n021",)]
    assert short(desk.run(2.0)) == [(3, "opened", "cut off", 1, "zone=b")]


def test_who_leaves_an_incident_of_a_domain_is_taken_back_with_the_next_word_on_it() -> None:
    """It would be told again for each of a zone of thousands, of which some leave the ring every few seconds."""
    desk = Desk(zones=1, racks=2, each=20)
    desk.put(*names(0, 19))
    assert short(desk.run(5.0)) == [(1, "opened", "down", 20, "rack=a1")]
    told = []
    for index in range(10):
        desk.put(f"n{index:03}", finding=Finding(Kind.CUT_OFF, "reached by zone=a"))
        told += desk.run(2.0)
    again = [one for one in told if one.number == 1]
    assert 2 <= len(again) <= 5
    assert short(desk.run(20.0))[-1] == (1, "changed", "down", 10, "rack=a1")
    assert "n009" not in desk.told[-1].nodes


def test_a_follower_without_a_domain_is_told_at_once_and_one_of_a_domain_when_it_is_complete() -> None:
    """Without a domain it is somebody's only word on that node; a rack stands for its nodes."""
    desk = Desk(zones=2, racks=2, each=10)
    desk.put("n000", "n025")
    desk.run(2.0)
    desk.put("n013")
    assert [one.at for one in desk.run(5.0)] == [2.0]
    desk = Desk(zones=2, racks=2, each=10)
    desk.put(*names(0, 6))
    desk.run(2.0)
    desk.put("n008")
    assert [one.at for one in desk.run(5.0)] == [pytest.approx(2.0 + limits.follow_s_max)]


@pytest.mark.parametrize(
    ("finding", "every_s", "words"), [(DOWN, 0.5, 26), (Finding(Kind.FLAPPING, "4 times gone or back"), 3.0, 26)]
)
def test_an_incident_that_grows_and_grows_is_told_at_longer_gaps(finding: Finding, every_s: float, words: int) -> None:
    """Node by node for minutes: the first are told at once, and all in the end."""
    desk = Desk(zones=3, racks=4, each=10)
    order = [f"n{index % 12 * 10 + index // 12:03}" for index in range(120)]  # no rack is complete before the last
    for name in order[:100]:
        desk.put(name, finding=finding, since=0.0)
        desk.run(every_s)
    desk.run(30.0)
    assert {one.number for one in desk.told} == {1}
    assert len(desk.told[-1].nodes) == 100
    assert desk.told[1].at - desk.told[0].at <= max(1.0, every_s)
    assert len(desk.told) <= words


def test_what_a_domain_stands_for_is_told_soon_when_it_doubles() -> None:
    """However often it was told before, and however long its gaps are by then."""
    desk = Desk(zones=1, racks=10, each=100)
    desk.put(*(f"n{index:03}" for index in range(500)), finding=(cut := Finding(Kind.CUT_OFF, "cut", ("zone=a",))))
    desk.run(2.0)
    for index in range(500, 506):
        desk.put(f"n{index:03}", finding=cut)
        desk.run(40.0)
    told, desk.told = desk.told, []
    assert (told[-1].domain, len(told)) == ("zone=a", 7)
    desk.back(*(f"n{index:03}" for index in range(400)))
    desk.run(100.0)
    desk.put("n600", finding=cut)
    desk.run(3.0)
    size = len(desk.told[-1].nodes)
    desk.put(*(f"n{index:03}" for index in range(601, 601 + 2 * size)), finding=cut)
    assert desk.run(30.0)[0].at - desk.told[-2].at <= 3.0 + limits.recheck_s


@pytest.mark.parametrize(
    ("evidence", "first"),
    [
        ("reached by none of 6 witnesses (zone=a, zone=b)", "reached by none of 6 witnesses (zone=a, zone=b)"),
        ("n000: reached by none of 6 witnesses; 12 more alike", "reached by none of 6 witnesses"),
        ("3 back after 1 min 2 s, 13 not; n000: left in good order; 12 more alike", "left in good order"),
        ("n000, n001, …: 4 times gone or back within 8 s", "n000, n001, …: 4 times gone or back within 8 s"),
    ],
)
def test_what_was_told_before_a_restart_is_not_wrapped_again(evidence: str, first: str) -> None:
    """An incident of the journal speaks of its first node as it did, however often the watcher restarts."""
    told = Happening(
        number=1, action=Action.CHANGED, kind=Kind.DOWN, nodes=("n000", "n001"), domain="", of=0, since=0.0, at=1.0,
        evidence=evidence,
    )  # fmt: skip
    assert evidence_of_one(told) == first
