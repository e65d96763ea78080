"""CORE. The brain of a witness: questions and what was seen in, looks and answers out. No clock, no socket, no chance.

Theory of operation
===================
A question that is heard ends in exactly one way: it gets one answer, or it is dropped and counted: `malformed`,
`version`, `flood` (more a second than a node should have to think about), `lost` (the connection to Serf went), `over`
(Serf had closed the query), `unsendable`. Its id is remembered among the last eight, which travel in every answer: that
is how a watcher learns whose gossip reaches whom.

    heard           asks for looks       at its turn, all known       at its deadline
    --------------  -------------------  ---------------------------  ---------------------------------------------
    with targets    at once              answered                     answered: None for what was not seen by then
    without         none                 answered                     answered: `health_max`, a picture of nobody,
                                                                      where Serf has not said how it is

The turn is a slot within the question's spread, drawn from id and node name, and never sooner than `lag_probe_s`: how
late the timer of that turn is is what the answer tells as lag. Both count from hearing. Serf is asked for its figures
shortly before the turn, at most once in `figures_age_s_max`.

Who is looked at, and how often, is decided in `sights`. `busy` (more than `looks_per_s_max` questions with targets in a
second) and `clock` (issued too long ago or too far ahead: a question that is played again) get an answer without
sights, so that a node that will not look is not taken for one that cannot answer.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from inspector_agent import limits as agent_limits
from inspector_agent.askings import Bucket
from inspector_agent.errors import VersionError, WireError
from inspector_agent.ring.records import Member
from inspector_agent.who import answer_slot_ms
from inspector_agent.wire import answer_budget
from inspector_agent.witness import limits
from inspector_agent.witness.encoding import decode_question, encode_answer
from inspector_agent.witness.events import (
    AskFigures,
    Attached,
    Detached,
    Effect,
    Event,
    Figures,
    FindMembers,
    Heard,
    Looked,
    Members,
    Note,
    Refused,
    Respond,
)
from inspector_agent.witness.messages import Picture, Sight, WitnessAnswer, WitnessQuestion
from inspector_agent.witness.sights import Sights

UNKNOWN = Figures(limits.health_max, Picture(0, 0))
DROPS = tuple(f"witness-{word}" for word in ("malformed", "version", "flood", "lost", "over", "unsendable"))


@dataclass(slots=True)
class _Asking:
    """One question that waits for its answer. Times as the session's `now`. lag_s: None before its turn."""

    query_id: int
    id: bytes
    targets: tuple[str, ...]
    looks: bool
    begin_at: float
    turn_at: float
    deadline_at: float
    begun: bool = False
    lag_s: float | None = None
    sights: dict[str, Sight] = field(default_factory=dict)

    @property
    def due_at(self) -> float:
        if not self.begun:
            return self.begin_at
        return self.turn_at if self.lag_s is None else self.deadline_at

    @property
    def seen(self) -> bool:
        """Whether nothing more is to be seen."""
        return not self.looks or len(self.sights) == len(self.targets)


