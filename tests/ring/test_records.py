"""Bodies that no present-day agent on this machine sends: old raw strings, texts that are none, IPv6, phantoms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgpack  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector_agent.ring import commands, records
from inspector_agent.ring.errors import AuthRefused, CommandRefused, KeysRefused, ProtocolError, Unreachable
from inspector_agent.ring.records import Ack, Answer, Done, KeyReport, Member, Phantom, QueryEvent

MEMBER = {"Name": "n001", "Addr": b"\x7f\x00\x00\x01", "Port": 7946, "Tags": {"rack": "b1"}, "Status": "alive"}
EXAMPLES: list[tuple[Callable[[bytes], Any], dict[str, Any]]] = [
    (records.read_members, {"Members": [{**MEMBER, "Name": "n" * 60, "Tags": {"long": "x" * 300}}]}),
    (records.read_event, {"Event": "query", "ID": 7, "LTime": 3, "Name": "inspect", "Payload": b"q" * 40}),
    (records.read_event, {"Event": "user", "LTime": 3, "Name": "hello", "Payload": b"", "Coalesce": True}),
    (records.read_event, {"Event": "member-failed", "Members": [MEMBER]}),
    (records.read_query_record, {"Type": "response", "From": "n001", "Payload": b"p" * 900}),
    (records.read_keys, {"Messages": {"n001": "no"}, "Keys": {"k" * 44: 1}, "NumNodes": 1, "NumErr": 1, "NumResp": 1}),
    (records.read_stats, {"agent": {"name": "n001"}}),
    (records.read_log, {"Log": "[WARN] " + "x" * 70_000}),
]


@pytest.mark.parametrize(("read", "body"), EXAMPLES)
def test_old_raw_strings_read_like_new_ones(read: Callable[[bytes], Any], body: dict[str, Any]) -> None:
    """Old agents write texts and byte strings alike as raw of 16 or 32 bits of length."""
    new = msgpack.packb(body)
    old = msgpack.packb(body, use_bin_type=False)
    assert read(old) == read(new)
    if any(isinstance(value, bytes) for value in body.values()):
        assert old != new


def test_a_payload_of_old_raw_keeps_every_byte() -> None:
    """A payload is not a text, even where it is written as one."""
    payload = bytes(range(256))
    raw = msgpack.packb({"Type": "response", "From": "n", "Payload": payload}, use_bin_type=False)
    assert records.read_query_record(raw) == Answer("n", payload)


def test_a_tag_that_is_no_utf8_hides_nobody() -> None:
    """One node's broken tag or name is shown escaped; the other members are there."""
    odd = {**MEMBER, "Name": b"caf\xe9", "Tags": {b"r\xff": b"b\x80"}}
    raw = msgpack.packb({"Members": [odd, MEMBER]}, use_bin_type=False)
    first, second = records.read_members(raw)
    assert (first.name, first.tags) == ("caf\\xe9", {"r\\xff": "b\\x80"})
    assert second == Member("n001", "127.0.0.1", 7946, {"rack": "b1"}, "alive")


@pytest.mark.parametrize(
    ("packed", "text"),
    [
        (b"\x0a\x00\x00\x07", "10.0.0.7"),
        (bytes(10) + b"\xff\xff\x0a\x00\x00\x07", "10.0.0.7"),
        (b"\x20\x01\x0d\xb8" + bytes(11) + b"\x01", "2001:db8::1"),
        (None, ""),
    ],
)
def test_addresses_read_as_text(packed: bytes | None, text: str) -> None:
    """IPv4, IPv4 in IPv6, IPv6, none."""
    (member,) = records.read_members(msgpack.packb({"Members": [{**MEMBER, "Addr": packed}]}))
    assert member.address == text


def test_nil_lists_and_maps_are_empty() -> None:
    """Go writes an empty slice or map as nil where it was never made."""
    (member,) = records.read_members(msgpack.packb({"Members": [{**MEMBER, "Tags": None}]}))
    assert member.tags == {}
    assert records.read_members(msgpack.packb({"Members": None})) == []
    assert records.read_keys(msgpack.packb({"Messages": None, "Keys": None})) == KeyReport({}, {}, 0, 0, 0)


def test_records_of_nobody_are_phantoms() -> None:
    """An empty From is neither an ack nor an answer of a node without a name."""
    for kind in ("ack", "response"):
        raw = msgpack.packb({"Type": kind, "From": "", "Payload": None})
        assert records.read_query_record(raw) == Phantom(kind)
    assert records.read_query_record(msgpack.packb({"Type": "ack", "From": "n"})) == Ack("n")
    assert records.read_query_record(msgpack.packb({"Type": "done"})) == Done()


