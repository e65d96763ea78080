"""Who answers, and when: every node decides alike, nobody is left out, and turns are spread evenly."""

from __future__ import annotations

import pytest

from inspector_agent import limits
from inspector_agent.who import slice_of
from inspector_agent.wire import (
    Bloom,
    Everyone,
    Question,
    Slice,
    WireError,
    answer_slot_ms,
    asks_me,
    bloom_of,
    decode_question,
    encode_question,
)

SWEEP = b"sweep-01"
NAMES = [f"n{index:05}" for index in range(5000)]


def test_everyone_is_everyone() -> None:
    """A first question leaves nobody out."""
    assert all(asks_me(Everyone(), SWEEP, name) for name in NAMES)


@pytest.mark.parametrize("count", [1, 2, 7, 64])
def test_slices_part_the_fleet_evenly(count: int) -> None:
    """Each node is in exactly one slice of a sweep, and no slice is much bigger than another."""
    sizes = []
    owners = dict.fromkeys(NAMES, 0)
    for index in range(count):
        mine = [name for name in NAMES if asks_me(Slice(index, count), SWEEP, name)]
        sizes.append(len(mine))
        for name in mine:
            owners[name] += 1
    assert set(owners.values()) == {1}
    assert max(sizes) <= 1.6 * len(NAMES) / count


def test_another_sweep_slices_anew() -> None:
    """Nodes that hash together once do not do so for ever."""
    first = {name for name in NAMES if asks_me(Slice(0, 2), SWEEP, name)}
    second = {name for name in NAMES if asks_me(Slice(0, 2), b"sweep-02", name)}
    assert 0.4 < len(first & second) / len(first) < 0.6


@pytest.mark.parametrize(("silent", "by_accident"), [(1, 0.05), (50, 0.03), (150, 0.03), (300, 0.25)])
def test_a_filter_asks_all_it_was_made_of_and_few_others(silent: int, by_accident: float) -> None:
    """No silent node is missed; how many others answer once more depends on the room there is."""
    bloom = bloom_of(NAMES[:silent], salt=9)
    assert len(bloom.bits) <= limits.bloom_bytes_max
    assert all(asks_me(bloom, SWEEP, name) for name in NAMES[:silent])
    others = sum(asks_me(bloom, SWEEP, name) for name in NAMES[silent:])
    assert others / len(NAMES) <= by_accident


def test_another_salt_asks_other_bystanders() -> None:
    """A node that is asked by accident in one round is not in the next."""
    filters = [bloom_of(NAMES[:300], salt=salt) for salt in (1, 2)]
    asked = [{name for name in NAMES[300:] if asks_me(bloom, SWEEP, name)} for bloom in filters]
    assert len(asked[0] & asked[1]) < 0.4 * len(asked[0])


def test_a_filter_of_nobody_is_valid() -> None:
    """An empty filter asks nobody."""
    assert not any(asks_me(bloom_of([], salt=0), SWEEP, name) for name in NAMES)


def test_turns_are_spread_evenly() -> None:
    """Answers arrive at a steady rate, also among the nodes of one slice, and never after the spread."""
    mine = [name for name in NAMES if asks_me(Slice(1, 4), SWEEP, name)]
    slots = [answer_slot_ms(SWEEP, name, 1000) for name in mine]
    assert 0 <= min(slots) <= max(slots) < 1000
    tenths = [sum(slot // 100 == tenth for slot in slots) for tenth in range(10)]
    assert max(tenths) <= 1.4 * len(mine) / 10
    assert answer_slot_ms(SWEEP, "n00001", 0) == 0


def test_a_slice_beyond_its_count_is_refused() -> None:
    """Nobody would answer it."""
    with pytest.raises(WireError, match="below the count"):
        Slice(3, 3)


def test_a_name_that_is_no_utf8_still_has_its_turn() -> None:
    """Hostile or broken names must not stop an agent."""
    assert asks_me(bloom_of(["n\udcff"], salt=1), SWEEP, "n\udcff")
    assert isinstance(Bloom(bits=b"\xff", hashes=1, salt=0), Bloom)


@pytest.mark.parametrize("count", [2, 5, limits.bloom_slices_max])
def test_filters_over_slices_share_out_the_silent(count: int) -> None:
    """Each silent node is asked by the filter of its slice, and by no other one; few others are."""
    silent = NAMES[:600]
    filters = [
        bloom_of([name for name in silent if slice_of(SWEEP, name, count) == index], salt=3, index=index, count=count)
        for index in range(count)
    ]
    assert all(sum(asks_me(bloom, SWEEP, name) for bloom in filters) == 1 for name in silent)
    one = bloom_of(silent, salt=3)
    by_accident = [sum(asks_me(bloom, SWEEP, name) for name in NAMES[600:]) for bloom in (one, *filters)]
    assert sum(by_accident[1:]) < by_accident[0]


def test_a_filter_over_a_slice_beyond_its_count_is_refused() -> None:
    """As a slice alone is."""
    with pytest.raises(WireError, match="below the count"):
        Bloom(bits=b"\xff", hashes=1, salt=0, index=3, count=3)


def test_a_filter_over_a_slice_comes_through_the_wire() -> None:
    """The widest one fits beside the longest plain question."""
    bloom = Bloom(bits=bytes(limits.bloom_bytes_max), hashes=16, salt=65_535, index=126, count=127)
    asked = Question(sweep=SWEEP, release=SWEEP, number=1, answer_within_ms=5000, issued_at=1, who=bloom)
    assert decode_question(encode_question(asked)).who == bloom
