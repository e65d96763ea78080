"""The agent's brain: questions and findings in, answers and orders out. No clock, no socket, no chance.

Theory of operation
===================
A question that is heard ends in exactly one way: it gets one answer, or it is dropped and counted under a reason.

Dropped at once: `malformed`, `version` (of the format), `not-asked` (its slice or filter leaves this node out), `flood`
(more a second than a node should have to think about). Dropped later: `superseded` (a re-ask of the same sweep took
over), `over` (Serf had closed the query), `lost` (the connection to Serf went).

Every answer has its turn: a slot within the question's spread, drawn from sweep and node name, counted from hearing.
The question's deadline counts from hearing too, and is kept: what is known then is sent, marked incomplete. `clock`
(issued too long ago or too far ahead) and `busy` need no work. All other answers belong to a *sweep*, known by its id,
what it wants (a release; a release and a canary; whatever is held) and item patterns:

    state     question for it      fetch brings it   fetch fails              run ends  deadline
    --------  -------------------  ----------------  -----------------------  --------  ------------------------------
    (none)    FETCHING; WAITING    -                 -                        -         -
              if it is at hand
    FETCHING  takes the answer     WAITING           WAITING, for a run of    -         `release` with no counts; the
              over                                   the release held; with             fetch goes on, and its run
                                                     none held: `release`,              follows
                                                     and forgotten
    WAITING   takes the answer     -                 -                        DONE      the verdict so far, or `busy`
              over                                                                      if the run is still queued;
                                                                                        the run goes on
    DONE      answered from        -                 -                        -         -
              memory

At hand is a release that is held; of a release and its canary none, for only the pointer knows which of the two is this
node's own; of whatever is held all there is: nothing is fetched, and without any the answer is `release`. A sweep that
asks for no item is DONE at once. One that had to make do with the release that is held names it (`release`, unless it
is one of two that were wanted) and is forgotten with its answer, so that a re-ask tries to fetch again; so is one
without any release. The last 16 other sweeps are remembered, and a re-ask is cheap. Waivers hold by the node's clock.

A question may allow a verdict from memory (`max_age_ms`): what another sweep, today, had on the very same items of that
release, if its run ended well and not longer ago. Its answer says how old it is. Other tags or facts end that.

One run of checks at a time. A sweep whose items a run, under way or queued, will all look at yet shares that run: so a
verdict that is not from memory never tells what was seen before its question came. Runs queue in the order they were
asked for; with a full queue, or too many sweeps in the making, the answer is `busy`. A run that outlives the hard limit
is stopped: the items it never spoke of err. The next starts when the shell reports that nothing of the last is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from inspector_agent import limits
from inspector_agent.askings import Asking, Bucket, Excused, Key, Memory, Sweep
from inspector_agent.baselines import Baselines
from inspector_agent.errors import VersionError, WireError
from inspector_agent.events import (
    Attached,
    Detached,
    Effect,
    Ended,
    Event,
    Fetch,
    Fetched,
    Found,
    Heard,
    Held,
    Looked,
    Note,
    Refused,
    Respond,
    StartRun,
    StopRun,
)
from inspector_agent.replies import Replies
from inspector_agent.runs import Runs, Wish, day_of
from inspector_agent.wire import (
    Answer,
    Question,
    Serving,
    Vitals,
    answer_budget,
    asks_me,
    decode_question,
    encode_answer,
)

if TYPE_CHECKING:
    from config_center.resolve import Baseline

DROPS = ("malformed", "version", "flood", "lost", "over", "unsendable")  # what an operator wants to know of


class Session:
    """See the module's text.

    Attributes:
        name: of this node, as Serf says.
        counted: how often something happened, by reason. `heard` is the sum of the states of answers, of `unsendable`,
            of what was dropped, and of what is still open. `over` (of the answers), `no-release`, `recalled` (verdicts
            from memory) and `excused-…` stand beside.
    """

    def __init__(self, counted: Counter[str] | None = None) -> None:
        self.counted: Counter[str] = Counter() if counted is None else counted
        self.name = ""
        self._tags: Mapping[str, str] = {}
        self._sweeps = Memory()
        self._excused = Excused()
        self._runs = Runs()
        self._baselines = Baselines()
        self._bucket = Bucket()
        self._vitals = Vitals()
        self._noted: set[str] = set()
        self._effects: list[Effect] = []
        self._now = self._clock = 0.0

    def handle(self, event: Event, *, now: float, clock: float) -> list[Effect]:
        """Take one event and return what is to be done about it, in order.

        `now` is any steadily growing time, `clock` Unix time, both in seconds.
        """
        self._now, self._clock, self._effects = now, clock, []
        if isinstance(event, Found):  # hundreds in a few milliseconds, and none makes anything due
            self._runs.found(event.run, event.finding)
            return []
        self._take(event)
        self._advance()
        return self._effects

    @property
    def due_at(self) -> float | None:
        """The `now` at which a Tick is wanted, unless another event comes first."""
        due = [sweep.due_at for sweep in self._sweeps]
        due += [self._excused.due_at, self._runs.stop_at]
        return min((at for at in due if at is not None), default=None)

    # ---- events -----------------------------------------------------------------------------------------------------

    def _take(self, event: Event) -> None:
        match event:
            case Heard(query_id=query_id, payload=payload):
                self._hear(query_id, payload)
            case Ended(run=run, problem=problem):
                self._runs.ended(run, self._now, self._clock, problem)
            case Fetched(wanted=wanted, baseline=baseline):
                self._fetched(wanted, baseline)
            case Held(baseline=baseline):
                self._baselines.hold(baseline)
                self._baselines.current = baseline
            case Refused(query_id=query_id):
                self._refused(query_id)
            case Looked(vitals=vitals):
                self._vitals = vitals
            case Attached(name=name, tags=tags):
                self._attached(name, tags)
            case Detached():
                self._detached()

    def _hear(self, query_id: int, payload: bytes) -> None:
        self.counted["heard"] += 1
        try:
            question = decode_question(payload)
        except VersionError as problem:
            return self._count("version", 1, str(problem))
        except WireError as problem:
            return self._count("malformed", 1, str(problem))
        if not asks_me(question.who, question.sweep, self.name):
            return self._count("not-asked", 1, f"round {question.round} asks others")
        if not self._bucket.take(self._now):
            return self._count("flood", 1, f"more than {limits.questions_per_s_max:g} questions a second")
        asking = Asking.of(query_id, question, self.name, self._now)
        skew_s = self._clock - question.issued_at
        if abs(skew_s) > limits.clock_skew_s_max:
            return self._excuse(asking, Serving.CLOCK, f"a question issued {skew_s:.0f} s before this node's time")
        sweep = self._sweep_of(question)
        if sweep is None:
            return self._excuse(asking, Serving.BUSY, "too many runs are queued")
        self._count("superseded", sweep.ask(asking))
        return None

    def _excuse(self, asking: Asking, state: Serving, why: str) -> None:
        """Answer without a sweep, in turn: a wrong clock of the asker makes all nodes answer so at once."""
        if not self._excused.add(asking, state):
            return self._count("flood", 1, f"more than {limits.excused_max} answers wait for their turn")
        return self._count(f"excused-{state}", 1, why)

    def _sweep_of(self, question: Question) -> Sweep | None:
        """The sweep that a question belongs to; None if there is no room for another one."""
        key = Key.of(question)
        sweep = self._sweeps.get(key)
        if sweep is not None:
            return sweep
        if not self._sweeps.make_room():
            return None
        sweep = Sweep(key, question.max_age_ms / 1000)
        baseline = self._baselines.get(key.wanted)
        if baseline is not None:
            self._join(baseline, sweep)
            if not sweep.share:
                return None
        elif key.takes_any:
            sweep.excuse = Serving.RELEASE
        elif self._baselines.want(key.wanted):
            within_s = min(question.answer_within_ms / 1000, limits.fetch_s_max)
            self._effects.append(Fetch(key.wanted, question.number, within_s))
        elif not self._baselines.wanted(key.wanted):
            return None
        self._sweeps.add(sweep)
        return sweep

    def _join(self, baseline: Baseline, sweep: Sweep) -> None:
        """Give the sweep a share of a run, if there is room: of one that is remembered if it may be."""
        wish = Wish.of(baseline, sweep.key.patterns, day_of(self._clock))
        if sweep.max_age_s:
            sweep.share = self._sweeps.recall(wish, sweep.max_age_s, self._now, self._clock)
            sweep.recalled = sweep.share is not None
            self.counted["recalled"] += sweep.recalled
        sweep.share = sweep.share or self._runs.join(wish, self._now, self._clock)

    def _fetched(self, wanted: bytes, baseline: Baseline | None) -> None:
        right = self._baselines.arrived(wanted, baseline)
        if right is None:
            self._count("no-release", 1, f"release {wanted.hex()} cannot be had now")
        use = right or self._baselines.current
        for sweep in [sweep for sweep in self._sweeps if sweep.key.wanted == wanted and not sweep.share]:
            if use is None:
                sweep.excuse = Serving.RELEASE
            elif right is not None or sweep.live is not None:
                self._join(use, sweep)
                sweep.makeshift = right is None
                sweep.excuse = Serving.BUSY if sweep.share is None else None
            if sweep.share is None and sweep.live is None:
                self._forget(sweep)  # nobody waits, and it has nothing to remember

    def _refused(self, query_id: int) -> None:
        self._count("over", 1, "Serf had closed the query before the answer came")
        sweep = self._sweeps.whose(query_id)
        if sweep is None or sweep.live is not None:
            return
        self._count("superseded", sweep.expire(self._now))
        if sweep.askings:
            sweep.askings[-1].spare = False

    def _attached(self, name: str, tags: Mapping[str, str]) -> None:
        """Baselines and verdicts at hand hold for one name and its tags."""
        if (self.name, self._tags) != (name, tags):
            self.name, self._tags, self._baselines = name, dict(tags), Baselines()
            for sweep in self._sweeps:
                if sweep.idle:
                    self._forget(sweep)
                elif sweep.share is not None:
                    sweep.share.run.sound = False

    def _detached(self) -> None:
        self._count("lost", self._sweeps.disconnected() + self._excused.disconnected())

    # ---- what follows from them -------------------------------------------------------------------------------------

    def _advance(self) -> None:
        overdue = self._runs.stop(self._now, self._clock)
        if overdue is not None:
            self._effects.append(StopRun(overdue.number))
        run = self._runs.start(self._now)
        if run is not None:
            self._effects.append(StartRun(run.number, run.digest, run.items, self._sweeps.left_s(run, self._now)))
        for sweep in self._sweeps:
            live, due_at = sweep.live, sweep.due_at
            if live is not None and due_at is not None and due_at <= self._now:
                self._answer(sweep, live)
            self._count("superseded", sweep.expire(self._now))
        for asking, state in self._excused.due(self._now):
            self._respond(asking, self._replies().excuse(asking.sweep, state))

    def _answer(self, sweep: Sweep, asking: Asking) -> None:
        sweep.askings.remove(asking)
        self._sweeps.responded(asking.query_id, sweep)
        self._respond(asking, self._replies().to(sweep))
        if sweep.excuse is not None or sweep.makeshift:
            self._forget(sweep)

    def _respond(self, asking: Asking, answer: Answer) -> None:
        try:
            raw = encode_answer(answer, budget=answer_budget(self.name))
        except WireError as problem:
            return self._count("unsendable", 1, str(problem))
        self._count(answer.state.value)
        self._effects.append(Respond(asking.query_id, raw))
        return None

    def _replies(self) -> Replies:
        return Replies(self._now, self._clock, self._vitals, self._baselines.current)

    def _forget(self, sweep: Sweep) -> None:
        self._count("superseded", self._sweeps.forget(sweep))

    def _count(self, reason: str, many: int = 1, detail: str = "") -> None:
        """Count, and say it the first time if there is something to say."""
        self.counted[reason] += many
        if detail and reason not in self._noted:
            self._noted.add(reason)
            self._effects.append(Note(reason, detail))
