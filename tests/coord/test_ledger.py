"""The ledger: what is booked, what is dropped, and that the sums always add up."""

from __future__ import annotations

import pytest

from inspector_agent.wire import Answer, Counts, Serving
from inspector_coord.ledger import Booking, Ledger, Node
from inspector_coord.verdict import State, state_of

RELEASE = b"release0"


def node(name: str, status: str = "alive") -> Node:
    return Node("main", name, "127.0.0.1", {}, status)


def answer(**fields: object) -> Answer:
    """A verdict on the release asked for."""
    known: dict[str, object] = {"sweep": b"sweep-00", "release": RELEASE, "number": 12, "counts": Counts(4)}
    return Answer(**{**known, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, State.PASS),
        ({"counts": Counts(3, 1, 1), "failing": (1,), "erring": (2,)}, State.FAIL),
        ({"counts": Counts(3, 0, 1), "erring": (2,)}, State.ERROR),
        ({"counts": Counts()}, State.UNCOVERED),
        ({"counts": Counts(na=7)}, State.UNCOVERED),
        ({"counts": Counts(na=7, waived=1)}, State.PASS),
        ({"incomplete": True}, State.ERROR),
        ({"incomplete": True, "counts": Counts(2, 1), "failing": (1,)}, State.FAIL),
        ({"state": Serving.BUSY}, State.ERROR),
        ({"state": Serving.CLOCK}, State.ERROR),
        ({"state": Serving.RELEASE, "release": b"release9"}, State.STALE),
        ({"release": b"release9"}, State.STALE),
    ],
)
def test_the_state_an_answer_means(fields: dict[str, object], state: State) -> None:
    """An error is never a fail, an item that was not looked at never a pass, another release never this one."""
    assert state_of(answer(**fields), RELEASE) is state


def test_every_node_gets_exactly_one_state() -> None:
    """Verdict, else membership, else what was heard; the sums are those of the roster."""
    statuses = ["alive"] * 3 + ["failed", "left", "leaving", "none"]
    nodes = [node(f"n{index}", status) for index, status in enumerate(statuses)]
    ledger = Ledger(nodes, RELEASE)
    ledger.answered(nodes[0], answer(), 0.5, 0)
    ledger.acked(nodes[1], 0.9)
    assert ledger.tally() == {"pass": 1, "down": 1, "left": 2, "waiting": 3}
    sums = ledger.close(6.0)
    assert sums == {State.PASS: 1, State.STALLED: 1, State.SILENT: 2, State.DOWN: 1, State.LEFT: 2}
    assert nodes[1].evidence == "member alive, not asked, acked at 0.9 s, no verdict by 6.0 s"


def test_a_complete_verdict_stays() -> None:
    """What comes after it is a duplicate, whatever it says; nothing is booked twice."""
    one = node("n1")
    ledger = Ledger([one], RELEASE)
    assert ledger.answered(one, answer(), 0.5, 0) is Booking.NEW
    assert ledger.answered(one, answer(counts=Counts(1, 3), failing=(1, 2, 3)), 0.6, 1) is Booking.DUPLICATE
    assert ledger.dropped["duplicate"] == 1
    assert ledger.close(1.0) == {State.PASS: 1}
    assert (one.round, one.answered_s) == (0, 0.5)


def test_a_better_answer_replaces_a_worse_one() -> None:
    """Busy, then another release, then incomplete, then the verdict; never backwards."""
    one = node("n1")
    ledger = Ledger([one], RELEASE)
    steps = [answer(state=Serving.BUSY), answer(release=b"release9"), answer(incomplete=True), answer()]
    for round_number, step in enumerate(steps):
        ledger.answered(one, step, round_number, round_number)
        for worse in steps[:round_number]:
            assert ledger.answered(one, worse, 9.0, 9) is Booking.DUPLICATE
    assert ledger.close(10.0) == {State.PASS: 1}
    assert ledger.tally() == {"pass": 1}


def test_a_verdict_outlives_its_node() -> None:
    """A node that answered and then failed keeps its verdict: it was true when it was given."""
    one = node("n1")
    ledger = Ledger([one], RELEASE)
    ledger.answered(one, answer(), 0.5, 0)
    ledger.membership(one, "failed", 3.0)
    assert ledger.close(4.0) == {State.PASS: 1}


def test_when_a_node_failed_is_told() -> None:
    """From the start, or later; and that it had been heard before."""
    first, later = node("n1", "failed"), node("n2")
    ledger = Ledger([first, later], RELEASE)
    ledger.acked(later, 0.4)
    ledger.membership(later, "failed", 3.2)
    ledger.close(4.0)
    assert first.evidence == "membership said failed from the start"
    assert later.evidence == "membership said failed at 3.2 s, though it acked at 0.4 s"


def test_an_answer_that_cannot_be_read_is_a_sign_of_life() -> None:
    """Without any ack: the node is not silent, its agent gave no verdict."""
    one = node("n1")
    one.malformed = 2
    ledger = Ledger([one], RELEASE)
    assert ledger.close(4.0) == {State.STALLED: 1}
    assert one.evidence == "member alive, not asked, 2 answers that cannot be read, no verdict by 4.0 s"


def test_a_node_that_stands_twice_is_refused() -> None:
    """Two entries for one name would break every sum."""
    with pytest.raises(ValueError, match="twice"):
        Ledger([node("n1"), node("n1")], RELEASE)


def test_the_same_name_in_two_rings_is_two_nodes() -> None:
    """Names are unique within a ring only."""
    ledger = Ledger([node("n1"), Node("other", "n1", "127.0.0.2", {}, "alive")], RELEASE)
    assert len(ledger) == 2
