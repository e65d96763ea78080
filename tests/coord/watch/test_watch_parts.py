"""The small parts of the watch: what is due, who is a member, who is asked, who flaps, who is gray."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_agent import limits as agent_limits
from inspector_agent.ring import Member
from inspector_agent.witness.encoding import encode_question, question_budget
from inspector_agent.witness.messages import WitnessQuestion
from inspector_coord.watch import limits
from inspector_coord.watch.agenda import NEVER, Agenda
from inspector_coord.watch.asks import Asks, Purpose, fitting
from inspector_coord.watch.flaps import Flaps
from inspector_coord.watch.gray import mark, usual
from inspector_coord.watch.members import Members, Node
from inspector_coord.watch.roster_mirror import RosterMirror
from inspector_coord.watch.settings import Settings
from inspector_coord.watch.witnesses import choose, landmarks, sample, weight
from tests.support.paper_world import fleet, listed


def ring(zones: int = 3, racks: int = 2, each: int = 5) -> Members:
    """A ring whose members are all alive."""
    members = Members(("zone", "rack"), {"role": "appliance"})
    for node in fleet(zones, racks, each):
        members.list_as(members.put(listed(node)), "alive", 0.0)
    return members


# ---- agenda ---------------------------------------------------------------------------------------------------------


def test_a_key_is_due_once_at_its_newest_time() -> None:
    """Put again, put sooner, dropped; and what is put while things are done comes, too."""
    agenda = Agenda()
    agenda.put(("a", 1), 5.0)
    agenda.put(("b", 1), 3.0)
    agenda.put(("a", 1), 2.0)
    agenda.sooner(("b", 1), 9.0)
    agenda.put(("c", 1), 1.0)
    agenda.drop(("c", 1))
    assert agenda.next_at == 2.0
    done = []
    for key in agenda.due(4.0):
        done.append(key)
        if key == ("a", 1):
            agenda.put(("d", 1), 0.0)
    assert done == [("a", 1), ("d", 1), ("b", 1)]
    assert agenda.next_at == NEVER


def test_times_that_no_longer_hold_do_not_pile_up() -> None:
    """A key that is put a thousand times is one entry, more or less."""
    agenda = Agenda()
    for at in range(10_000):
        agenda.put(("a", 1), 10_000.0 - at)
    assert len(agenda._heap) < 200  # noqa: SLF001


# ---- members --------------------------------------------------------------------------------------------------------


def test_members_are_found_by_tag_place_and_address() -> None:
    """With what changes: another tag, another address, failed, gone."""
    members = ring()
    assert (members.of("zone=c"), members.of("rack=b2"), members.of("zone=x")) == (10, 5, 0)
    assert members.groups(0) == ["zone=a", "zone=b", "zone=c"]
    old = members.nodes["n003"]
    members.put(Member("n003", "10.9.9.9", 7946, {"zone": "b", "rack": "b1"}, "alive"))
    assert (members.of("zone=a"), members.of("rack=b1")) == (9, 6)
    members.list_as(old, "failed", 1.0)
    assert (members.failed["zone=b"], members.failed_count) == (1, 1)
    members.put(Member("n900", "10.9.9.9", 7946, {}, "alive"))
    assert members.namesake(old) == ""  # not listed as alive yet
    members.list_as(members.nodes["n900"], "alive", 1.0)
    assert members.namesake(old) == "n900"
    members.remove("n003")
    assert (members.of("rack=b1"), members.failed["zone=b"], members.failed_count, len(members)) == (5, 0, 0, 30)


@given(st.lists(st.tuples(st.integers(0, 11), st.sampled_from(["put", "fail", "off", "retag", "remove"])), max_size=60))
def test_counts_of_members_are_those_of_a_recount(steps: list[tuple[int, str]]) -> None:
    """Whatever comes and goes, in whatever order."""
    members = Members(("zone", "rack"), {})
    nodes = fleet(2, 2, 3)
    for index, what in steps:
        node = nodes[index]
        if what == "retag":
            node.rack = f"{node.zone}{1 + (node.rack[-1] == '1')}"
        if what in ("put", "retag"):
            members.put(listed(node))
        known = members.nodes.get(node.name)
        if known is not None and what == "fail":
            members.list_as(known, "alive" if known.status == "failed" else "failed", 1.0)
        if known is not None and what == "off":
            members.write_off(known, off=not known.written_off)
        if what == "remove":
            members.remove(node.name)
    known_nodes = members.nodes.values()
    tags = Counter(tag for node in known_nodes for tag in node.tags)
    failed = Counter(tag for node in known_nodes if node.status == "failed" for tag in node.tags)
    assert {tag: members.of(tag) for tag in tags} == tags
    assert {tag: members.failed.get(tag, 0) for tag in tags} == {tag: failed[tag] for tag in tags}
    assert members.written_off == sum(node.written_off for node in known_nodes)
    for one in known_nodes:
        rack, zone = members.at_place(one.places[1]), members.at_place(one.places[0])
        wider = sum(not members.nodes[name].written_off for name in zone)
        narrow = sum(not members.nodes[name].written_off for name in rack)
        assert members.narrowest(one) == (1 if wider > narrow else 0)
    assert sorted(members.everyone) == sorted(members.nodes)


# ---- a list and its events ------------------------------------------------------------------------------------------


def test_a_list_that_crosses_an_event_is_read_again() -> None:
    """Which of the two is newer is not known; what an event said a moment ago stays until then."""
    mirror = RosterMirror()
    nodes = fleet(1, 1, 3)
    assert mirror.read([listed(node) for node in nodes], 0.0)
    assert mirror.changed("failed", [listed(nodes[0], "failed")], 10.0) == [(listed(nodes[0], "failed"), "failed")]
    assert not mirror.read([listed(node) for node in nodes], 10.5)
    assert mirror.statuses["n000"] == "failed"
    assert mirror.read([listed(node) for node in nodes], 10.5 + limits.event_fresh_s)
    assert mirror.statuses["n000"] == "alive"
    assert mirror.changed("failed", [listed(nodes[1], "failed")], 20.0)
    assert mirror.changed("failed", [listed(nodes[1], "failed")], 20.1) == []  # told twice is once


def test_since_when_somebody_is_failed_is_known_of_every_entry() -> None:
    """By events and by readings; it may be home later, and Serf's gossip to the failed ends before."""
    mirror = RosterMirror()
    nodes = fleet(1, 1, 4)
    mirror.read([listed(node) for node in nodes], 0.0)
    mirror.changed("failed", [listed(nodes[0], "failed"), listed(nodes[1], "failed")], 10.0)
    failed = [listed(node, "failed") for node in nodes[:3]]
    mirror.read([*failed, listed(nodes[3])], 20.0)
    assert mirror.failed == {"n000": 10.0, "n001": 10.0, "n002": 20.0}
    mirror.changed("join", [listed(nodes[0])], 30.0)
    mirror.changed("reap", [listed(nodes[2])], 30.0)
    assert mirror.failed == {"n001": 10.0}
    late = RosterMirror()
    late.read(failed, 40.0)
    assert set(late.failed.values()) == {-NEVER}  # for how long already, nobody knows


