"""What a witness is asked and answers, as bytes: it arrives as it was sent, fits, and garbage is refused."""

from __future__ import annotations

import tracemalloc

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector_agent import limits as agent_limits
from inspector_agent.errors import VersionError, WireError
from inspector_agent.ring import connect
from inspector_agent.wire import answer_budget
from inspector_agent.witness import limits
from inspector_agent.witness.encoding import (
    decode_answer,
    decode_question,
    encode_answer,
    encode_question,
    question_budget,
)
from inspector_agent.witness.messages import QUERY_NAME, Picture, Reach, Sight, WitnessAnswer, WitnessQuestion
from tests.support.serf import serf_ring
from tests.support.witness import answers, questions, witness_question

MANY = settings(max_examples=400, deadline=None)
NO_LIMIT = 100_000
OK = Reach.OK

WIDEST = WitnessAnswer(
    id=bytes(4),
    sights=(Sight("failed", Reach.TIMEOUT, Reach.TIMEOUT, Reach.TIMEOUT, limits.took_ms_max),) * limits.targets_max,
    picture=Picture(2**32 - 1, 2**32 - 1),
    health=limits.health_max,
    heard=(bytes(4),) * limits.heard_ids_max,
    lag_ms=limits.lag_ms_max,
)


@MANY
@given(question=questions())
def test_a_question_arrives_as_it_was_sent(question: WitnessQuestion) -> None:
    """Whatever keeps the rules."""
    assert decode_question(encode_question(question, budget=NO_LIMIT)) == question


@MANY
@given(answer=answers)
def test_an_answer_arrives_as_it_was_sent(answer: WitnessAnswer) -> None:
    """Whatever a witness may have seen, in one packet that Serf also relays."""
    raw = encode_answer(answer)
    assert decode_answer(raw) == answer
    assert len(raw) + agent_limits.signature_bytes <= limits.answer_bytes_max


def test_the_widest_messages_are_as_long_as_the_limits_say() -> None:
    """The relations that are asserted between limits rest on these two figures."""
    everybody = WitnessQuestion(
        bytes(4), limits.origin_max, 2**32 - 1, limits.answer_within_ms_max, limits.answer_within_ms_max
    )
    assert len(encode_question(everybody)) == limits.question_skeleton_bytes_max
    assert len(encode_answer(WIDEST)) + agent_limits.signature_bytes == limits.answer_bytes_max
    assert limits.answer_bytes_max <= answer_budget("n" * agent_limits.node_name_bytes_max)


def test_a_question_to_everybody_is_short_and_one_to_witnesses_fits_beside_their_names() -> None:
    """Serf counts the filter too."""
    targets = [f"n{number:05}.rack-b2.zone-a" for number in range(limits.targets_max)]
    question = witness_question(1, *targets)
    with pytest.raises(WireError, match="name fewer targets"):
        encode_question(question)
    assert len(encode_question(question, budget=question_budget(["n001", "n002"], "n003"))) > 250
    with pytest.raises(WireError, match="name fewer targets, or fewer witnesses"):
        encode_question(question, budget=question_budget([f"w{number:030}" for number in range(16)], "n003"))


def test_names_in_a_filter_are_counted_as_serf_sends_them() -> None:
    """One byte before a name, three before one of more than 31 bytes; bytes, not letters."""
    plain = agent_limits.question_wire_bytes_max - agent_limits.query_headers_bytes - len("n001")
    assert question_budget(["w" * 31] * 8, "n001") == plain - 8 * 32
    assert question_budget(["w" * 32], "n001") == plain - 35
    assert question_budget(["é" * 16], "n001") == plain - 35
    assert question_budget([], "n001") == agent_limits.question_bytes_max


