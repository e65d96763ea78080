"""Question and answer: every message fits, says what it had to leave out, and reads back as it was sent."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector_agent import limits
from inspector_agent.wire import (
    Answer,
    Bloom,
    Counts,
    Everyone,
    Serving,
    Slice,
    Vitals,
    WireError,
    answer_budget,
    clear_text,
    decode_answer,
    decode_question,
    encode_answer,
    encode_question,
    observed_hash,
)
from tests.support.messages import RELEASE, SWEEP, Wrong, question, signatures, wrongs

FEW = settings(max_examples=150, deadline=None)

ids = st.binary(min_size=8, max_size=8)
uint32 = st.integers(0, 2**32 - 1)
gauges = st.none() | st.integers(0, 2**32 - 1)
node_names = st.text(min_size=1, max_size=32).filter(lambda name: len(name.encode("utf-8", "replace")) <= 128)

# ---- answers fit, and are cut in the order that hurts least ---------------------------------------------------------


@FEW
@given(wrong=wrongs(), name=node_names, signature=signatures)
def test_an_answer_fits_beside_any_node_name(wrong: Wrong, name: str, signature: bytes) -> None:
    """Whatever fails, the bytes stay within what Serf relays for this node, and counts stay true."""
    answer = wrong.answer(signature=signature)
    raw = encode_answer(answer, budget=answer_budget(name))
    read = decode_answer(raw)
    assert len(raw) <= answer_budget(name)
    assert read.counts == answer.counts
    assert read.signature == signature
    assert read.truncated == (_lists(read) != _lists(answer))


@FEW
@given(wrong=wrongs(), budget=st.integers(180, 900))
def test_clear_texts_go_first_then_hashes_then_numbers(wrong: Wrong, budget: int) -> None:
    """Nothing is cut while something less needed is still there, and the worst texts stay longest."""
    answer = wrong.answer()
    read = decode_answer(encode_answer(answer, budget=budget))
    numbers, kept = answer.failing + answer.erring + answer.waived, read.failing + read.erring + read.waived
    listed = read.failing + read.erring
    unhashed = [number for number, known in zip(listed, read.hashes, strict=True) if known is None]
    assert list(read.clear.items()) == list(answer.clear.items())[: len(read.clear)]
    assert read.failing == answer.failing[: len(read.failing)]
    assert read.erring == answer.erring[: len(read.erring)]
    assert read.waived == answer.waived[: len(read.waived)]
    if read.waived:
        assert listed == answer.failing + answer.erring
    if kept != numbers:
        assert set(read.hashes) <= {None}
    if unhashed:
        assert read.clear == {}
        assert unhashed == list(listed[len(listed) - len(unhashed) :])
    for known, original in zip(read.hashes, answer.hashes, strict=False):
        assert known in (None, original)


@FEW
@given(wrong=wrongs(most=10, chars=9), state=st.sampled_from(Serving), data=st.data())
def test_an_answer_with_room_comes_back_as_it_was(wrong: Wrong, state: Serving, data: st.DataObject) -> None:
    """Round trip of every field."""
    answer = wrong.answer(
        state=state,
        truncated=data.draw(st.booleans()),
        incomplete=data.draw(st.booleans()),
        sweep=data.draw(ids),
        release=data.draw(ids),
        number=data.draw(uint32),
        took_ms=data.draw(uint32),
        age_ms=data.draw(uint32),
        clock=data.draw(st.integers(0, 2**53 - 1)),
        vitals=Vitals(*data.draw(st.lists(gauges, min_size=9, max_size=9))),
    )
    assert decode_answer(encode_answer(answer, budget=limits.answer_wire_bytes_max)) == answer


@pytest.mark.parametrize("gap", [1, 2, 60])
def test_all_of_300_numbers_fit(gap: int) -> None:
    """300 failing items are named, each of them, even beside a node name of 32 bytes: neighbours or scattered."""
    wrong = Wrong(fails={gap * index: f"value {index}" for index in range(300)}, errs={})
    read = decode_answer(encode_answer(wrong.answer(), budget=answer_budget("n" * 32)))
    assert read.failing == tuple(range(0, 300 * gap, gap))
    assert read.truncated


def test_an_answer_of_a_healthy_node_is_small() -> None:
    """The usual answer: nothing fails. Its size times the fleet is what arrives at one entry."""
    vitals = Vitals(40, 5, 30, 1, 2, 150, 3, 0, 1_700_000_000)
    healthy = Answer(
        sweep=SWEEP, release=RELEASE, number=12, counts=Counts(300), took_ms=45, clock=1_700_000_000_000, vitals=vitals
    )
    assert len(encode_answer(healthy, budget=answer_budget("n001"))) <= 74


def test_the_widest_fixed_fields_stay_within_their_limit() -> None:
    """answer_skeleton_bytes_max and question_skeleton_bytes_max are measured, not guessed."""
    most = 2**32 - 1
    answer = Answer(
        sweep=SWEEP, release=RELEASE, number=most, counts=Counts(65_536, 0, 0, 65_536, 65_536), took_ms=most,
        age_ms=most, basis=bytes(limits.basis_bytes), clock=2**53 - 1, vitals=Vitals(*[most] * 9), truncated=True,
    )  # fmt: skip
    assert len(encode_answer(answer, budget=1000)) <= limits.answer_skeleton_bytes_max
    widest = question(
        number=most,
        answer_within_ms=600_000,
        spread_ms=600_000,
        issued_at=most,
        round=255,
        canary=SWEEP,
        max_age_ms=limits.max_age_ms_max,
    )
    biggest = Bloom(bits=bytes(limits.bloom_bytes_max), hashes=16, salt=65_535)
    assert len(encode_question(msgspec.structs.replace(widest, who=biggest))) <= (
        limits.question_skeleton_bytes_max + limits.bloom_bytes_max
    )


def test_more_failing_items_than_are_listed_is_flagged() -> None:
    """Beyond numbers_listed_max the count still tells the truth."""
    count = limits.numbers_listed_max + 50
    answer = Answer(sweep=SWEEP, release=RELEASE, number=1, counts=Counts(0, count), failing=tuple(range(count)))
    read = decode_answer(encode_answer(answer, budget=900))
    assert (len(read.failing), read.counts.fail, read.truncated) == (limits.numbers_listed_max, count, True)


def test_any_number_of_waived_items_costs_no_failing_one() -> None:
    """Waived items are the last to be named and the first that are not; their count stays true."""
    wrong = Wrong(fails=dict.fromkeys(range(0, 100, 2), "x"), errs={}, waived=tuple(range(101, 9_000, 2)))
    read = decode_answer(encode_answer(wrong.answer(), budget=answer_budget("n001")))
    assert read.failing == tuple(range(0, 100, 2))
    assert (read.counts.waived, read.truncated) == (4_450, True)
    assert 0 < len(read.waived) < 2_000
    assert (set(read.hashes), read.clear) == ({None}, {})


def test_no_room_for_the_fixed_fields_is_an_error() -> None:
    """A budget too small for any answer is a mistake of the caller, not a silent cut."""
    with pytest.raises(WireError, match="cannot hold"):
        encode_answer(Wrong({}, {}).answer(), budget=30)


@FEW
@given(observed=st.text(max_size=200))
def test_a_value_and_its_short_form_have_one_hash(observed: str) -> None:
    """The receiver of a clear text can make the same hash as a node that had only room for the hash."""
    text = clear_text(observed)
    assert observed_hash(text) == observed_hash(observed)
    assert len(text) <= limits.clear_chars_max
    assert text.isprintable()
    assert clear_text(text) == text


def test_undecodable_file_names_travel() -> None:
    """A lone surrogate (bytes that are no UTF-8, as Python reads them) cannot break an answer."""
    wrong = Wrong(fails={3: "owner b\udcffb\x1b[31m"}, errs={})
    assert decode_answer(encode_answer(wrong.answer(), budget=900)).clear == {3: "owner b?b?[31m"}


# ---- questions ------------------------------------------------------------------------------------------------------


slices = st.integers(1, limits.slices_max).flatmap(
    lambda count: st.builds(Slice, index=st.integers(0, count - 1), count=st.just(count))
)
blooms = st.builds(
    Bloom, bits=st.binary(min_size=1, max_size=100), hashes=st.integers(1, 16), salt=st.integers(0, 65535)
)


@FEW
@given(
    items=st.lists(st.text("abc:*[]/é", min_size=1, max_size=10), max_size=4).map(tuple),
    who=st.just(Everyone()) | slices | blooms,
    spread=st.integers(0, 2000),
    canary=st.just(b"") | ids.filter(lambda canary: canary != RELEASE),
    turn=st.integers(0, 255),
    max_age=st.integers(0, limits.max_age_ms_max),
    signature=signatures,
)
def test_a_question_comes_back_as_it_was(
    items: tuple[str, ...],
    who: Everyone | Slice | Bloom,
    spread: int,
    canary: bytes,
    turn: int,
    max_age: int,
    signature: bytes,
) -> None:
    """Round trip of every field, signature included."""
    asked = question(
        items=items, who=who, spread_ms=spread, round=turn, canary=canary, max_age_ms=max_age, signature=signature
    )
    assert decode_question(encode_question(asked, budget=1000)) == asked


def test_an_ordinary_question_is_tiny() -> None:
    """It rides on gossip packets beside membership messages."""
    assert len(encode_question(question())) <= 48


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"items": ("x" * 60,) * 5}, "bytes of 250"),
        ({"items": ("",)}, "length >= 1"),
        ({"items": ("x",) * 33}, "length <= 32"),
        ({"spread_ms": 2001}, "spread over 2001 ms"),
        ({"answer_within_ms": 0, "spread_ms": 0}, ">= 1"),
        ({"sweep": b"short"}, "length >= 8"),
        ({"canary": b"short"}, "a canary of 5 bytes"),
        ({"canary": b"too long a canary"}, "a canary of 17 bytes"),
        ({"canary": RELEASE}, "another release"),
        ({"canary": SWEEP, "release": bytes(8)}, "another release"),
        ({"issued_at": -1}, ">= 0"),
        ({"number": 2**64}, "cannot be encoded"),
        ({"round": 256}, "<= 255"),
        ({"max_age_ms": limits.max_age_ms_max + 1}, "<= 3600000"),
        ({"signature": b"x"}, "signature of 1 bytes"),
        ({"items": ("\udcff",)}, "cannot be encoded"),
    ],
)
def test_a_question_against_the_rules_is_not_sent(fields: dict[str, object], why: str) -> None:
    """Each rule of the format holds for the sender too."""
    with pytest.raises(WireError, match=why):
        encode_question(question(**fields))


def _lists(answer: Answer) -> tuple[object, ...]:
    return answer.failing, answer.erring, answer.waived, answer.hashes, answer.clear