@pytest.mark.parametrize(("what", "status"), [("leave", ""), ("reap", ""), ("failed", "failed"), ("join", "alive")])
def test_events_have_their_statuses(what: str, status: str) -> None:
    """Those that have left, or were forgotten, are no members."""
    mirror = RosterMirror()
    node = fleet(1, 1, 1)[0]
    mirror.changed("join" if what != "join" else "failed", [listed(node)], 0.0)
    assert mirror.changed(what, [listed(node)], 1.0) == [(listed(node), status)]


# ---- who is asked ---------------------------------------------------------------------------------------------------


def test_witnesses_stand_in_all_zones_and_in_different_racks() -> None:
    """Six of them, two a zone, none twice in a rack, never a suspect."""
    members = ring()
    found = choose(members, "look 1", 6, ({"n000", "n015"},))
    places = Counter(members.nodes[name].places for name in found)
    assert (len(found), max(places.values())) == (6, 1)
    assert not {"n000", "n015"} & set(found)


def test_the_same_occasion_chooses_the_same_and_another_one_others() -> None:
    """There is no chance in it, and yet the work is spread."""
    members = ring(3, 4, 20)
    first = choose(members, "look 1", 6, ())
    assert first == choose(members, "look 1", 6, ())
    asked = Counter(name for look in range(200) for name in choose(members, f"look {look}", 6, ()))
    assert len(asked) > 200
    assert max(asked.values()) < 30


