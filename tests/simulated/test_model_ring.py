"""A simulated ring as coordinator and agents see it: questions, acks, answers, relays, filters, time, collisions."""

from __future__ import annotations

from collections import Counter

import pytest

from inspector_coord.signals import Acked, Answered, Ask, Phantom, QueryLost, QueryOver
from inspector_lab.simulated.network import Network
from tests.support.simulated_ring import Bench


def test_everybody_is_asked_acknowledges_and_answers_once() -> None:
    """In a quiet ring, and Serf closes the question at its own time."""
    bench = Bench()
    bench.ask(ack=True, timeout_s=3.0)
    bench.run(4.0)
    assert sorted(bench.acked()) == sorted(bench.answered()) == bench.names
    assert bench.acked()[0] == "n000"  # the entry itself, at once
    over = [at for at, event in bench.events if isinstance(event, QueryOver)]
    assert over == [pytest.approx(3.0, abs=0.01)]
    answers = [event for event in bench.got(Answered) if isinstance(event, Answered)]
    assert {event.payload for event in answers} == {b"fine"}


def test_acks_come_on_request_only_and_never_before_hearing() -> None:
    """The agent is told at the moment at which Serf acknowledges."""
    bench = Bench()
    bench.ask()
    bench.run(4.0)
    assert bench.acked() == []
    assert len(bench.heard) == 40


def test_a_hearing_test_reaches_no_agent() -> None:
    """Serf acknowledges, the inspection agent is not told."""
    bench = Bench()
    bench.ask(ack=True, hearing=True, names=("n003", "n004"))
    bench.run(4.0)
    assert sorted(bench.acked()) == ["n003", "n004"]
    assert bench.heard == []


def test_filters_let_through_whom_they_name() -> None:
    """By name, by tag, and everybody else passes the question on all the same."""
    bench = Bench(tags={5: {"rack": "b1"}, 6: {"rack": "b10"}, 7: {"rack": "b1", "role": "db"}})
    bench.ask(1, names=("n030", "n031", "stranger"), ack=True)
    bench.run(3.0)
    bench.ask(2, tags={"rack": "b1"}, ack=True)
    bench.run(3.0)
    bench.ask(3, tags={"rack": "b1", "role": "db"}, ack=True)
    bench.run(3.0)
    assert [sorted(bench.answered(number)) for number in (1, 2, 3)] == [["n030", "n031"], ["n005", "n007"], ["n007"]]
    assert [sorted(bench.acked(number)) for number in (1, 2, 3)] == [["n030", "n031"], ["n005", "n007"], ["n007"]]
    bench.ring.retag([9], {"rack": "b1"})
    bench.run(3.0)
    bench.ask(4, tags={"rack": "b1"})
    bench.run(3.0)
    assert sorted(bench.answered(4)) == ["n005", "n007", "n009"]


def test_the_time_to_answer_begins_when_a_member_hears() -> None:
    """Each counts its own; afterwards Serf says that there is no such query."""
    bench = Bench(answers=None)
    bench.ask(timeout_s=1.0)
    bench.run(0.8)
    early, late = bench.heard[0], bench.heard[-1]
    bench.run(1.0 + (early[0] + late[0]) / 2 - bench.timeline.now)
    assert not bench.ring.respond(early[1], early[2], b"late")
    assert bench.ring.respond(late[1], late[2], b"in time")
    assert not bench.ring.respond(late[1], late[2], b"again")
    assert not bench.ring.respond(late[1], 99, b"no such query")
    bench.run(1.0)
    assert bench.answered() == []  # the entry's own time was up before
    assert bench.ring.counted["late"] == 1
    assert bench.ring.counted["refused"] == 2


