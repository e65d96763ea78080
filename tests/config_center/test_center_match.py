"""Patterns over names and tags."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config_center import limits
from config_center.errors import MatchError
from config_center.match import Match, Pattern, Term
from tests.support.center import terms


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("n001", ["n001"], ["n1", "n0011", "xn001", "N001", ""]),
        ("n*", ["n", "n1", "n001"], ["xn", ""]),
        ("*", ["", "anything"], []),
        ("n?", ["n1", "nx"], ["n", "n12"]),
        ("n[001-010,15]", ["n001", "n010", "n15"], ["n1", "n011", "n0015", "n015", "n000", "n0001"]),
        ("n[8-12]", ["n8", "n12"], ["n08", "n7", "n13", "n012", "n"]),
        ("n[0-2]", ["n0", "n2"], ["n00", "n3"]),
        ("n[1-9]0", ["n10", "n90"], ["n100", "n1", "n0"]),
        ("r[1-2]n[01-03]", ["r1n01", "r2n03"], ["r3n01", "r1n1", "r1n04"]),
        ("[1-3]*", ["1", "12", "3abc"], ["4", "a1"]),
        ("*[5]", ["5", "a5", "15"], ["51", "6"]),
        ("a.b+c(d)", ["a.b+c(d)"], ["aXb+c(d)", "a.bbc(d)"]),
        ("n[1, 3]", ["n1", "n3"], ["n2"]),
    ],
)
def test_what_a_pattern_covers(pattern: str, yes: list[str], no: list[str]) -> None:
    """Wildcards, ranges with their padding, and everything else literally; the whole value counts."""
    compiled = Pattern(pattern)
    assert [value for value in yes if not compiled.covers(value)] == []
    assert [value for value in no if compiled.covers(value)] == []


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("", "empty pattern"),
        ("n[1-", "[ without its ]"),
        ("n[", "[ without its ]"),
        ("n1]", "] without its ["),
        ("n[]", "no range of numbers"),
        ("n[ab]", "for other choices write a list"),
        ("n[!1]", "no range of numbers"),
        ("n[1-3/2]", "no range of numbers"),
        ("n[10-1]", "write 1-10"),
        ("n[01-100]", "mixes widths"),
        ("n[001-10]", "mixes widths"),
        ("n[1-9999999999999999999]", "no range of numbers"),
        ("n[\u0661-\u0663]", "no range of numbers"),
        ("a*" * 60, "parts"),
        ("n" * 300, "characters"),
    ],
)
def test_a_bad_pattern_says_what_is_wrong(pattern: str, why: str) -> None:
    """A pattern that cannot be read is one clear error."""
    with pytest.raises(MatchError, match=re.escape(why)):
        Pattern(pattern)


def test_only_literals_are_literal() -> None:
    """The resolver looks literals up instead of trying them."""
    literal = {text: Pattern(text).is_literal for text in ("n1", "*", "**", "?", "n*", "[1-2]", "n[1]", "a-b")}
    assert literal == {
        "n1": True, "*": False, "**": False, "?": False, "n*": False, "[1-2]": False, "n[1]": False, "a-b": True,
    }  # fmt: skip


def test_every_key_must_match_and_any_of_its_values_may() -> None:
    """`match` is a conjunction of choices; a tag the node lacks never matches, not even `*`."""
    match = Match.of(terms(zone=("a", "b"), role="web*", node=("n[1-3]", "x9")))
    assert match.covers("n2", {"zone": "b", "role": "web1"})
    assert match.covers("x9", {"zone": "a", "role": "web", "more": "tags"})
    assert not match.covers("n4", {"zone": "b", "role": "web1"})
    assert not match.covers("n2", {"zone": "c", "role": "web1"})
    assert not match.covers("n2", {"role": "web1"})
    assert not Match.of(terms(zone="*")).covers("n1", {})
    assert Match.of({}).covers("anything", {})


@pytest.mark.parametrize("key", ["zone", "node"])
def test_a_key_without_values_is_refused(key: str) -> None:
    """An empty choice would silently match nothing."""
    with pytest.raises(MatchError, match=f"{key}: no values: nothing would match"):
        Match.of({key: Term()})


@given(low=st.integers(0, 1200), span=st.integers(0, 300), width=st.integers(0, 4), number=st.integers(0, 2000))
@settings(deadline=None)
def test_a_range_is_the_list_of_its_numbers(low: int, span: int, width: int, number: int) -> None:
    """A range covers exactly the names one gets by writing its numbers out, padded as its ends are."""
    high = low + span
    first, last = f"{low:0{width}d}", f"{high:0{width}d}"
    padded = first[0] == "0" and len(first) > 1
    if padded and len(first) != len(last):
        with pytest.raises(MatchError):
            Pattern(f"n[{first}-{last}]")
        return
    names = {f"n{value:0{len(first) if padded else 0}d}" for value in range(low, high + 1)}
    pattern = Pattern(f"n[{first}-{last}]")
    for name in (f"n{number}", f"n{number:02d}", f"n{number:03d}", f"n{number:04d}"):
        assert pattern.covers(name) == (name in names)


@given(
    parts=st.lists(st.sampled_from(["*", "?", "a", "b", "ab", "[1-3]", "[01-12]"]), min_size=1, max_size=6),
    value=st.text("ab0123", max_size=8),
)
@settings(deadline=None, max_examples=300)
def test_matching_is_what_a_regular_expression_would_say(parts: list[str], value: str) -> None:
    """All readings are tried: a wildcard beside a range or a literal never hides a match."""
    twelve = "|".join(f"{number:02d}" for number in range(1, 13))
    regex = {"*": ".*", "?": ".", "[1-3]": "[123]", "[01-12]": f"(?:{twelve})"}
    wanted = "".join(regex.get(part, part) for part in parts)
    assert Pattern("".join(parts)).covers(value) == bool(re.fullmatch(wanted, value))


def test_no_pattern_is_slow() -> None:
    """The classic that takes a backtracking matcher for ever: it must end within the test's patience."""
    pattern = Pattern("*a" * (limits.pattern_parts_max // 2))
    started = time.process_time()
    assert not pattern.covers("a" * 127 + "b")
    assert time.process_time() - started < 1
