"""The shared compare: what each matcher means for each type of observed value."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from checklib.errors import CannotTell
from checklib.matchers import OPERANDS, amiss, holds, say
from checklib.values import Cut, Version, Words
from hypothesis import given
from hypothesis import strategies as st

SCALARS = st.one_of(
    st.text(max_size=20),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.sampled_from(["1", "0x1f", "1e3", "yes", "6.1.0-13-amd64", "٣", "1_000", "inf", "unlimited"]),
)
VALUES = st.one_of(
    st.none(),
    SCALARS,
    st.lists(st.text(max_size=5), max_size=4),
    st.text(max_size=20).map(Words),
    st.builds(Version, st.text(max_size=20), st.sampled_from(["dpkg", "rpm", "apk", "kernel", "plain"])),
)

HOLDS: list[tuple[str, Any, Any]] = [
    ("equals", "4096", 4096),
    ("equals", "4096", "4096"),
    ("equals", "4096", 4096.0),
    ("equals", "0x10", 16),
    ("equals", "on", True),
    ("equals", "Disabled", False),
    ("equals", True, "yes"),
    ("equals", 0, False),
    ("equals", "", ""),
    ("equals", "a  b", "a  b"),
    ("equals", Words("a \t b\n"), "a b "),
    ("equals", Words("4096\t87380"), [4096, 87380]),
    ("equals", ["ro", "quiet"], ["ro", "quiet"]),
    ("equals", ["ro"], "ro"),
    ("equals", Version("1.0", "dpkg"), "1.00"),
    ("equals", Version("5.1-3", "rpm"), "5.1"),
    ("equals", Version("22.04", "plain"), 22.04),
    ("at_least", "10", 10),
    ("at_least", "9223372036854775807", 9223372036854775807),
    ("at_least", "-1", -1.5),
    ("at_least", 2.5, 2),
    ("at_least", "unlimited", 18446744073709551615),
    ("at_most", 65536, "unlimited"),
    ("equals", "unlimited", "unlimited"),
    ("at_least", Version("6.10", "kernel"), "6.9"),
    ("at_most", "10", "10"),
    ("at_most", Version("1.0~rc1", "dpkg"), "1.0"),
    ("between", 5, [5, 5]),
    ("between", Version("6.5", "kernel"), ["6.1", 7]),
    ("one_of", "b", ["a", "b"]),
    ("one_of", "2", [1, 2]),
    ("matches", "a\nPermitRootLogin no\nb", "^PermitRootLogin no$"),
    ("matches", ["ro", "mitigations=off"], "^mitigations="),
    ("matches", 139, "^1"),
    ("matches", "", "^$"),
    ("contains", "some text", "me te"),
    ("contains", "port 22", 22),
    ("contains", ["a", "b"], "b"),
    ("contains", ["a", "b", "c"], ["c", "a"]),
    ("contains", "abc", ["a", "c"]),
    ("contains", Version("6.1.0-amd64", "kernel"), "amd64"),
    ("lacks", "some text", "other"),
    ("lacks", "abc", ["d", "e"]),
    ("lacks", ["quiet"], "qui"),
    ("lacks", ["a", "b"], ["c", "d"]),
    ("lacks", [], "a"),
    ("lacks", "", "a"),
]

DEVIATES: list[tuple[str, Any, Any]] = [
    ("equals", "4096", 4097),
    ("equals", "04096", "4096"),
    ("equals", "1_000", 1000),
    ("equals", "٣", 3),
    ("equals", "inf", float("inf")),
    ("equals", "maybe", True),
    ("equals", "maybe", False),
    ("equals", "2", True),
    ("equals", "a", "A"),
    ("equals", "a  b", "a b"),
    ("equals", ["ro", "quiet"], ["quiet", "ro"]),
    ("equals", ["ro", "quiet"], "ro"),
    ("equals", [], "ro"),
    ("equals", 5, "five"),
    ("equals", Version("5.1-3", "dpkg"), "5.1"),
    ("at_least", "9", 10),
    ("at_least", "9223372036854775806", 9223372036854775807),
    ("at_most", Version("6.10", "kernel"), "6.9"),
    ("between", 6, [1, 5]),
    ("between", 0, [1, 5]),
    ("one_of", "c", ["a", "b"]),
    ("matches", "abc", "^b"),
    ("matches", [], "."),
    ("contains", ["quiet"], "qui"),
    ("contains", "abc", ["a", "d"]),
    ("lacks", "some text", "me te"),
    ("lacks", "abc", ["d", "b"]),
    ("lacks", "port 22", 22),
    ("lacks", ["a", "b"], ["c", "b"]),
    ("lacks", Cut("abc"), ["d", "b"]),
    ("lacks", "abc", ""),
    ("lacks", Cut("abc"), ""),
]

CANNOT: list[tuple[str, Any, Any]] = [
    ("at_least", "many", 10),
    ("at_least", "10", "many"),
    ("at_most", True, 1),
    ("at_most", ["1"], 1),
    ("at_most", 1, True),
    ("between", 5, 5),
    ("between", 5, [1, 2, 3]),
    ("one_of", "a", "a"),
    ("matches", "a", "("),
    ("matches", "a", 7),
    ("matches", "a", "a" * 257),
    ("matches", "x" * 300_000, "x"),
    ("contains", 100, 1),
    ("contains", Cut("abc"), ["a", "d"]),
    ("lacks", 100, 1),
    ("lacks", Cut("abc"), "d"),
    ("equals", Version("1", "dpkg"), True),
    ("equals", Version("1", "dpkg"), "a b"),
    ("at_least", Version("1", "apk"), "x"),
    ("absent", "a", False),
    ("any", None, 1),
    ("likes", "a", 1),
]


@pytest.mark.parametrize(("matcher", "value", "operand"), HOLDS)
def test_it_holds(matcher: str, value: Any, operand: Any) -> None:
    """The value is as expected."""
    assert holds(matcher, value, operand, exists=True) is True


@pytest.mark.parametrize(("matcher", "value", "operand"), DEVIATES)
def test_it_deviates(matcher: str, value: Any, operand: Any) -> None:
    """The value is certainly not as expected."""
    assert holds(matcher, value, operand, exists=True) is False


@pytest.mark.parametrize(("matcher", "value", "operand"), CANNOT)
def test_it_cannot_be_told(matcher: str, value: Any, operand: Any) -> None:
    """Comparing makes no sense: that is an error of the item, neither a fail nor a pass."""
    with pytest.raises(CannotTell):
        holds(matcher, value, operand, exists=True)


@pytest.mark.parametrize("matcher", OPERANDS)
def test_only_absent_holds_of_what_is_not_there(matcher: str) -> None:
    """A missing thing equals nothing, matches nothing, and is not even less than anything."""
    operand: Any = {"pair": [0, 9], "list": ["a"], "regex": ".*", "true": True}.get(OPERANDS[matcher], 0)
    assert holds(matcher, None, operand, exists=False) is (matcher == "absent")


def test_any_and_absent_ask_for_the_thing_and_not_for_its_value() -> None:
    """No process runs: the count is 0, and the process is absent."""
    assert holds("absent", 0, True, exists=False)
    assert not holds("any", 0, True, exists=False)
    assert holds("any", 0, True, exists=True)
    assert not holds("absent", 0, True, exists=True)


@pytest.mark.parametrize(
    ("matcher", "value", "operand", "said"),
    [
        ("contains", ["ro", "quiet"], ["ro", "isolcpus=2", "nosmt"], "without isolcpus=2, nosmt"),
        ("contains", "a text", "text b", "without text b"),
        ("lacks", ["ro", "quiet"], ["quiet", "nosmt"], "with quiet"),
        ("lacks", Cut("the first"), "first", "with first"),
        ("lacks", ["ro"], "quiet", ""),
        ("contains", None, "ro", ""),
        ("equals", ["ro"], ["rw"], ""),
    ],
)
def test_the_parts_that_make_it_deviate_are_named(matcher: str, value: Any, operand: Any, said: str) -> None:
    """Of thirty words nobody looks for the missing one; and nodes that miss the same fold, however they differ."""
    assert amiss(matcher, value, operand) == said


@given(
    matcher=st.sampled_from(sorted(OPERANDS)), value=VALUES, operand=st.one_of(SCALARS, st.lists(SCALARS, min_size=1))
)
def test_anything_is_compared_or_cannot_be(matcher: str, value: Any, operand: Any) -> None:
    """Whatever meets whatever: true, false, or the one documented error."""
    with suppress(CannotTell):
        assert holds(matcher, value, operand, exists=value is not None) in {True, False}


@given(value=st.integers(), low=st.integers(), high=st.integers())
def test_orders_agree(value: int, low: int, high: int) -> None:
    """between is at_least and at_most; text orders as its number does."""
    inside = holds("at_least", value, low, exists=True) and holds("at_most", value, high, exists=True)
    assert holds("between", value, [low, high], exists=True) is inside
    assert holds("between", str(value), [low, high], exists=True) is inside


@pytest.mark.parametrize(
    ("matcher", "operand", "text"),
    [
        ("equals", "0644", "0644"),
        ("equals", True, "true"),
        ("equals", "", '""'),
        ("equals", [1, "b"], "[1, b]"),
        ("at_most", 10, "at_most 10"),
        ("between", [1, 5], "between 1 and 5"),
        ("one_of", ["a", 2], "one_of [a, 2]"),
        ("contains", ["a", "b"], "contains [a, b]"),
        ("lacks", ["a", "b"], "lacks [a, b]"),
        ("absent", True, "absent"),
        ("any", True, "any"),
    ],
)
def test_it_is_said_as_the_config_center_says_it(matcher: str, operand: Any, text: str) -> None:
    """What a check calls expected reads as in reports."""
    from config_center.expectation import describe

    assert say(matcher, operand) == text
    assert describe({"value": {matcher: operand}}) == text
