"""The agent's brain under any order of events: every question is accounted for, runs never overlap, deadlines hold.

`Shell.give` itself asserts that no question is answered twice, that no two runs overlap, and that every answer fits.
"""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from config_center.resolve import Baseline
from inspector_agent import limits
from inspector_agent.events import Attached, Detached, Fetched, Heard, Held, Refused
from inspector_agent.wire import ANY_RELEASE, Everyone, Question, Serving, Slice, encode_question
from tests.support.sessions import ANSWERED, DROPPED, NAME, UNIX, Shell, ask, baseline, item, prefix

SLACK_S = 1e-6

pytestmark = pytest.mark.timeout(900)  # minutes on a busy machine


class AnyOrder(RuleBasedStateMachine):
    """Sweeps, re-asks, fetches, runs, noise, lost connections and time, as they come."""

    def __init__(self) -> None:
        super().__init__()
        self.shell = Shell()
        self.asked: dict[int, Question] = {}
        self.deadlines: dict[int, float] = {}  # of questions that may still be answered

    @rule(
        sweep=st.integers(1, 20),
        release=st.integers(1, 3),
        other=st.sampled_from(["", "", "canary", "any"]),
        patterns=st.sampled_from([(), ("*.1",), ("*.2", "*.0"), ("none",)]),
        within=st.sampled_from([1, 500, 2000, 30_000]),
        spread=st.sampled_from([0, 400]),
        who=st.sampled_from([Everyone(), Slice(0, 2), Slice(1, 2)]),
        skew=st.sampled_from([0, 0, 0, 400, -400]),
        max_age=st.sampled_from([0, 500, 60_000]),
    )
    def hear(
        self,
        *,
        sweep: int,
        release: int,
        other: str,
        patterns: tuple[str, ...],
        within: int,
        spread: int,
        who: Everyone | Slice,
        skew: int,
        max_age: int,
    ) -> None:
        """A question, maybe of a sweep that is known, of a canary, for others, or from a wrong clock."""
        question = ask(
            sweep,
            0 if other == "any" else release,
            canary=prefix(release % 3 + 1) if other == "canary" else b"",
            items=patterns,
            answer_within_ms=max(within, spread),
            spread_ms=spread,
            who=who,
            max_age_ms=max_age,
            issued_at=int(UNIX + self.shell.now - 100 + skew),
        )
        self.asked[self.shell.queries + 1] = question
        self.deadlines[self.shell.queries + 1] = self.shell.now + max(within, spread) / 1000
        self.shell.hear(encode_question(question))

    @rule(raw=st.binary(max_size=40))
    def hear_noise(self, raw: bytes) -> None:
        """A query that is no question."""
        self.shell.give(Heard(0, raw))

    @rule(seconds=st.sampled_from([0.0, 0.1, 0.5, 3.0, 40.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.shell.pass_time(seconds)

    @precondition(lambda self: self.shell.running is not None)
    @rule(outcomes=st.dictionaries(st.integers(0, 4), st.sampled_from(["pass", "fail", "error", "na", "odd"])))
    def find(self, outcomes: dict[int, str]) -> None:
        """The run under way reports."""
        self.shell.report(outcomes)

    @precondition(lambda self: self.shell.running is not None)
    @rule()
    def end_run(self) -> None:
        """The run under way ends."""
        self.shell.finish()

    @precondition(lambda self: self.shell.fetches)
    @rule(got=st.sampled_from([True, True, False]), data=st.data())
    def end_fetch(self, got: bool, data: st.DataObject) -> None:
        """A fetch ends, well or not."""
        fetch = data.draw(st.sampled_from(self.shell.fetches))
        halves = [fetch.wanted[:8], fetch.wanted[8:]]
        mine = data.draw(st.sampled_from([number for number in (1, 2, 3) if prefix(number) in halves]))
        self.shell.fetches.remove(fetch)
        self.shell.give(Fetched(fetch.wanted, self.baseline(mine) if got else None))

    def baseline(self, release: int) -> Baseline:
        """Of a release whose first item is waived."""
        items = [item(0, waived_until="2099-12-31"), item(1), item(2)]
        return baseline(release, items=items)

    @rule(release=st.integers(1, 3))
    def hold(self, release: int) -> None:
        """A release was taken in the background."""
        self.shell.give(Held(self.baseline(release)))

    @rule()
    def reconnect(self) -> None:
        """Serf was restarted."""
        self.shell.give(Detached())
        self.shell.give(Attached(NAME, {}))
        self.deadlines.clear()

    @precondition(lambda self: self.shell.answers)
    @rule(data=st.data())
    def refuse(self, data: st.DataObject) -> None:
        """Serf says that a query was over."""
        self.shell.give(Refused(data.draw(st.sampled_from(sorted(self.shell.answers)))))

    @invariant()
    def answers_are_sound(self) -> None:
        """A verdict is complete or says that it is not; only the verdict and a stale one count anything."""
        for answer in self.shell.answers.values():
            if answer.state in (Serving.BUSY, Serving.CLOCK):
                assert answer.counts.total == 0
            assert answer.failing == tuple(sorted(set(answer.failing)))
            assert 0 not in answer.failing
            assert set(answer.waived) <= {0}

    @invariant()
    def a_verdict_is_about_what_was_asked(self) -> None:
        """A release or its canary, whichever was named; and whatever is held is never fetched."""
        for query, answer in self.shell.answers.items():
            question = self.asked[query]
            named = [question.release, question.canary]
            if answer.state is Serving.VERDICT and question.release != ANY_RELEASE:
                assert answer.release in named
            if answer.state is Serving.RELEASE and answer.counts.total:
                assert answer.release not in named
        assert all(ANY_RELEASE not in (one.wanted[:8], one.wanted[8:]) for one in self.shell.fetches)

    @invariant()
    def memory_is_only_used_where_it_may_be(self) -> None:
        """By sweeps of which a question allowed it."""
        allowed = {asked.sweep for asked in self.asked.values() if asked.max_age_ms}
        assert {answer.sweep for answer in self.shell.answers.values() if answer.age_ms} <= allowed

    @invariant()
    def no_answer_is_late(self) -> None:
        """Sent by the question's deadline; and a question whose deadline is over waits no longer."""
        shell = self.shell
        assert all(
            at <= self.deadlines[query] + SLACK_S for query, at in shell.answered_at.items() if query in self.deadlines
        )
        waiting = [at for query, at in self.deadlines.items() if query not in shell.answers and at > shell.now]
        assert shell.open <= len(waiting)

    @invariant()
    def memory_is_bounded(self) -> None:
        """Whatever was asked."""
        assert self.shell.open <= limits.sweeps_remembered_max * limits.askings_open_max + limits.excused_max
        assert len(self.shell.fetches) <= limits.fetches_max

    @invariant()
    def sums_add_up(self) -> None:
        """No question is counted twice."""
        assert self.shell.open >= 0

    def teardown(self) -> None:
        """In the end every question is answered or counted as dropped, whatever the run and the fetches do."""
        shell = self.shell
        shell.pass_time(31)
        while shell.running is not None:
            shell.finish({})
        counted = shell.session.counted
        assert shell.open == 0
        assert counted["heard"] == sum(counted[word] for word in ANSWERED + DROPPED)
        assert len(shell.answers) == sum(counted[word] for word in ANSWERED)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
