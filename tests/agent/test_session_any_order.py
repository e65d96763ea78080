"""The agent's brain under any order of events: every question is accounted for, runs never overlap, deadlines hold.

`Shell.give` itself asserts that no question is answered twice, that no two runs overlap, and that every answer fits.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from inspector_agent import limits
from inspector_agent.events import Attached, Detached, Heard, Held, Refused
from inspector_agent.wire import Everyone, Serving, Slice, encode_question
from tests.support.sessions import ANSWERED, DROPPED, NAME, UNIX, Shell, ask, baseline

SLACK_S = 1e-6


class AnyOrder(RuleBasedStateMachine):
    """Sweeps, re-asks, fetches, runs, noise, lost connections and time, as they come."""

    def __init__(self) -> None:
        super().__init__()
        self.shell = Shell()
        self.deadlines: dict[int, float] = {}  # of questions that may still be answered

    @rule(
        sweep=st.integers(1, 20),
        release=st.integers(1, 3),
        patterns=st.sampled_from([(), ("*.1",), ("*.2", "*.0"), ("none",)]),
        within=st.sampled_from([1, 500, 2000, 30_000]),
        spread=st.sampled_from([0, 400]),
        who=st.sampled_from([Everyone(), Slice(0, 2), Slice(1, 2)]),
        skew=st.sampled_from([0, 0, 0, 400, -400]),
    )
    def hear(
        self,
        sweep: int,
        release: int,
        patterns: tuple[str, ...],
        within: int,
        spread: int,
        who: Everyone | Slice,
        skew: int,
    ) -> None:
        """A question, maybe of a sweep that is known, maybe for others, maybe from a wrong clock."""
        question = ask(
            sweep,
            release,
            items=patterns,
            answer_within_ms=max(within, spread),
            spread_ms=spread,
            who=who,
            issued_at=int(UNIX + self.shell.now - 100 + skew),
        )
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
        self.shell.fetched(fetch.number, baseline(fetch.number) if got else None)

    @rule(release=st.integers(1, 3))
    def hold(self, release: int) -> None:
        """A release was taken in the background."""
        self.shell.give(Held(baseline(release)))

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
