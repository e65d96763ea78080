"""The whole watcher on a ring on paper: what goes wrong in a fleet, and what is told of it, when, and how often."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from inspector_agent.ring import Member
from inspector_coord.watch.conclusions import Action, Happening, Kind
from inspector_coord.watch.model import Ask, MembersChanged, MembersRead
from inspector_coord.watch.settings import Settings
from tests.support.paper_world import World, fleet

EVERYWHERE = ("n000", "n010", "n020")  # an entry in each zone


def world(vantages: Iterable[str] = EVERYWHERE, **values: object) -> World:
    """Thirty nodes in three zones with two racks each, watched for a minute, in which nothing is told."""
    made = World(fleet(), vantages, **values)  # type: ignore[arg-type]
    assert made.run(70.0) == []
    return made


def opened(told: Iterable[Happening]) -> list[Happening]:
    """What was opened."""
    return [one for one in told if one.action is Action.OPENED]


def failed_at(made: World, name: str) -> float:
    """When home listed it as failed first."""
    return made.listed_at[0, name, "failed"]


def test_a_node_without_power_is_down_within_two_seconds_and_back() -> None:
    """With the evidence of witnesses in all zones, and how long it was away."""
    made = world()
    made.change(["n007"], host=False)
    told = made.run(30.0)
    assert [(one.action, one.kind, one.nodes) for one in told] == [(Action.OPENED, Kind.DOWN, ("n007",))]
    assert told[0].evidence == "reached by none of 6 witnesses (zone=a, zone=b, zone=c)"
    assert told[0].at - failed_at(made, "n007") <= 2.0
    made.change(["n007"], host=True)
    told = made.run(30.0)
    assert [(one.action, one.back) for one in told] == [(Action.CLOSED, ("n007",))]
    assert made.watcher.open_incidents == []


def test_in_a_slow_ring_witnesses_get_the_time_that_questions_need() -> None:
    """Questions are open for as long as it takes to be heard: the word is late, and has its evidence."""
    made = world()
    made.gossip_s = (3.0, 4.5)
    assert made.run(60.0) == []
    made.change(["n007"], host=False)
    told = made.run(40.0)
    assert [(one.action, one.kind, one.nodes) for one in told] == [(Action.OPENED, Kind.DOWN, ("n007",))]
    assert told[0].evidence == "reached by none of 6 witnesses (zone=a, zone=b, zone=c)"
    assert told[0].at - failed_at(made, "n007") <= 8.0


def test_all_of_ten_that_are_killed_are_named_in_time() -> None:
    """As one incident without a domain."""
    made = World(fleet(3, 4, 8), ("n000", "n040", "n070"))
    made.run(70.0)
    victims = [f"n{index:03}" for index in range(3, 96, 10)]
    made.change(victims, host=False)
    told = made.run(40.0)
    assert {one.number for one in told} == {1}
    for name in victims:
        assert min(one.at for one in told if name in one.nodes) - failed_at(made, name) <= 2.0, name
    assert told[-1].domain == ""


def test_a_rack_without_power_is_one_incident_and_one_return() -> None:
    """Named as the rack, its nodes have no events of their own, also while they boot."""
    made = world()
    rack = made.named(rack="b2")
    made.change(rack, host=False)
    told = made.run(60.0)
    assert [(one.kind, one.number) for one in opened(told)] == [(Kind.DOWN, 1)]
    assert (told[-1].domain, len(told[-1].nodes), told[-1].of) == ("rack=b2", 5, 5)
    made.change(rack, host=True, serf="dead")  # the hosts are up before Serf is
    assert made.run(100.0) == []
    made.change(rack, serf="up")
    told = made.run(60.0)
    assert [(one.action, len(one.back)) for one in told] == [(Action.CLOSED, 5)]


@pytest.mark.parametrize(
    ("here", "there", "both", "direction"),
    [("zone=c", "*", True, "both ways"), ("zone=c", "*", False, "cannot send"), ("*", "zone=c", False, "cannot hear")],
)
@pytest.mark.parametrize("vantages", [EVERYWHERE, EVERYWHERE[::-1]])
def test_a_zone_that_is_cut_off_is_named_with_its_direction_and_nobody_is_down(
    here: str, there: str, both: bool, direction: str, vantages: tuple[str, ...]
) -> None:
    """Whichever entry comes first: also if that one is cut off itself, another one judges."""
    made = world(vantages)
    made.cut(here, there, both=both)
    told = made.run(100.0)
    assert {(one.kind, one.number, one.domain) for one in told} == {(Kind.CUT_OFF, 1, "zone=c")}
    assert {one.direction for one in told} == {direction}
    assert (told[-1].parted, len(told[-1].nodes)) == (("zone=c",), 10)
    first = min(at for (_, name, status), at in made.listed_at.items() if status == "failed" and name in told[-1].nodes)
    assert told[0].at - first <= 3.0
    made.heal()
    told = made.run(100.0)
    assert told[-1].action is Action.CLOSED
    assert len(told[-1].back) == 10
    assert len(told) <= 2
    assert opened(told) == []


def test_two_zones_that_do_not_reach_each_other_are_a_line_though_serf_sees_nothing() -> None:
    """A third reaches both, so nobody fails; the line is found by witnesses, and its end, too."""
    made = world()
    made.cut("zone=a", "zone=c")
    told = made.run(120.0)
    assert [(one.kind, one.parted, one.direction) for one in told] == [
        (Kind.CUT_OFF, ("zone=a", "zone=c"), "both ways")
    ]
    assert "zone=b reaches both" in told[0].evidence
    made.heal()
    assert [one.action for one in made.run(150.0)] == [Action.CLOSED]


def test_who_dies_behind_such_a_line_is_told_as_down() -> None:
    """The third zone would reach it."""
    made = world()
    made.cut("zone=a", "zone=c")
    made.run(120.0)
    made.change(["n023"], host=False)
    told = made.run(30.0)
    assert [(one.kind, one.nodes) for one in opened(told)] == [(Kind.DOWN, ("n023",))]


@pytest.mark.parametrize("both", [True, False])
def test_a_watcher_in_the_minority_says_so_and_accuses_nobody(both: bool) -> None:
    """Its only entry is cut off; what was open stays as it is; when all is well, all is told."""
    made = world(("n020",))
    made.change(["n005"], host=False)
    made.run(60.0)
    made.told.clear()
    made.cut("zone=c", "*", both=both)
    made.run(20.0)
    made.change(["n005"], host=True)  # nobody there hears of it
    made.run(150.0)
    assert [(one.action, one.kind) for one in made.told] == [(Action.OPENED, Kind.ISOLATED)]
    made.heal()
    told = made.run(100.0)
    assert [(one.action, one.kind) for one in told] == [(Action.CLOSED, Kind.ISOLATED), (Action.CLOSED, Kind.DOWN)]


def test_serf_agents_that_are_frozen_are_stalled_not_down() -> None:
    """Their kernels accept connections."""
    made = world()
    made.change(["n007", "n015"], serf="frozen")
    told = made.run(60.0)
    assert {one.kind for one in told} == {Kind.STALLED}
    assert told[-1].nodes == ("n007", "n015")
    made.change(["n007", "n015"], serf="up")
    assert made.run(60.0)[-1].action is Action.CLOSED


def test_an_inspection_agent_that_does_not_answer_is_stalled() -> None:
    """Serf acknowledges; found by roll calls."""
    made = world()
    made.change(["n007"], agent=False)
    told = made.run(200.0)
    assert [(one.kind, one.nodes) for one in told] == [(Kind.STALLED, ("n007",))]
    assert "acknowledges" in told[0].evidence
    made.change(["n007"], agent=True)
    assert made.run(100.0)[-1].action is Action.CLOSED


@pytest.mark.parametrize("moment", [0.0, 45.0, 59.0, 61.0])
def test_an_upgrade_of_all_agents_accuses_nobody(moment: float) -> None:
    """None of them answers for ten seconds, whether or not a roll call falls into that time, and a node dies in it."""
    made = world()
    made.run(moment)
    made.change(made.nodes, agent=False)
    made.change(["n003"], host=False)
    made.run(10.0)
    made.change(made.nodes, agent=True)
    told = made.run(240.0)
    assert [(one.kind, one.nodes) for one in opened(told)] == [(Kind.DOWN, ("n003",))]


def test_a_slow_host_is_gray() -> None:
    """It answers, two seconds later than the others."""
    made = world()
    made.change(["n007"], slow_s=2.0)
    told = made.run(240.0)
    assert [(one.kind, one.nodes) for one in told] == [(Kind.GRAY, ("n007",))]
    made.change(["n007"], slow_s=0.0)
    assert made.run(400.0)[-1].action is Action.CLOSED


def test_a_node_that_flaps_is_one_event_with_a_count() -> None:
    """Thirty times in five minutes; before that was clear it was down once."""
    made = world(detection_s=(2.0, 2.5))
    for _ in range(30):
        made.change(["n007"], host=False)
        made.run(5.0)
        made.change(["n007"], host=True)
        made.run(5.0)
    assert [one.kind for one in opened(made.told)] == [Kind.DOWN, Kind.FLAPPING]
    assert made.told[-1].count >= 32
    told = made.run(400.0)
    assert [(one.action, one.kind, one.count) for one in told] == [(Action.CLOSED, Kind.FLAPPING, 60)]


def test_a_flapping_node_that_stays_away_is_told_as_down() -> None:
    """After two minutes of rest."""
    made = world(detection_s=(2.0, 2.5))
    for _ in range(5):
        made.change(["n007"], host=False)
        made.run(5.0)
        made.change(["n007"], host=True)
        made.run(5.0)
    made.listed_at.clear()
    made.effects.clear()
    made.change(["n007"], host=False)
    told = made.run(200.0)
    assert [one.kind for one in opened(told)] == [Kind.DOWN]
    still = failed_at(made, "n007") + Settings().flap_failed_s
    assert any(isinstance(one, Ask) and one.targets and still <= at < still + 0.25 for at, one in made.effects)
    assert [(one.kind, one.closed_by) for one in told if one.action is Action.CLOSED] == [
        (Kind.FLAPPING, opened(told)[0].number)
    ]


def test_who_is_back_and_fails_again_is_looked_at_again() -> None:
    """Its Serf agent was dead, was started, and then the power went: that is another word, and a worse one."""
    made = world()
    made.change(["n007"], serf="dead")
    assert [(one.action, one.kind) for one in made.run(40.0)] == [(Action.OPENED, Kind.STALLED)]
    for status, what in (("alive", "join"), ("failed", "failed")):
        made.views[0]["n007"] = status
        made.give(MembersChanged(0, what, (made.member(0, "n007"),)))
        assert made.run(1.0 if what == "join" else 0.0) == []
    made.change(["n007"], host=False)
    told = made.run(8.0)
    assert [(one.action, one.kind) for one in told] == [(Action.OPENED, Kind.DOWN), (Action.CLOSED, Kind.STALLED)]


def test_a_restart_within_a_second_is_not_told() -> None:
    """Failed and alive again before anybody could look."""
    made = world()
    for status, what in (("failed", "failed"), ("alive", "join")):
        made.views[0]["n007"] = status
        made.give(MembersChanged(0, what, (made.member(0, "n007"),)))
        made.run(0.6)
    assert made.run(100.0) == []


def test_a_fifth_of_all_packets_lost_accuses_nobody_in_half_an_hour() -> None:
    """No roll call is missing, no look fails for good; and who dies then is found all the same."""
    made = World(fleet(), EVERYWHERE, loss=0.2, seed=5)
    assert made.run(1_800.0) == []
    made.change(["n007"], host=False)
    assert [(one.kind, one.nodes) for one in made.run(60.0)] == [(Kind.DOWN, ("n007",))]


def test_witnesses_that_die_in_the_middle_of_a_look_are_replaced() -> None:
    """Half of the ring that was asked is gone before it can answer; nobody else is accused for it."""
    made = world()
    made.change(["n007"], host=False)
    while not any(ask.targets == ("n007",) for ask in made.asks):
        made.run(0.1)
    victims = [name for name in made.asks[-1].names if name not in ("n000", "n007", "n010", "n020")][:5]
    made.change(victims, host=False)
    told = made.run(40.0)
    assert {name for one in told for name in one.nodes} == {"n007", *victims}
    assert {one.kind for one in told} == {Kind.DOWN}
    assert told[0].at - failed_at(made, "n007") <= 5.0


# ---- membership -----------------------------------------------------------------------------------------------------


def test_who_leaves_is_told_and_who_is_removed_by_force_is_no_longer_down() -> None:
    """Left in good order; `force-leave` after a failure; forgotten after that."""
    made = world()
    made.change(["n007"], serf="gone")
    assert [(one.action, one.kind) for one in made.run(100.0)] == [
        (Action.OPENED, Kind.LEFT),
        (Action.CLOSED, Kind.LEFT),
    ]
    made.change(["n008"], host=False)
    made.run(60.0)
    made.change(["n008"], serf="gone")
    told = made.run(30.0)
    assert [(one.action, one.kind, one.evidence) for one in told] == [
        (Action.CLOSED, Kind.DOWN, "removed from the ring (force-leave)")
    ]
    assert "n008" not in made.watcher.roster


def test_who_is_forgotten_by_serf_is_no_longer_down() -> None:
    """A reap, a day later."""
    made = world()
    made.change(["n008"], host=False)
    made.run(60.0)
    made.give(MembersChanged(0, "reap", (made.member(0, "n008"),)))
    made.run(10.0)
    assert (made.told[-1].action, made.told[-1].evidence) == (Action.CLOSED, "forgotten by Serf")


def test_a_node_that_comes_back_under_another_name_was_renamed() -> None:
    """Its address answers, but it is another member's now."""
    made = world()
    made.change(["n008"], serf="dead")
    old = made.nodes["n008"]
    other = Member("n008-new", old.address, old.port, old.tags, "alive")
    made.give(MembersChanged(0, "join", (other,)))
    told = made.run(60.0)
    assert [(one.kind, one.nodes) for one in opened(told)] == [(Kind.LEFT, ("n008",))]
    assert "n008-new is alive at its address" in told[0].evidence