class WitnessSession:
    """See the module's text.

    Attributes:
        name: of this node, as Serf says.
        heard: ids of the last questions, newest first.
        counted: how often something happened, by reason, each after `witness-`.
    """

    def __init__(self, counted: Counter[str] | None = None) -> None:
        self.counted: Counter[str] = Counter() if counted is None else counted
        self.name = ""
        self.heard: deque[bytes] = deque(maxlen=limits.heard_ids_max)
        self._askings: list[_Asking] = []
        self._bucket = Bucket(limits.questions_per_s_max, limits.questions_burst_max)
        self._sights = Sights()
        self._figures, self._figures_at, self._figures_asked = UNKNOWN, float("-inf"), False
        self._noted: set[str] = set()
        self._effects: list[Effect] = []
        self._now = 0.0

    def handle(self, event: Event, *, now: float, clock: float) -> list[Effect]:
        """Take one event and return what is to be done about it, in order.

        `now` is any steadily growing time, `clock` Unix time, both in seconds.
        """
        self._now, self._effects = now, []
        match event:
            case Heard(query_id=query_id, payload=payload):
                self._hear(query_id, payload, clock)
            case Figures():
                self._figures, self._figures_at, self._figures_asked = event, now, False
            case Members(names=names, found=found):
                self._members(names, found)
            case Looked(name=name):
                self._saw(name, self._sights.looked(event, now))
            case Refused():
                self._count("over", "Serf had closed the query before the answer came")
            case Attached(name=name):
                self.name = name
            case Detached():
                self._detached()
        self._advance()
        return self._effects

    @property
    def due_at(self) -> float | None:
        """The `now` at which a Tick is wanted, unless another event comes first."""
        return min((asking.due_at for asking in self._askings), default=None)

    # ---- events -----------------------------------------------------------------------------------------------------

    def _hear(self, query_id: int, payload: bytes, clock: float) -> None:
        self._count("heard")
        try:
            question = decode_question(payload)
        except VersionError as problem:
            return self._count("version", str(problem))
        except WireError as problem:
            return self._count("malformed", str(problem))
        if len(self._askings) >= limits.askings_max or not self._bucket.take(self._now):
            return self._count("flood", f"more than {limits.questions_per_s_max:g} a second, or too many wait")
        if question.id not in self.heard:
            self.heard.appendleft(question.id)
        looks = bool(question.targets) and self._may_look(question, clock)
        self._askings.append(self._asking(query_id, question, looks=looks))
        return None

    def _may_look(self, question: WitnessQuestion, clock: float) -> bool:
        """Whether the targets of a question are looked at; if not, it is counted why."""
        skew_s = clock - question.issued_at
        if abs(skew_s) > agent_limits.clock_skew_s_max:
            self._count("clock", f"a question issued {skew_s:.0f} s before this node's time")
            return False
        if not self._sights.admit(self._now):
            self._count("busy", f"more than {limits.looks_per_s_max} questions that want a look a second")
            return False
        return True

    def _asking(self, query_id: int, question: WitnessQuestion, *, looks: bool) -> _Asking:
        within_s = question.answer_within_ms / 1000
        slot_s = answer_slot_ms(question.id, self.name, question.spread_ms) / 1000
        turn_s = min(within_s, max(slot_s, limits.lag_probe_s))
        return _Asking(
            query_id,
            question.id,
            question.targets,
            looks=looks,
            begin_at=self._now + (0.0 if looks else max(0.0, turn_s - limits.lead_s)),
            turn_at=self._now + turn_s,
            deadline_at=self._now + within_s,
        )

    def _members(self, names: tuple[str, ...], found: Mapping[str, Member] | None) -> None:
        looks, seen = self._sights.found(names, found, self.name, self._now)
        self._count("looked-at", many=len(looks))
        self._effects += looks
        for name, sight in seen.items():
            self._saw(name, sight)

    def _saw(self, name: str, sight: Sight | None) -> None:
        for asking in self._askings:
            if sight is not None and asking.looks and name in asking.targets:
                asking.sights.setdefault(name, sight)

    def _detached(self) -> None:
        """Queries mean nothing any more, and what comes next may be another Serf."""
        self._count("lost", many=len(self._askings))
        self._askings.clear()
        self._sights.forget()
        self._figures_at, self._figures_asked = float("-inf"), False

    # ---- what follows from them -------------------------------------------------------------------------------------

    def _advance(self) -> None:
        for asking in list(self._askings):
            if not asking.begun and asking.begin_at <= self._now:
                self._begin(asking)
            if asking.lag_s is None and asking.turn_at <= self._now:
                asking.lag_s = self._now - asking.turn_at
            known = asking.seen and self._knows_figures(asking)
            if asking.lag_s is not None and (known or asking.deadline_at <= self._now):
                self._askings.remove(asking)
                self._answer(asking, asking.lag_s)

    def _begin(self, asking: _Asking) -> None:
        asking.begun = True
        if not self._figures_asked and not self._knows_figures(asking):
            self._figures_asked = True
            self._effects.append(AskFigures())
        if asking.looks:
            asking.sights, unseen = self._sights.begin(asking.targets, self._now)
            if unseen:
                self._effects.append(FindMembers(unseen))

    def _knows_figures(self, asking: _Asking) -> bool:
        """Whether Serf has said how it is, not long before this question or since."""
        return self._figures_at > asking.begin_at - limits.figures_age_s_max

    def _answer(self, asking: _Asking, lag_s: float) -> None:
        figures = self._figures if self._knows_figures(asking) else UNKNOWN
        answer = WitnessAnswer(
            id=asking.id,
            sights=tuple(asking.sights.get(name) for name in asking.targets),
            picture=figures.picture,
            health=figures.health,
            heard=tuple(self.heard),
            lag_ms=min(limits.lag_ms_max, round(lag_s * 1000)),
        )
        try:
            raw = encode_answer(answer, budget=answer_budget(self.name))
        except WireError as problem:
            return self._count("unsendable", str(problem))
        self._count("answered")
        self._effects.append(Respond(asking.query_id, raw))
        return None

    def _count(self, reason: str, detail: str = "", *, many: int = 1) -> None:
        """Count, and say it the first time if there is something to say."""
        self.counted[reason := f"witness-{reason}"] += many
        if detail and reason not in self._noted:
            self._noted.add(reason)
            self._effects.append(Note(reason, detail))
