"""`inspector drift --compare`: who counts on which side, what comes and goes, and what nobody can tell."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from inspector_coord.drift.comparing import Comparison
from inspector_coord.drift.faces import comparison_lines
from inspector_coord.drift.scope import Wanted
from inspector_coord.drift.sides import Asked, compare
from inspector_coord.errors import ItemError
from inspector_coord.groups import read_groups
from inspector_coord.history.store import History
from tests.support.history import BEGAN, MINUTE, booked, judged, lost, swept, wrong

SWAP = "sysctl:vm.swappiness"
NOW = BEGAN + 60 * MINUTE

Compare = Callable[..., Comparison]


def compared(history: History, a: str, b: str, **asked: Any) -> Comparison:
    """Two sides of a history, side by side."""
    with history.reading() as connection:
        return compare(connection, (a, b), Asked(groups=read_groups({}), **asked), NOW)


@pytest.fixture
def between(history: History) -> Compare:
    """Compares two sides of the history."""
    return functools.partial(compared, history)


def told_of(found: Comparison) -> list[tuple[str, str, str]]:
    """(observed, nodes of A, nodes of B) of each entry."""
    return [(one.observed, one.a.nodes, one.b.nodes) for one in found.entries]


def counts(found: Comparison) -> tuple[int, int, int]:
    """(same, unknown, exit code)."""
    return found.same, found.unknown, found.exit_code


def test_each_kind_of_side_is_found_in_either_database(either: History) -> None:
    """Sweeps, times and node sets; a node that was not reached makes no difference."""
    booked(either, swept([judged("n1", wrong(SWAP)), judged("n2"), judged("n3")]))
    booked(either, swept([judged("n1"), judged("n2", wrong(SWAP, "70")), lost("n3", "silent")], minute=10))
    for sides in (("1", "2"), ("55m", "now")):
        found = compared(either, *sides)
        assert (sorted(told_of(found)), found.b.unknown.nodes) == ([("60", "n1", ""), ("70", "", "n2")], "n3")
    assert told_of(compared(either, "n1", "n[2-3]")) == [("70", "", "n2")]


def test_who_joined_in_between_has_no_deviation_that_came(history: History, between: Compare) -> None:
    """Nobody knows how it was before it was there: nothing of it comes or goes, and nobody is missing."""
    booked(history, swept([judged("n1")]))
    booked(history, swept([judged("n1"), judged("n2", wrong(SWAP)), judged("n3")], minute=10))
    found = between("1", "2")
    assert (found.a.judged, found.a.no_members.nodes, found.b.judged) == (1, "n[2-3]", 3)
    assert (told_of(found), counts(found)) == ([], (0, 1, 0))
    back = between("2", "1")
    assert (back.b.no_members.nodes, told_of(back), counts(back)) == ("n[2-3]", [], (0, 1, 0))


@pytest.mark.parametrize("left", [lost("n2", "left"), None], ids=["left", "absent"])
def test_who_left_is_told_and_leaves_the_coverage_whole(
    history: History, between: Compare, left: dict[str, Any] | None
) -> None:
    """Its deviation has not gone; one who is no member at either time is not mentioned."""
    booked(history, swept([judged("n1"), judged("n2", wrong(SWAP))]))
    booked(history, swept([judged("n1"), *([left] if left else [])], minute=10))
    booked(history, swept([judged("n1")], minute=20))
    found = between("1", "2")
    assert (found.b.no_members.nodes, found.b.unknown.count) == ("n2", 0)
    assert (told_of(found), counts(found)) == ([], (0, 1, 0))
    found = between("2", "3")
    assert (found.a.no_members.count, found.a.judged, counts(found)) == (0, 1, (0, 0, 0))
    sets = between("n1", "n2")
    assert (sets.b.judged, sets.exit_code) == (0, 3), "a side of which nobody is judged is no side"


def test_deviations_of_hidden_nodes_are_counted_unknown(history: History, between: Compare) -> None:
    """Whether they are open on one side or on both."""
    booked(history, swept([judged("n1", wrong(SWAP)), lost("n2", "down"), judged("n3", wrong(SWAP)), judged("n4")]))
    broken = [lost("n1", "down"), judged("n2", wrong(SWAP)), judged("n3"), judged("n4", wrong(SWAP))]
    booked(history, swept(broken, minute=10))
    found = between("1", "2")
    assert (found.a.unknown.nodes, found.b.unknown.nodes) == ("n2", "n1")
    assert (told_of(found), counts(found)) == ([("60", "n3", "n4")], (0, 2, 3))


def test_what_an_answer_does_not_name_did_not_pass(history: History, between: Compare) -> None:
    """A node whose answer named some of what was wrong: what is told of it on one side alone nobody can compare."""
    named = judged("n1", wrong("a:1"), incomplete=True)
    booked(history, swept([judged("n1")]))
    booked(history, swept([named], minute=10))
    booked(history, swept([judged("n1", wrong("a:1"), wrong("b:2"))], minute=20))
    found = between("2", "3")
    assert (found.a.unknown.nodes, told_of(found), counts(found)) == ("n1", [], (1, 1, 3))
    assert [one.item for one in between("1", "3").entries] == ["a:1", "b:2"]


def test_what_ended_and_came_again_alike_is_the_same(history: History, between: Compare) -> None:
    """Two intervals of one deviation are no difference, unless its value is another one."""
    for minute, observed in ((0, "60"), (10, None), (20, "60"), (30, None), (40, "70")):
        booked(history, swept([judged("n1", *([wrong(SWAP, observed)] if observed else []))], minute=minute))
    assert counts(between("1", "3")) == (1, 0, 0)
    found = between("1", "5")
    assert (sorted(told_of(found)), counts(found)) == ([("60", "n1", ""), ("70", "", "n1")], (0, 0, 1))


def test_what_is_less_severe_does_not_fail(history: History, between: Compare) -> None:
    """It is told, and the exit code is 0; a severity that nobody told counts as the least."""
    booked(history, swept([judged("n1"), judged("n2")]))
    booked(history, swept([judged("n1", wrong(SWAP, severity="minor")), judged("n2", wrong(SWAP, severity=""))]))
    for sides in (("1", "2"), ("n1", "n2")):
        assert [one.severity for one in between(*sides).entries] == ["minor", "info"]
        exits = [between(*sides, fail_on=severity).exit_code for severity in ("major", "minor", "info")]
        assert exits == [0, 1, 1]
        assert "of severity major or worse" in list(comparison_lines.lines(between(*sides, fail_on="major")))[-1]


def test_an_item_that_never_failed_may_be_asked_for(history: History, between: Compare) -> None:
    """Where a release has it: there is no difference then."""
    booked(history, swept([judged("n1", wrong(SWAP))]))
    wanted = Wanted(items=("sysctl:fs.*",))
    with pytest.raises(ItemError, match="no item of the history matches"):
        between("1", "1", wanted=wanted)
    for sides in (("1", "1"), ("n1", "n1")):
        assert counts(between(*sides, wanted=wanted, items=["sysctl:fs.file-max"])) == (0, 0, 0)


def test_the_lines_say_who_was_no_member(history: History, between: Compare) -> None:
    """By name, beside those that could not be judged."""
    booked(history, swept([judged("n1"), judged("n2")]))
    booked(history, swept([lost("n1", "down"), judged("n3")], minute=10))
    lines = list(comparison_lines.lines(between("1", "2")))
    assert "1 node was no member in A: n3" in lines
    assert "1 node was no member in B: n2" in lines
    assert "1 node could not be judged, or not wholly, in B: n1" in lines
    assert list(comparison_lines.diff_lines(between("1", "2"))) == [
        "# 1 node was no member in A: n3",
        "# 1 node could not be judged, or not wholly, in B: n1",
        "# 1 node was no member in B: n2",
    ], "a diff of nothing does not look like a comparison of everybody"


def test_sides_that_are_easily_misread_are_told(history: History, between: Compare) -> None:
    """The same sweep twice, the later one first, and a sweep of some nodes."""
    booked(history, swept([judged("n1")]))
    booked(history, swept([judged("n1", wrong(SWAP))], minute=10, targets=["n1"]))
    assert between("1", "1").notes == ["A and B are the same sweep: none was booked between these times"]
    notes = between("2", "1").notes
    assert [note.partition(":")[0] for note in notes] == [
        "A is the later one", "the sweep of A asked only some nodes or items, or was cut short",
    ]  # fmt: skip
    assert between("1", "1").exit_code == 0


def test_markdown_names_what_was_expected_and_which_side_is_which(history: History, between: Compare) -> None:
    """A ticket is read without the documentation; where nothing differs there is no table."""
    booked(history, swept([judged("n1")]))
    booked(history, swept([judged("n1", wrong(SWAP))], minute=10))
    head, _, row = list(comparison_lines.markdown_lines(between("1", "2")))[4:7]
    assert head == "| severity | outcome | item | expected | observed | A gone | B come |"
    assert row == f"| major | fail | `{SWAP}` | `at_most 10` | `60` | 0 | 1 `n1` |"
    assert not any("|" in line for line in comparison_lines.markdown_lines(between("1", "1")))
