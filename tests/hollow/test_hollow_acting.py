"""What hollow members do with a question: as real ones would, and once."""

from __future__ import annotations

import re

import pytest

from config_center.release import Release
from config_center.resolve import Resolver
from inspector_agent.tally import basis_of, selected
from inspector_agent.wire import Serving, Slice, asks_me
from tests.support.hollow import SWEEP, Stage


def test_everybody_answers_once_with_its_own_verdict(release: Release) -> None:
    """The basis is that of the node's own baseline; who has drifted fails, by the items that have."""
    stage = Stage(release)
    stage.hear(stage.query(stage.question()))
    assert stage.until(0.01) == []
    said = stage.until(1.0)
    assert sorted(one.name for one in said) == [node.name for node in stage.plan.nodes[1:]]
    resolver = Resolver(release)
    by_name = {node.name: node for node in stage.plan.nodes}
    for one in said:
        items = resolver.baseline(one.name, by_name[one.name].tags).items
        answer = one.answer
        assert (answer.sweep, answer.state, answer.basis) == (SWEEP, Serving.VERDICT, basis_of(items))
        assert answer.counts.total == len(items)
        assert answer.counts.fail == len(answer.failing)
        assert answer.clock == 1_700_000_000_000
    assert {bool(one.answer.failing) for one in said} == {True, False}
    assert stage.until(9.0) == []
    assert stage.acting.idle
    assert stage.counted["lagging"] == 19, "this test lets all of them wait"


def test_a_query_that_is_gossiped_often_is_heard_once(release: Release) -> None:
    """By its time and id."""
    stage = Stage(release)
    query = stage.query(stage.question())
    assert stage.acting.fresh(query)
    assert not stage.acting.fresh(query)
    assert stage.acting.fresh(stage.query(stage.question()))


def test_serf_filters_by_name_and_tag(release: Release) -> None:
    """Both kinds must fit; the expression is searched for, as Go does; nobody else acks."""
    stage = Stage(release)
    names = frozenset({"n002", "n003", "n019", "n001", "nobody"})
    stage.hear(stage.query(stage.question(), names=names, ack=True))
    said = stage.until(2.0)
    assert sorted(one.name for one in said if one.is_ack) == ["n002", "n003", "n019"]
    assert sorted(one.name for one in said if not one.is_ack) == ["n002", "n003", "n019"]
    stage.hear(stage.query(b"", name="inspect-heard", names=names, tags=(("zone", re.compile("^a$")),), ack=True), 2.0)
    said = stage.until(3.0)
    assert sorted((one.name, one.is_ack) for one in said) == [("n002", True), ("n003", True)]


def test_the_question_itself_chooses_too(release: Release) -> None:
    """A slice: those it asks, and no others."""
    stage = Stage(release)
    who = Slice(1, 3)
    stage.hear(stage.query(stage.question(who=who)))
    asked = [node.name for node in stage.plan.nodes[1:] if asks_me(who, SWEEP, node.name)]
    assert sorted(one.name for one in stage.until(2.0)) == asked
    assert 0 < len(asked) < 19


def test_a_reask_is_answered_from_memory_and_takes_over(release: Release) -> None:
    """The newer question of the sweep gets the answer; what was said already is said again, the same."""
    stage = Stage(release)
    stage.hear(stage.query(stage.question(spread_ms=60_000)))
    early = stage.until(0.2)
    again = stage.query(stage.question())
    stage.hear(again, 0.2)
    said = stage.until(1.0)
    assert {one.query for one in said} >= {again.key}
    assert len([one for one in said if one.query == again.key]) == 19
    assert stage.counted["superseded"] == 19 - len(early)
    assert stage.until(70.0) == []
    stage.hear(stage.query(stage.question()), 70.0)
    memory = {one.name: one.payload for one in stage.until(71.0)}
    assert memory == {one.name: one.payload for one in said if one.query == again.key}


def test_slots_spread_the_answers(release: Release) -> None:
    """Half of the time, about half of the answers."""
    stage = Stage(release, 200)
    stage.hear(stage.query(stage.question(spread_ms=10_000)))
    assert 60 < len(stage.until(5.1)) < 140
    assert len(stage.until(10.3)) > 60


def test_relayed_answers_come_through_others(release: Release) -> None:
    """As many copies as asked for, each from another member, none from its own."""
    stage = Stage(release)
    stage.hear(stage.query(stage.question(), names=frozenset({"n005"}), relays=3))
    direct, *copies = stage.until(1.0) + stage.until(1.1)
    assert (direct.name, direct.through) == ("n005", "n005")
    assert [one.name for one in copies] == ["n005"] * 3
    assert len({one.through for one in copies} - {"n001", "n005"}) == 3
    assert {one.payload for one in copies} == {direct.payload}


@pytest.mark.parametrize("items", [("sysctl:*",), ("sysctl:vm.swappiness", "os:*")])
def test_patterns_choose_items(release: Release, items: tuple[str, ...]) -> None:
    """Verdicts are on those alone."""
    stage = Stage(release)
    stage.hear(stage.query(stage.question(items=items)))
    resolver = Resolver(release)
    for one in stage.until(2.0):
        node = next(node for node in stage.plan.nodes if node.name == one.name)
        asked = selected(resolver.baseline(node.name, node.tags).items, items)
        assert one.answer.basis == basis_of(asked)
        assert one.answer.counts.total == len(asked)


def test_another_release_is_a_stale_answer(release: Release) -> None:
    """They hold what was published when the ring was made."""
    stage = Stage(release)
    prefix = stage.verdicts.prefix
    stage.verdicts.prefix = b"another."
    question = stage.question()
    stage.verdicts.prefix = prefix
    stage.hear(stage.query(question))
    said = stage.until(2.0)
    assert {(one.answer.state, one.answer.release) for one in said} == {(Serving.RELEASE, prefix)}


def test_losses_and_copies_are_counted(release: Release) -> None:
    """Sent twice or not at all, by lot; a malformed question is nobody's."""
    stage = Stage(release, 500, loss=0.2, duplicate=0.1)
    stage.hear(stage.query(stage.question()))
    said = stage.until(2.0)
    lost, twice = stage.counted["lost"], stage.counted["duplicated"]
    assert len(said) == 499 - lost + twice
    assert 50 < lost < 150
    assert 15 < twice < 80
    stage.hear(stage.query(b"no question"), 2.0)
    assert stage.until(3.0) == []
    assert stage.counted["malformed"] == 1


def test_silent_members_hear_nothing(release: Release) -> None:
    """Not even for an ack."""
    stage = Stage(release)
    stage.members[4].hears = False
    stage.hear(stage.query(stage.question(), ack=True))
    assert stage.members[4].name not in {one.name for one in stage.until(2.0)}
