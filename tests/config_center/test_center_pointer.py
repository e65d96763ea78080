"""The pointer: one form, bounded, and for each node one release."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config_center import limits
from config_center.canonical import canonical_bytes
from config_center.errors import ReleaseError, TrustError
from config_center.keys import sign, verify
from config_center.match import Term
from config_center.pointer import Canary, Pointer, Signature, decode_pointer, encode_pointer, payload_of
from tests.support.center import WHEN, a_key, terms

MAIN, TRIED = "a" * 64, "b" * 64
KEY = a_key()
CANARY = Canary(13, TRIED, {"rack": Term(any=("b1", "b2"))})
PLAIN = Pointer(serial=7, number=12, digest=MAIN, created=WHEN)
FULL = sign(msgspec.structs.replace(PLAIN, canary=CANARY, revoked=("0" * 16, "1" * 16)), [KEY])


def changed(**fields: Any) -> bytes:
    """The full pointer's bytes with some fields set to something else."""
    return canonical_bytes({**json.loads(encode_pointer(FULL)), **fields})


def test_the_bytes_are_the_documented_ones() -> None:
    """Every field stands there, in canonical order."""
    assert encode_pointer(PLAIN) == (
        b'{"canary":null,"created":"2030-01-01T00:00:00Z","digest":"' + MAIN.encode() + b'","number":12,"revoked":[],'
        b'"schema":"inspector.pointer/1","serial":7,"signatures":[]}'
    )
    assert json.loads(encode_pointer(FULL))["canary"] == {
        "number": 13, "digest": TRIED, "match": {"rack": {"any": ["b1", "b2"]}},
    }  # fmt: skip
    for pointer in (PLAIN, FULL):
        assert decode_pointer(encode_pointer(pointer)) == pointer


def test_what_is_signed_is_all_but_the_signatures() -> None:
    """A second signature changes nothing of what the first one covers; anything else does."""
    assert payload_of(FULL) == payload_of(msgspec.structs.replace(FULL, signatures=()))
    assert payload_of(FULL).startswith(b'inspector.pointer/1\n{"canary":')
    others: list[dict[str, Any]] = [
        {"serial": 8}, {"number": 11}, {"digest": "c" * 64}, {"created": "2031-01-01T00:00:00Z"}, {"canary": None},
        {"revoked": ()}, {"canary": Canary(13, TRIED, {})},
    ]  # fmt: skip
    for other in others:
        assert payload_of(msgspec.structs.replace(FULL, **other)) != payload_of(FULL), other


def test_a_node_is_assigned_the_canary_where_it_matches() -> None:
    """By tags, names and facts; everybody else has the main release."""
    assert FULL.assigned("n001", {"rack": "b1"}) == (13, TRIED)
    assert FULL.assigned("n001", {"rack": "b10"}) == FULL.assigned("n001", {}) == (12, MAIN)
    assert PLAIN.assigned("n001", {"rack": "b1"}) == (12, MAIN)
    by_fact = msgspec.structs.replace(FULL, canary=Canary(13, TRIED, {"node": Term(any=("n[001-003]",))}))
    assert [by_fact.assigned(name, {})[0] for name in ("n001", "n003", "n004")] == [13, 13, 12]
    assert (PLAIN.releases(), FULL.releases()) == (((12, MAIN),), ((12, MAIN), (13, TRIED)))


