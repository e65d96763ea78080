"""The user event that announces a release: bounded, checked, and worth no more than a look."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_agent.announcements import Announcement, Announcements, decode_announcement

GOOD = msgspec.msgpack.encode([7, b"release0"])


def test_an_announcement_is_read() -> None:
    """As `inspector announce` sends it: the serial of the act, and the beginning of a digest."""
    assert decode_announcement(GOOD) == Announcement(7, b"release0")


@pytest.mark.parametrize(
    "value",
    [[], [7], [0, b"release0"], [-1, b"release0"], [2**60, b"release0"], [7, b"short"], [7, b"release00"],
     [7, "release0"], ["7", b"release0"], [7, b"release0", 1], {"serial": 7}, 7, None],
)  # fmt: skip
def test_other_events_of_that_name_are_none(value: object) -> None:
    """Wrong in number, type or size."""
    assert decode_announcement(msgspec.msgpack.encode(value)) is None


@given(raw=st.binary(max_size=600))
def test_no_bytes_raise(raw: bytes) -> None:
    """Whatever somebody sends to the ring."""
    found = decode_announcement(raw)
    assert found is None or found.serial >= 1
    assert decode_announcement(GOOD + raw[:1]) == (None if raw[:1] else Announcement(7, b"release0"))


def test_garbage_and_repetitions_are_counted_and_cost_nothing() -> None:
    """Only what was not heard before is worth a look."""
    counted: Counter[str] = Counter()
    heard = Announcements(counted)
    assert [heard.hear(raw) for raw in (GOOD, GOOD, b"garbage", b"x" * 500)] == [True, False, False, False]
    assert heard.hear(msgspec.msgpack.encode([8, b"release0"]))
    assert counted == {"announced": 2, "repeated-event": 1, "malformed-event": 2}
