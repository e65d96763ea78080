"""Questions about nodes: what they mean, and what is wrong with those that mean nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config_center import limits
from config_center.errors import QueryError
from config_center.nodes_query import Term, parse_query, select
from config_center.nodes_table import age_text, fields_shown, table
from tests.support.nodes import FLEET, SEEN_S, node


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "n001 n002 n003 n010"),
        ("zone = b", "n002 n003 n010"),
        ("zone=b and os=debian", "n002"),
        ("fact.os = debian", "n001 n002"),
        ("os != debian", "n003 n010"),  # who has no such field is not debian either
        ("kernel < 6.1", "n002 n003"),
        ("kernel < 5.10", "n003"),  # versions, not texts
        ("kernel < 5.9.1", ""),
        ("kernel >= 6.1", "n001"),
        ("kernel > 5.9.1", "n001 n002"),
        ("kernel <= 5.9.1", "n003"),
        ("cpus > 9", "n002 n003"),  # numbers, not texts
        ("os > 1", ""),  # words have no place among versions
        ("rack ~ b*", "n002 n003"),
        ("name ~ n[001-002]", "n001 n002"),
        ("name != n001 and name != n010", "n002 n003"),
        ("model = 'X 1'", "n001 n002"),
        ('model = "X 1" and zone = "a"', "n001"),
        ("seen > 2d", "n010"),
        ("seen <= 1h", "n001 n002 n003"),
        ("seen > 1w", ""),
        ("zone = and", ""),
    ],
)
def test_what_a_question_finds(query: str, names: str) -> None:
    """All terms must hold; a node without the field suits `!=` only."""
    now = SEEN_S + 60
    assert [row.name for row in select(parse_query(query), FLEET, now)] == names.split()


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("zone", "'zone' is no condition: write FIELD OP VALUE"),
        ("zone =", "no condition"),
        ("= b", "no condition"),
        ("zone = b or os = x", "after 'zone = b' comes `and` with another condition, not 'or'"),
        ("zone = b and", "after 'zone = b' comes `and`"),
        ("zone = b os = x", "not 'os'"),
        ("'zone' = b", "no condition"),
        ("zone = 'b", "cannot stand there"),
        ("zone ! b", "cannot stand there"),
        ("kernel < new", "'new' is no number or version"),
        ("name < 5", "names have no order"),
        ("name ~ n[1-", "without its ]"),
        ("seen = 2d", "seen takes < <= > >= and an age"),
        ("seen > yesterday", "an age such as 90s"),
        ("a = b and " * 200 + "a = b", "at most 1000 characters"),
    ],
)
def test_a_question_that_cannot_be_read(query: str, why: str) -> None:
    """One error, which says what to write."""
    with pytest.raises(QueryError) as error:
        parse_query(query)
    assert why in str(error.value)


def test_a_field_that_nobody_has_is_a_mistake() -> None:
    """A misspelt field would find nobody, and look like good news; where there are no nodes nothing is known."""
    with pytest.raises(QueryError, match="no node has 'kernle'; did you mean kernel"):
        select(parse_query("kernle < 6"), FLEET, SEEN_S)
    assert select(parse_query("kernle < 6"), [], SEEN_S) == []


def test_a_tag_goes_before_a_fact_and_a_prefix_names_the_fact() -> None:
    """What a person set wins over what was found; a tag cannot pass for a fact."""
    rows = [node("n1", {"os": "own", "fact.os": "forged"}, {"os": "debian"})]
    assert select(parse_query("os = own and fact.os = debian"), rows, SEEN_S) == rows
    assert select(parse_query("fact.os = forged"), rows, SEEN_S) == []


def test_a_moment_that_is_none_suits_no_age() -> None:
    """`seen` comes from a server."""
    rows = [node("n1", seen="soon")]
    assert select(parse_query("seen > 0s"), rows, SEEN_S) == select(parse_query("seen < 9w"), rows, SEEN_S) == []


@given(st.text(max_size=60) | st.text("ab=<>~!'\" and9.", max_size=60))
@settings(deadline=None, max_examples=400)
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing else is raised, neither in reading nor in asking."""
    try:
        terms = parse_query(text)
    except QueryError:
        return
    rows = [node("a", {term.field: "9" for term in terms})]
    select(terms, rows, SEEN_S)


words = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=6)
values = st.text(st.sampled_from([chr(code) for code in range(32, 127) if chr(code) not in "'\""]), max_size=9)


@given(st.lists(st.tuples(words, st.sampled_from(["=", "!="]), values), max_size=4))
@settings(deadline=None)
def test_a_quoted_value_is_taken_as_it_is(terms: list[tuple[str, str, str]]) -> None:
    """What is written comes back."""
    wanted = [Term(*term) for term in terms if term[0] != "seen"]
    text = " and ".join(f"{term.field}{term.op}'{term.value}'" for term in wanted)
    assert len(text) <= limits.query_chars_max
    assert list(parse_query(text)) == wanted


def test_equal_nodes_share_a_row() -> None:
    """The biggest group first, with the age of the one not heard of for longest."""
    fields = ("zone", "os", "seen")
    rows = table(FLEET, fields[:2], SEEN_S)
    assert [(row.names, row.values) for row in rows] == [
        (["n001"], ("a", "debian")), (["n002"], ("b", "debian")), (["n003"], ("b", "rocky")), (["n010"], ("b", "-")),
    ]  # fmt: skip
    both = table(FLEET, ("zone",), SEEN_S)[0]
    assert (both.names, age_text(both.oldest_s)) == (["n002", "n003", "n010"], "3d")
    assert table(FLEET, fields, SEEN_S)[3].values == ("b", "-", "3d")
    assert fields_shown(FLEET) == ("rack", "zone", "os", "kernel", "model")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (-5.0, "0s"), (0.5, "0s"), (59.0, "59s"), (60.0, "1m"), (90_000.0, "1d"), (1e7, "16w")],
)
def test_an_age_in_its_biggest_unit(seconds: float | None, text: str) -> None:
    assert age_text(seconds) == text
