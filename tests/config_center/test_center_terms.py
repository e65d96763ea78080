"""Terms of a match: negation, bounds, facts; and whether one node may suit two of them."""

from __future__ import annotations

import re
import time
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config_center import limits
from config_center.errors import MatchError
from config_center.match import Match, Term
from config_center.overlap import may_both_match
from config_center.terms import Compiled, in_words
from config_center.traits import traits_of


@pytest.mark.parametrize(
    ("term", "yes", "no"),
    [
        (Term(any=("a", "b*")), ["a", "b1"], ["c", None]),
        (Term(none=("a", "b*")), ["c", "", None], ["a", "b1"]),  # as NotIn of Kubernetes: who lacks it is not in
        (Term(any=("b*",), none=("b1",)), ["b2"], ["b1", "a", None]),
        (Term(at_least="6.1"), ["6.1", "6.10", "6.1.0-37-amd64"], ["6.1-rc9", "5.19", "new", "", None]),
        (Term(at_most="6.1"), ["6.1", "5"], ["6.1.0-37", "x", None]),
        (Term(below="6.1"), ["6.0.9", "6.1-rc1"], ["6.1", None]),
        (Term(at_least="9", below="12"), ["9", "10", "11.9"], ["8", "12", "100"]),
        (Term(any=("6*",), none=("*-rt*",), at_least="6.1"), ["6.1-1"], ["6.1-rt1", "6.0", "7", None]),
    ],
)
def test_what_a_term_suits(term: Term, yes: list[str | None], no: list[str | None]) -> None:
    """All that is given must hold; None is a node without the trait."""
    asked = Compiled(term)
    assert [value for value in yes if not asked.covers(value)] == []
    assert [value for value in no if asked.covers(value)] == []


@pytest.mark.parametrize(
    ("term", "why"),
    [
        (Term(), "nothing would match"),
        (Term(any=("n[1-",)), "without its ]"),
        (Term(none=("",)), "empty pattern"),
        (Term(at_least="new"), "'new' is no number or version"),
        (Term(below="x" * 500), "no number or version"),
        (Term(any=("a",) * (limits.list_items_max + 1)), "patterns"),
    ],
)
def test_a_term_that_means_nothing_is_refused(term: Term, why: str) -> None:
    """With the key it stands under."""
    with pytest.raises(MatchError, match=re.escape("zone: ") + ".*" + re.escape(why)):
        Match({"zone": term})


def test_a_match_looks_at_the_name_tags_and_facts() -> None:
    """A tag cannot pass for a fact."""
    match = Match({"node": Term(none=("n9*",)), "zone": Term(any=("b",)), "fact.kernel": Term(below="6.1")})
    traits = traits_of({"zone": "b", "fact.kernel": "5.10"}, {"kernel": "6.1.0-37"})
    assert traits == {"zone": "b", "fact.kernel": "6.1.0-37"}
    assert not match.covers("n1", traits)
    assert match.covers("n1", traits_of({"zone": "b"}, {"kernel": "5.10"}))
    assert not match.covers("n91", traits_of({"zone": "b"}, {"kernel": "5.10"}))
    assert not match.covers("n1", traits_of({"zone": "b", "fact.kernel": "5.10"}))
    with pytest.raises(MatchError, match="at most"):
        Match({f"k{number}": Term(any=("a",)) for number in range(limits.match_keys_max + 1)})


