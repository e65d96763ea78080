"""The brain of a witness: who is looked at, when it answers, and what a flood gets."""

from __future__ import annotations

import pytest

from inspector_agent import limits as agent_limits
from inspector_agent.who import answer_slot_ms
from inspector_agent.witness import limits
from inspector_agent.witness.events import (
    AskFigures,
    Attached,
    Detached,
    Figures,
    FindMembers,
    Heard,
    Look,
    Looked,
    Members,
    Note,
    Refused,
    Tick,
)
from inspector_agent.witness.messages import Picture, Reach, Sight
from tests.support.witness_node import CLOCK, PROBE_S, WELL, Node, member

OK, REFUSED, TIMEOUT, SKIPPED = Reach.OK, Reach.REFUSED, Reach.TIMEOUT, Reach.SKIPPED


@pytest.fixture
def node() -> Node:
    """Attached, and nothing heard yet."""
    return Node()


def test_targets_are_looked_at_where_the_own_serf_has_them_and_told_in_their_order(node: Node) -> None:
    """The question gives names, Serf addresses; each target has its own outcome."""
    node.ask(7, "n1", "n2")
    assert node.take() == [AskFigures(), FindMembers(("n1", "n2"))]
    node.give(WELL)
    node.give(Members(("n1", "n2"), {"n2": member("n2", "failed", "10.0.0.2"), "n1": member("n1", port=7)}))
    assert node.take() == [Look("n1", "10.0.0.9", 7), Look("n2", "10.0.0.2", 7946)]
    node.wait(PROBE_S)
    node.give(Looked("n2", REFUSED, TIMEOUT, SKIPPED))
    assert node.take() == []
    node.give(Looked("n1", OK, REFUSED, SKIPPED, 3))
    (answer,) = node.answered()
    assert answer.id == (7).to_bytes(4, "big")
    assert answer.sights == (Sight("alive", OK, REFUSED, SKIPPED, 3), Sight("failed", REFUSED, TIMEOUT, SKIPPED))
    assert (answer.health, answer.picture) == (0, Picture(9, 1))


def test_nobody_but_members_of_the_ring_is_looked_at(node: Node) -> None:
    """No stranger, nobody who left, not itself, and no address that no single node has."""
    found = {
        "left": member("left", "left"),
        "none": member("none", "none"),
        "w1": member("w1"),
        "multicast": member("multicast", address="224.0.0.1"),
        "broadcast": member("broadcast", address="255.255.255.255"),
        "nowhere": member("nowhere", address="0.0.0.0"),  # noqa: S104
        "six": member("six", address="ff02::1"),
        "text": member("text", address="example.net"),
        "empty": member("empty", address=""),
        "portless": member("portless", port=0),
    }
    names = ("stranger", *found)
    node.ask(1, *names)
    node.give(WELL)
    node.give(Members(names, found))
    assert not [effect for effect in node.effects if isinstance(effect, Look)]
    node.wait(PROBE_S)
    (answer,) = node.answered()
    assert [sight and sight.status for sight in answer.sights] == ["", "left", "", *["alive"] * 8]
    assert {(sight.gossip, sight.ssh, sight.ping) for sight in answer.sights if sight} == {(SKIPPED,) * 3}


def test_at_the_deadline_it_tells_what_it_knows(node: Node) -> None:
    """One target was seen, one was not; and what Serf had said of itself is too old."""
    node.give(WELL)
    node.wait(2.0)
    node.ask(1, "n1", "n2")
    node.give(Members(("n1", "n2"), {"n1": member("n1"), "n2": member("n2")}))
    node.give(Looked("n1", OK, OK, SKIPPED, 1))
    node.wait(1.19)
    assert node.answered() == []
    node.wait(0.01)
    (answer,) = node.answered()
    assert answer.sights == (Sight("alive", OK, OK, SKIPPED, 1), None)
    assert (answer.health, answer.picture) == (limits.health_max, Picture(0, 0))
    node.give(Looked("n2", OK, OK, SKIPPED, 1))
    node.give(WELL)
    node.wait(5.0)
    assert node.take() == []


