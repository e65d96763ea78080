"""The agent's brain, case by case: one answer for a question, one run at a time, and the deadline kept."""

from __future__ import annotations

import pytest

from inspector_agent import limits
from inspector_agent.events import Attached, Detached, Looked, Refused
from inspector_agent.wire import Counts, Serving, Slice, Vitals, answer_slot_ms
from tests.support.sessions import DIGESTS, NAME, UNIX, Shell, ask, baseline, item, prefix


def test_a_question_starts_a_run_and_its_end_is_the_answer() -> None:
    """The main path: release held, checks run, one verdict with everything a coordinator needs."""
    shell = Shell(held=baseline(count=4))
    shell.give(Looked(Vitals(disk=40)))
    query = shell.hear(ask())
    assert [one.number for one in shell.runs[0].items] == [0, 1, 2, 3]
    shell.pass_time(0.25)
    shell.finish({0: "pass", 1: "fail", 2: "error", 3: "na"})
    answer = shell.answers[query]
    assert (answer.state, answer.counts) == (Serving.VERDICT, Counts(1, 1, 1, 1, 0))
    assert (answer.failing, answer.erring, answer.clear) == ((1,), (2,), {1: "is 1", 2: "why 2"})
    assert (answer.release, answer.number, answer.took_ms) == (prefix(1), 1, 250)
    assert (answer.clock, answer.vitals.disk) == (int((UNIX + 0.25) * 1000), 40)
    assert not answer.incomplete
    assert shell.open == 0


def test_an_answer_waits_for_its_turn() -> None:
    """A verdict that is known early is sent in the node's own slot, so that an entry is not flooded."""
    shell = Shell(held=baseline())
    question = ask(answer_within_ms=5000, spread_ms=4000)
    slot_s = answer_slot_ms(question.sweep, NAME, 4000) / 1000
    query = shell.hear(question)
    shell.finish()
    assert query not in shell.answers
    shell.pass_time(5)
    assert shell.answered_at[query] == pytest.approx(100 + slot_s)


def test_at_the_deadline_what_is_known_is_sent_and_the_re_ask_brings_the_rest() -> None:
    """A check that hangs delays only itself."""
    shell = Shell(held=baseline())
    first = shell.hear(ask())
    shell.report({0: "fail", 1: "pass"})
    shell.pass_time(3)
    answer = shell.answers[first]
    assert shell.answered_at[first] == pytest.approx(102)
    assert (answer.incomplete, answer.counts, answer.failing) == (True, Counts(1, 1), (0,))
    again = shell.hear(ask(round=1))
    assert again not in shell.answers
    shell.finish({2: "fail"})
    assert (shell.answers[again].incomplete, shell.answers[again].failing) == (False, (0, 2))
    assert len(shell.runs) == 1


def test_a_finished_sweep_is_answered_from_memory() -> None:
    """Re-asking is idempotent and cheap: nothing runs again, and the verdict is the same."""
    shell = Shell(held=baseline())
    first = shell.hear(ask())
    shell.finish({0: "fail", 1: "pass", 2: "pass"})
    shell.pass_time(1)
    again = shell.hear(ask(round=1))
    assert shell.answers[again].failing == shell.answers[first].failing
    assert shell.answers[again].took_ms == shell.answers[first].took_ms
    assert shell.answers[again].clock == shell.answers[first].clock + 1000
    assert len(shell.runs) == 1


def test_a_re_ask_moves_the_answer_to_the_newest_query() -> None:
    """One answer for a sweep, on the query that the coordinator follows now."""
    shell = Shell(held=baseline())
    first, second = shell.hear(ask()), shell.hear(ask(round=1))
    shell.finish()
    assert set(shell.answers) == {second}
    shell.pass_time(3)
    assert first not in shell.answers
    assert shell.session.counted["superseded"] == 1
    assert shell.open == 0


def test_an_answer_that_serf_refuses_goes_to_the_older_query_if_that_is_open() -> None:
    """Whichever of the two is open gets it."""
    shell = Shell(held=baseline())
    first, second = shell.hear(ask(answer_within_ms=9000)), shell.hear(ask(round=1))
    shell.finish()
    shell.give(Refused(second))
    assert set(shell.answers) == {first, second}
    assert (shell.session.counted["over"], shell.session.counted["superseded"]) == (1, 0)