def test_a_term_in_words() -> None:
    """After the trait's name."""
    assert in_words(Term(any=("a", "b"))) == "=a,b"
    assert in_words(Term(any=("b*",), none=("b1",), at_least="6.1", below="6.6")) == "=b* not b1 >=6.1 <6.6"
    assert in_words(Term(none=("b1",))) == " not b1"


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        (Term(any=("a",)), Term(any=("b", "c")), False),
        (Term(any=("a", "c")), Term(any=("b", "c")), True),
        (Term(any=("a",)), Term(none=("a",)), False),
        (Term(none=("a",)), Term(none=("*",)), True),  # a node without the tag
        (Term(any=("?*",)), Term(none=("*",)), False),
        (Term(any=("n[001-100]",)), Term(any=("n[101-200]",)), False),
        (Term(any=("n[001-100]",)), Term(any=("n[100-200]",)), True),
        (Term(any=("n[001-100]",)), Term(any=("n[1-100]",)), True),  # n100 is both
        (Term(any=("n[001-099]",)), Term(any=("n[1-99]",)), False),
        (Term(any=("n[1-99999999999999999]",)), Term(any=("n[5-7]x", "n12345678901")), True),
        (Term(any=("web*",)), Term(any=("db*",)), False),
        (Term(any=("*-a",)), Term(any=("*-b",)), False),
        (Term(any=("a*",)), Term(any=("*b",)), True),
        (Term(any=("a?",)), Term(any=("a??",)), False),
        (Term(any=("n*",)), Term(any=("n[1-3]",), none=("n2", "n[1-1]", "n3")), False),
        (Term(at_least="6.1"), Term(below="6.1"), False),
        (Term(at_least="6.1"), Term(below="6.1.0-1"), True),
        (Term(at_least="6.10"), Term(at_most="6.9"), False),
        (Term(at_least="6.1"), Term(at_most="6.1"), True),
        (Term(any=("6.1", "6.2")), Term(below="6.1"), False),
        (Term(any=("6.1", "6.2")), Term(at_least="6.2"), True),
        (Term(any=("a",), none=("a",)), Term(any=("*",)), False),
    ],
)
def test_whether_one_value_may_suit_both(one: Term, other: Term, *, overlap: bool) -> None:
    """In either order; on another key it says nothing."""
    assert may_both_match({"t": one}, {"t": other}) == may_both_match({"t": other}, {"t": one}) == overlap
    assert may_both_match({"t": one, "x": Term(any=("1",))}, {"t": other, "x": Term(any=("2",))}) is False


def test_every_node_has_a_name() -> None:
    """A tag may be lacking, the name not."""
    nobody = {"node": Term(none=("*",))}
    assert not may_both_match(nobody, nobody)
    assert may_both_match({"zone": Term(none=("*",))}, {"zone": Term(none=("*",))})


ALPHABET = "ab012"
VALUES = ["", *("".join(letters) for size in range(1, 5) for letters in product(ALPHABET, repeat=size))]
parts = st.sampled_from(["*", "?", "a", "b", "ab", "[0-2]", "[00-12]", "[1-21]", "[2,10-11]"])
patterns = st.lists(parts, min_size=1, max_size=4).map("".join)
lists = st.lists(patterns, max_size=2).map(tuple)
lowest, highest = st.sampled_from(["", "", "1", "2.1"]), st.sampled_from(["", "", "1", "12"])
terms = st.builds(Term, any=lists, none=lists, at_least=lowest, below=highest).filter(lambda term: term != Term())


@given(terms, terms)
@settings(deadline=None, max_examples=250)
def test_an_overlap_is_never_missed(one: Term, other: Term) -> None:
    """Every value of up to four letters is tried: one that suits both proves the overlap; without bounds it is exact.

    Patterns of so few parts that share a value at all share a short one, or one with a letter that none names.
    """
    first, second = Compiled(one), Compiled(other)
    values: list[str | None] = [None, *VALUES, *(value.replace("a", "z") for value in VALUES if "a" in value)]
    proof = next((value for value in values if first.covers(value) and second.covers(value)), values)
    if proof is not values:
        assert may_both_match({"t": one}, {"t": other}), proof
    elif not first.is_bounded and not second.is_bounded and all(len(text) < 9 for text in (*one.any, *other.any)):
        assert not may_both_match({"t": one}, {"t": other})


def test_entangled_patterns_end_in_time() -> None:
    """They are taken to overlap where following them takes too long."""
    one = Term(any=("*a" * 30,), none=tuple(f"*{'?' * number}b*" for number in range(12)))
    other = Term(any=("*b" * 30,), none=tuple(f"*{'?' * number}a" for number in range(1, 12)))
    started = time.process_time()
    assert may_both_match({"t": one}, {"t": other})
    assert time.process_time() - started < 20  # 0.5 s here; without an end it takes for ever
