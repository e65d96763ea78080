"""Runs that several sweeps share, and verdicts from memory: never about what was seen too early."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from inspector_agent import limits
from inspector_agent.events import Attached, Held
from inspector_agent.wire import Answer, Counts, Question
from tests.support.sessions import NAME, UNIX, Shell, ask, baseline, item, prefix

HOUR_MS = limits.max_age_ms_max


def test_a_sweep_of_some_items_shares_the_run_of_all() -> None:
    """Nothing is looked at twice; each sweep has the tally of its own items."""
    shell = Shell(held=baseline())
    whole, part = shell.hear(ask(1)), shell.hear(ask(2, items=("*.1", "sysctl:key.2")))
    shell.finish({0: "fail", 1: "fail", 2: "pass"})
    assert len(shell.runs) == 1
    assert (shell.answers[whole].counts, shell.answers[whole].failing) == (Counts(1, 2), (0, 1))
    assert (shell.answers[part].counts, shell.answers[part].failing) == (Counts(1, 1), (1,))
    assert shell.answers[part].basis != shell.answers[whole].basis
    assert {answer.age_ms for answer in shell.answers.values()} == {0}


def test_a_queued_run_is_shared_too() -> None:
    """A sweep that comes while others wait does not wait behind them for a run of its own."""
    shell = Shell(held=baseline())
    shell.hear(ask(1, items=("*.0",)))
    shell.hear(ask(2))
    shell.hear(ask(3, items=("*.2",)))
    shell.hear(ask(4))
    for _ in range(2):
        shell.finish()
    assert len(shell.runs) == 2
    assert len(shell.answers) == 4


def test_what_was_seen_before_the_question_is_no_answer_to_it() -> None:
    """Somebody changes an item, then asks, while another sweep's run goes on that saw it as it was."""
    shell = Shell(held=baseline())
    shell.hear(ask(1))
    shell.report({0: "fail"})
    later, unseen = shell.hear(ask(2)), shell.hear(ask(3, items=("*.1",)))
    shell.finish({1: "pass", 2: "pass"})
    assert later not in shell.answers
    assert shell.answers[unseen].counts == Counts(1)
    shell.finish()
    assert (shell.answers[later].counts, len(shell.runs)) == (Counts(3), 2)


def test_a_part_that_is_known_is_complete_though_its_run_goes_on() -> None:
    """A check that hangs makes only those incomplete who asked for it."""
    shell = Shell(held=baseline())
    whole, part = shell.hear(ask(1)), shell.hear(ask(2, items=("*.0",)))
    shell.report({0: "pass"})
    shell.pass_time(3)
    assert (shell.answers[whole].incomplete, shell.answers[part].incomplete) == (True, False)
    assert shell.answers[part].counts == Counts(1)


def test_another_sweep_is_answered_from_memory_if_it_may_be() -> None:
    """Without a run, by what was seen then, saying how long ago that was."""
    shell = Shell(held=baseline())
    first = shell.hear(ask(1))
    shell.pass_time(0.25)
    shell.finish({0: "fail", 1: "pass", 2: "pass"})
    shell.pass_time(40)
    again = _later(shell, sweep=2, max_age_ms=42_000)
    assert len(shell.runs) == 1
    assert (again.age_ms, again.took_ms, again.failing) == (40_000, 250, shell.answers[first].failing)
    assert again.sweep != shell.answers[first].sweep
    assert again.clock == int((UNIX + 40.25) * 1000)


def test_by_default_no_sweep_is_answered_by_anothers_verdict() -> None:
    """0 wants a run, and so does the one that comes right after it."""
    shell = Shell(held=baseline())
    shell.hear(ask(1))
    shell.finish()
    query = shell.hear(ask(2))
    assert len(shell.runs) == 2
    shell.finish()
    assert shell.answers[query].age_ms == 0


def test_a_verdict_that_has_only_just_ended_is_told_from_a_new_one() -> None:
    """0 says that it was made for this sweep: from memory it is 1 at least, and a re-ask of the sweep's own stays 0."""
    shell = Shell(held=baseline())
    shell.hear(ask(1))
    shell.finish()
    assert _later(shell, sweep=2, max_age_ms=1).age_ms == 1
    shell.pass_time(5)
    assert _later(shell, sweep=1, max_age_ms=HOUR_MS, round=1).age_ms == 0


