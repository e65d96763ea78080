"""Expectations as people read them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from config_center.expectation import MATCHERS, describe, describe_word
from tests.support.center import DESCRIPTION


@pytest.mark.parametrize(
    ("expect", "text"),
    [
        ({"value": {"at_most": 10}}, "at_most 10"),
        ({"value": {"equals": 4096}}, "4096"),
        ({"value": {"equals": [1, "b"]}}, "[1, b]"),
        ({"value": {"equals": ""}}, '""'),
        ({"value": {"equals": True}}, "true"),
        ({"value": {"at_least": 1, "at_most": 3}}, "at_least 1 and at_most 3"),
        ({"value": {"between": [1, 2.5]}}, "between 1 and 2.5"),
        ({"value": {"one_of": ["a", "b"]}}, "one_of [a, b]"),
        ({"value": {"matches": "^x$"}}, "matches ^x$"),
        ({"value": {"contains": "x y"}}, "contains x y"),
        ({"version": {"absent": True}}, "absent"),
        ({"status": {"any": True}}, "any"),
        ({"mode": {"equals": "0644"}, "owner": {"equals": "root"}}, "mode 0644, owner root"),
        ({"exit": {"equals": 0}}, "exit 0"),
        ({"exists": {"absent": True}}, "absent"),
        ({"exists": {"equals": True}}, "exists true"),
        ({"mode": {"absent": True}}, "mode absent"),
        ({}, ""),
    ],
)
def test_an_expectation_in_words(expect: Mapping[str, Mapping[str, object]], text: str) -> None:
    """The name of a property that goes without saying is left out, of others it stands first."""
    assert describe(expect) == text


def test_the_main_property_comes_first_and_goes_without_saying() -> None:
    """Who knows the kind can say which property is the main one."""
    assert describe({"used_percent": {"at_most": 90}}, main="used_percent") == "at_most 90"
    both = {"a": {"equals": 1}, "used_percent": {"at_most": 90}}
    assert describe(both, main="used_percent") == "used_percent at_most 90, a 1"


def test_what_stands_in_a_file_is_told_by_its_path() -> None:
    """Beside what the layer says itself."""
    assert describe({}, from_file={"value": {"equals": "/etc/x"}}) == "the text in /etc/x"
    both = {"value": {"contains": "a"}, "mode": {"equals": "0600"}}
    assert (
        describe(both, from_file={"value": {"one_of": "/x"}}) == "mode 0600, value contains a and one_of the text in /x"
    )


def test_the_word_of_one_layer() -> None:
    """What it does with the item."""
    assert describe_word("set", {"value": {"equals": 1}}) == "1"
    assert describe_word("append", {"value": {"contains": ["a"]}}) == "append contains [a]"
    assert describe_word("unset", {}) == "unset"


def test_the_matchers_are_those_of_the_catalogue() -> None:
    """The list here and the description the tests use name the same."""
    assert set(MATCHERS) == set(DESCRIPTION["matchers"])