def test_witnesses_that_are_well_are_preferred_but_others_are_better_than_none() -> None:
    """Unwell, missing from the roll call, or with a small list of their own."""
    members = ring(1, 2, 5)
    for name in ("n000", "n001", "n002", "n005", "n006"):
        members.nodes[name].health = 5
    assert sum(members.nodes[name].health == 0 for name in choose(members, "x", 4, ())) >= 3
    assert weight(members.nodes["n000"]) == pytest.approx(1 / 6)
    for node in members.nodes.values():
        node.minority = True
    assert weight(members.nodes["n003"]) == 0.0
    assert choose(members, "x", 2, ())


def test_who_has_no_agent_or_has_failed_is_no_witness() -> None:
    """An appliance in the ring answers nothing."""
    members = ring(1, 1, 4)
    node = members.nodes["n000"]
    members.put(Member("n000", "10.0.0.1", 1, {"zone": "a", "rack": "a1", "role": "appliance"}, "alive"))
    members.list_as(members.nodes["n001"], "failed", 0.0)
    assert not node.agent
    assert sorted(choose(members, "x", 9, ())) == ["n002", "n003"]
    assert "n001" in choose(members, "x", 9, (), within="zone=a")  # whom home lists as failed may be heard inside


@pytest.mark.parametrize("count", [6, 12, 30, 48])
def test_a_sample_has_each_rack_in_proportion(count: int) -> None:
    """Every n-th of all, so that no zone counts more than its share; small rings are asked as a whole."""
    members = ring()
    found = sample(members, "picture 7", count)
    assert len(set(found)) == min(count, 30)
    racks = Counter(members.nodes[name].places[1] for name in found)
    assert max(racks.values()) - min(racks.values()) <= 1
    members.write_off(members.nodes[found[0]], off=True)
    assert found[0] not in sample(members, "picture 7", count)
    assert found[0] in sample(members, "picture 7", 30, everybody=True)


def test_landmarks_are_as_many_at_each_place() -> None:
    """Sixteen for three zones: five each."""
    members = ring(3, 2, 8)
    found = landmarks(members, "cross 1", 0, members.groups(0), 16)
    assert Counter(members.nodes[name].places[0] for name in found) == {"zone=a": 5, "zone=b": 5, "zone=c": 5}


