"""Membership as an entry sees it, and what happens to members, entries and zones of a simulated ring."""

from __future__ import annotations

import statistics

import pytest

from inspector_coord.signals import EntrySeen, Event, MembersRead, MembersUnread, QueryLost, QueryOver
from inspector_lab.errors import PlanError
from inspector_lab.simulated.profile import profile_named
from tests.support.simulated_ring import Bench


def seen_after(bench: Bench, name: str, status: str, limit_s: float = 120.0, entry: int = 0) -> float:
    """How long until that entry lists a member so."""
    began = bench.timeline.now
    while bench.ring.statuses(entry)[name] != status:
        assert bench.timeline.now - began < limit_s, f"{name} is never {status}"
        bench.run(0.05)
    return bench.timeline.now - began


def read(bench: Bench, entry: int = 0) -> Event:
    """What reading the members brings."""
    events: list[Event] = []
    bench.ring.read_members(entry, events.append)
    bench.run(2.0)
    (event,) = events
    return event


def test_a_quiet_ring_is_whole() -> None:
    """All alive, nothing waiting."""
    bench = Bench(nodes=5)
    event = read(bench)
    assert isinstance(event, MembersRead)
    assert event.statuses == dict.fromkeys(bench.names, "alive")


def test_a_crash_is_found_out_in_the_time_that_was_measured() -> None:
    """60 nodes: seen failed after 8.5-9.1 s; 200 nodes: 12-14 s; with the local profile sooner."""

    def median_s(nodes: int, profile: str) -> float:
        times = []
        for seed in range(15):
            bench = Bench(nodes=nodes, seed=seed, profile=profile_named(profile))
            bench.ring.crash(nodes - 1)
            assert bench.ring.statuses()[bench.names[-1]] == "alive"
            times.append(seen_after(bench, bench.names[-1], "failed"))
        return statistics.median(times)

    sixty, two_hundred = median_s(60, "lan"), median_s(200, "lan")
    assert 8.0 < sixty < 11.0
    assert 10.5 < two_hundred < 14.5
    assert median_s(60, "local") < sixty


def test_in_a_tiny_ring_no_witnesses_are_waited_for() -> None:
    """suspectNode: with fewer members than confirmations wanted, the shortest time is given: four probe intervals."""
    bench = Bench(nodes=3, entries=1)
    bench.ring.crash(2)
    assert 4.0 < seen_after(bench, "n002", "failed") < 15.0


def test_a_restart_before_anybody_noticed_is_no_failure() -> None:
    """And one after is alive again within seconds."""
    bench = Bench(nodes=40)
    bench.ring.crash(20)
    bench.run(2.0)
    bench.ring.restart(20)
    bench.run(60.0)
    assert bench.ring.statuses()["n020"] == "alive"
    bench.ring.crash(20)
    seen_after(bench, "n020", "failed")
    bench.ring.restart(20)
    assert seen_after(bench, "n020", "alive") < 3.0


def test_who_leaves_is_leaving_then_left_and_answers_until_it_is_gone() -> None:
    """Nobody calls it failed."""
    bench = Bench(nodes=40)
    bench.ring.leave(20)
    bench.ask(1)
    assert seen_after(bench, "n020", "leaving") < 1.5
    assert seen_after(bench, "n020", "left") < 3.0
    assert "n020" in bench.answered()
    bench.run(3.0)
    bench.ask(2)
    bench.run(60.0)
    assert sorted(set(bench.names) - set(bench.answered(2))) == ["n020"]
    assert bench.ring.statuses()["n020"] == "left"


def test_who_stands_still_answers_when_it_runs_on() -> None:
    """It is found out like a crash; the question waited in its socket."""
    bench = Bench(nodes=40)
    bench.ring.freeze(20)
    bench.ask(timeout_s=60.0)
    bench.run(20.0)
    assert bench.ring.statuses()["n020"] == "failed"
    assert "n020" not in bench.answered()
    bench.ring.thaw(20)
    bench.run(3.0)
    assert "n020" in bench.answered()
    assert bench.ring.statuses()["n020"] == "alive"


def test_a_restarted_agent_knows_nothing_of_what_it_was_asked() -> None:
    """Its inspection agent is told that there is no such query; and it may hear the question anew."""
    bench = Bench(nodes=40, answers=None)
    bench.ask()
    bench.run(2.0)
    bench.ring.crash(20)
    bench.ring.restart(20)
    assert not bench.ring.respond(20, bench.heard[0][2], b"late")


def test_who_has_just_joined_hears_and_is_not_heard() -> None:
    """A question asked through it stays with its own node, and shows in the queue of its stats."""
    bench = Bench(nodes=1_000)
    bench.ring.join_fresh(0)
    bench.ask(1, ack=True)
    bench.ask(2, entry=1, ack=True)
    bench.run(3.0)
    assert bench.acked(1) == ["n000"]
    assert len(bench.acked(2)) == 1_000
    looked: list[Event] = []
    bench.ring.look_at_entry(0, looked.append)
    bench.ring.look_at_entry(1, looked.append)
    bench.run(1.0)
    assert looked[0] == EntrySeen(0, 2)  # its own question, and the other's, which it is to pass on
    assert isinstance(looked[1], EntrySeen)
    assert (looked[1].query_queue or 0) <= 1