def test_a_serf_that_does_not_say_who_its_members_are_costs_the_sights(node: Node) -> None:
    """And they can be asked for again by the next question."""
    node.ask(1, "n1")
    node.give(WELL)
    node.give(Members(("n1",), None))
    node.wait(1.2)
    assert [answer.sights for answer in node.answered()] == [(None,)]
    node.ask(2, "n1")
    assert FindMembers(("n1",)) in node.take()


def test_a_roll_call_is_answered_in_turn_with_fresh_figures(node: Node) -> None:
    """Its slot is drawn from id and name; Serf is asked shortly before, not when the question is heard."""
    node.ask(3, spread_ms=9_000, answer_within_ms=10_000)
    slot_s = answer_slot_ms((3).to_bytes(4, "big"), "w1", 9_000) / 1000
    assert slot_s > 1.0
    node.wait(slot_s - limits.lead_s - 0.001)
    assert node.take() == []
    node.wait(0.001)
    assert node.take() == [AskFigures()]
    node.give(WELL)
    assert node.answered() == []
    node.wait(limits.lead_s)
    (answer,) = node.answered()
    assert (answer.sights, answer.picture) == ((), Picture(9, 1))


def test_figures_that_come_late_are_waited_for_till_the_deadline(node: Node) -> None:
    """A slow Serf is not yet one that says nothing."""
    node.ask(1)
    node.wait(0.8)
    assert node.take() == [AskFigures()]
    node.give(Figures(3, Picture(4, 5)))
    assert [(answer.health, answer.picture) for answer in node.answered()] == [(3, Picture(4, 5))]


def test_serf_is_asked_once_in_a_second(node: Node) -> None:
    """However many ask; and again when what it said has become old."""
    for number in range(5):
        node.ask(number)
    node.give(WELL)
    node.wait(0.5)
    node.ask(5)
    assert sum(isinstance(effect, AskFigures) for effect in node.take()) == 1
    node.wait(0.6)
    assert len(node.answered()) == 1
    node.ask(6)
    assert node.take() == [AskFigures()]


def test_one_look_serves_all_who_ask_for_it(node: Node) -> None:
    """Under way, or just over: two watchers cost a suspect one connection. A second later it is looked at again."""
    node.ask(1, "n1", "n2")
    node.ask(2, "n2", "n3")
    assert [effect for effect in node.take() if isinstance(effect, FindMembers)] == [
        FindMembers(("n1", "n2")),
        FindMembers(("n3",)),
    ]
    node.give(WELL)
    node.give(Members(("n1", "n2"), {"n1": member("n1"), "n2": member("n2")}))
    node.give(Members(("n3",), {"n3": member("n3")}))
    for name in ("n1", "n2", "n3"):
        node.give(Looked(name, OK, OK, OK, 2))
    node.wait(0.9)
    assert [len(answer.sights) for answer in node.answered()] == [2, 2]
    node.ask(3, "n2")
    node.wait(PROBE_S)
    (answer,) = node.answered()
    assert answer.sights == (Sight("alive", OK, OK, OK, 2),)
    node.wait(0.1)
    node.ask(4, "n2")
    assert FindMembers(("n2",)) in node.take()


def test_an_answer_tells_the_last_eight_ids_newest_first(node: Node) -> None:
    """Each once, however often it is heard: that is how a watcher learns whose gossip reaches whom."""
    node.give(WELL)
    for number in (*range(1, 11), 9, 4):
        node.ask(number)
        node.wait(0.2)
        node.give(WELL)
    last = node.answered()[-1]
    assert [int.from_bytes(id_, "big") for id_ in last.heard] == [10, 9, 8, 7, 6, 5, 4, 3]