def test_a_node_that_comes_back_with_another_address_is_back() -> None:
    """Its name is what counts."""
    made = world()
    made.change(["n008"], host=False)
    made.run(60.0)
    made.nodes["n008"].address = "10.7.7.7"
    made.change(["n008"], host=True)
    assert made.run(30.0)[-1].back == ("n008",)
    assert made.watcher.roster["n008"] == "alive"


def test_what_a_stream_loses_is_found_by_comparison() -> None:
    """Serf drops events when a stream is full: the list is read every two minutes."""
    made = world()
    made.deaf_streams.update(made.vantages)
    made.change(["n007"], host=False)
    made.change(["n008"], serf="gone")
    made.run(130.0)
    assert {(one.kind, one.nodes) for one in opened(made.told)} == {(Kind.DOWN, ("n007",)), (Kind.LEFT, ("n008",))}
    wanted = {name: status for name, status in made.views[0].items() if status != "left"}
    assert made.watcher.roster == wanted


def test_an_entry_that_lists_hardly_anybody_is_not_believed() -> None:
    """It has restarted, and has not found its ring yet."""
    made = world()
    made.give(MembersRead(0, tuple(made.member(0, name) for name in ("n000", "n001"))))
    assert made.run(30.0) == []
    assert len(made.watcher.roster) == 30