def test_a_name_that_is_no_utf8_still_answers() -> None:
    """Such a record is read more slowly, and says the same."""
    raw = b"\x83\xa4Type\xa8response\xa4From\xa3n\xff1\xa7Payload\xc4\x01p"
    assert records.read_query_record(raw) == Answer("n\\xff1", b"p")


@pytest.mark.parametrize("read", [records.read_query_record, records.read_header])
def test_depth_without_end_is_refused(read: Callable[[bytes], Any]) -> None:
    """By the one documented error, whichever way a record is tried first."""
    with pytest.raises(ProtocolError):
        read(b"\x83\xa3Seq\x01\xa5Error\xa0\xa4Deep" + b"\x91" * 20_000 + b"\x90")
    with pytest.raises(ProtocolError):
        read(b"\x82\xa4Type\xa4done\xa5Error" + b"\x91" * 20_000 + b"\x90")


def test_unknown_fields_are_skipped() -> None:
    """A later Serf may tell more."""
    raw = msgpack.packb({"Event": "query", "ID": 1, "LTime": 2, "Name": "q", "Payload": b"", "Source": {"a": [1]}})
    assert records.read_event(raw) == QueryEvent(1, "q", b"", 2)


@pytest.mark.parametrize(
    ("read", "body", "words"),
    [
        (records.read_members, {"Members": [{**MEMBER, "Status": "asleep"}]}, "status 'asleep'"),
        (records.read_members, {"Members": [{**MEMBER, "Addr": b"abc"}]}, "address of 3 bytes"),
        (records.read_members, {"Members": [{**MEMBER, "Tags": {"a": 1}}]}, "not a mapping of texts"),
        (records.read_members, {"Members": [{**MEMBER, "Tags": [1]}]}, "not a mapping of texts"),
        (records.read_event, {"Event": "birthday"}, "kind 'birthday'"),
        (records.read_query_record, {"Type": "maybe", "From": "n"}, "type 'maybe'"),
        (records.read_keys, {"Keys": {"k": "many"}}, "not a mapping of texts to int"),
    ],
)
def test_what_serf_never_says_is_refused(read: Callable[[bytes], Any], body: object, words: str) -> None:
    """Unknown kinds, states and types are a ProtocolError that names them."""
    with pytest.raises(ProtocolError, match=words):
        read(msgpack.packb(body))


@settings(deadline=None)
@given(st.text())
def test_a_literal_is_one_group_without_meaning(value: str) -> None:
    """Only escaped metacharacters are inside, so that whatever is put around cannot change what it matches."""
    inside = commands.literal(value)[3:-1]
    plain = []
    characters = iter(inside)
    for character in characters:
        assert character not in r".+*?()|[]{}^$"
        plain.append(next(characters) if character == "\\" else character)
    assert "".join(plain) == value


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"timeout_s": 0}, "timeout_s"), ({"timeout_s": -1.0}, "timeout_s"), ({"timeout_s": float("nan")}, "timeout_s"),
     ({"relay_factor": 256}, "relay_factor"), ({"relay_factor": -1}, "relay_factor")],
)  # fmt: skip
def test_figures_that_serf_would_misread_are_refused(fields: dict[str, Any], words: str) -> None:
    """Serf takes a timeout of 0 for its default, and a relay factor modulo 256."""
    usual: dict[str, Any] = {
        "timeout_s": 1.0,
        "filter_nodes": (),
        "filter_tags": {},
        "request_ack": False,
        "relay_factor": 0,
    }
    with pytest.raises(ValueError, match=words):
        commands.query("q", b"", **{**usual, **fields})
    with pytest.raises(TypeError, match="not one name"):
        commands.query("q", b"", **{**usual, "filter_nodes": "n001"})


def test_keys_do_not_reach_a_log() -> None:
    """repr of what carries a secret does not show it."""
    for secret in (commands.Auth("hunter2"), commands.InstallKey("hunter2"), commands.UseKey("hunter2")):
        assert "hunter2" not in repr(secret)


def test_errors_say_where_what_and_what_to_do() -> None:
    """Address, reason, advice."""
    assert str(Unreachable("no answer within 5 s", "10.0.0.1:7373")) == (
        "Serf RPC at 10.0.0.1:7373: no answer within 5 s; is the Serf agent running, "
        "and is this its rpc_addr (`serf agent -rpc-addr`)?"
    )
    assert "compare it with rpc_auth" in str(AuthRefused("Invalid authentication token", "a:1"))
    assert str(CommandRefused("query", "query exceeds limit of 1024 bytes", "a:1")) == (
        "Serf RPC at a:1: query refused: query exceeds limit of 1024 bytes; "
        "shorten the payload, or filter by fewer names"
    )
    report = KeyReport({"n002": "No keyring", "n001": "No keyring"}, {}, 2, 2, 2)
    assert "2/2 nodes reported failure (n001: No keyring, n002: No keyring)" in str(
        KeysRefused("use-key", "2/2 nodes reported failure", report)
    )