# ---- questions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [4, 12, 31, 32, 64, 128])
def test_the_longest_questions_fit_into_what_serf_takes(length: int) -> None:
    """Witnesses and targets together, whatever the names' length, signed, through an entry with a long name."""
    names = [f"{index:03}".rjust(length, "n") for index in range(100)]
    targets = fitting(names, limits.question_names_bytes // 2, limits.targets_max)
    room = limits.question_names_bytes - sum(len(name) + limits.name_overhead_bytes for name in targets)
    asked = fitting(names[50:], room, limits.names_max)
    assert asked
    assert targets
    question = WitnessQuestion(
        id=b"\xff" * 4, origin=255, issued_at=2**32 - 1, answer_within_ms=60_000, spread_ms=30_000,
        targets=tuple(targets), signature=b"s" * agent_limits.signature_bytes,
    )  # fmt: skip
    assert encode_question(question, budget=question_budget(asked, "e" * agent_limits.asker_name_bytes_max))


def test_questions_have_ids_of_their_own_in_every_watcher() -> None:
    """Two watchers of a ring, a thousand questions each: no id twice."""
    ids = []
    for ring_id in (1, 2):
        asks = Asks("main", ring_id)
        ids += [asks.send(Purpose.PICTURE, 0, ["a"], float(at), wait_s=1.0).id for at in range(1_000)]
    assert len(set(ids)) == 2_000


def test_a_vantage_is_asked_a_few_questions_a_second_and_old_ones_are_forgotten() -> None:
    """A burst, and then one each third of a second."""
    asks = Asks("main", 1)
    now, sent = 0.0, []
    while now < 20.0:
        now = asks.free_at(0, now)
        sent.append(now)
        asks.send(Purpose.LOOK, 0, ["a"], now, wait_s=1.0)
    assert sum(1 for at in sent if at < 0.01) == limits.asks_burst
    assert len(sent) <= limits.asks_burst + 20.0 * limits.asks_per_s + 1
    assert asks.get(1) is None
    assert asks.get(len(sent)) is not None


# ---- flapping -------------------------------------------------------------------------------------------------------


def test_four_transitions_within_the_window_are_flapping() -> None:
    """Not three, and not four over a longer time."""
    flaps = Flaps()
    assert [flaps.note("slow", at * 110.0, gone=at % 2 == 0) is not None for at in range(8)] == [False] * 8
    found = [flaps.note("fast", 1_000.0 + at * 90.0, gone=at % 2 == 0) for at in range(4)]
    assert [one is not None for one in found] == [False, False, False, True]
    assert flaps.flapping["fast"].count == 4


def test_who_is_gone_for_one_entry_after_the_other_has_gone_once() -> None:
    """Another entry became home, whose list says the same some seconds later."""
    flaps = Flaps()
    assert [flaps.note("n1", at, gone=at < 3.0) for at in (1.0, 1.5, 2.0, 20.0, 20.5)] == [None] * 5
    assert flaps.note("n1", 30.0, gone=True) is None
    assert flaps.note("n1", 31.0, gone=False) is not None
    flaps.note("n1", 32.0, gone=False)
    flaps.note("n1", 33.0, gone=True)
    assert (flaps.flapping["n1"].count, flaps.flapping["n1"].last_at) == (5, 33.0)


def test_the_quiet_time_doubles_with_each_reopening() -> None:
    """5, 10, 20 and again 20 minutes; after a long rest it is 5 again."""
    flaps, now, quiet = Flaps(), 0.0, []
    for _ in range(4):
        for gone in (True, False, True, False):
            now += 1.0
            flaps.note("n1", now, gone=gone)
        quiet.append(flaps.flapping["n1"].quiet_s)
        now = flaps.still_at("n1", failed=False)
        flaps.end("n1")
    assert quiet == [300.0, 600.0, 1_200.0, 1_200.0]
    now += limits.flap_memory_s
    for at in range(4):
        flaps.note("n1", now + at, gone=at % 2 == 0)
    assert flaps.flapping["n1"].quiet_s == 300.0
    assert flaps.still_at("n1", failed=True) == now + 3 + Settings().flap_failed_s


# ---- gray -----------------------------------------------------------------------------------------------------------


def _answers(count: int, took_s: float = 0.3) -> list[Node]:
    nodes = [Node(f"n{index}") for index in range(count)]
    for index, node in enumerate(nodes):
        node.took_s = took_s + 0.01 * index
    return nodes


def test_who_is_much_slower_than_the_others_stands_out() -> None:
    """By more than a second; where all are slow, nobody does."""
    nodes = _answers(20)
    nodes[3].took_s, nodes[4].took_s = 1.2, 2.0
    bounds = usual(nodes)
    assert bounds is not None
    assert [node.name for node in nodes if bounds.stands_out(node)] == ["n4"]
    slow = usual(_answers(20, took_s=9.0))
    assert slow is not None
    assert not any(slow.stands_out(node) for node in _answers(20, took_s=9.0))
    assert usual(_answers(limits.gray_peers_min - 1)) is None


def test_who_calls_itself_unwell_stands_out_unless_all_do() -> None:
    """Where everybody is unwell, it is the network."""
    nodes = _answers(20)
    nodes[5].health = 4
    bounds = usual(nodes)
    assert bounds is not None
    assert [node.name for node in nodes if bounds.stands_out(node)] == ["n5"]
    for node in nodes:
        node.health = 4
    bounds = usual(nodes)
    assert bounds is not None
    assert not any(bounds.stands_out(node) for node in nodes)


@pytest.mark.parametrize(("looks", "gray"), [("101", False), ("10101", True), ("0111", True), ("10100100", False)])
def test_three_of_the_last_five_looks_are_gray(looks: str, gray: bool) -> None:
    """One late answer is a lost packet."""
    node = Node("n1")
    assert [mark(node, out=look == "1") for look in looks][-1] is gray
