"""Entries that are mute, backed up, or hit by another question: recognised, told, and worked around; rings at scale."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest

from inspector_agent.wire import Bloom, decode_question
from inspector_coord import limits
from inspector_coord.rounds import RingRounds
from inspector_coord.signals import Answered, Ask, Begin, QueryOver
from tests.support.paper_ring import Paper, PaperRing


def ring_of(count: int, last: str = "healthy", **settings: object) -> PaperRing:
    """Healthy nodes n0000 …, and the kind of the last one."""
    nodes = [Paper(f"n{index:04}", last if index == count - 1 else "healthy") for index in range(count)]
    return PaperRing(nodes, **settings)  # type: ignore[arg-type]


def notes_of(ring: PaperRing) -> str:
    return "\n".join(ring.rounds.notes)


def asked_at(ring: PaperRing, sweep: bytes) -> list[float]:
    """When a sweep of this id asks what."""
    asker = ring.rounds._asker  # noqa: SLF001
    asker._plan = msgspec.structs.replace(asker._plan, sweep=sweep)  # noqa: SLF001
    ring.run()
    return [at for at, _ in ring.asks]


@pytest.mark.parametrize("queue", [(14,), (14, 15), (None, 3)])
def test_an_entry_whose_queue_does_not_drain_is_backed_up(queue: tuple[int | None, ...]) -> None:
    """Its queries wait behind membership messages: said with their number, and the next entry asks everybody."""
    ring = ring_of(20, "silent", entries=2, deaf=frozenset({0}), queue=queue)
    assert set(ring.run().values()) == {"pass", "silent"}
    assert (
        f"entry entry-0 is backed up: {queue[-1]} queries wait in its queue and do not drain "
        "(it has just joined, or membership is churning); asked through entry-1 instead"
    ) in notes_of(ring)


@pytest.mark.parametrize("queue", [(0,), (3, 0), (5, 1), (4, None), (None,)])
def test_an_entry_whose_queue_drains_and_that_nobody_hears_is_mute(queue: tuple[int | None, ...]) -> None:
    """What it sends does not arrive, or nobody can tell: either way the next entry asks."""
    ring = ring_of(20, "silent", entries=2, deaf=frozenset({0}), queue=queue)
    assert set(ring.run().values()) == {"pass", "silent"}
    assert "entry entry-0 is not heard: only its own node is" in notes_of(ring)
    assert "; asked through entry-1 instead" in notes_of(ring)
    assert "backed up" not in notes_of(ring)


@pytest.mark.parametrize("own", ["healthy", "dead"])
def test_a_big_ring_changes_the_entry_as_soon_as_another_one_is_heard(own: str) -> None:
    """A sample asked through the next entry answers: no test needs to be waited for, also without an own agent."""
    nodes = [Paper(f"n{index:04}", own if not index else "healthy") for index in range(1000)]
    ring = PaperRing(nodes, entries=2, deaf=frozenset({0}))
    states = ring.run()
    assert list(states.values()).count("pass") == 999 + (own == "healthy")
    assert "entry entry-0 is not heard" in notes_of(ring)
    assert "; asked through entry-1 instead" in notes_of(ring)
    assert "at the same moment? asked again" not in notes_of(ring)
    assert ring.now < 4.0


def test_an_only_entry_is_asked_again() -> None:
    """There is no other one: that is said, and the question repeated until the deadline."""
    ring = ring_of(10, deaf=frozenset({0}), queue=(9,))
    states = ring.run()
    assert states.pop("n0000") == "pass"
    assert set(states.values()) == {"silent"}
    assert "entry entry-0 is backed up: 9 queries wait" in notes_of(ring)
    assert "; asked again, there is no other entry" in notes_of(ring)
    assert len([ask for _, ask in ring.asks if ask.names and not ask.hearing and len(ask.names) > 1]) > 1


def test_all_entries_backed_up_are_all_named() -> None:
    """Each is tried, and each is named."""
    ring = ring_of(10, entries=3, deaf=frozenset({0, 1, 2}), queue=(4,), timeout_s=20.0)
    ring.run()
    assert all(f"entry entry-{index} is backed up" in notes_of(ring) for index in range(3))


def test_an_entry_that_was_lost_is_not_called_mute() -> None:
    """It hung up before anybody could hear it."""
    ring = ring_of(20, entries=2, cut_at={0: 0.05})
    assert set(ring.run().values()) == {"pass"}
    assert [note for note in ring.rounds.notes if "entry-0" in note] == ["entry entry-0 was lost: end of file"]


def test_a_collision_costs_no_round() -> None:
    """The own node's verdict was ready: everybody is asked again within a second, and answers from memory."""
    ring = ring_of(2000, lost_first=True)
    assert set(ring.run().values()) == {"pass"}
    assert ring.now < 2.6
    assert "asked again at once" in notes_of(ring)


