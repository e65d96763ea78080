"""Each oracle catches a planted mistake in the watcher's cores, and without one all are silent."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from inspector_coord.watch import court, directions, limits, looks
from inspector_coord.watch.asks import Asks
from inspector_coord.watch.conclusions import Action, Finding, Happening, Kind
from inspector_coord.watch.gathering import Gathering
from inspector_coord.watch.incidents import Incident
from inspector_coord.watch.joining import Joining
from inspector_coord.watch.judging import Case, Verdict, judge
from inspector_coord.watch.members import Members
from inspector_coord.watch.membership import Membership
from inspector_coord.watch.model import Ask, Effect, Event, Tell
from inspector_coord.watch.vantages import Vantages
from inspector_coord.watch.watcher import RingWatcher
from inspector_coord.watch.witnesses import choose
from inspector_lab.liveness.many import held
from inspector_lab.liveness.oracles import ORACLES
from inspector_lab.liveness.scenario import Fault, Scenario
from inspector_lab.liveness.scenarios import named

Patch = pytest.MonkeyPatch
Telling = Callable[[Happening], list[Happening]]


def caught(scenario: Scenario, *, again: bool = False) -> set[str]:
    """The oracles that speak up."""
    return set(held(scenario, again=again)[1])


def of(owner: object, word: str) -> Callable[..., Any]:
    """What a mistake is planted around; it may be private."""
    found: Callable[..., Any] = getattr(owner, word)
    return found


def retold(monkeypatch: Patch, change: Telling) -> None:
    """Plant what becomes of each thing that is told."""
    original = RingWatcher.handle

    def handle(self: RingWatcher, event: Event, now: float) -> list[Effect]:
        effects: list[Effect] = []
        for effect in original(self, event, now):
            effects += [Tell(each) for each in change(effect.happening)] if isinstance(effect, Tell) else [effect]
        return effects

    monkeypatch.setattr(RingWatcher, "handle", handle)


@pytest.mark.parametrize(
    "name",
    ["kill", "rack-off-and-back", "zone-cut", "false-alarms", "watcher-in-the-minority", "flapping", "agents-restart"],
)
def test_no_oracle_speaks_without_a_mistake(name: str) -> None:
    assert held(named(name), again=True)[1] == {}


def test_a_watcher_that_believes_serf(monkeypatch: Patch) -> None:
    """Whoever Serf calls failed is called down, whoever reaches it."""
    monkeypatch.setattr(court, "judge", lambda _case: Finding(Kind.DOWN, "Serf says so"))
    assert "innocent" in caught(named("false-alarms"))


def test_witnesses_that_count_by_majority_only(monkeypatch: Patch) -> None:
    """A zone that its own side hears is called down, because most do not reach it."""

    def outvoted(case: Case) -> Finding | Verdict:
        verdict = judge(case)
        cut = isinstance(verdict, Finding) and verdict.kind is Kind.CUT_OFF
        return Finding(Kind.DOWN, "most do not reach it") if cut else verdict

    monkeypatch.setattr(court, "judge", outvoted)
    assert {"innocent", "cuts"} <= caught(named("zone-cut"))


def test_a_minority_that_does_not_know_that_it_is_one(monkeypatch: Patch) -> None:
    """The watcher that is cut off accuses the majority, once its entry lists that as failed."""
    monkeypatch.setattr(Vantages, "majority", lambda *_: True)
    monkeypatch.setattr(Vantages, "isolated", lambda *_: False)
    cut = named("watcher-in-the-minority")
    longer = tuple(msgspec.structs.replace(fault, until_s=400.0) for fault in cut.faults)
    assert "innocent" in caught(msgspec.structs.replace(cut, faults=longer, seconds=600.0, opens_max=-1))


def test_a_judge_who_acquits_everybody(monkeypatch: Patch) -> None:
    """The dead stay alive."""
    monkeypatch.setattr(court, "judge", lambda _case: Verdict.WELL)
    assert "found" in caught(named("kill"))


def test_a_direction_that_is_the_wrong_way_round(monkeypatch: Patch) -> None:
    turned = {"cannot send": "cannot hear", "cannot hear": "cannot send"}
    original = of(directions, "direction_around")
    monkeypatch.setattr(directions, "direction_around", lambda *a: turned.get(original(*a), original(*a)))
    assert caught(named("zone-cannot-send")) == {"cuts"}


def test_a_watcher_that_despairs(monkeypatch: Patch) -> None:
    """A third of the ring is gone, and it calls itself isolated."""
    monkeypatch.setattr(limits, "majority_share", 0.9)
    cut = Fault("cut", domain="zone=c", at_s=200.0, until_s=270.0)
    assert "alone" in caught(Scenario(nodes=100, seed=1, seconds=450.0, faults=(cut,)))


def test_an_isolation_that_never_ends(monkeypatch: Patch) -> None:
    retold(monkeypatch, lambda each: [] if (each.kind, each.action) == (Kind.ISOLATED, Action.CLOSED) else [each])
    assert caught(named("watcher-in-the-minority")) == {"ended"}


def test_incidents_that_nobody_closes(monkeypatch: Patch) -> None:
    """Nodes come back, and their incident stays open."""
    monkeypatch.setattr(Gathering, "returned", lambda *_: None)
    assert "ended" in caught(named("rack-off-and-back"))


def test_a_node_in_two_incidents(monkeypatch: Patch) -> None:
    """All that is told is told under a second number, too."""
    retold(monkeypatch, lambda each: [each, msgspec.structs.replace(each, number=each.number + 1000)])
    assert "once" in caught(msgspec.structs.replace(named("kill"), opens_max=-1))


def test_every_node_an_incident_of_its_own(monkeypatch: Patch) -> None:
    """Nothing converges."""
    monkeypatch.setattr(Incident, "place", lambda *_: None)
    monkeypatch.setattr(Joining, "find", lambda *_: None)
    monkeypatch.setattr(Joining, "older", lambda *_: None)
    assert "bursts" in caught(named("rack-off"))


def test_flapping_that_nobody_counts(monkeypatch: Patch) -> None:
    """Each time that a node goes is an incident."""
    monkeypatch.setattr(limits, "flap_transitions", 10_000)
    assert "bursts" in caught(named("flapping"))


def test_the_same_again_and_again(monkeypatch: Patch) -> None:
    """A change is told forty times."""
    retold(monkeypatch, lambda each: [each] * (40 if each.action is Action.CHANGED else 1))
    assert "bursts" in caught(named("zone-cut"))


@pytest.mark.parametrize(
    "change",
    [
        lambda each: [] if each.action is Action.OPENED else [each],
        lambda each: [each] * (2 if each.action is Action.CLOSED else 1),
        lambda each: [msgspec.structs.replace(each, evidence="")],
        lambda each: [msgspec.structs.replace(each, nodes=each.nodes[::-1])],
        lambda each: [msgspec.structs.replace(each, of=each.of // 2)],
        lambda each: [msgspec.structs.replace(each, kind=Kind.GRAY) if each.action is Action.CLOSED else each],
    ],
)
def test_tellings_that_make_no_sense(monkeypatch: Patch, change: Telling) -> None:
    retold(monkeypatch, change)
    assert "form" in caught(named("rack-off-and-back"))


def test_lists_that_are_never_compared(monkeypatch: Patch) -> None:
    """What a stream has lost stays lost."""
    monkeypatch.setattr(Membership, "read_again", lambda *_: None)
    assert "resumed" in caught(named("overflow"))


def test_members_that_left_and_are_kept(monkeypatch: Patch) -> None:
    monkeypatch.setattr(Members, "remove", lambda *_: None)
    assert "roster" in caught(Scenario(nodes=100, faults=(Fault("leave", (7, 30), at_s=70.0),)))


def test_questions_without_end(monkeypatch: Patch) -> None:
    """Whatever was asked lately, one more may be asked."""
    original = RingWatcher.handle

    def eager(self: RingWatcher, event: Event, now: float) -> list[Effect]:
        return [again for each in original(self, event, now) for again in [each] * (30 if isinstance(each, Ask) else 1)]

    monkeypatch.setattr(RingWatcher, "handle", eager)
    assert "rates" in caught(named("kill"))


@pytest.mark.parametrize(
    "change",
    [{"ack": True}, {"spread_s": 0.0}, {"targets": ("n001",)}],
)
def test_a_roll_call_that_is_a_burden(monkeypatch: Patch, change: dict[str, Any]) -> None:
    """Everybody acks, everybody answers at once, everybody looks."""
    original = Asks.send

    def send(self: Asks, *args: Any, **more: Any) -> Ask:
        ask = original(self, *args, **more)
        return ask if ask.names else msgspec.structs.replace(ask, **change)

    monkeypatch.setattr(Asks, "send", send)
    assert "rates" in caught(Scenario(nodes=1_000, seconds=100.0))


def test_the_same_witnesses_for_everything(monkeypatch: Patch) -> None:
    """Whoever is chosen once is asked about everybody, and has not time for all of that."""
    monkeypatch.setattr(looks, "choose", lambda members, _key, count, _avoid, *_: choose(members, "same", count, ()))
    monkeypatch.setattr(limits, "targets_max", 2)
    assert "rates" in caught(named("kill", 300))


def test_something_that_no_seed_draws(monkeypatch: Patch) -> None:
    """What is told says what changes from run to run."""
    count = itertools.count()
    retold(monkeypatch, lambda each: [msgspec.structs.replace(each, evidence=f"{each.evidence} {next(count)}")])
    assert caught(named("kill"), again=True) == {"same"}


def test_a_watcher_that_never_sleeps(monkeypatch: Patch) -> None:
    """It wants to be woken at once, again and again: that would be a loop without end."""
    original = RingWatcher.handle

    def awake(self: RingWatcher, event: Event, now: float) -> list[Effect]:
        effects = original(self, event, now)
        self.wake_at = now
        return effects

    monkeypatch.setattr(RingWatcher, "handle", awake)
    with pytest.raises(AssertionError, match="again and again"):
        caught(named("kill"))


def test_every_oracle_has_its_mistake_here() -> None:
    """Whoever adds an oracle shows what it catches."""
    assert set(ORACLES) == {
        "innocent", "found", "cuts", "alone", "ended", "once", "bursts", "form", "resumed", "roster", "rates", "same",
    }  # fmt: skip