def test_an_answer_that_serf_refuses_is_counted_when_no_query_is_left() -> None:
    """Too late is a fact to be seen, not an exception."""
    shell = Shell(held=baseline())
    query = shell.hear(ask())
    shell.finish()
    shell.give(Refused(query))
    shell.give(Refused(query))
    shell.give(Refused(4711))
    assert shell.session.counted["over"] == 3
    assert [note.reason for note in shell.notes] == ["over"]


def test_only_a_few_queries_of_a_sweep_are_kept_open() -> None:
    """Re-asking without end costs a node nothing more."""
    shell = Shell(held=baseline())
    for turn in range(limits.askings_open_max + 2):
        shell.hear(ask(round=turn))
    assert shell.session.counted["superseded"] == 2
    assert shell.open == limits.askings_open_max


def test_sweeps_that_ask_the_same_share_a_run() -> None:
    """Two operators at once cost a node no more than one."""
    shell = Shell(held=baseline())
    first, second = shell.hear(ask(1)), shell.hear(ask(2))
    shell.finish()
    assert set(shell.answers) == {first, second}
    assert shell.answers[first].sweep != shell.answers[second].sweep
    assert len(shell.runs) == 1


def test_other_items_are_another_run_that_waits() -> None:
    """Runs queue: a node is never looked at by two at once."""
    shell = Shell(held=baseline())
    part, whole = shell.hear(ask(1, items=("*.1", "sysctl:key.2"))), shell.hear(ask(2))
    assert [one.number for one in shell.runs[0].items] == [1, 2]
    shell.finish()
    assert set(shell.answers) == {part}
    shell.finish()
    assert len(shell.runs) == 2
    assert (shell.answers[part].counts.total, shell.answers[whole].counts.total) == (2, 3)


def test_a_full_queue_answers_busy() -> None:
    """The bound is said, not felt. A re-ask finds room again."""
    shell = Shell(held=baseline(count=9))
    queries = [shell.hear(ask(sweep, items=(f"*.{sweep}",))) for sweep in range(1, 8)]
    assert [shell.answers[query].state for query in queries[5:]] == [Serving.BUSY] * 2
    assert set(shell.answers) == set(queries[5:])
    for _ in range(5):
        shell.finish()
    assert set(shell.answers) == set(queries)
    again = shell.hear(ask(7, items=("*.7",), round=1))
    shell.finish()
    assert shell.answers[again].state is Serving.VERDICT


def test_a_run_still_queued_at_the_deadline_answers_busy_and_the_re_ask_brings_it() -> None:
    """Nothing is known, so nothing is claimed."""
    shell = Shell(held=baseline())
    shell.hear(ask(1, items=("*.0",)))
    queued = shell.hear(ask(2, items=("*.1",)))
    shell.pass_time(3)
    assert (shell.answers[queued].state, shell.answers[queued].incomplete) == (Serving.BUSY, True)
    shell.finish()
    again = shell.hear(ask(2, items=("*.1",), round=1))
    shell.finish()
    assert shell.answers[again].counts == Counts(1)


def test_the_last_sixteen_sweeps_are_remembered() -> None:
    """Memory is bounded: a seventeenth sweep takes the place of the oldest."""
    shell = Shell(held=baseline())
    for sweep in range(1, limits.sweeps_remembered_max + 2):
        shell.hear(ask(sweep))
        shell.finish()
        shell.pass_time(1)
    runs = len(shell.runs)
    shell.hear(ask(2, round=1))
    assert len(shell.runs) == runs
    shell.hear(ask(1, round=1))
    assert len(shell.runs) == runs + 1


def test_a_missing_release_is_fetched_then_run() -> None:
    """A node that slept through a publication catches up within the question."""
    shell = Shell(held=baseline(1))
    query = shell.hear(ask(release=2))
    (fetch,) = shell.fetches
    assert (fetch.wanted, fetch.number, fetch.deadline_s) == (prefix(2), 2, 2.0)
    shell.hear(ask(2, release=2))
    assert len(shell.fetches) == 1
    shell.fetched(2, baseline(2))
    shell.finish()
    assert (shell.answers[query].state, shell.answers[query].number) == (Serving.VERDICT, 2)


def test_a_release_that_cannot_be_had_is_answered_by_the_one_there_is() -> None:
    """A stale answer still says what is wrong, by the release it names; the next re-ask tries again."""
    shell = Shell(held=baseline(1))
    query = shell.hear(ask(release=2))
    shell.fetched(2, None)
    shell.finish({0: "fail", 1: "pass", 2: "pass"})
    answer = shell.answers[query]
    assert (answer.state, answer.release, answer.number, answer.failing) == (Serving.RELEASE, prefix(1), 1, (0,))
    again = shell.hear(ask(release=2, round=1))
    shell.fetched(2, baseline(2))
    shell.finish()
    assert shell.answers[again].state is Serving.VERDICT


