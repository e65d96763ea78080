"""What Serf swallows with only a line in its log."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import trio

from inspector_agent.ring import connect
from inspector_coord.entry_log import EntryLog, overwritten, swallowed
from tests.support.serf import serf_ring, until

LATE = "2026/11/21 09:00:09 [WARN] serf: reply for non-running query (LTime: 12, ID: 345) From: n003"


def test_late_answers_and_full_channels_are_recognised() -> None:
    """By Serf's own words; a late answer to a query from before the sweep is not of this sweep."""
    assert swallowed(LATE, since=12) == "late"
    assert swallowed(LATE, since=13) is None
    assert swallowed("2026/11/21 09:00:09 [WARN] serf: Failed to deliver query response, dropping", since=0) == "entry"
    full = "2026/11/21 09:00:09 [WARN] memberlist: handler queue full, dropping message (8) from=127.0.0.1:7946"
    assert swallowed(full, since=0) == "entry"
    assert swallowed("2026/11/21 09:00:09 [INFO] serf: EventMemberJoin: n003 127.0.0.1", since=0) is None
    assert swallowed("[WARN] serf: reply for non-running query (LTime: x", since=0) is None


MISMATCH = "2026/11/21 09:00:09 [WARN] serf: query reply ID mismatch (Local: 12, Response: 345)"


def test_an_answer_to_an_overwritten_question_is_recognised() -> None:
    """By the id of the question that it answers, which is not the one that Serf still knows."""
    assert overwritten(MISMATCH) == 345
    assert swallowed(MISMATCH, since=0) is None
    assert overwritten(LATE) is None


async def test_each_overwritten_question_is_said_once() -> None:
    """All nodes answer it, and not one of these answers is news."""
    log, said = EntryLog(), Counter[str]()
    log.note(MISMATCH)
    log.count(said, 0, lambda: said.update(["collided"]))
    for line in (MISMATCH, LATE, MISMATCH, MISMATCH.replace("345", "346")):
        log.note(line)
    assert said == {"collided": 2, "late": 1}


async def test_a_log_is_followed_and_never_costs_a_sweep(tmp_path: Path) -> None:
    """It ends with the Serf agent, and says so; nothing is raised."""
    async with serf_ring(1) as ring, connect(ring[0].rpc) as client, trio.open_nursery() as nursery:
        log = EntryLog()
        dropped: Counter[str] = Counter()
        await nursery.start(log.follow, client)
        log.count(dropped, 0, lambda: None)
        await ring[0].kill()

        async def has_ended() -> bool:
            return bool(log.problem)

        await until(has_ended, what="the end of the log")
    assert "was not counted to the end" in log.problem
    assert not dropped
