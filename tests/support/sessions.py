"""A session's other half for tests: does what the session orders, and holds it to what every shell relies on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from config_center.resolve import Baseline, Item
from inspector_agent.events import (
    Attached,
    Ended,
    Event,
    Fetch,
    Fetched,
    Found,
    Heard,
    Held,
    Note,
    Respond,
    StartRun,
    StopRun,
    Tick,
)
from inspector_agent.findings import Finding
from inspector_agent.session import Session
from inspector_agent.wire import Answer, Question, answer_budget, decode_answer, encode_question

NAME = "n001"
UNIX = 1_800_000_000.0
TODAY = "2027-01-15"  # in UTC, at that time
DIGESTS = {number: f"{number:02x}" * 32 for number in range(20)}  # 0 stands for whatever a node holds
ANSWERED = ("verdict", "busy", "clock", "release", "unsendable")
DROPPED = ("malformed", "version", "not-asked", "flood", "superseded", "lost")


def item(number: int, severity: str = "major", check: str = "sysctl", waived_until: str = "") -> Item:
    """An item with an ordinary expectation, waived up to a day where one is given."""
    return Item(
        number=number,
        id=f"{check}:key.{number}",
        check=check,
        key=f"key.{number}",
        expect={"value": {"equals": number}},
        with_={},
        severity=severity,
        timeout_s=2.0,
        source=f"layers/10-all.yml:{number}",
        waiver="waivers.yml:3" if waived_until else "",
        waived_until=waived_until,
    )


def baseline(release: int = 1, count: int = 3, items: Iterable[Item] | None = None) -> Baseline:
    """The baseline of one of a few known releases."""
    return Baseline(release, DIGESTS[release], NAME, tuple(items or (item(number) for number in range(count))))


def prefix(release: int) -> bytes:
    """How a question names that release."""
    return bytes.fromhex(DIGESTS[release])[:8]


def finding(number: int, outcome: str = "pass", observed: str = "", message: str = "") -> Finding:
    """The outcome of one item."""
    return Finding(
        number=number, id=f"sysctl:key.{number}", outcome=outcome, observed=observed, message=message, ms=0.1
    )


def ask(sweep: int = 1, release: int = 1, **fields: object) -> Question:
    """A question of the numbered sweep for one of the known releases, issued now."""
    ordinary: dict[str, object] = {
        "sweep": sweep.to_bytes(8, "big"),
        "release": prefix(release),
        "number": release,
        "answer_within_ms": 2000,
        "spread_ms": 0,
        "issued_at": int(UNIX),
    }
    return Question(**{**ordinary, **fields})  # type: ignore[arg-type]


class Shell:
    """Feeds a session, at a time that only the test moves, and books what it wants done."""

    def __init__(self, *, held: Baseline | None = None) -> None:
        self.session = Session()
        self.now = 100.0
        self.skew = 0.0
        self.answers: dict[int, Answer] = {}
        self.answered_at: dict[int, float] = {}
        self.running: StartRun | None = None
        self.stopping = False
        self.runs: list[StartRun] = []
        self.fetches: list[Fetch] = []
        self.notes: list[Note] = []
        self.queries = 0
        self.give(Attached(NAME, {}))
        if held is not None:
            self.give(Held(held))

    def give(self, event: Event) -> None:
        """Hand over one event, and take the effects."""
        clock = UNIX + self.now - 100.0 + self.skew
        for effect in self.session.handle(event, now=self.now, clock=clock):
            match effect:
                case Respond(query_id=query_id, raw=raw):
                    assert query_id not in self.answers, "a question was answered twice"
                    assert len(raw) <= answer_budget(NAME)
                    self.answers[query_id] = decode_answer(raw)
                    self.answered_at[query_id] = self.now
                case StartRun():
                    assert self.running is None, "two runs at once"
                    assert effect.items, "a run of nothing"
                    self.running = effect
                    self.runs.append(effect)
                case StopRun(run=run):
                    assert self.running is not None
                    assert self.running.run == run
                    self.stopping = True
                case Fetch():
                    self.fetches.append(effect)
                case Note():
                    self.notes.append(effect)

    def hear(self, question: Question | bytes) -> int:
        """A question arrives; returns its query id."""
        self.queries += 1
        raw = question if isinstance(question, bytes) else encode_question(question)
        self.give(Heard(self.queries, raw))
        return self.queries

    def pass_time(self, seconds: float) -> None:
        """Time passes, with a Tick whenever the session wants one."""
        end = self.now + seconds
        while (due := self.session.due_at) is not None and due <= end:
            assert due > self.now or self.now == due, "a wish for the past"
            self.now = max(self.now, due)
            self.give(Tick())
            assert self.session.due_at != due or due > self.now, "a Tick that changes nothing"
        self.now = end
        self.give(Tick())

    def report(self, outcomes: Mapping[int, str]) -> None:
        """The run under way finds these outcomes."""
        assert self.running is not None
        for number, outcome in outcomes.items():
            self.give(Found(self.running.run, finding(number, outcome, f"is {number}", f"why {number}")))

    def finish(self, outcomes: Mapping[int, str] | None = None, problem: str = "") -> None:
        """The run under way ends; without `outcomes` all its items pass."""
        assert self.running is not None
        run = self.running
        self.report({one.number: "pass" for one in run.items} if outcomes is None else outcomes)
        self.running, self.stopping = None, False
        self.give(Ended(run.run, problem))

    def fetched(self, release: int, got: Baseline | None) -> None:
        """The first fetch of this release, or of one with this canary, that is still open ends."""
        fetch = next(one for one in self.fetches if one.wanted[-8:] == prefix(release))
        self.fetches.remove(fetch)
        self.give(Fetched(fetch.wanted, got))

    @property
    def open(self) -> int:
        """Questions that are neither answered nor dropped, by the session's own counts."""
        counted = self.session.counted
        return counted["heard"] - sum(counted[word] for word in ANSWERED + DROPPED)