def test_without_any_release_the_answer_says_so() -> None:
    """A new node with the center down: number 0, at once."""
    shell = Shell()
    query = shell.hear(ask(release=2))
    shell.fetched(2, None)
    answer = shell.answers[query]
    assert (answer.state, answer.number, answer.release) == (Serving.RELEASE, 0, bytes(8))


def test_a_fetch_still_under_way_at_the_deadline_answers_release() -> None:
    """A slow center delays nobody's answer; the re-ask brings the verdict."""
    shell = Shell(held=baseline(1))
    query = shell.hear(ask(release=2))
    shell.pass_time(3)
    answer = shell.answers[query]
    assert (answer.state, answer.number, answer.incomplete) == (Serving.RELEASE, 1, True)
    shell.fetched(2, baseline(2))
    assert shell.runs[0].items
    again = shell.hear(ask(release=2, round=1))
    shell.finish()
    assert shell.answers[again].number == 2


def test_nothing_runs_for_a_stale_answer_that_nobody_waits_for() -> None:
    """A fetch that fails after the deadline ends the matter: the node is spared, and a re-ask begins anew."""
    shell = Shell(held=baseline(1))
    shell.hear(ask(release=2))
    shell.pass_time(3)
    shell.fetched(2, None)
    assert shell.runs == []
    shell.hear(ask(release=2, round=1))
    assert len(shell.fetches) == 1


def test_another_release_than_asked_is_not_taken_for_it() -> None:
    """Whatever a fetch brings, a verdict is only given for the release of the question."""
    shell = Shell(held=baseline(1))
    query = shell.hear(ask(release=2))
    shell.fetched(2, baseline(3))
    shell.finish()
    assert (shell.answers[query].state, shell.answers[query].number) == (Serving.RELEASE, 1)


@pytest.mark.parametrize("skew", [-limits.clock_skew_s_max - 2, limits.clock_skew_s_max + 2])
def test_a_wrong_clock_is_said(skew: float) -> None:
    """Too old or too new: the answer carries the node's own time, so that the report can name the difference."""
    shell = Shell(held=baseline())
    shell.skew = skew
    query = shell.hear(ask())
    assert (shell.answers[query].state, shell.answers[query].clock) == (Serving.CLOCK, int((UNIX + skew) * 1000))
    assert shell.runs == []


def test_wrong_clocks_answer_in_turn() -> None:
    """If the asker's clock is wrong the whole fleet says so: not all at once."""
    shell = Shell(held=baseline())
    shell.skew = 9999
    question = ask(answer_within_ms=9000, spread_ms=8000)
    query = shell.hear(question)
    shell.pass_time(9)
    slot_s = answer_slot_ms(question.sweep, NAME, 8000) / 1000
    assert shell.answered_at[query] == pytest.approx(100 + slot_s)


def test_a_node_without_items_answers_with_nothing_counted() -> None:
    """No layer matches it, or no item the pattern: no run, and no pass."""
    shell = Shell(held=baseline())
    query = shell.hear(ask(items=("nothing:*",)))
    assert shell.runs == []
    assert shell.answers[query].counts.total == 0


@pytest.mark.parametrize(("problem", "shown"), [("", "no finding"), ("cannot fork", "cannot fork")])
def test_an_item_without_a_finding_errs(problem: str, shown: str) -> None:
    """What was not looked at is never a pass."""
    shell = Shell(held=baseline())
    query = shell.hear(ask())
    shell.finish({0: "pass"}, problem)
    assert shell.answers[query].counts == Counts(1, 0, 2)
    assert shell.answers[query].clear == {1: shown, 2: shown}


def test_the_first_word_on_an_item_counts() -> None:
    """A check that contradicts itself cannot turn a fail into a pass."""
    shell = Shell(held=baseline(count=1))
    query = shell.hear(ask())
    shell.report({0: "fail"})
    shell.finish({0: "pass"})
    assert shell.answers[query].counts == Counts(0, 1)


