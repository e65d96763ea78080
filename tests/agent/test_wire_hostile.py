"""Whatever arrives as a question or an answer: it is read, or refused by the one documented error, at little cost."""

from __future__ import annotations

import tracemalloc

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector_agent import limits
from inspector_agent.numbers import unpack_numbers
from inspector_agent.wire import (
    Slice,
    VersionError,
    WireError,
    decode_answer,
    decode_question,
    encode_answer,
    encode_question,
)
from tests.support.messages import RELEASE, SWEEP, Wrong, question, wrongs

MANY = settings(max_examples=600, deadline=None)


@MANY
@given(raw=st.binary(max_size=1200))
def test_arbitrary_bytes_cause_wire_errors_only(raw: bytes) -> None:
    """Noise is refused by the one documented exception."""
    _read_both(raw)
    _read_both(bytes([limits.wire_version, 0]) + raw)


@MANY
@given(wrong=wrongs(most=30), at=st.integers(0, 2000), byte=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_message_causes_wire_errors_only(wrong: Wrong, at: int, byte: int, *, cut: bool) -> None:
    """One byte changed anywhere, or the rest cut off: read as something valid, or refused."""
    for raw in (encode_answer(wrong.answer(), budget=900), encode_question(question(who=Slice(1, 3), items=("a:*",)))):
        place = at % len(raw)
        _read_both(raw[:place] if cut else raw[:place] + bytes([byte]) + raw[place + 1 :])


whole = st.integers(-(2**63), 2**64 - 1)
nested = st.recursive(
    st.none() | whole | st.binary(max_size=8) | st.text(max_size=8) | st.floats(),
    lambda inner: st.lists(inner, max_size=17) | st.dictionaries(whole, inner, max_size=3),
    max_leaves=30,
)


@MANY
@given(value=nested)
def test_other_msgpack_causes_wire_errors_only(value: object) -> None:
    """Well-formed msgpack of any other shape is refused too."""
    _read_both(bytes([limits.wire_version, 0]) + msgspec.msgpack.encode(_small(value)))


HEAD = b"\x01\x00\xdc\x00\x10\xc4\x08" + SWEEP + b"\x00\xc4\x08" + RELEASE + b"\x0c\xc4\x00"
COUNTS = b"\x95\x00\xce\x00\x01\x00\x00\x00\x00\x00"
TAIL = b"\x01\x00\x00\x00\x98" + b"\xc0" * 8


@pytest.mark.parametrize(
    "raw",
    [
        b"\x01\x00" + b"\x91" * 1000,
        b"\x01\x00\xdd\xff\xff\xff\xff",
        HEAD + b"\xdd\xff\xff\xff\xff",
        HEAD + COUNTS + TAIL + b"\xc6\xff\xff\xff\xff",
        HEAD + COUNTS + TAIL + b"\xc4\x04\x01\xff\xff\x03" + b"\xc4\x00\xc4\x00\xc4\x00\x80",  # one run of 65,536 items
        HEAD + COUNTS + TAIL + b"\xc4\x00\xc4\x00\xc4\x00\xc4\x00\xdf\xff\xff\xff\xff",
        HEAD + COUNTS + TAIL + b"\xc5\x03\x00" + b"\x01\xff\x0f" * 256 + b"\xc4\x00\xc4\x00\xc4\x00\x80",
    ],
    ids=["deep", "many fields", "many counts", "long numbers", "long run", "long map", "many runs"],
)
def test_a_small_message_cannot_claim_much_memory(raw: bytes) -> None:
    """Depths, lengths and run lengths are bounded before anything is built."""
    decode_answer(encode_answer(Wrong({1: "x"}, {}).answer(), budget=900))  # everything lazy is there
    tracemalloc.start()
    try:
        with pytest.raises(WireError):
            decode_answer(raw)
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()


def test_a_newer_version_is_named() -> None:
    """An old program says what it met and what to do, for both messages, before it reads anything else."""
    for read in (decode_answer, decode_question):
        with pytest.raises(
            VersionError, match="version 7, this program speaks version 1: update this program"
        ) as caught:
            read(b"\x07whatever comes later")
        assert caught.value.version == 7
        assert isinstance(caught.value, WireError)
    with pytest.raises(VersionError, match="update the sender"):
        decode_question(b"\x00\x00")


def test_other_peoples_payloads_are_no_newer_version() -> None:
    """A query of the same name from another program is malformed, and nobody is sent to update anything."""
    for read in (decode_answer, decode_question):
        with pytest.raises(WireError, match="not one of ours") as caught:
            read(b'{"json": true}')
        assert not isinstance(caught.value, VersionError)


LISTS = ("failing", "erring", "waived", "hashes", "clear")
BODY = (
    "sweep",
    "state",
    "release",
    "number",
    "basis",
    "counts",
    "flags",
    "took_ms",
    "age_ms",
    "clock",
    "vitals",
    *LISTS,
)


def _body(**changes: object) -> bytes:
    """An answer's raw bytes, with fields of its body replaced by place."""
    raw = encode_answer(Wrong({3: "x", 5: "y"}, {9: "z"}, (11, 12)).answer(), budget=900)
    fields = msgspec.msgpack.decode(raw[2:])
    for name, value in changes.items():
        fields[BODY.index(name)] = value
    return raw[:2] + msgspec.msgpack.encode(fields)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"state": 4}, "<= 3"),
        ({"flags": 4}, "<= 3"),
        ({"erring": b"\x06"}, "has two outcomes"),
        ({"waived": b"\x06\x00"}, "has two outcomes"),
        ({"waived": b"\x16"}, "1 waived items listed, 2 counted"),
        ({"clear": {11: "x"}}, "neither fails nor errs"),
        ({"failing": b"\x06"}, "1 failing items listed, 2 counted"),
        ({"failing": b"\x06\x00\x00"}, "3 failing items listed"),
        ({"failing": b"\x80"}, "end or overflow"),
        ({"failing": b"\x80\x80\x80\x00"}, "end or overflow"),
        ({"failing": b"\xfe\xff\x7f"}, "above 65535"),
        ({"hashes": b"ab"}, "2 bytes of hashes"),
        ({"hashes": b"abc"}, "3 bytes of hashes for 0 items"),
        ({"clear": {4: "x"}}, "neither fails nor errs"),
        ({"counts": [1, 2, 1, -1, 2]}, ">= 0"),
        ({"age_ms": 2**32}, "<="),
        ({"clock": 2**60}, "clock|<"),
        ({"vitals": [0] * 10}, "length"),
        ({"basis": b"12345"}, "length"),
    ],
)
def test_an_answer_that_contradicts_itself_is_refused(changes: dict[str, object], why: str) -> None:
    """Lists, counts and texts must belong together: a ledger is built on them."""
    decode_answer(_body())
    with pytest.raises(WireError, match=why):
        decode_answer(_body(**changes))