def test_the_lateness_of_its_own_timer_is_told(node: Node) -> None:
    """A tick that comes 80 ms after its time: this node is short of processor time."""
    node.ask(1)
    node.give(WELL)
    node.now += PROBE_S + 0.080
    node.give(Tick())
    assert [answer.lag_ms for answer in node.answered()] == [80]


def test_in_any_second_four_questions_are_looked_for_at_most(node: Node) -> None:
    """Those beyond are answered, without sights, and it is said once."""
    node.give(WELL)
    for number in range(8):
        node.ask(number, f"n{number}")
        node.give(WELL)
        node.wait(0.1)
    finds = [effect for effect in node.effects if isinstance(effect, FindMembers)]
    assert len(finds) == limits.looks_per_s_max
    assert [effect.reason for effect in node.effects if isinstance(effect, Note)] == ["witness-busy"]
    assert [answer.sights for answer in node.answered()] == [(None,)] * 4
    assert node.counted["busy"] == 4
    node.wait(0.2)
    node.ask(9, "n9")
    assert FindMembers(("n9",)) in node.take()


def test_a_flood_is_dropped_and_said_once(node: Node) -> None:
    """A burst is thought about; beyond it, eight a second."""
    for number in range(200):
        node.ask(number)
    assert node.counted["flood"] == 200 - limits.questions_burst_max
    assert [effect.reason for effect in node.effects if isinstance(effect, Note)] == ["witness-flood"]
    node.give(WELL)
    node.wait(2.0)
    assert len(node.answered()) == limits.questions_burst_max
    for number in range(200):
        node.ask(number)
    assert node.counted["flood"] == 400 - limits.questions_burst_max - 2 * limits.questions_per_s_max


def test_questions_that_wait_are_bounded(node: Node) -> None:
    """Roll calls with a long spread, one after the other."""
    for number in range(300):
        node.ask(number, spread_ms=60_000, answer_within_ms=60_000)
        node.now += 0.15
    assert len(node.session._askings) == limits.askings_max  # noqa: SLF001


def test_garbage_is_counted_and_said_once(node: Node) -> None:
    """And other versions are told apart from it."""
    for payload in (b"", b"x" * 40, b"\x01\x00\x90", b"\x07 from the future", b"\x01\x00\x90"):
        node.give(Heard(1, payload))
    assert [effect.reason for effect in node.effects if isinstance(effect, Note)] == [
        "witness-malformed",
        "witness-version",
    ]
    assert (node.counted["malformed"], node.counted["version"], node.counted["heard"]) == (4, 1, 5)
    assert node.session.due_at is None


@pytest.mark.parametrize("skew_s", [-agent_limits.clock_skew_s_max - 1, agent_limits.clock_skew_s_max + 1])
def test_a_question_of_another_time_makes_nobody_look(node: Node, skew_s: int) -> None:
    """It may be an old one, played again. The node still says how it is: a wrong clock is not silence."""
    node.give(WELL)
    node.ask(1, "n1", issued_at=CLOCK + skew_s)
    node.wait(PROBE_S)
    assert not [effect for effect in node.effects if isinstance(effect, FindMembers)]
    (answer,) = node.answered()
    assert (answer.sights, answer.picture, node.counted["clock"]) == ((None,), Picture(9, 1), 1)


def test_what_was_under_way_ends_with_the_connection(node: Node) -> None:
    """What comes late belongs to nobody; what is asked on the next one is asked of Serf anew."""
    node.ask(1, "n1")
    node.give(Detached())
    assert node.counted["lost"] == 1
    node.take()
    node.give(Members(("n1",), {"n1": member("n1")}))
    node.give(Looked("n1", OK, OK, OK))
    node.wait(2.0)
    assert node.take() == []
    node.give(Attached("w1"))
    node.ask(2, "n1")
    assert node.take() == [AskFigures(), FindMembers(("n1",))]
    node.give(Refused(2))
    assert node.counted["over"] == 1