# ---- the watcher itself ---------------------------------------------------------------------------------------------


def test_another_entry_takes_over_at_once() -> None:
    """With the first one's host, which is then told as down."""
    made = world()
    made.disconnect(0)
    made.change(["n000"], host=False)
    told = made.run(40.0)
    assert [(one.kind, one.nodes) for one in told] == [(Kind.DOWN, ("n000",))]


def test_without_any_entry_it_says_that_it_sees_nothing() -> None:
    """After some seconds: a Serf agent that restarts is back sooner."""
    made = world(("n000",))
    made.disconnect(0)
    assert made.run(4.0) == []
    told = made.run(10.0)
    assert [(one.kind, "no entry can be reached: n000: connection refused" in one.evidence) for one in told] == [
        (Kind.ISOLATED, True)
    ]
    made.connect(0)
    assert [one.action for one in made.run(10.0)] == [Action.CLOSED]


def test_a_new_watcher_goes_on_where_the_last_one_ended() -> None:
    """Nothing is told twice; who came back meanwhile is told as back; numbers go on."""
    made = world()
    made.change(["n007", "n018"], host=False)
    made.run(60.0)
    last = made.watcher.open_incidents
    assert len(last) == 1
    made.restart(last)
    assert made.run(60.0) == []
    made.change(["n007", "n018"], host=True)
    assert [(one.number, one.action) for one in made.run(60.0)] == [(last[0].number, Action.CLOSED)]
    made.change(["n003"], host=False)
    assert opened(made.run(60.0))[0].number > last[0].number


