"""The rounds of a sweep, on paper: who is asked when, and what each behaviour ends in."""

from __future__ import annotations

from itertools import pairwise

import pytest

from inspector_agent.wire import decode_question
from inspector_coord import limits
from inspector_coord.ledger import DROPPED
from inspector_coord.patience import timing
from tests.support.paper_ring import Paper, PaperRing


def ring_of(count: int, *special: Paper, **settings: object) -> PaperRing:
    """Healthy nodes n000 …, some of them replaced."""
    nodes = {f"n{index:03}": Paper(f"n{index:03}") for index in range(count)}
    nodes |= {paper.name: paper for paper in special}
    return PaperRing(list(nodes.values()), **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [1, 5, 50])
def test_a_healthy_ring_is_asked_once_and_closes_with_the_last_answer(count: int) -> None:
    """One question, everybody in its round, nothing dropped; no timer holds up a complete ledger."""
    ring = ring_of(count)
    assert set(ring.run().values()) == {"pass"}
    last = max(node.answered_s for node in ring.ledger if node.answered_s is not None)
    assert ring.now == last
    assert len(ring.asks) == 1
    assert {(node.asked, node.round) for node in ring.ledger} == {(1, 0)}
    assert ring.ledger.dropped == dict.fromkeys(DROPPED, 0)


def test_the_first_question_asks_everybody_without_acks() -> None:
    """Acks of all at once would drown the answers; Serf filters nobody, so no filter is sent."""
    ring = ring_of(5)
    ring.run()
    ask = ring.asks[0][1]
    assert (ask.names, ask.ack, ask.relay) == ((), False, 0)
    question = decode_question(ask.payload)
    assert (question.round, question.answer_within_ms, question.items) == (0, 5000, ())


@pytest.mark.parametrize(
    ("kind", "state", "evidence"),
    [
        ("healthy", "pass", ""),
        ("failing", "fail", ""),
        ("na", "uncovered", "all 4 items do not apply there"),
        ("busy", "error", "it is busy"),
        ("clock", "error", "its clock"),
        ("stale", "stale", "for release 12"),
        ("stalled", "stalled", "acked at"),
        ("silent", "silent", "neither ack nor verdict by"),
        ("dead", "down", "membership said failed from the start"),
        ("leaver", "left", "left the ring while the sweep ran"),
        ("forgotten", "silent", "neither ack nor verdict by"),
        ("garbage", "stalled", "answers that cannot be read"),
        ("forger", "stalled", "acked at"),
    ],
)
def test_every_behaviour_ends_in_its_state_with_evidence(kind: str, state: str, evidence: str) -> None:
    """One odd node among twenty: its state, and the sentence that says why; the others pass."""
    ring = ring_of(20, Paper("n007", kind))
    states = ring.run()
    assert states.pop("n007") == state
    assert set(states.values()) == {"pass"}
    assert evidence in ring.ledger.nodes["main", "n007"].evidence
    assert ring.now < 5.5


def test_what_is_no_answer_is_counted_each_time() -> None:
    """One garbage and one forged answer to each question, and a question for each of the least that are asked."""
    ring = ring_of(20, Paper("n003", "garbage"), Paper("n004", "forger"), seed=1)  # they hear in time
    ring.run()
    asked = 1 + limits.reasks_min
    assert [ring.ledger.nodes["main", name].asked for name in ("n003", "n004")] == [asked, asked]
    assert ring.ledger.dropped == dict.fromkeys(DROPPED, 0) | {"malformed": asked, "forged": asked}


def test_missing_nodes_are_asked_again_by_name_with_acks_and_relays() -> None:
    """Only a question that Serf itself filters asks for acks; they are the evidence for stalled."""
    ring = ring_of(20, Paper("n003", "stalled"), Paper("n004", "silent"))
    ring.run()
    again = [ask for _, ask in ring.asks[1:]]
    assert again
    assert all(set(ask.names) <= {"n003", "n004"} and ask.ack and ask.relay == limits.relay_factor for ask in again)
    assert len(again) == limits.reasks_min