def test_an_answer_after_the_end_of_its_question_keeps_its_round() -> None:
    """Serf has ended the question, its record comes nevertheless: it is one of the first round, not of the newest."""
    ring = ring_of(3)
    rounds: RingRounds = ring.rounds
    ask = next(effect for effect in rounds.handle(Begin(), 0.0) if isinstance(effect, Ask))
    rounds.handle(QueryOver(ask.query), 7.0)
    heard: list[Answered] = []
    ring._ask(ask)  # noqa: SLF001
    while ring._heap:  # noqa: SLF001
        ring.now, _, what = ring._heap.pop(0)  # noqa: SLF001
        if callable(what):
            what()
        elif isinstance(what, Answered):
            heard.append(what)
    rounds.handle(heard[0], 7.5)
    assert ring.ledger.nodes["main", heard[0].name].round == 0


@pytest.mark.parametrize(("loss", "latest"), [(0.0, 1.8), (0.05, 3.2)])
def test_five_thousand_are_complete_soon(loss: float, latest: float) -> None:
    """In simulated time; the missing are named by filters, before the tail has quite ended."""
    ring = ring_of(5000, loss=loss)
    assert set(ring.run().values()) == {"pass"}
    assert ring.now < latest
    assert len(ring.asks) <= (8 if loss else 2)
    if loss:
        assert isinstance(decode_question(ring.asks[1][1].payload).who, Bloom)
        assert ring.asks[1][0] < 1.5


def test_slow_checks_of_many_cause_no_storm() -> None:
    """A fifth of the fleet takes three seconds: one round by filters leaves them their time, and few names follow."""
    nodes = [Paper(f"n{index:04}", took_s=3.0 if index % 5 == 0 else 0.05) for index in range(2000)]
    ring = PaperRing(nodes)
    assert set(ring.run().values()) == {"pass"}
    broad = [ask for _, ask in ring.asks[1:] if not ask.names]
    assert len(broad) <= 6
    assert ring.ledger.dropped["duplicate"] < 400
    assert ring.now < 4.5


def test_two_coordinators_that_began_together_drift_apart() -> None:
    """Their sweep ids differ, so their questions do not start at the same moments again and again."""
    gaps = []
    for sweep in (b"sweep-00", b"sweep-01"):
        ring = PaperRing([Paper(f"n{index:03}", "silent" if index == 3 else "healthy") for index in range(20)])
        times = asked_at(ring, sweep)[1:]
        gaps.append([later - earlier for earlier, later in pairwise(times)])
    assert all(abs(one - other) > 0.001 for one, other in zip(*gaps, strict=False))
    assert all(limits.reask_gap_s <= gap <= limits.reask_gap_s + limits.reask_lot_s for run in gaps for gap in run)


@pytest.mark.parametrize("collided", [False, True])
def test_two_coordinators_that_nobody_answers_do_not_ask_in_step(collided: bool) -> None:
    """Tests of hearing, a sample, the own node, everybody once more: else they collide each time, and hear nobody."""
    deaf = frozenset[int]() if collided else frozenset({0})
    one, other = (
        asked_at(ring_of(20, lost_first=collided, deaf=deaf, queue=(9,)), sweep) for sweep in (b"sweep-00", b"sweep-01")
    )
    assert len(one) > 2
    assert all(abs(mine - yours) > 0.001 for mine in one[1:] for yours in other[1:])


def test_a_question_is_open_until_the_deadline() -> None:
    """What waits for long in a queue, or at the entry, is still told: asking anew would only make all wait longer."""
    ring = ring_of(20, "silent", loss=0.3)
    ring.run()
    assert len(ring.asks) > limits.reasks_min
    assert all(at + ask.timeout_s >= ring.timeout_s - 1e-9 for at, ask in ring.asks if not ask.hearing)


def test_a_silent_node_is_asked_through_another_entry_each_time() -> None:
    """Also where slow ones are asked in between: a node that only one entry reaches must not be left to the other."""
    nodes = [Paper(f"n{index:03}", took_s=8.0 if index in (5, 6) else 0.05) for index in range(20)]
    nodes[9].kind = "silent"
    ring = PaperRing(nodes, entries=2)
    ring.run()
    through = [ask.entry for _, ask in ring.asks if not ask.names or "n009" in ask.names]
    assert len(through) > limits.reasks_min
    assert all(one != other for one, other in pairwise(through))