def test_too_much_is_refused() -> None:
    """Serf's 1,024 bytes: of a question, of an answer; and an answer too big for relay is sent plain *and* refused."""
    bench = Bench(answers=None)
    bench.ask(1, payload=b"?" * 1000)
    bench.ask(2, relay=2)
    bench.run(2.0)
    (lost,) = bench.got(QueryLost)
    assert isinstance(lost, QueryLost)
    assert "1024" in lost.reason
    number = bench.heard[0][2]
    assert not bench.ring.respond(1, number, bytes(974))
    assert not bench.ring.respond(2, number, bytes(930))
    assert bench.ring.respond(3, number, bytes(900))
    bench.run(1.0)
    assert sorted(bench.answered(2)) == ["n002", "n003"]


def test_a_relayed_answer_survives_where_the_straight_one_is_lost() -> None:
    """Through two others, each packet lost on its own; what comes more than once is told once."""

    def lost(relay: int) -> int:
        missing = 0
        for seed in range(10):
            bench = Bench(seed=seed, network=Network(loss=0.2))
            bench.ask(relay=relay)
            bench.run(5.0)
            assert len(set(bench.answered())) == len(bench.answered())
            missing += 40 - len(bench.answered())
            assert (bench.ring.counted["relayed"] > 0) == (relay > 0)
        return missing

    assert lost(2) < lost(0) / 3


def test_duplicates_are_told_once() -> None:
    """Serf keeps the names it has heard from."""
    bench = Bench(network=Network(duplicate=1.0))
    bench.ask(ack=True)
    bench.run(5.0)
    assert sorted(bench.answered()) == sorted(bench.acked()) == bench.names
    assert bench.ring.counted["duplicated"] == bench.ring.counted["repeated"] == 80


def test_questions_of_one_client_start_one_after_the_other_and_are_answered() -> None:
    """As the coordinator's shell does it. Ten of one length wait in line, and may displace each other now and then."""
    bench = Bench()
    for number in range(1, 11):
        bench.ask(number)
    bench.run(6.0)
    assert all(len(bench.answered(number)) >= 36 for number in range(1, 11))
    assert bench.ring.counted["collided"] == 0


def test_questions_of_two_clients_that_start_together_overwrite_each_other() -> None:
    """One gets nothing at all, not even its own node's answer; with the loser's end the winner's is over too."""
    bench = Bench()
    lines: dict[int, list[object]] = {1: [], 2: []}
    for client, timeout_s in ((1, 0.2), (2, 5.0)):
        ask = Ask(query=1, entry=0, payload=b"?", names=(), ack=True, relay=0, timeout_s=timeout_s)
        bench.ring.ask(ask, lines[client].append, client)
    bench.run(6.0)
    told = {client: [event for event in line if isinstance(event, Acked | Answered)] for client, line in lines.items()}
    assert told[1] == []
    assert 0 < len(told[2]) < 80
    counted = bench.ring.counted
    assert counted["collided"] == 1
    assert counted["mismatched"] > 0
    assert counted["late"] > 0


def test_other_moments_and_other_entries_do_not_collide() -> None:
    """A millisecond apart is enough, and so are two entries."""
    bench = Bench()
    bench.ask(1, client=1)
    bench.run(0.001)
    bench.ask(2, client=2)
    bench.ask(3, client=3, entry=1)
    bench.run(6.0)
    assert all(sorted(bench.answered(number)) == bench.names for number in (1, 2, 3))


def test_the_end_of_a_question_may_bring_records_of_nobody() -> None:
    """Now and then, as Serf's two timers happen to fire; who has hung up hears none, and not the end either."""
    phantoms = []
    for seed in range(40):
        bench = Bench(nodes=5, seed=seed)
        bench.ask(1, timeout_s=1.0)
        bench.ask(2, timeout_s=1.0)
        bench.run(0.9)
        bench.ring.stop(2)
        bench.run(1.0)
        phantoms.append(len(bench.got(Phantom)))
        assert len(bench.got(QueryOver)) == 1
        assert bench.got(Phantom, 2) == bench.got(QueryOver, 2) == []
    assert 0 < sum(count > 0 for count in phantoms) < 40