def test_the_tail_is_found_on_the_curve_not_by_a_clock() -> None:
    """A ring whose checks take longer is asked again later: quiet is what the arrivals say."""
    quick = ring_of(20, Paper("n003", "silent"))
    slow = PaperRing([Paper(f"n{i:03}", "silent" if i == 3 else "healthy", took_s=1.0 + i / 20) for i in range(20)])
    quick.run()
    slow.run()
    assert quick.asks[1][0] < 1.6
    # of the slow ring only the missing one may be asked by name before the others are through
    assert slow.asks[-1][0] > quick.asks[-1][0] + 0.5


def test_a_slow_check_is_waited_for() -> None:
    """A node that answers incomplete is asked again with much of the time that is left; its whole verdict counts."""
    ring = ring_of(10, Paper("n002", took_s=4.0))
    assert ring.run()["n002"] == "pass"
    assert 4.0 < ring.now < 4.5
    patient = [decode_question(ask.payload).answer_within_ms for _, ask in ring.asks[1:]]
    assert len(patient) <= 3
    assert max(patient) > 3000
    assert ring.ledger.nodes["main", "n002"].answer.incomplete is False  # type: ignore[union-attr]


def test_a_check_slower_than_the_sweep_is_an_error_not_a_pass() -> None:
    """What was not looked at by the deadline is never a pass."""
    ring = ring_of(10, Paper("n002", took_s=60.0), timeout_s=3.0)
    assert ring.run()["n002"] == "error"
    assert "others were still being checked" in ring.ledger.nodes["main", "n002"].evidence
    assert ring.now <= 3.0


def test_slow_checks_everywhere_are_no_silence() -> None:
    """Nobody answers for seconds, then everybody does: all pass."""
    ring = PaperRing([Paper(f"n{index:03}", took_s=3.0) for index in range(30)])
    assert set(ring.run().values()) == {"pass"}


def test_a_node_that_comes_back_is_asked() -> None:
    """Failed at the start, alive when membership is read again: it gets its question."""
    ring = ring_of(10, Paper("n004", "back", up_s=1.0), Paper("n005", "silent"))
    assert ring.run()["n004"] == "pass"


def test_an_ack_shortens_the_wait() -> None:
    """A node whose Serf agent has heard the last question is given up when its own time is over, not the ring's."""
    ring = ring_of(20, Paper("n003", "stalled"))
    ring.run()
    given_s = timing(20, 20, 10.0).hear_s + limits.probe_within_s + limits.answer_slack_s
    assert ring.now - ring.asks[-1][0] < given_s - 0.05


def test_when_most_are_stopped_they_are_asked_before_their_time_is_over() -> None:
    """Too few arrivals to tell a tail: the missing are asked for what they have, and the stopped ones found out."""
    ring = PaperRing([Paper(f"n{index:03}", "stalled" if index % 4 else "healthy") for index in range(40)])
    states = ring.run()
    assert sum(state == "stalled" for state in states.values()) == 30
    assert ring.now < limits.answer_within_s


def test_an_answer_under_a_foreign_name_is_a_stranger() -> None:
    """It is counted, and makes no line in the ledger."""
    ring = ring_of(3, Paper("n001", took_s=1.0))
    ring.by_name["stranger"] = Paper("stranger")
    ring.nodes = [*ring.nodes, ring.by_name["stranger"]]
    assert set(ring.run()) == {"n000", "n001", "n002"}
    assert ring.ledger.dropped["stranger"] == 1


def test_nothing_is_asked_where_nobody_is_alive() -> None:
    """All members failed: the ledger closes at once, with everybody down."""
    ring = PaperRing([Paper(f"n{index}", "dead") for index in range(3)])
    assert set(ring.run().values()) == {"down"}
    assert ring.asks == []


