"""A Serf agent gathers member events, and what cancels out is never told."""

from __future__ import annotations

from collections.abc import Sequence

from inspector_lab.liveness.stream import Stream
from inspector_lab.simulated.timeline import Timeline

Told = list[tuple[float, str, tuple[int, ...]]]


def told_of(events: Sequence[tuple[float, str, int]]) -> Told:
    """What is told of (when, kind, host)."""
    timeline, told = Timeline(), Told()
    stream = Stream(timeline, lambda kind, hosts: told.append((round(timeline.now, 3), kind, tuple(hosts))))
    for at, kind, host in events:
        timeline.at(at, stream.put, kind, host)
    timeline.run_until(60.0)
    return told


def test_one_event_waits_for_a_second_of_quiet() -> None:
    assert told_of([(2.0, "failed", 7)]) == [(3.0, "failed", (7,))]


def test_many_events_wait_for_three_seconds_at_most() -> None:
    events = [(0.5 * step, "failed", step) for step in range(8)]
    assert told_of(events) == [(3.0, "failed", (0, 1, 2, 3, 4, 5, 6)), (4.5, "failed", (7,))]


def test_events_of_one_kind_come_together() -> None:
    events = [(0.0, "failed", 1), (0.1, "join", 2), (0.2, "failed", 3)]
    assert told_of(events) == [(1.2, "failed", (1, 3)), (1.2, "join", (2,))]


def test_what_is_taken_back_in_time_is_not_told_twice() -> None:
    """A member that was told as alive, fails and refutes it: the last word is the same as the last one told."""
    events = [(0.0, "join", 1), (5.0, "failed", 1), (5.5, "join", 1)]
    assert told_of(events) == [(1.0, "join", (1,))]
