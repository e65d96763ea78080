"""Output of a check is hostile until proven otherwise: it becomes findings, or garbage that is counted."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_agent.findings import Garbage, LineReader, Reported, Started, parse_line
from inspector_agent.runner import limits


def test_a_start_line_names_the_item_in_progress() -> None:
    """{"start": id} is news about an item, not a finding."""
    assert parse_line(b'{"start": "sysctl:vm.swappiness"}') == Started("sysctl:vm.swappiness")


def test_a_finding_line_keeps_what_the_check_saw() -> None:
    """All five fields arrive, and unknown ones are ignored."""
    raw = b'{"id":"a:b","outcome":"fail","observed":"60","message":"too much","ms":0.2,"new":{"x":[1]}}'
    assert parse_line(raw) == Reported("a:b", "fail", "60", "too much", 0.2)


@pytest.mark.parametrize(("observed", "text"), [(60, "60"), (1.5, "1.5"), (True, "true"), (None, ""), ("x", "x")])
def test_a_sloppy_check_may_observe_numbers(observed: object, text: str) -> None:
    """Numbers, booleans and null are taken as the text that JSON writes for them."""
    line = parse_line(json.dumps({"id": "a:b", "outcome": "pass", "observed": observed}).encode())
    assert isinstance(line, Reported)
    assert line.observed == text


@pytest.mark.parametrize(
    "raw",
    [
        b"hello",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"x":' * 50_000,
        b'{"id":"a:b"}',
        b'{"id":"a:b","outcome":"waived"}',
        b'{"id":"a:b","outcome":"PASS"}',
        b'{"id":7,"outcome":"pass"}',
        b'{"id":"a:b","outcome":"pass","ms":1e999}',
        b'{"id":"a:b","outcome":"pass","observed":["x"]}',
        b'{"id":"a:b","outcome":"pass","observed":"\\ud800"}',
        b'{"start":"' + b"x" * 600 + b'"}',
        b'{"outcome":"pass","id":"' + b"x" * 600 + b'"}',
    ],
)
def test_anything_else_is_garbage(raw: bytes) -> None:
    """A line that breaks the contract is garbage, never an exception and never a finding."""
    line = parse_line(raw)
    assert isinstance(line, Garbage)
    assert len(line.text) <= 60


def test_what_a_check_saw_cannot_steer_a_terminal() -> None:
    """Escape sequences, newlines and bidirectional overrides lose their power; texts are cut to their bounds."""
    raw = json.dumps({"id": "a:b", "outcome": "fail", "observed": "\x1b[2J\n\u202e" + "x" * 500, "message": "m" * 999})
    line = parse_line(raw.encode())
    assert isinstance(line, Reported)
    assert line.observed.isprintable()
    assert len(line.observed) == limits.observed_chars_max
    assert line.observed.endswith("…")
    assert len(line.message) == limits.message_chars_max


@given(st.binary(max_size=400))
def test_no_bytes_raise(raw: bytes) -> None:
    """Whatever a line holds, reading it returns."""
    assert isinstance(parse_line(raw), Started | Reported | Garbage)


@given(st.data())
def test_lines_are_the_same_wherever_the_stream_is_cut(data: st.DataObject) -> None:
    """A pipe delivers bytes in any pieces; the lines do not depend on them."""
    raw = b'{"start":"a:b"}\n\n  \nrubbish\n{"id":"a:b","outcome":"pass","observed":"\xc3\xa4"}\n{"start":"c:d"}'
    cuts = sorted(data.draw(st.sets(st.integers(1, len(raw) - 1), max_size=20)))
    reader = LineReader(10_000)
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    lines = [line for piece in pieces for line in reader.feed(piece)] + list(reader.end())
    assert lines == [Started("a:b"), Garbage("rubbish"), Reported("a:b", "pass", "ä", "", 0.0), Started("c:d")]


@pytest.mark.parametrize("piece", [1_000, 7_777, 65_536])
def test_a_line_too_long_is_one_piece_of_garbage_and_the_next_line_counts(piece: int) -> None:
    """What is beyond the bound of a line is not kept, and does not turn into findings of its own."""
    raw = b"y" * (3 * limits.line_bytes_max) + b'\n{"start":"a:b"}\n'
    reader = LineReader(1 << 20)
    lines = [line for start in range(0, len(raw), piece) for line in reader.feed(raw[start : start + piece])]
    assert [type(line) for line in lines] == [Garbage, Started]
    assert not reader.flooded


def test_a_flood_is_noticed_and_no_longer_read() -> None:
    """Beyond its budget nothing that a check prints is looked at."""
    reader = LineReader(30)
    assert list(reader.feed(b'{"start":"a:b"}\n')) == [Started("a:b")]
    assert list(reader.feed(b'{"start":"c:d"}\n')) == []
    assert reader.flooded
    assert list(reader.end()) == []
