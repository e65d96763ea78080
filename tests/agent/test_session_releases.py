"""Which release a session answers for: a canary or not, whatever is held; and what a waiver makes of a fail."""

from __future__ import annotations

import pytest

from inspector_agent.events import Held
from inspector_agent.tally import basis_of
from inspector_agent.wire import Counts, Serving
from tests.support.sessions import TODAY, UNIX, Shell, ask, baseline, item, prefix

ANY = 0  # the number of no release

# ---- a canary --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mine", [1, 2])
def test_with_a_canary_out_the_pointer_decides(mine: int) -> None:
    """Both are asked for at once, even if one is held: the answer is about the one that the pointer assigns."""
    shell = Shell(held=baseline(1))
    query = shell.hear(ask(canary=prefix(2)))
    assert shell.runs == []
    (fetch,) = shell.fetches
    assert (fetch.wanted, fetch.number) == (prefix(1) + prefix(2), 1)
    shell.fetched(2, baseline(mine))
    shell.finish()
    answer = shell.answers[query]
    assert (answer.state, answer.release, answer.number) == (Serving.VERDICT, prefix(mine), mine)
    again = shell.hear(ask(canary=prefix(2), round=1))
    assert shell.answers[again].release == prefix(mine)
    assert (len(shell.runs), shell.fetches) == (1, [])


def test_a_canary_is_another_question_than_its_release_alone() -> None:
    """The same sweep id never makes a verdict on one release out of one on another."""
    shell = Shell(held=baseline(1))
    plain, canary = shell.hear(ask()), shell.hear(ask(canary=prefix(2)))
    shell.fetched(2, baseline(2, count=5))
    shell.finish()
    shell.finish()
    assert (shell.answers[plain].number, shell.answers[canary].number) == (1, 2)
    assert (shell.answers[plain].counts, shell.answers[canary].counts) == (Counts(3), Counts(5))


def test_neither_of_two_releases_is_a_third() -> None:
    """What a fetch brings is checked here too."""
    shell = Shell(held=baseline(1))
    query = shell.hear(ask(release=2, canary=prefix(3)))
    shell.fetched(3, baseline(4))
    shell.finish()
    assert (shell.answers[query].state, shell.answers[query].number) == (Serving.RELEASE, 1)


def test_a_release_in_the_place_of_the_canary_is_named_and_asked_for_again() -> None:
    """The center is away: the node answers for the release of the two that it has, and a re-ask fetches anew."""
    shell = Shell(held=baseline(1))
    query = shell.hear(ask(canary=prefix(2)))
    shell.fetched(2, None)
    shell.finish()
    assert (shell.answers[query].state, shell.answers[query].release) == (Serving.VERDICT, prefix(1))
    again = shell.hear(ask(canary=prefix(2), round=1))
    shell.fetched(2, baseline(2))
    shell.finish()
    assert shell.answers[again].release == prefix(2)


def test_questions_of_a_sweep_that_is_forgotten_are_counted_once() -> None:
    """Two questions end at one moment: one with the answer, after which the sweep is forgotten, one superseded."""
    shell = Shell(held=baseline(1))
    for turn in range(2):
        shell.hear(ask(canary=prefix(2), round=turn))
    shell.fetched(2, None)
    shell.pass_time(3)
    counted = shell.session.counted
    assert (counted["heard"], counted["verdict"], counted["superseded"]) == (2, 1, 1)


# ---- whatever is held ------------------------------------------------------------------------------------------------


def test_whatever_is_held_is_looked_at() -> None:
    """No release is named, none is fetched; the answer says which one it was."""
    shell = Shell(held=baseline(7))
    query = shell.hear(ask(release=ANY, items=("*.1",)))
    shell.finish({1: "fail"})
    answer = shell.answers[query]
    assert (answer.state, answer.release, answer.number) == (Serving.VERDICT, prefix(7), 7)
    assert (answer.failing, shell.fetches) == ((1,), [])