def test_after_hanging_up_answers_are_counted_and_not_told() -> None:
    """The query itself goes on in the ring."""
    bench = Bench()
    bench.ask()
    bench.run(0.25)
    heard = len(bench.answered())
    bench.ring.stop(1)
    bench.run(5.0)
    assert 0 < len(bench.answered()) == heard < 40
    assert bench.ring.counted["unheeded"] == 40 - heard


def test_a_forged_answer_comes_under_the_name_it_claims() -> None:
    """Serf does not know who sent a packet."""
    bench = Bench(answers=None)
    bench.ask()
    bench.run(2.0)
    bench.ring.forge(3, bench.heard[0][2], "n007", b"lies")
    bench.ring.respond(7, bench.heard[0][2], b"truth")
    bench.run(1.0)
    assert [(event.name, event.payload) for _, event in bench.events if isinstance(event, Answered)] == [
        ("n007", b"lies")
    ]
    assert bench.ring.counted["repeated"] == 1


@pytest.mark.parametrize("seed", range(6))
def test_every_packet_is_accounted_for(seed: int) -> None:
    """Sent and doubled = delivered, lost, dropped, or still on the way: at any moment, and in the end none is."""
    network = Network(loss=0.1, duplicate=0.2, reorder=0.2, reorder_s=0.5)
    bench = Bench(nodes=60, seed=seed, network=network, socket_bytes=2_000)
    for number in range(1, 4):
        bench.ask(number, ack=True, relay=number)
    bench.run(0.2)
    bench.ring.crash(9)
    bench.ring.freeze(10)
    for _ in range(20):
        counted = bench.ring.counted
        there = ("delivered", "lost", "overflow_socket", "overflow_handoff", "in_flight")
        assert counted["unicast_packets"] + counted["duplicated"] == sum(counted[what] for what in there)
        bench.run(0.1)
    bench.run(6.0)
    assert bench.ring.counted["in_flight"] == 0
    assert bench.ring.counted["overflow_socket"] > 0


def test_a_flood_overflows_the_entry_and_a_spread_does_not() -> None:
    """Answers of everybody at one moment are more than the socket's buffer and the queue behind it hold."""

    def missing(spread_s: float) -> Counter[str]:
        bench = Bench(nodes=4_000, answers=None)
        bench.ask(timeout_s=10.0)
        bench.run(3.0)
        number = bench.heard[0][2]
        for member in range(4_000):
            at = bench.timeline.now + spread_s * member / 4_000
            bench.timeline.at(at, bench.ring.respond, member, number, bytes(400))
        bench.run(3.0)
        counted = bench.ring.counted
        assert len(bench.answered()) + counted["overflow_socket"] + counted["overflow_handoff"] == 4_000
        return counted

    assert missing(0.0)["overflow_socket"] > 1_000
    calm = missing(0.2)  # 20,000 a second
    assert calm["overflow_socket"] == calm["overflow_handoff"] == 0


def test_the_same_seed_gives_the_same_run() -> None:
    """Events, times and counts; another seed gives others."""

    def played(seed: int) -> tuple[list[object], dict[str, int]]:
        network = Network(loss=0.1, duplicate=0.1, reorder=0.1)
        bench = Bench(nodes=80, seed=seed, network=network)
        bench.ask(1, ack=True, relay=2)
        bench.ring.crash(11)
        bench.run(0.3)
        bench.ring.freeze(12)
        bench.ring.retag([20, 21, 22])
        bench.ask(2, names=tuple(bench.names[30:50]), ack=True)
        bench.run(8.0)
        return list(bench.events), dict(sorted(bench.ring.counted.items()))

    assert played(3) == played(3)
    assert played(3) != played(4)


def test_packets_to_a_crashed_agent_are_lost() -> None:
    """Nobody reads them, nobody relays them."""
    bench = Bench(answers=None)
    bench.ask()
    bench.run(2.0)
    bench.ring.crash(0)
    for member in range(1, 40):
        bench.ring.respond(member, bench.heard[0][2], b"to nobody")
    bench.run(1.0)
    counted = bench.ring.counted
    assert (counted["unicast_packets"], counted["lost"], counted["delivered"]) == (39, 39, 0)