async def test_serf_takes_the_longest_question_that_the_budget_allows() -> None:
    """With short and with long names in the filter."""
    async with serf_ring(1) as ring, connect(ring[0].rpc) as client:
        for filters in (["w" * 128] * 4, ["w" * 31] * 8, ["w" * 32] * 8):
            room = question_budget(filters, "n001")
            async with client.query("prefix-of-32-bytes-............" + QUERY_NAME, bytes(room), timeout_s=1.0,
                                    filter_nodes=filters) as answers_:  # fmt: skip
                assert answers_.dropped == 0


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"spread_ms": 20_001}, "spread over 20001 ms"),
        ({"targets": ("a", "b", "a")}, "named twice"),
        ({"targets": ("",)}, "length >= 1"),
        ({"targets": ("x" * 129,)}, "length <= 128"),
        ({"targets": tuple(map(str, range(17)))}, "length <= 16"),
        ({"targets": ("\ud800",)}, "cannot be encoded"),
        ({"id": b"abc"}, "length"),
        ({"origin": 256}, "<= 255"),
        ({"answer_within_ms": 0}, ">= 1"),
        ({"answer_within_ms": limits.answer_within_ms_max + 1}, "<= 60000"),
        ({"signature": b"short"}, "a signature of 5 bytes"),
    ],
)
def test_a_question_that_breaks_a_rule_is_not_sent(changes: dict[str, object], why: str) -> None:
    """And so is not read either: writers ask the reader."""
    with pytest.raises(WireError, match=why):
        encode_question(witness_question(**changes), budget=900)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sights": (None,) * 17}, "length <= 16"),
        ({"sights": (Sight("dead", OK, OK, OK),)}, "a member's status 'dead'"),
        ({"sights": (Sight("alive", OK, OK, OK, 65_536),)}, "<= 65535"),
        ({"heard": (b"ab", b"cdefgh")}, "has not 4 bytes"),
        ({"heard": (bytes(4),) * 9}, "length <= 32"),
        ({"health": 9}, "<= 8"),
        ({"lag_ms": -1}, ">= 0"),
        ({"picture": Picture(-1, 0)}, ">= 0"),
    ],
)
def test_an_answer_that_breaks_a_rule_is_not_sent(changes: dict[str, object], why: str) -> None:
    """Likewise."""
    with pytest.raises(WireError, match=why):
        encode_answer(msgspec.structs.replace(WIDEST, **changes), budget=900)


def test_an_answer_that_is_too_long_for_its_packet_is_not_sent() -> None:
    """Serf would drop it without a word to whoever asked."""
    with pytest.raises(WireError, match="has 188 bytes of 187"):
        encode_answer(WIDEST, budget=187)


@MANY
@given(raw=st.binary(max_size=1200))
def test_arbitrary_bytes_cause_wire_errors_only(raw: bytes) -> None:
    """Noise is refused by the one documented exception."""
    _read_both(raw)
    _read_both(bytes([agent_limits.wire_version, 0]) + raw)


@MANY
@given(question=questions(), answer=answers, at=st.integers(0, 2000), byte=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_message_causes_wire_errors_only(
    question: WitnessQuestion, answer: WitnessAnswer, at: int, byte: int, *, cut: bool
) -> None:
    """One byte changed anywhere, or the rest cut off: read as something valid, or refused."""
    short = msgspec.structs.replace(question, targets=question.targets[:1])
    for raw in (encode_question(short, budget=NO_LIMIT), encode_answer(answer)):
        place = at % len(raw)
        _read_both(raw[:place] if cut else raw[:place] + bytes([byte]) + raw[place + 1 :])


nested = st.recursive(
    st.none() | st.integers(-(2**63), 2**64 - 1) | st.binary(max_size=8) | st.text(max_size=8) | st.floats(),
    lambda inner: st.lists(inner, max_size=17) | st.dictionaries(st.integers(0, 9), inner, max_size=3),
    max_leaves=30,
)


@MANY
@given(fields=st.lists(nested, min_size=5, max_size=8))
def test_other_msgpack_causes_wire_errors_only(fields: list[object]) -> None:
    """Well-formed msgpack of about the right shape is refused too."""
    _read_both(bytes([agent_limits.wire_version, 0]) + msgspec.msgpack.encode([bytes(4), *fields[1:]]))


@pytest.mark.parametrize(
    "body",
    [
        b"\x91" * 1000,
        b"\xdd\xff\xff\xff\xff",
        b"\x97\xc4\x04abcd\xdd\xff\xff\xff\xff",
        b"\x97\xc4\x04abcd\x90\x00\x00\x00\xc6\xff\xff\xff\xff",
        b"\x96\xc4\x04abcd\x00\x00\x01\x00\xdd\xff\xff\xff\xff",
        b"\x96\xc4\x04abcd\x00\x00\x01\x00\x91\xdb\xff\xff\xff\xff",
    ],
    ids=["deep", "many fields", "many sights", "long heard", "many targets", "a long target"],
)
def test_a_small_message_cannot_claim_much_memory(body: bytes) -> None:
    """Depths and lengths are bounded before anything is built."""
    decode_answer(encode_answer(WIDEST))  # everything lazy is there
    raw = bytes([agent_limits.wire_version, 0]) + body
    tracemalloc.start()
    try:
        for read in (decode_question, decode_answer):
            with pytest.raises(WireError):
                read(raw[: limits.answer_bytes_max])
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_a_newer_version_is_named() -> None:
    """An old program says what it met and what to do."""
    for read in (decode_answer, decode_question):
        with pytest.raises(VersionError, match="update this program"):
            read(b"\x07whatever comes later")


def _read_both(raw: bytes) -> None:
    for read in (decode_question, decode_answer):
        try:
            read(raw)
        except WireError:
            continue
