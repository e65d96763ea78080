"""The order of versions, which is the one of the checks."""

from __future__ import annotations

import pytest
from checklib import versions as checks
from checklib.errors import CannotTell
from hypothesis import given, settings
from hypothesis import strategies as st

from config_center import limits
from config_center.versions import version_key

LADDER = ["5.9", "5.10", "6.1-rc3", "6.1-rc10", "6.1", "6.1-1", "6.1.0-37-amd64", "6.1.1", "6.10", "10"]


def test_versions_stand_in_their_order() -> None:
    """Numbers by their value, candidates before their release, words after it."""
    keys = [version_key(text) for text in LADDER]
    assert all(keys)
    assert sorted(keys, key=lambda key: key or ((), 0, ())) == keys
    assert version_key("v6.1.0") == version_key("6.1")


@pytest.mark.parametrize("text", ["", "new", "-1", "6 1", "6.1\n", "٦", "v", "1" * (limits.version_chars_max + 1)])
def test_what_does_not_begin_with_a_number_is_none(text: str) -> None:
    """It has no place among versions, which is no error here: a node says of itself what it likes."""
    assert version_key(text) is None


WORDS = ["0", "1", "9", "10", "37", ".", "-", "~", "_", "rc", "rc1", "-rc2", "v", "a", "Z", "amd64", "+", " ", "é"]
pieces = st.sampled_from(WORDS)
texts = st.lists(pieces, max_size=7).map("".join) | st.text(max_size=8)


@given(texts, texts)
@settings(deadline=None, max_examples=800)
def test_it_is_the_order_of_the_checks(one: str, other: str) -> None:
    """What a layer's match says of a kernel, and what a check says of it, never differ."""
    left, right = version_key(one), version_key(other)
    try:
        wanted = checks.compare(one, other, "kernel")
    except CannotTell:
        assert left is None or right is None
        return
    assert left is not None
    assert right is not None
    assert (left > right) - (left < right) == wanted