def test_a_mute_entry_is_named_and_another_one_used() -> None:
    """Nobody but the entry's own node hears it: that is said, and the next entry asks everybody."""
    ring = ring_of(20, entries=2, deaf=frozenset({0}))
    states = ring.run()
    assert set(states.values()) == {"pass"}
    assert any("entry entry-0 is not heard: only its own node is" in note for note in ring.rounds.notes)
    assert any(ask.hearing for _, ask in ring.asks)


def test_a_big_ring_is_asked_again_as_a_whole_through_another_entry() -> None:
    """More nodes than can be asked by name: a mute entry, or one that hangs up, costs one more question to all."""
    for settings, latest in (({"deaf": frozenset({0})}, 5.0), ({"cut_at": {0: 0.5}}, 0.6)):
        ring = PaperRing([Paper(f"n{index:04}", took_s=0.8) for index in range(1000)], entries=2, **settings)
        assert set(ring.run().values()) == {"pass"}
        again = [(at, ask.entry) for at, ask in ring.asks[1:] if not ask.names]
        assert [entry for _, entry in again] == [1]
        assert again[0][0] < latest


def test_a_mute_entry_without_another_closes_by_the_deadline() -> None:
    """Its own node passes, the others are silent, and the note says whom to look at."""
    ring = ring_of(10, deaf=frozenset({0}))
    states = ring.run()
    assert states.pop("n000") == "pass"
    assert set(states.values()) == {"silent"}
    assert "is not heard" in " ".join(ring.rounds.notes)
    assert ring.now <= 10.0


def test_two_questions_that_collided_are_asked_again_at_once() -> None:
    """The first question's answers went nowhere: the entry's own node, asked by name, had its verdict long before."""
    ring = PaperRing([Paper(f"n{index:03}") for index in range(600)], lost_first=True)
    assert set(ring.run().values()) == {"pass"}
    assert any("did another one start at the same moment? asked again at once" in note for note in ring.rounds.notes)
    assert [(ask.names, ask.hearing) for _, ask in ring.asks] == [((), False), (("n000",), False), ((), False)]
    assert ring.asks[2][0] < 1.0
    assert ring.now < 2.5


def test_a_collision_is_found_where_the_own_node_has_no_agent() -> None:
    """A coordinator's own node is no target: a sample of the others says that verdicts were ready."""
    ring = PaperRing([Paper("n000", "dead"), *(Paper(f"n{index:03}") for index in range(1, 300))], lost_first=True)
    states = ring.run()
    assert states.pop("n000") == "down"
    assert set(states.values()) == {"pass"}
    assert any("asked again at once" in note for note in ring.rounds.notes)


def test_slow_checks_everywhere_are_no_collision() -> None:
    """Nobody answers for seconds: the own node and a sample say that they are checking, and nobody is asked again."""
    ring = PaperRing([Paper(f"n{index:03}", took_s=3.0) for index in range(300)])
    assert set(ring.run().values()) == {"pass"}
    assert ring.rounds.notes == []
    assert [ask for _, ask in ring.asks[1:] if not ask.names] == []


def test_an_entry_that_hangs_up_is_replaced() -> None:
    """The connection ends in mid-sweep: what was asked there is asked through the other entry."""
    nodes = [Paper(f"n{index:03}", took_s=1.0) for index in range(10)]
    ring = PaperRing(nodes, entries=2, cut_at={0: 0.5})
    assert set(ring.run().values()) == {"pass"}
    assert any(note.startswith("entry entry-0 was lost: end of file") for note in ring.rounds.notes)
    assert {ask.entry for _, ask in ring.asks} == {0, 1}


def test_entries_that_are_all_gone_still_close_by_the_deadline() -> None:
    """Nothing can be asked any more: what is known is what the ledger says."""
    ring = ring_of(10, cut_at={0: 0.02})
    states = ring.run()
    assert set(states.values()) <= {"silent", "pass"}
    assert ring.now <= 10.0
    again = [at for at, _ in ring.asks]
    assert all(later - earlier >= limits.entry_retry_s / 2 for earlier, later in pairwise(again[1:]))


