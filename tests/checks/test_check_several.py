"""One item about several things: which of their values decides, and which of them are named."""

from __future__ import annotations

from typing import Any

import pytest
from checklib.errors import CannotTell, NotApplicable
from checklib.several import decide

NA, ERROR = NotApplicable("it has none"), CannotTell("it broke")
AT_MOST: dict[str, Any] = {"at_most": 5}


@pytest.mark.parametrize(
    ("things", "value", "said"),
    [
        ([1, 1], 1, "1"),
        ([9, 9], 9, "9"),
        ([1, 2], 1, "1 (a); 2 (b)"),
        ([1, 9, 1, 8], 9, "9 (b); 8 (d)"),
        ([1, "x", 9], 9, "9 (c)"),
        ([1, "x"], "x", "1 (a); x (b)"),
        ([NA, 9, ERROR], 9, "9 (b)"),
        ([NA, ERROR, 1], ERROR, "it has none (a); it broke (b); 1 (c)"),
        ([NA, "x", 1], "x", "it has none (a); x (b); 1 (c)"),
        ([1, NA], NA, "1 (a); it has none (b)"),
        ([None, 1], None, "absent (a)"),
    ],
)
def test_what_deviates_decides_then_what_cannot_be_told_then_what_does_not_apply(
    things: list[Any], value: Any, said: str
) -> None:
    """And those that deviate are named, else all."""
    decided, say = decide(zip("abcd", things, strict=False), AT_MOST)
    assert decided == value
    assert say() == said


def test_values_that_only_read_the_same_are_told_apart() -> None:
    """A text and a number compare differently."""
    decided, say = decide([("a", True), ("b", "true")], {"equals": "true"})
    assert say() == "true (a); true (b)"
    assert decided is True


def test_names_stand_together_as_the_caller_wants() -> None:
    """Processors as ranges, processes as a count."""
    _, say = decide([("1", "x"), ("2", "x"), ("3", "y")], {"equals": "y"}, lambda names: f"{len(names)} of 3")
    assert say() == "x (2 of 3)"


def test_nothing_expected_is_never_a_deviation() -> None:
    """The first value stands for the others."""
    assert decide([("a", 1), ("b", 2)], {})[0] == 1


@pytest.mark.parametrize(("matcher", "deciding"), [("absent", ["x"]), ("any", [])])
def test_an_empty_list_is_absent_of_one_of_several_too(matcher: str, deciding: list[str]) -> None:
    """As it is of a single thing: else one thing without faults would speak for all."""
    expected: dict[str, Any] = {matcher: True}
    for things in ([("a", []), ("b", ["x"])], [("a", ["x"]), ("b", [])]):
        assert decide(things, expected)[0] == deciding
