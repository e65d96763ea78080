"""Who is looked at in a second pass, in which batches, and under which names."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_coord.second_pass import Settings, Subject
from inspector_coord.second_pass.choose import choose
from inspector_coord.second_pass.inventory import batches, generated_inventory, listed_hosts, refusal
from tests.support.second_pass import SWAPPINESS, expectation, subject

KERNEL = expectation("kernel:release", {"value": {"at_least": "6.1"}})
SAME = ((SWAPPINESS.id, "60"),)


def plan_names(subjects: list[Subject], sample: int = 3, nodes_max: int = 500) -> list[str]:
    """Who is looked at."""
    return [each.name for each in choose(subjects, sample=sample, nodes_max=nodes_max).look_at]


def test_a_sample_is_spread_over_the_nodes_of_a_fingerprint() -> None:
    """First, middle, last: neighbours share more than the fault."""
    assert plan_names([subject(f"n{index:03}", fingerprints=SAME) for index in range(1, 102)]) == [
        "n001",
        "n051",
        "n101",
    ]


def test_the_others_name_who_speaks_for_them() -> None:
    """A skipped node is never left without a word."""
    plan = choose([subject(f"n{index}", fingerprints=SAME) for index in range(9)], sample=2, nodes_max=500)
    skipped = plan.decided["main", "n4"]
    assert (skipped.outcome, skipped.represented_by) == ("skipped", ("n0", "n8"))
    assert skipped.message == "sampled out: wrong in the same way as n0, n8"


def test_who_speaks_for_others_has_been_looked_at() -> None:
    """Where nodes_max binds, one node of each fingerprint comes first, and nobody is spoken for by the skipped."""
    nodes = [subject(f"a{index}", fingerprints=SAME) for index in range(5)]
    nodes += [subject(f"b{index}", fingerprints=((KERNEL.id, "5.10"),)) for index in range(5)]
    plan = choose(nodes, sample=3, nodes_max=2)
    assert [each.name for each in plan.look_at] == ["a0", "b0"]
    assert plan.decided["main", "a1"].represented_by == ("a0",)
    assert "nodes_max" in plan.decided["main", "a4"].message
    none = choose(nodes, sample=3, nodes_max=0)
    assert {outcome.represented_by for outcome in none.decided.values()} == {()}


def test_a_node_with_a_fault_of_its_own_is_looked_at_beside_the_sample() -> None:
    """Sharing one fingerprint with many does not hide another one."""
    nodes = [subject(f"n{index}", fingerprints=SAME) for index in range(9)]
    nodes[4] = subject("n4", fingerprints=(*SAME, (KERNEL.id, "5.10")))
    assert plan_names(nodes, sample=2) == ["n0", "n4", "n8"]


def test_every_node_without_a_verdict_is_looked_at() -> None:
    """Silence is no fingerprint: each may have its own reason."""
    nodes = [subject(f"n{index}", state="silent", items=()) for index in range(20)]
    assert len(plan_names(nodes)) == 20


def test_a_dead_zone_does_not_make_the_pass_endless() -> None:
    """Beyond a bound, nodes without a verdict are named as not looked at."""
    plan = choose([subject(f"n{index}", state="down", items=()) for index in range(400)], sample=3, nodes_max=500)
    assert len(plan.look_at) == 100
    assert "without a verdict were looked at first" in plan.decided["main", "n399"].message


def test_the_whole_pass_is_bounded() -> None:
    """Thousands of nodes, each wrong in its own way: the first ones are looked at."""
    nodes = [subject(f"n{index}") for index in range(50)]
    plan = choose(nodes, sample=3, nodes_max=10)
    assert len(plan.look_at) == 10
    assert "nodes_max" in plan.decided["main", "n49"].message


@given(
    marks=st.lists(st.lists(st.sampled_from("abcdef"), max_size=3, unique=True), max_size=40),
    sample=st.integers(1, 4),
    nodes_max=st.integers(1, 30),
)
def test_everybody_is_either_looked_at_or_decided(marks: list[list[str]], sample: int, nodes_max: int) -> None:
    """Exactly one of the two; and whoever speaks for others is looked at, as far as the bound goes."""
    nodes = [
        subject(f"n{index}", fingerprints=tuple((mark, mark) for mark in mine))
        if mine
        else subject(f"n{index}", state="silent", items=())
        for index, mine in enumerate(marks)
    ]
    plan = choose(nodes, sample=sample, nodes_max=nodes_max)
    looked_at = {each.key for each in plan.look_at}
    assert looked_at.isdisjoint(plan.decided)
    assert looked_at | plan.decided.keys() == {each.key for each in nodes}
    assert len(looked_at) <= nodes_max
    if len(looked_at) < nodes_max:
        named = {("main", name) for outcome in plan.decided.values() for name in outcome.represented_by}
        assert named <= looked_at


@pytest.mark.parametrize("name", ["n001", "web-1.example.org", "a", "N_1", "10.0.0.1"])
def test_an_ordinary_name_is_taken(name: str) -> None:
    """Host names and addresses."""
    assert refusal(subject(name), frozenset()) == ""


@pytest.mark.parametrize(
    "name",
    ["", "-v", "n[1:3]", "n*", "a:b", "a,b", "!a", "&a", "@a", "a b", "a\n", "ä", "{{a}}", "a" * 129, "all",
     "LOCALHOST", "127.0.0.1", "::1", "inspector_batch"],
)  # fmt: skip
def test_a_name_with_a_meaning_is_refused(name: str) -> None:
    """Patterns, ranges, options, templates, and what Ansible calls its own machine."""
    assert "Ansible" in refusal(subject(name), frozenset())


def test_a_node_nobody_can_place_is_refused() -> None:
    """Not in the inventory and without an address; or in two rings, and the inventory knows one host."""
    assert "no usable address" in refusal(subject("n001", "n001; reboot"), frozenset())
    assert "two rings" in refusal(subject("n001", twin=True), frozenset({"n001"}))
    assert refusal(subject("n001", twin=True), frozenset()) == ""
    assert refusal(subject("n001"), frozenset({"n001"})) == ""


def test_who_speaks_for_a_node_is_named_with_its_ring_where_names_are_shared() -> None:
    """Also where the other node of this name has nothing to look at again."""
    alike = (("sysctl:a", "60"),)
    nodes = [subject("n001", twin=True, fingerprints=alike), subject("n002", ring="east", fingerprints=alike)]
    plan = choose(nodes, sample=1, nodes_max=9)
    assert plan.decided["east", "n002"].represented_by == ("main:n001",)


def test_the_generated_inventory_adds_to_the_operators() -> None:
    """The roster's address is for hosts the inventory does not know; the request's path is for those with items."""
    made = generated_inventory([subject("n001"), subject("n002", "10.0.0.2")], {"n001"}, {"n002": "/w/request-1"})
    assert msgspec.json.decode(made) == {
        "inspector_batch": {
            "hosts": {"n001": {}, "n002": {"ansible_host": "10.0.0.2", "inspector_request": "/w/request-1"}}
        }
    }


def test_hosts_of_an_inventory_are_listed_with_and_without_variables() -> None:
    """`ansible-inventory --list` mentions a host without variables in its groups only."""
    listing = b'{"_meta": {"hostvars": {"a": {"x": 1}}}, "all": {"children": ["web"]}, "web": {"hosts": ["b"]}}'
    assert listed_hosts(listing) == {"a", "b"}


@given(st.lists(st.sampled_from("abcdefgh"), max_size=30), st.integers(1, 5))
def test_batches_are_bounded_and_hold_no_name_twice(names: list[str], size: int) -> None:
    """Everybody is in one batch."""
    nodes = [subject(name, ring=str(index)) for index, name in enumerate(names)]
    made = list(batches(nodes, size))
    assert all(0 < len(batch) <= size and len({each.name for each in batch}) == len(batch) for batch in made)
    assert sorted(each.key for batch in made for each in batch) == sorted(each.key for each in nodes)


@pytest.mark.parametrize("wrong", [{"forks": 0}, {"sample": 0}, {"batch": -1}, {"host_timeout_s": 0}])
def test_settings_that_cannot_work_are_refused(wrong: dict[str, int]) -> None:
    """By the name they have in coordinator.yml."""
    with pytest.raises(ValueError, match=f"second_pass.{next(iter(wrong))} is"):
        msgspec.structs.replace(Settings(), **wrong)