def test_a_part_of_the_ring_is_asked_by_name() -> None:
    """Targets that are not everybody: Serf's node filter, acks wanted, as many names a question as fit."""
    ring = PaperRing([Paper(f"node-{index:05}.example.com") for index in range(100)], everybody=False)
    assert set(ring.run().values()) == {"pass"}
    sizes = [len(ask.names) for _, ask in ring.asks]
    assert sum(sizes) == 100
    assert all(0 < size <= limits.filter_names_max for size in sizes)
    for _, ask in ring.asks:
        names = sum(len(name) + 1 for name in ask.names)
        assert names + len(ask.payload) + limits.query_headers_bytes <= limits.query_bytes_max
    short = PaperRing([Paper(f"n{index:03}") for index in range(100)], everybody=False)
    short.run()
    assert [len(ask.names) for _, ask in short.asks] == [64, 36]


def test_a_packet_that_comes_twice_is_one_excuse() -> None:
    """An agent that cannot get the release is asked once more, also where its first answer was doubled on the way."""
    ring = ring_of(3, Paper("n001", "stale"), twice=1.0)
    ring.run()
    assert len(ring.asks) == 2


def test_what_is_said_to_two_questions_on_their_way_is_one_excuse() -> None:
    """A node had a short time in each to get the release: it is asked once more, for longer, not given up."""
    node = Paper("n001", "silent")
    ring = ring_of(3, node)

    def answer(place: int) -> None:
        _, ask = ring.asks[place]
        assert ask.names == ("n001",)
        node.kind, node.newest = "stale", ask.query
        ring._answer(node, ask, 0.0)  # noqa: SLF001

    ring.at(2.0, lambda: answer(1))
    ring.at(2.1, lambda: answer(2))
    ring.run()
    later = [decode_question(ask.payload) for at, ask in ring.asks if at > 2.0 and "n001" in ask.names]
    assert later
    assert later[0].answer_within_ms > 1000 * limits.probe_within_s


def test_a_node_that_has_had_its_chances_gets_no_more_by_answering() -> None:
    """Its excuse comes again and again, as an answer to questions that meant others: it is not asked once more."""
    ring = ring_of(3, Paper("n001", "stale"), Paper("n002", took_s=9.0))

    def answer_the_newest() -> None:
        ring.ask_agent(ring.by_name["n001"], ring.asks[-1][1], ring.now)

    for tenth in range(30, 95):
        ring.at(tenth / 10, answer_the_newest)
    ring.run()
    assert sum("n001" in ask.names for _, ask in ring.asks) == limits.release_retries_max


def test_a_node_that_never_takes_its_time_is_asked_more_and_more_seldom() -> None:
    """It says at once that it is not finished: a minute of that makes no minute of questions each second."""
    ring = ring_of(3, Paper("n001", "hasty"), timeout_s=60.0)
    assert ring.run()["n001"] == "error"
    assert 10 < len(ring.asks) < 30


def test_gossip_is_not_flooded_with_filters() -> None:
    """Hundreds are missing: only a few questions with 64 names each are under way at a time."""
    nodes = [Paper(f"n{index:04}", "silent" if index % 2 else "healthy") for index in range(1200)]
    ring = PaperRing(nodes)
    states = ring.run()
    assert sum(state == "silent" for state in states.values()) == 600
    sizes = [
        (at, sum(len(name) + 1 for name in ask.names) + len(ask.payload) + limits.query_headers_bytes)
        for at, ask in ring.asks[1:]
    ]
    for start, _ in sizes:
        at_once = [size for at, size in sizes if start <= at < start + limits.reask_pace_s - 0.01]
        assert sum(at_once) <= limits.reask_bytes_max
    silent = {node.name for node in ring.ledger if node.state == "silent"}
    assert silent == {name for _, ask in ring.asks for name in ask.names}  # each was asked for an ack, too
    assert ring.now <= 10.0
