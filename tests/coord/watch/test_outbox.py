"""What one Alertmanager is told, and when, in a time that the test makes."""

from __future__ import annotations

import pytest

from inspector_coord.watch import limits
from inspector_coord.watch.alerts import Alert, Labels
from inspector_coord.watch.conclusions import Kind
from inspector_coord.watch.outbox import Outbox

KEY: Labels = (("alertname", "NodeDown"), ("node", "n001"))
RESEND_S = 60.0


def alert(text: str = "", key: Labels = KEY) -> Alert:
    return Alert("main", Kind.DOWN, key, {"evidence": text}, 0.0)


def take(box: Outbox, now: float) -> list[tuple[float | None, bool]]:
    """Everything due is told; when each was over, and whether it was told before."""
    pushes = box.due(now)
    box.sent(pushes, now)
    return [(push.ended, push.again) for push in pushes]


def test_new_at_once_again_while_it_stands_and_its_end_after_a_while() -> None:
    """The end tells when it was over, and not when that was told."""
    box = Outbox(RESEND_S)
    box.put({KEY: alert()}, 0.0, 1_000.0)
    assert take(box, 0.0) == [(None, False)]
    assert take(box, RESEND_S - 1) == []
    assert box.next_at == RESEND_S
    assert take(box, RESEND_S) == [(None, True)]
    box.put({KEY: None}, 70.0, 1_070.0)
    assert take(box, 70.0 + limits.resolve_after_s - 0.1) == []
    assert take(box, 70.0 + limits.resolve_after_s) == [(1_070.0, False)]
    assert len(box) == 0


def test_only_the_newest_state_is_kept_and_what_changes_under_way_is_told() -> None:
    """A push that was under way while it changed does not count for the new state."""
    box = Outbox(RESEND_S)
    box.put({KEY: alert("a")}, 0.0, 0.0)
    pushes = box.due(0.0)
    box.put({KEY: alert("b")}, 1.0, 1.0)
    box.put({KEY: alert("c")}, 2.0, 2.0)
    box.sent(pushes, 3.0)
    assert [push.alert.annotations["evidence"] for push in box.due(3.0)] == ["c"]


def test_who_is_ill_again_was_never_well() -> None:
    """No end is told."""
    box = Outbox(RESEND_S)
    box.put({KEY: alert()}, 0.0, 0.0)
    take(box, 0.0)
    box.put({KEY: None}, 1.0, 1.0)
    box.put({KEY: alert("again")}, 2.0, 2.0)
    assert take(box, 2.0) == [(None, False)]
    assert take(box, 50.0) == []


def test_what_lapsed_by_itself_is_forgotten() -> None:
    """An Alertmanager that is away for long costs nothing."""
    box = Outbox(RESEND_S)
    box.put({KEY: alert()}, 0.0, 0.0)
    box.put({KEY: None}, 1.0, 1.0)
    assert box.due(1.0 + limits.resolve_after_s)
    assert box.due(1.0 + limits.resolve_after_s + limits.resends_missed * RESEND_S) == []
    assert len(box) == 0


def test_requests_and_memory_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest due go first; what has no room is counted."""
    monkeypatch.setattr(limits, "alerts_max", 100)
    box = Outbox(RESEND_S)
    for number in range(101):
        key: Labels = (("node", str(number)),)
        box.put({key: alert(key=key)}, float(number), 0.0)
    assert (len(box), box.dropped) == (100, 1)
    first = box.due(200.0)
    assert [push.alert.labels[0][1] for push in first] == [str(number) for number in range(limits.push_alerts_max)]
    box.sent(first, 200.0)
    assert len(box.due(200.0)) == 100 - limits.push_alerts_max


def test_what_was_taken_over_is_told_when_it_is_put_or_over() -> None:
    """Not before: nobody knows yet whether it still stands."""
    box = Outbox(RESEND_S)
    other: Labels = (("alertname", "NodeDown"), ("node", "n002"))
    box.hold({KEY: alert(), other: alert(key=other)})
    assert take(box, 1_000.0) == []
    box.put({KEY: None}, 1_000.0, 2_000.0)
    assert take(box, 1_000.0 + limits.resolve_after_s) == [(2_000.0, False)]
    box.put({other: alert(key=other)}, 2_000.0, 3_000.0)
    assert take(box, 2_000.0) == [(None, False)]