def test_a_burst_of_retags_puts_questions_off() -> None:
    """Measured: 60 nodes retagged, asked 0.6 s later: last ack after 1.9-3.8 s instead of 0.5."""
    bench = Bench(nodes=60)
    bench.ring.retag(range(60), {"zone": "a", "rack": "b1", "purpose": "practice fleet"})
    bench.run(0.6)
    bench.ask(ack=True)
    bench.run(1.0)
    assert len(bench.acked()) < 30
    bench.run(4.0)
    assert len(bench.acked()) == 60


def test_more_churn_than_fits_is_refused() -> None:
    """In a sentence that says what to do."""
    bench = Bench(nodes=600)
    with pytest.raises(PlanError, match=r"600 of 600 members .* smaller ring"):
        bench.ring.retag(range(600))


def test_an_entry_that_crashes_loses_its_questions() -> None:
    """And refuses the next ones, until it is back: mute, as it has just joined."""
    bench = Bench(nodes=40)
    bench.ask(1)
    bench.run(0.1)
    bench.ring.crash(0)
    bench.ask(2)
    bench.run(1.0)
    assert [type(event) for event in bench.got(QueryLost, 1) + bench.got(QueryLost, 2)] == [QueryLost, QueryLost]
    assert isinstance(read(bench), MembersUnread)
    bench.run(4.0)
    assert bench.got(QueryOver) == []
    bench.ring.restart(0)
    bench.ask(3)
    bench.run(5.0)
    assert "n000" in bench.answered(3)
    assert isinstance(read(bench), MembersRead)


def test_an_entry_whose_rpc_hangs_up_lives_on_in_the_ring() -> None:
    """Questions through another one reach it all the same."""
    bench = Bench(nodes=40)
    bench.ask(1)
    bench.run(0.1)
    bench.ring.entry_down(0)
    bench.ask(2)
    bench.ask(3, entry=1)
    bench.run(5.0)
    assert len(bench.got(QueryLost, 1)) == len(bench.got(QueryLost, 2)) == 1
    assert sorted(bench.answered(3)) == bench.names
    bench.ring.entry_up(0)
    bench.ask(4)
    bench.run(5.0)
    assert sorted(bench.answered(4)) == bench.names


def test_an_entry_that_stands_still_gives_no_answer_and_ends_its_questions_later() -> None:
    """What its socket could hold is told when it runs on."""
    bench = Bench(nodes=40)
    bench.ask(1, timeout_s=20.0)
    bench.ask(2, timeout_s=1.0)
    bench.run(0.2)
    bench.ring.freeze(0)
    told = len(bench.answered(1))
    bench.ask(3)
    bench.run(4.0)
    assert len(bench.answered(1)) == told
    assert len(bench.got(QueryLost, 3)) == 1
    assert bench.got(QueryOver, 2) == []
    assert isinstance(read(bench), MembersUnread)
    bench.ring.thaw(0)
    bench.run(1.0)
    assert sorted(bench.answered(1)) == bench.names
    assert len(bench.got(QueryOver, 2)) == 1


def test_a_zone_cut_off_is_failed_to_the_others_and_sees_nobody_fail() -> None:
    """Measured: within 16 s; the cut zone, doubting itself, lists all as alive 90 s later; healed in 3 s."""
    bench = Bench(nodes=60, entries=2)  # entry 0 is in zone a, entry 1 in b
    bench.ring.cut("b")
    bench.run(30.0)
    zone_b = bench.names[1::3]
    assert {name for name, status in bench.ring.statuses(0).items() if status == "failed"} == set(zone_b)
    assert set(bench.ring.statuses(1).values()) == {"alive"}
    bench.ask(1)
    bench.ask(2, entry=1)
    bench.run(3.0)
    assert set(bench.answered(1)) == set(bench.names) - set(zone_b)
    assert set(bench.answered(2)) <= set(zone_b)  # two of three packets go to the other side: some may hear none
    assert len(bench.answered(2)) > 10
    bench.ring.heal("b")
    bench.run(6.0)
    assert set(bench.ring.statuses(0).values()) == {"alive"}


def test_a_zone_that_hears_and_cannot_send_sees_itself_failed() -> None:
    """Cut one way: everyone, that zone included, has it as failed; healing takes half a minute."""
    bench = Bench(nodes=60, entries=2)
    bench.ring.cut("b", hears=True)
    bench.run(30.0)
    for entry in (0, 1):
        failed = {name for name, status in bench.ring.statuses(entry).items() if status == "failed"}
        assert failed >= set(bench.names[4::3])
    bench.ring.heal("b")
    bench.run(10.0)
    assert "failed" in bench.ring.statuses(0).values()
    bench.run(30.0)
    assert set(bench.ring.statuses(0).values()) == {"alive"}