def test_which_release_is_held_costs_no_run() -> None:
    """A pattern that no item matches: an empty verdict at once, which names the release."""
    shell = Shell(held=baseline(7))
    query = shell.hear(ask(release=ANY, items=("-",)))
    answer = shell.answers[query]
    assert (answer.state, answer.number, answer.counts.total) == (Serving.VERDICT, 7, 0)
    assert (shell.runs, shell.fetches, answer.incomplete) == ([], [], False)


def test_a_node_that_holds_none_says_so_until_it_holds_one() -> None:
    """Number 0, at once; nothing of it is remembered."""
    shell = Shell()
    query = shell.hear(ask(release=ANY, items=("-",)))
    answer = shell.answers[query]
    assert (answer.state, answer.number, answer.release) == (Serving.RELEASE, 0, bytes(8))
    assert (shell.fetches, answer.incomplete) == ([], False)
    shell.give(Held(baseline(3)))
    again = shell.hear(ask(release=ANY, items=("-",), round=1))
    assert (shell.answers[again].state, shell.answers[again].number) == (Serving.VERDICT, 3)


# ---- waivers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("until", "counts", "failing", "waived"),
    [
        (TODAY, Counts(1, 0, 1, 0, 1), (), (0,)),
        ("2031-01-31", Counts(1, 0, 1, 0, 1), (), (0,)),
        ("2027-01-14", Counts(1, 1, 1, 0, 0), (0,), ()),
        ("", Counts(1, 1, 1, 0, 0), (0,), ()),
    ],
)
def test_a_waiver_covers_a_fail_up_to_its_last_day(
    until: str, counts: Counts, failing: tuple[int, ...], waived: tuple[int, ...]
) -> None:
    """By the node's own clock; an error is never waived, and a pass stays one."""
    shell = Shell(held=baseline(items=[item(number, waived_until=until) for number in range(3)]))
    query = shell.hear(ask())
    shell.finish({0: "fail", 1: "error", 2: "pass"})
    answer = shell.answers[query]
    assert (answer.counts, answer.failing, answer.waived, answer.erring) == (counts, failing, waived, (1,))
    assert set(answer.clear) == {*failing, 1}


def test_a_waiver_that_ended_overnight_is_over_in_the_next_sweep() -> None:
    """No new release is needed for that, and a verdict that was given stays what it was."""
    shell = Shell(held=baseline(items=[item(0, waived_until=TODAY)]))
    first = shell.hear(ask(1))
    shell.finish({0: "fail"})
    shell.pass_time(86_400)
    second = shell.hear(ask(2, issued_at=int(UNIX) + 86_400))
    shell.finish({0: "fail"})
    assert (shell.answers[first].waived, shell.answers[second].failing) == ((0,), (0,))


def test_an_item_that_nothing_was_found_of_is_not_waived() -> None:
    """Nobody looked: that is an error, waiver or not."""
    shell = Shell(held=baseline(items=[item(0, waived_until="2031-01-31")]))
    query = shell.hear(ask())
    shell.finish({}, "cannot fork")
    assert (shell.answers[query].counts, shell.answers[query].waived) == (Counts(error=1), ())


@pytest.mark.parametrize("clock", [-1e9, 1e18])
def test_a_clock_beyond_all_calendars_ends_nothing(clock: float) -> None:
    """A node whose clock was never set answers all the same."""
    shell = Shell(held=baseline(items=[item(0, waived_until=TODAY)]))
    shell.skew = clock - UNIX
    query = shell.hear(ask())
    assert shell.answers[query].state is Serving.CLOCK


def test_the_basis_covers_number_line_and_waiver() -> None:
    """What a coordinator compares: any difference in what was looked at, or in what is forgiven, shows."""
    plain, waived = item(1), item(1, waived_until=TODAY)
    assert basis_of([plain]) == basis_of([item(1, "info")])
    assert len({basis_of([plain]), basis_of([waived]), basis_of([item(2)]), basis_of([])}) == 4
