"""A silent node is given up only once questions get out of the entry."""

from __future__ import annotations

import pytest

from inspector_coord import limits
from inspector_coord.ledger import Node
from inspector_coord.queueing import Queueing
from inspector_coord.waiting import Wait
from inspector_lab.simulated.many import held
from inspector_lab.simulated.scenarios import named

REASKS = 3


def spent(asked_at: float) -> Wait:
    """A node that was asked as often as it is worth, the last time at `asked_at`."""
    return Wait(Node("main", "n001", "", {}, "alive"), at=asked_at + 1, asks=REASKS, broad=1, asked_at=asked_at)


def test_the_queue_is_looked_at_before_anybody_is_given_up() -> None:
    """One look for all; it is made again where it brings nothing, and an empty queue ends the matter."""
    queueing, wait = Queueing(), spent(0.0)
    assert not queueing.look(1.0)
    assert queueing.sorted([wait], REASKS, 1.0) == ([], [])
    assert queueing.look(1.0)
    assert not queueing.look(1.1)
    assert queueing.look(wait.at)
    assert queueing.seen(0, 1.5) == [wait]
    wait.at = 1.5
    assert queueing.sorted([wait], REASKS, 1.5) == ([], [wait])
    assert not queueing.notes("e1")


def test_nobody_is_given_up_while_questions_wait() -> None:
    """Once they are out, the node is asked from the beginning; it is given up if that brings nothing either."""
    queueing, wait = Queueing(), spent(0.0)
    for at in (1.0, 1.5, 2.0, 2.5):
        queueing.seen(4, at)
        wait.at = at
        assert queueing.sorted([wait], REASKS, at) == ([], [])
        assert wait.at == at + limits.queue_gap_s
    assert "for 1.5 s" in queueing.notes("10.0.0.1:7373")[0]
    assert "not out when time was up" in queueing.notes("10.0.0.1:7373")[0]
    queueing.seen(0, 3.0)
    wait.at = 3.0
    assert queueing.sorted([wait], REASKS, 3.0) == ([wait], [])
    assert (wait.asks, wait.broad) == (0, 0)
    assert "time was up" not in queueing.notes("10.0.0.1:7373")[0]
    wait.asks, wait.asked_at, wait.at = REASKS, 3.0, 4.0
    queueing.seen(0, 4.0)
    assert queueing.sorted([wait], REASKS, 4.0) == ([], [wait])


def test_a_queue_that_cannot_be_read_holds_nobody() -> None:
    """As from an entry that is frozen."""
    queueing, wait = Queueing(), spent(0.0)
    queueing.seen(None, 1.0)
    wait.at = 1.0
    assert queueing.sorted([wait], REASKS, 1.0) == ([], [wait])


def test_the_scenario_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without, a third of a ring whose tags have all just changed is given up, and an oracle says so.

    That the scenario holds with it is among the tests of all scenarios.
    """
    seen = Queueing.seen
    monkeypatch.setattr(Queueing, "seen", lambda self, _, now: seen(self, None, now))
    assert "healthy" in held(named("all-retagged"), again=False)[1]