@pytest.mark.parametrize("kind", ["line", "isolated", "flapping", "stalled"])
def test_every_kind_of_incident_survives_a_restart(kind: str) -> None:
    """And ends when it should."""
    made = world(("n020",) if kind == "isolated" else EVERYWHERE, detection_s=(2.0, 2.5))
    if kind == "line":
        made.cut("zone=a", "zone=c")
    elif kind == "isolated":
        made.cut("zone=c", "*")
    elif kind == "stalled":
        made.change(["n007"], agent=False)
    for _ in range(4 if kind == "flapping" else 0):
        made.change(["n007"], host=False)
        made.run(5.0)
        made.change(["n007"], host=True)
        made.run(5.0)
    made.run(220.0 if kind != "flapping" else 10.0)
    last = made.watcher.open_incidents
    assert len(last) == 1
    made.restart(last)
    assert made.run(100.0) == []
    made.heal()
    made.change(["n007"], agent=True)
    told = made.run(400.0)
    assert [(one.number, one.action) for one in told] == [(last[0].number, Action.CLOSED)]


def test_members_without_an_agent_are_not_missed() -> None:
    """Appliances that are marked answer no roll call, and are no witnesses; Serf's acks are enough."""
    from inspector_coord.watch.settings import Settings

    nodes = fleet()
    for node in nodes[:6]:
        node.agent = False
    made = World(nodes, EVERYWHERE, settings=Settings(without_agent={"rack": "a1"}))
    assert [one for one in made.run(400.0) if "n005" not in one.nodes] == []
