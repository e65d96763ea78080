"""How the missing are asked again: nobody is left out, and the answers keep their rate."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector_agent import limits as agent_limits
from inspector_agent.wire import Bloom, Everyone, asks_me
from inspector_coord import limits
from inspector_coord.reask import Choice, Scene, choose, gossip_s

SWEEP = b"sweep-00"


def scene(members: int, *, bloom_bytes: int = agent_limits.bloom_bytes_max, rate_per_s: float = 20_000.0) -> Scene:
    """A ring in which everybody has an agent."""
    return Scene(SWEEP, members, members, rate_per_s, 440, bloom_bytes)


def names_of(count: int) -> list[str]:
    return [f"n{index:05}" for index in range(count)]


def chosen(missing: int, members: int, **other: float) -> Choice:
    """The choice for so many missing names of five or six letters."""
    names = names_of(missing)
    return choose(names, -(-missing // limits.filter_names_max), scene(members, **other), limits.relay_factor, 7)  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(
    members=st.integers(1, 20_000),
    share=st.floats(0.0, 1.0),
    bloom_bytes=st.integers(0, agent_limits.bloom_bytes_max),
    salt=st.integers(0, 2**20),
)
def test_every_missing_name_is_asked_by_its_question(members: int, share: float, bloom_bytes: int, salt: int) -> None:
    """Whatever is chosen: the parts share out all names, and each name's own question asks it."""
    names = names_of(max(1, round(members * share)))
    choice = choose(names, 10_000, scene(members, bloom_bytes=bloom_bytes), 2, salt)
    places = sorted(place for part in choice.parts for place in part.places)
    assert places == list(range(len(names)))
    for part in choice.parts:
        assert all(asks_me(part.who, SWEEP, names[place]) for place in part.places)
    assert len(choice.parts) * 440 <= limits.reask_bytes_max


@settings(max_examples=60, deadline=None)
@given(members=st.integers(1, 100_000), share=st.floats(0.0, 1.0), rate=st.floats(100.0, 20_000.0))
def test_expected_answers_keep_the_rate(members: int, share: float, rate: float) -> None:
    """Those by accident, and the relayed copies of all, are spread over long enough."""
    missing = max(1, min(3_000, round(members * share)))
    choice = choose(names_of(missing), 10_000, scene(members, rate_per_s=rate), 2, 1)
    assert choice.answers * (1 + choice.relay) <= rate * choice.spread_s * (1 + 1e-9)
    assert missing - 1e-6 <= choice.answers <= max(members, missing) + 1e-6


@pytest.mark.parametrize(("members", "missing"), [(5_000, 250), (10_000, 500), (10_000, 2_500), (20_000, 1_000)])
def test_expected_answers_are_those_that_come(members: int, missing: int) -> None:
    """The estimate of answers by accident is held against the filters themselves."""
    choice = chosen(missing, members)
    everybody = names_of(members)
    asked = sum(any(asks_me(part.who, SWEEP, name) for part in choice.parts) for name in everybody)
    assert asked == pytest.approx(choice.answers, rel=0.15)


@pytest.mark.parametrize("members", [50, 1_000, 10_000, 50_000])
def test_few_are_asked_by_name(members: int) -> None:
    """One question holds their names; its acks are evidence, and nobody answers by accident."""
    assert chosen(20, members).parts == ()
    assert chosen(limits.filter_names_max, members).parts == ()


def test_hundreds_are_asked_by_one_filter() -> None:
    """Four questions by name would fill four packets of gossip, one filter a third of one."""
    choice = chosen(250, 1_000)
    assert [type(part.who) for part in choice.parts] == [Bloom]
    assert choice.relay == limits.relay_factor
    assert choice.answers < 320


def test_thousands_are_asked_by_filters_over_slices() -> None:
    """More filters than one: fewer answers by accident than one alone would bring, in packets that gossip carries."""
    choice = chosen(2_000, 50_000)
    assert all(isinstance(part.who, Bloom) and part.who.count == len(choice.parts) for part in choice.parts)
    assert len(choice.parts) > 1
    assert choice.answers < 0.6 * 50_000


def test_when_nearly_all_are_missing_all_are_asked_once_more() -> None:
    """A filter that is full says nothing."""
    choice = chosen(9_500, 10_000)
    assert [part.who for part in choice.parts] == [Everyone()]


def test_where_item_patterns_leave_no_room_there_is_no_filter() -> None:
    """A question full of patterns can still name a slice, or everybody."""
    choice = chosen(2_500, 5_000, bloom_bytes=8)
    assert [part.who for part in choice.parts] == [Everyone()]


def test_a_crowd_is_asked_without_relay() -> None:
    """Three copies of tens of thousands of answers would cost more than another round for what gets lost."""
    assert chosen(40_000, 50_000).relay == 0
    assert chosen(500, 50_000).relay == limits.relay_factor


def test_gossip_needs_longer_for_more_packets() -> None:
    """One packet reaches 10,000 in the 1.3 s of the plain epidemic."""
    assert gossip_s(10_000, 1) == pytest.approx(1.3, abs=0.1)
    assert gossip_s(10_000, 1) < gossip_s(10_000, 2) < gossip_s(10_000, 4)
