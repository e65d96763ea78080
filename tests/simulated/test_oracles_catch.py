"""Each oracle catches a planted mistake in the real cores, and without one all are silent."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pytest

from inspector_agent import askings, runs, session
from inspector_agent.askings import Asking
from inspector_agent.wire import Answer, decode_answer
from inspector_coord import ledger, limits, rounds, verdict
from inspector_coord.asking import Plan
from inspector_coord.ledger import Ledger, Node
from inspector_coord.pace import Pace
from inspector_coord.rounds import RingRounds
from inspector_coord.signals import Ask, Effect, Event
from inspector_coord.verdict import State
from inspector_lab.simulated.coordinator import GARBLED
from inspector_lab.simulated.many import held
from inspector_lab.simulated.oracles import ORACLES
from inspector_lab.simulated.scenario import Fault, Scenario
from inspector_lab.simulated.scenarios import named
from inspector_lab.simulated.serf_ring import SerfRing

Patch = pytest.MonkeyPatch
PLAIN = Scenario(nodes=30, seed=5)
LOSSY = Scenario(nodes=60, seed=5, loss=0.2)
FAULTY = Scenario(
    nodes=40,
    seed=5,
    faults=(
        Fault("hung", nodes=(3,)),
        Fault("drift", nodes=(4, 5)),
        Fault("other-sweep", nodes=(6, 7)),
        Fault("garbage", nodes=(8,)),
        Fault("agent-crash", nodes=(9,)),
        Fault("stale", nodes=(10,)),
    ),
)


def caught(scenario: Scenario, *, again: bool = False) -> set[str]:
    """The oracles that speak up."""
    return set(held(scenario, again=again)[1])


def of(owner: object, word: str) -> Callable[..., Any]:
    """What a mistake is planted around; it may be private."""
    found: Callable[..., Any] = getattr(owner, word)
    return found


@pytest.mark.parametrize("scenario", [PLAIN, LOSSY, FAULTY, msgspec.structs.replace(FAULTY, twice=True)])
def test_no_oracle_speaks_without_a_mistake(scenario: Scenario) -> None:
    assert held(scenario, again=True)[1] == {}


def test_a_target_that_gets_lost(monkeypatch: Patch) -> None:
    """A ledger that forgets a node: the sums are those of the others."""
    original = Ledger.__init__

    def forgetful(self: Ledger, nodes: Iterable[Node], *rest: object) -> None:
        original(self, list(nodes)[:-1], *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Ledger, "__init__", forgetful)
    assert caught(PLAIN) == {"sums"}


def test_a_verdict_under_another_name(monkeypatch: Patch) -> None:
    """Rounds that book one node's answer under its neighbour's name."""
    original = RingRounds.handle

    def mistaken(self: RingRounds, event: Event, now: float) -> list[Effect]:
        if getattr(event, "name", "") == "n004" and hasattr(event, "payload"):
            event = msgspec.structs.replace(event, name="n005")
        return original(self, event, now)

    monkeypatch.setattr(RingRounds, "handle", mistaken)
    assert "verdicts" in caught(PLAIN)


def test_a_verdict_of_another_sweep(monkeypatch: Patch) -> None:
    """Rounds that do not look whose sweep an answer is of."""
    original = of(rounds, "taken_in")

    def trusting(payload: bytes, node: Node | None, plan: Plan, books: Ledger) -> Answer | None:
        said = plan.sweep if payload.startswith(GARBLED) else decode_answer(payload).sweep
        answer: Answer | None = original(payload, node, msgspec.structs.replace(plan, sweep=said), books)
        return answer

    monkeypatch.setattr(rounds, "taken_in", trusting)
    assert caught(FAULTY) == {"verdicts"}


def test_a_pass_of_checks_that_still_run(monkeypatch: Patch) -> None:
    """An incomplete verdict that counts as a pass."""
    original = verdict.state_of

    def hasty(answer: Answer, wants: bytes) -> State:
        return original(msgspec.structs.replace(answer, incomplete=False), wants)

    monkeypatch.setattr(ledger, "state_of", hasty)
    assert "verdicts" in caught(FAULTY)


def test_nobody_is_asked_again(monkeypatch: Patch) -> None:
    """What got lost stays lost."""
    original = RingRounds.handle

    def lazy(self: RingRounds, event: Event, now: float) -> list[Effect]:
        return [effect for effect in original(self, event, now) if not isinstance(effect, Ask) or effect.query == 1]

    monkeypatch.setattr(RingRounds, "handle", lazy)
    assert caught(LOSSY) == {"healthy"}


def test_an_entry_that_is_not_spared(monkeypatch: Patch) -> None:
    """Whatever an entry has dropped, the missing are asked as fast as before: it drops their answers, too."""
    monkeypatch.setattr(Pace, "learn", lambda _self, _silent: None)
    assert caught(named("slow-entry")) == {"healthy"}


def test_a_ledger_that_is_closed_late(monkeypatch: Patch) -> None:
    """The deadline of the rounds is not the one that was asked for."""
    original = of(RingRounds, "_begin")

    def patient(self: RingRounds, now: float) -> None:
        original(self, now)
        self._asker.deadline += 1.0

    monkeypatch.setattr(RingRounds, "_begin", patient)
    assert caught(FAULTY) == {"deadline"}


def test_a_state_without_evidence(monkeypatch: Patch) -> None:
    """Whoever is not heard is called down, whatever membership says."""
    original = of(ledger, "_final")

    def gloomy(node: Node) -> State:
        state: State = original(node)
        return State.DOWN if state in (State.SILENT, State.STALLED) else state

    monkeypatch.setattr(ledger, "_final", gloomy)
    assert caught(FAULTY) == {"evidence"}


def test_garbage_that_nobody_counts(monkeypatch: Patch) -> None:
    """What cannot be read is dropped in silence."""
    original = of(rounds, "taken_in")

    def silent(payload: bytes, node: Node | None, plan: Plan, books: Ledger) -> Answer | None:
        before = books.dropped["malformed"]
        answer: Answer | None = original(payload, node, plan, books)
        books.dropped["malformed"] = before
        return answer

    monkeypatch.setattr(rounds, "taken_in", silent)
    assert caught(FAULTY) == {"counted"}


def test_a_question_that_ends_in_no_way(monkeypatch: Patch) -> None:
    """A session that does not count what it answers."""
    original = of(session.Session, "_count")

    def careless(self: session.Session, reason: str, many: int = 1, detail: str = "") -> None:
        if reason != "verdict":
            original(self, reason, many, detail)

    monkeypatch.setattr(session.Session, "_count", careless)
    assert caught(PLAIN) == {"counted"}


def test_acks_of_everybody(monkeypatch: Patch) -> None:
    """Acks are asked for where Serf does not filter, in a ring whose acks would drown the answers."""
    original = RingRounds.handle

    def greedy(self: RingRounds, event: Event, now: float) -> list[Effect]:
        effects = original(self, event, now)
        return [msgspec.structs.replace(each, ack=True) if isinstance(each, Ask) else each for each in effects]

    monkeypatch.setattr(RingRounds, "handle", greedy)
    assert caught(msgspec.structs.replace(PLAIN, nodes=limits.acks_max + 1)) == {"rates"}


def test_a_coordinator_that_floods_the_ring(monkeypatch: Patch) -> None:
    """Each question goes out again and again."""
    original = RingRounds.handle

    def eager(self: RingRounds, event: Event, now: float) -> list[Effect]:
        return [again for each in original(self, event, now) for again in [each] * (60 if isinstance(each, Ask) else 1)]

    monkeypatch.setattr(RingRounds, "handle", eager)
    assert "rates" in caught(PLAIN)


def test_agents_that_do_not_wait_for_their_turn(monkeypatch: Patch) -> None:
    """The answers are to be spread over half of the time; everybody answers as soon as the checks are done."""
    monkeypatch.setattr(limits, "answer_rate_per_s", 200.0)
    many = msgspec.structs.replace(PLAIN, nodes=900)
    assert caught(many) == set()
    monkeypatch.setattr(askings, "answer_slot_ms", lambda *_: 0)
    assert caught(many) == {"rates"}


def test_an_agent_that_says_everything_twice(monkeypatch: Patch) -> None:
    """It answers, and Serf's word that the question is over makes it answer again and again."""
    monkeypatch.setattr(SerfRing, "respond", _always)
    original = of(session.Session, "_respond")

    def talkative(self: session.Session, asking: Asking, answer: Answer) -> None:
        original(self, asking, answer)
        original(self, asking, answer)

    monkeypatch.setattr(session.Session, "_respond", talkative)
    assert "rates" in caught(PLAIN)


def _always(ring: SerfRing, member: int, query: int, payload: bytes) -> bool:
    """A Serf agent that takes every response."""
    ring.forge(member, query, ring.members[member].name, payload)
    return True


def test_duplicates_that_are_booked_again(monkeypatch: Patch) -> None:
    """Every answer is taken for a new one."""
    original = Ledger.answered

    def eager(self: Ledger, node: Node, answer: Answer, at_s: float, round_number: int) -> ledger.Booking:
        node.answer = None
        return original(self, node, answer, at_s, round_number)

    monkeypatch.setattr(Ledger, "answered", eager)
    assert "duplicates" in caught(msgspec.structs.replace(PLAIN, twice=True))


def test_something_that_no_seed_draws(monkeypatch: Patch) -> None:
    """An answer says what changes from run to run."""
    count = itertools.count()
    monkeypatch.setattr(runs.Share, "took_ms", lambda _self, _now: next(count))
    assert caught(PLAIN, again=True) == {"same"}


def test_every_oracle_has_its_mistake_here() -> None:
    """Whoever adds an oracle shows what it catches."""
    assert set(ORACLES) == {
        "sums", "verdicts", "healthy", "deadline", "evidence", "counted", "rates", "duplicates", "same",
    }  # fmt: skip