@pytest.mark.parametrize("changes", [{"hashes": b"abc"}, {"clear": {3: "x"}}])
def test_an_answer_of_a_healthy_node_tells_nothing_of_items(changes: dict[str, object]) -> None:
    """Most of a fleet takes the short way through the checks: it must not be one past them."""
    healthy = {"counts": [3, 0, 0, 0, 0], "failing": b"", "erring": b"", "waived": b"", "hashes": b"", "clear": {}}
    decode_answer(_body(**healthy))
    with pytest.raises(WireError, match=r"for 0 items|neither fails nor errs"):
        decode_answer(_body(**healthy | changes))


@pytest.mark.parametrize("raw", [bytes(limits.numbers_listed_max + 1), b"\x01\xff\x7f", b"\x00" * 2000 + b"\x01\x40"])
def test_a_list_of_too_many_numbers_is_refused(raw: bytes) -> None:
    """One by one, by a run, or by both."""
    with pytest.raises(WireError, match="more than 2048 item numbers"):
        unpack_numbers(raw)


def _read_both(raw: bytes) -> None:
    for read in (decode_question, decode_answer):
        try:
            read(raw)
        except WireError:
            continue


def _small(value: object) -> object:
    """The value as msgpack can carry it: one long array is made of whatever was drawn."""
    return value if isinstance(value, list) else [value] * 13