@given(st.binary(max_size=300))
@settings(deadline=None, max_examples=300)
def test_arbitrary_bytes_are_a_release_error_and_nothing_else(raw: bytes) -> None:
    """Whatever comes, one error is raised."""
    with pytest.raises(ReleaseError):
        decode_pointer(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = ["canary", "created", "digest", "number", "revoked", "schema", "serial", "signatures", "other"]


@given(st.dictionaries(st.sampled_from(FIELDS), JSON, min_size=1))
@settings(deadline=None, max_examples=300)
def test_any_value_in_any_field_is_read_or_a_release_error(fields: dict[str, Any]) -> None:
    """Types, depths and values that nobody meant: what is read can be written and asked."""
    raw = json.dumps({**json.loads(encode_pointer(FULL)), **fields}, sort_keys=True, separators=(",", ":")).encode()
    try:
        pointer = decode_pointer(raw)
    except ReleaseError:
        return
    assert encode_pointer(pointer) == raw
    assert pointer.assigned("n001", {"rack": "b1"}) in pointer.releases()


@given(st.integers(0, len(encode_pointer(FULL)) - 1), st.integers(1, 255))
@settings(deadline=None, max_examples=500)
def test_any_flipped_byte_of_a_signed_pointer_is_noticed(at: int, flip: int) -> None:
    """It is no pointer any more, or no longer signed by that key."""
    raw = bytearray(encode_pointer(FULL))
    raw[at] ^= flip
    with pytest.raises((ReleaseError, TrustError)):
        verify(decode_pointer(bytes(raw)), [KEY.public])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"schema": "inspector.pointer/2"}, "this program reads 'inspector.pointer/1': upgrade it"),
        ({"serial": 0}, "serial counts from 1"),
        ({"serial": limits.serial_max + 1}, "serial counts from 1"),
        ({"number": 0}, "names no release: number 0"),
        ({"number": limits.release_number_max + 1}, "names no release"),
        ({"digest": "../../etc"}, "names no release"),
        ({"digest": "A" * 64}, "names no release"),
        ({"created": "yesterday"}, "no moment of RFC 3339: 'yesterday'"),
        ({"canary": {"number": 12, "digest": TRIED, "match": {}}}, "canary is the release for everybody, 12"),
        ({"canary": {"number": 13, "digest": MAIN, "match": {}}}, "canary is the release for everybody, 12"),
        ({"canary": {"number": 13, "digest": TRIED, "match": {"a": {"any": ["[x]"]}}}}, "the pointer's canary: a: "),
        ({"canary": {"number": 13, "digest": TRIED, "match": {}, "more": 1}}, "malformed"),
        ({"revoked": ["1" * 16, "0" * 16]}, "not sorted"),
        ({"revoked": ["0" * 16, "0" * 16]}, "revoked keys of one key twice"),
        ({"revoked": ["F" * 16]}, "no key's id"),
        ({"revoked": [f"{n:016x}" for n in range(limits.revoked_max + 1)]}, "revoked keys, at most"),
        ({"signatures": [{"key": "0" * 16, "signature": "A" * 128}]}, "a signature that is none"),
        ({"signatures": [{"key": "0" * 16, "signature": "0" * 128}] * 2}, "signatures of one key twice"),
        ({"signatures": [{"key": f"{n:016x}", "signature": "0" * 128} for n in range(9)]}, "signatures, at most 8"),
        ({"extra": 1}, "malformed"),
    ],
)
def test_what_cannot_be_a_pointer_is_refused(fields: dict[str, Any], words: str) -> None:
    """Each rule has its sentence."""
    with pytest.raises(ReleaseError, match=words.replace("[", r"\[")):
        decode_pointer(changed(**fields))


def test_a_pointer_has_one_form_only() -> None:
    """Spaces, another order, escapes, a key twice: what was signed would not be what is read."""
    raw = encode_pointer(PLAIN)
    rewritten = [
        raw + b"\n",
        json.dumps(json.loads(raw)).encode(),
        raw.replace(b'"serial":7', b'"serial":7,"serial":7'),
        raw.replace(b'"canary":null,', b""),
        raw.replace(b"2030", b"\\u0032030"),
    ]
    for form in rewritten:
        with pytest.raises(ReleaseError, match="the pointer was rewritten"):
            decode_pointer(form)


def test_sizes_and_depths_are_bounded() -> None:
    """Too much is refused before it is looked into."""
    with pytest.raises(ReleaseError, match="too big"):
        decode_pointer(b" " * (limits.pointer_bytes_max + 1))
    for raw in (b"[" * 60_000, b'{"schema":' * 6_000, b'{"schema":"inspector.pointer/1","canary":' + b"[" * 60_000):
        with pytest.raises(ReleaseError):
            decode_pointer(raw)
    huge = Canary(13, TRIED, terms(**{f"tag{n}": "x" for n in range(limits.match_keys_max + 1)}))
    with pytest.raises(ReleaseError, match="keys"):
        decode_pointer(encode_pointer(msgspec.structs.replace(PLAIN, canary=huge)))


def test_the_highest_numbers_survive() -> None:
    """What the wire can carry, a pointer can say."""
    most = msgspec.structs.replace(PLAIN, serial=limits.serial_max, number=limits.release_number_max)
    assert decode_pointer(encode_pointer(most)) == most


def test_half_a_surrogate_pair_is_malformed() -> None:
    """JSON can escape what UTF-8 cannot say."""
    with pytest.raises(ReleaseError, match="malformed"):
        decode_pointer(encode_pointer(FULL).replace(b'"b1"', b'"\\ud800"'))


def test_signatures_have_their_place() -> None:
    """Several keys may sign."""
    later = msgspec.structs.replace(PLAIN, signatures=(Signature("0" * 16, "0" * 128), Signature("1" * 16, "f" * 128)))
    assert decode_pointer(encode_pointer(later)) == later
