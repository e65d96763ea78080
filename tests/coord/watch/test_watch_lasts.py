"""A watch that runs for months: names that nobody foresaw, restarts at bad moments, and nothing that only grows."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
import trio.testing

from inspector_agent.ring import Member
from inspector_agent.witness.messages import Picture, Reach, Sight, WitnessAnswer
from inspector_coord.watch import limits
from inspector_coord.watch.conclusions import Action, Happening, Kind
from inspector_coord.watch.model import Answered, Ask, MembersRead, VantageUp
from inspector_coord.watch.pictures import Pictures
from inspector_coord.watch.ring_watch import RingWatch, Way
from inspector_coord.watch.settings import Settings
from inspector_coord.watch.suspicion import Cause, Suspicion
from inspector_coord.watch.vantages import Vantages
from tests.support.paper_world import PaperNode, World, fleet, listed

EVERYWHERE = ("n000", "n010", "n020")  # an entry in each zone


def world(*more: PaperNode, **values: object) -> World:
    """Thirty nodes in three zones, and more, watched for a minute in which nothing is told of the thirty."""
    made = World([*fleet(), *more], EVERYWHERE, **values)  # type: ignore[arg-type]
    made.run(70.0)
    assert made.told == []
    return made


def words(told: list[Happening]) -> list[tuple[Action, Kind, tuple[str, ...]]]:
    """What was told, in short."""
    return [(one.action, one.kind, one.nodes) for one in told]


# ---- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "x" * 129, "é" * 65, "x" * 400])
def test_a_name_that_no_question_can_carry_hides_nobody_else(name: str) -> None:
    """Serf takes names of any length. Such a member is counted and left out; its neighbours are told in time."""
    made = world(PaperNode(name, "a", "a1"))
    assert (made.watcher.nameless, name in made.watcher.roster) == (1, False)
    made.change(["n003", name], host=False)
    told = made.run(30.0)
    assert words(told) == [(Action.OPENED, Kind.DOWN, ("n003",))]
    assert told[0].at - made.listed_at[0, "n003", "failed"] <= 2.0
    assert not any(name in (*ask.names, *ask.targets) for ask in made.asks)


async def test_that_a_name_is_left_out_is_said_once(tmp_path: Path) -> None:
    """And again when their number changes."""
    said: list[str] = []
    way = Way(("127.0.0.1:9",), None, "", tmp_path / "turns")
    watch = RingWatch("main", way, Settings(), tell=lambda *_: None, say=said.append)
    members = tuple(Member(name, "10.0.0.1", 7946, {}, "alive") for name in ("n1", "x" * 200, ""))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch.run)
        await trio.testing.wait_all_tasks_blocked()
        for event in (
            VantageUp(0, "n1"),
            MembersRead(0, members),
            MembersRead(0, members),
            MembersRead(0, members[:1]),
        ):
            watch._take(event)  # noqa: SLF001
        nursery.cancel_scope.cancel()
    left_out, again = [text for text in said if " names that " in text or " a name that " in text]
    assert left_out.startswith("ring main: 2 members have a name that is empty or longer than 128 bytes: ")
    assert again == "ring main: all members have names that questions can carry again"


# ---- restarts -------------------------------------------------------------------------------------------------------


def test_a_flapping_node_is_still_only_if_this_watcher_has_seen_it() -> None:
    """The last word on it may be old, and it may have flapped until just before the restart."""
    made = world(detection_s=(2.0, 2.5))
    for _ in range(4):
        made.change(["n007"], host=False)
        made.run(5.0)
        made.change(["n007"], host=True)
        made.run(5.0)
    made.run(200.0)
    last = made.watcher.open_incidents
    assert [one.kind for one in last] == [Kind.FLAPPING]
    made.restart(last)
    assert made.run(limits.flap_quiet_s - 5.0) == []
    told = made.run(60.0)
    assert words(told) == [(Action.CLOSED, Kind.FLAPPING, ("n007",))]
    assert told[0].back == ("n007",)


def test_a_gray_node_is_like_the_others_only_after_some_looks() -> None:
    """A watcher that has just begun knows of one look at most."""
    made = world()
    made.change(["n007"], slow_s=2.0)
    made.run(300.0)
    last = made.watcher.open_incidents
    assert [one.kind for one in last] == [Kind.GRAY]
    made.restart(last)
    assert made.run(300.0) == []
    made.change(["n007"], slow_s=0.0)
    assert words(made.run(600.0)) == [(Action.CLOSED, Kind.GRAY, ("n007",))]


def test_who_is_cut_off_although_serf_hears_it_stays_so_until_its_agent_answers() -> None:
    """Serf lists it as alive all the time: that ends nothing."""
    made = world()
    made.change(["n007"], agent=False)
    made.restart([
        Happening(
            number=9, action=Action.OPENED, kind=Kind.CUT_OFF, nodes=("n007",), domain="", of=0, since=made.now - 60.0,
            at=made.now - 50.0, evidence="Serf still hears it", direction="unknown",
        )
    ])  # fmt: skip
    assert made.run(20.0) == []
    made.change(["n007"], agent=True)
    assert words(made.run(100.0)) == [(Action.CLOSED, Kind.CUT_OFF, ("n007",))]


# ---- what only grows ------------------------------------------------------------------------------------------------


def _looks_across(made: World, seconds: float) -> list[Ask]:
    before = len(made.asks)
    made.run(seconds)
    return [ask for ask in made.asks[before:] if ask.targets and ask.relay]


def test_a_line_that_nobody_can_tell_of_any_more_is_doubted_no_longer() -> None:
    """One of its two places dies before the second round: then other lines have their turn again."""
    made = world()
    usual = len(_looks_across(made, 600.0))
    made.watcher._lines._crossing.doubt(("zone=a", "zone=c"))  # noqa: SLF001
    made.change(made.named(zone="c"), host=False)
    made.run(100.0)
    assert len(_looks_across(made, 600.0)) <= usual + 2


def test_an_answer_after_the_end_of_a_round_leaves_nothing_behind() -> None:
    """Questions are kept a while, as answers come late and speak of older questions."""
    made = world()
    while not (asks := _looks_across(made, 0.01)):
        pass
    ask = asks[0]
    made.change([ask.names[0]], agent=False)
    made.run(4.0)
    sights = tuple(Sight("alive", Reach.OK, Reach.OK, Reach.OK) for _ in ask.targets)
    made.give(Answered(ask.number, ask.names[0], WitnessAnswer(ask.id, sights, Picture(30, 0), 0, (), 0)))
    assert made.watcher._lines._crossing._counts == {}  # noqa: SLF001


def test_incidents_that_are_closed_are_not_kept() -> None:
    """Racks that were down, and lines that were broken, are what the next ones are compared with only while open."""
    made = world()
    for rack in ("b1", "c2"):
        made.change(made.named(rack=rack), host=False)
        made.run(60.0)
        made.change(made.named(rack=rack), host=True)
        made.run(100.0)
    assert made.watcher.open_incidents == []
    joining = made.watcher._state.gathering._book._joining  # noqa: SLF001
    assert (joining._domains, joining._lines) == ({}, {})  # noqa: SLF001


def test_a_suspect_whose_cause_changes_is_looked_at_once() -> None:
    """Two of one name in a question would make it one that nobody can read."""
    suspicion = Suspicion(0.2)
    suspicion.begin("n1", Cause.SILENT, 0.0, 0.0)
    suspicion.judged(suspicion.batch(1.0)[0])
    known = suspicion.get("n1")
    assert known is not None
    suspicion.postponed(known, 2.0)
    suspicion.begin("n1", Cause.SERF, 1.5, 1.5)
    assert [one.name for one in suspicion.batch(9.0)] == ["n1"]
    assert suspicion.batch(9.0) == []


# ---- many entries ---------------------------------------------------------------------------------------------------


def test_of_many_entries_one_in_each_zone_is_asked_through() -> None:
    """A zone that is cut off holds the first four of them: those of other zones still hear the majority."""
    places = {f"n{zone}{index}": f"zone={zone}" for zone in "abc" for index in range(4)}
    vantages = Vantages(Pictures(), lambda: 12, lambda name: places[name])
    for number, name in enumerate(places):
        vantages.up(number, name).mirror.read([listed(node) for node in fleet(1, 1, 3)], 0.0)
    vantages.choose(0.0)
    asked = [one.node for one in vantages.usable()]
    assert (asked[0], len(asked)) == ("na0", limits.vantages_asked_max)
    assert {places[name] for name in asked} == {"zone=a", "zone=b", "zone=c"}