def test_the_newest_verdict_is_the_one_that_is_remembered() -> None:
    """Memory does not stick to what it knew first."""
    shell = Shell(held=baseline())
    for sweep, outcome in ((1, "fail"), (2, "pass")):
        shell.hear(ask(sweep))
        shell.finish(dict.fromkeys(range(3), outcome))
        shell.pass_time(2)
    again = _later(shell, sweep=3, max_age_ms=HOUR_MS)
    assert (again.counts, again.age_ms) == (Counts(3), 2000)


@pytest.mark.parametrize(
    "change",
    ["too old", "other items", "another release", "tags", "facts", "day", "slept", "failed", "stopped"],
)
def test_there_is_no_memory_of(change: str) -> None:
    """Whatever might make the verdict another one, and whatever is older than was allowed."""
    shell = Shell(held=baseline(items=[item(0, waived_until="2027-01-15"), item(1), item(2)]))
    shell.skew = 57_590 if change == "day" else 0  # 10 s to midnight
    shell.hear(_now(shell, 1))
    if change == "stopped":
        shell.pass_time(limits.run_s_max + limits.run_grace_s)
        assert shell.stopping
    shell.finish({} if change == "stopped" else None, "no room on the disk" if change == "failed" else "")
    shell.pass_time(20)
    release, items = 1, tuple[str, ...]()
    if change == "too old":
        shell.pass_time(0.002)
    elif change == "other items":
        items = ("*.1", "*.2")
    elif change == "another release":
        release = 2
        shell.give(Held(baseline(2)))
    elif change == "tags":
        shell.give(Attached(NAME, {"role": "db"}))
        shell.give(Held(baseline()))
    elif change == "facts":  # the same line, by a variable that has another value now
        shell.give(Held(baseline(items=[msgspec.structs.replace(one, expect={}) for one in shell.runs[0].items])))
    elif change == "slept":
        shell.skew = 30  # a monotonic clock stands still while a machine is suspended
    runs = len(shell.runs)
    query = shell.hear(_now(shell, 2, release=release, items=items, max_age_ms=20_001))
    assert len(shell.runs) == runs + 1
    shell.finish()
    assert shell.answers[query].age_ms == 0


def test_a_run_begun_under_other_tags_is_neither_shared_nor_remembered() -> None:
    """Programs are told the node's tags: what they found for the old ones says nothing about the new."""
    shell = Shell(held=baseline())
    shell.hear(ask(1))
    shell.give(Attached(NAME, {"role": "db"}))
    shell.give(Held(baseline()))
    shared = shell.hear(ask(2))
    shell.finish()
    assert shared not in shell.answers
    assert len(shell.runs) == 2
    shell.finish({0: "fail"})
    assert _later(shell, sweep=3, max_age_ms=HOUR_MS).failing == (0,)


def test_of_a_canary_and_its_release_the_right_one_is_remembered() -> None:
    """Which of the two is this node's own must be asked each time; its verdict need not be made each time."""
    shell = Shell(held=baseline(1))
    shell.hear(ask(1, canary=prefix(2)))
    shell.fetched(2, baseline(2))
    shell.finish({0: "fail"})
    shell.pass_time(1)
    again = shell.hear(ask(2, canary=prefix(2), max_age_ms=HOUR_MS))
    shell.fetched(2, baseline(2))
    assert (shell.answers[again].number, shell.answers[again].age_ms) == (2, 1000)
    other = shell.hear(ask(3, canary=prefix(2), max_age_ms=HOUR_MS))
    shell.fetched(2, baseline(1))
    assert (other in shell.answers, len(shell.runs)) == (False, 2)


def test_ten_at_once_cost_a_node_one_run() -> None:
    """Questions that arrive together, and their re-asks."""
    shell = Shell(held=baseline())
    queries = [shell.hear(ask(sweep)) for sweep in range(1, 11)]
    queries = [shell.hear(ask(sweep, round=1)) for sweep in range(1, 11)]
    shell.finish({0: "fail"})
    assert (set(shell.answers), len(shell.runs)) == (set(queries), 1)
    assert len({answer.sweep for answer in shell.answers.values()}) == 10


def _later(shell: Shell, *, sweep: int, **fields: Any) -> Answer:
    """The answer to a question issued now."""
    return shell.answers[shell.hear(_now(shell, sweep, **fields))]


def _now(shell: Shell, sweep: int, *, release: int = 1, **fields: Any) -> Question:
    return ask(sweep, release, issued_at=int(UNIX + shell.now - 100 + shell.skew), **fields)