def test_a_run_that_will_not_end_is_stopped_and_the_next_waits_for_its_end() -> None:
    """The hard limit closes the verdict; two runs never overlap, not even then."""
    shell = Shell(held=baseline())
    shell.hear(ask(1))
    shell.report({0: "pass"})
    shell.pass_time(100)
    shell.hear(ask(2, items=("*.0",), issued_at=int(UNIX) + 100))
    shell.pass_time(60)
    assert shell.stopping
    again = shell.hear(ask(1, round=1))
    assert shell.answers[again].counts == Counts(1, 0, 2)
    anew = shell.hear(ask(3, answer_within_ms=9000, issued_at=int(UNIX) + 160))
    assert len(shell.runs) == 1
    for _ in range(3):
        shell.finish()
    assert shell.answers[anew].counts == Counts(3)


def test_the_worst_findings_are_the_ones_in_clear() -> None:
    """By severity, and a fail before an error."""
    items = [item(0, "info"), item(1, "minor"), item(2, "critical"), item(3, "critical"), item(4, "major")]
    shell = Shell(held=baseline(items=items))
    query = shell.hear(ask())
    shell.finish({0: "fail", 1: "fail", 2: "error", 3: "fail", 4: "fail"})
    assert list(shell.answers[query].clear) == [3, 2, 4, 1, 0]


def test_questions_for_others_and_noise_are_counted_and_said_once() -> None:
    """A node does not fill its log because somebody fills the ring."""
    shell = Shell(held=baseline())
    mine = next(index for index in range(2) if _asked(index))
    for _ in range(5):
        shell.hear(ask(who=Slice(1 - mine, 2)))
        shell.hear(b"garbage")
        shell.hear(b"\x09newer")
    assert [note.reason for note in shell.notes] == ["not-asked", "malformed", "version"]
    assert [shell.session.counted[note.reason] for note in shell.notes] == [5, 5, 5]
    assert (shell.answers, shell.runs, shell.open) == ({}, [], 0)


def test_a_flood_of_questions_is_dropped_and_recovered_from() -> None:
    """A node's own work is bounded whatever is asked; after it, the node serves as before."""
    shell = Shell(held=baseline())
    for sweep in range(1, 500):
        shell.hear(ask(sweep, items=(f"x{sweep}",)))
    assert shell.session.counted["flood"] >= 499 - limits.questions_burst_max
    assert len([note for note in shell.notes if note.reason == "flood"]) == 1
    shell.pass_time(1)
    query = shell.hear(ask(900))
    shell.finish()
    assert shell.answers[query].state is Serving.VERDICT


def test_after_a_lost_connection_old_queries_are_not_answered_but_the_verdict_is_kept() -> None:
    """Query ids mean nothing to the next connection; the run goes on, and a re-ask there gets its verdict."""
    shell = Shell(held=baseline())
    shell.hear(ask())
    shell.give(Detached())
    shell.finish({0: "fail"})
    assert shell.answers == {}
    assert shell.session.counted["lost"] == 1
    shell.give(Attached(NAME, {}))
    again = shell.hear(ask(round=1))
    assert shell.answers[again].failing == (0,)
    assert shell.open == 0


def test_other_tags_make_another_baseline() -> None:
    """A verdict given under the old tags is not repeated for the new ones."""
    shell = Shell(held=baseline())
    shell.hear(ask())
    shell.finish()
    shell.give(Attached(NAME, {"role": "db"}))
    again = shell.hear(ask(round=1))
    shell.fetched(1, baseline(count=9))
    shell.finish()
    assert shell.answers[again].counts == Counts(9)


def test_only_a_few_releases_are_kept_at_hand() -> None:
    """Memory is bounded by baselines too; what was let go is fetched from the disk again."""
    shell = Shell(held=baseline(1))
    for release in (2, 3):
        shell.hear(ask(release, release=release))
        shell.fetched(release, baseline(release))
        shell.finish()
    shell.hear(ask(9, release=1))
    assert [fetch.wanted for fetch in shell.fetches] == [prefix(1)]
    assert DIGESTS[1].startswith(prefix(1).hex())


def test_too_many_fetches_answer_busy() -> None:
    """A question that names a release nobody ever heard of is cheap."""
    shell = Shell(held=baseline(1))
    queries = [shell.hear(ask(release, release=release)) for release in (2, 3, 4)]
    assert shell.answers[queries[2]].state is Serving.BUSY
    assert len(shell.fetches) == limits.fetches_max


def _asked(index: int) -> bool:
    shell = Shell(held=baseline())
    shell.hear(ask(who=Slice(index, 2)))
    return bool(shell.runs)
