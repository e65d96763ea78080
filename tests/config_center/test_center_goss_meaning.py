"""Goss's matchers mean the same in our words: any of them, on any text, number or list, held to their definition."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from checklib import matchers
from checklib.errors import CannotTell
from hypothesis import given
from hypothesis import strategies as st

from config_center.goss_matchers import MatcherReader, Shape
from config_center.goss_words import Wanted
from config_center.mistakes import Notes
from config_center.yaml_lines import Node, Scalar, Sequence, compose

WORDS = st.text(alphabet="ab.$", max_size=3)
LINES = st.lists(WORDS, max_size=3).map("\n".join)
NUMBERS = st.integers(-3, 3)


def meant(goss: Any, seen: Any) -> bool:
    """What Goss's documentation says of a matcher and a value. Independent of what translates it."""
    if isinstance(goss, list):  # of a list: each is among them
        return all(one in seen for one in goss)
    if not isinstance(goss, dict):
        return bool(seen == goss)
    ((word, operand),) = goss.items()
    meanings: dict[str, Callable[[], bool]] = {
        "equal": lambda: seen == operand,
        "have-prefix": lambda: seen.startswith(operand),
        "have-suffix": lambda: seen.endswith(operand),
        "contain-substring": lambda: operand in seen,
        "match-regexp": lambda: re.search(operand, seen) is not None,
        "contain-element": lambda: operand in seen,
        "gt": lambda: seen > operand,
        "ge": lambda: seen >= operand,
        "lt": lambda: seen < operand,
        "le": lambda: seen <= operand,
        "not": lambda: not meant(operand, seen),
        "and": lambda: all(meant(one, seen) for one in operand),
        "or": lambda: any(meant(one, seen) for one in operand),
    }
    return bool(meanings[word]())


def patterns_meant(patterns: list[str], text: str) -> bool:
    """What Goss's documentation says of a list of patterns of a text: each line is looked at by itself."""

    def one(pattern: str) -> bool:
        absent, core = pattern.startswith("!"), pattern.removeprefix("!")
        closed = re.fullmatch("/(.*)/", core)
        lines = text.splitlines()
        found = any(re.search(closed[1], line) if closed else core in line for line in lines)
        return found != absent

    return all(map(one, patterns))


def plain(node: Node) -> Any:
    """An operand as the checks get it."""
    if isinstance(node, Sequence):
        return [plain(one) for one in node.elements]
    assert isinstance(node, Scalar)
    return node.value if node.plain else node.spelling


def translated(goss: Any, shape: Shape) -> Wanted | None:
    """In our words; None where it is a mistake, which is noted then."""
    notes = Notes("goss.yaml")
    node = compose(json.dumps(goss).encode(), notes)
    assert node is not None
    wanted = MatcherReader("it", shape, notes).read(node)
    assert (wanted is None) == bool(notes.mistakes)
    return wanted


def agrees(goss: Any, shape: Shape, seen: Any, says: bool) -> bool:
    """The translation holds where Goss's matcher does; one that is a mistake, or too long for us, says nothing."""
    wanted = translated(goss, shape)
    if wanted is None:
        return True
    try:
        ours = all(matchers.holds(word, seen, plain(operand), exists=True) for word, operand in wanted.items())
    except CannotTell as error:
        return "at most" in str(error)
    return ours == says


def trees(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Matchers, and matchers of matchers."""
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            inner.map(lambda one: {"not": one}),
            st.lists(inner, min_size=1, max_size=3).map(lambda some: {"and": some}),
            st.lists(inner, min_size=1, max_size=3).map(lambda some: {"or": some}),
        ),
        max_leaves=4,
    )


TEXTS = trees(
    WORDS
    | st.tuples(st.sampled_from(["equal", "have-prefix", "have-suffix", "contain-substring"]), WORDS).map(
        lambda pair: {pair[0]: pair[1]}
    )
    | st.sampled_from(["a", "^a", "b$", "a|b", "^$", r"a\.", "[ab]+"]).map(lambda text: {"match-regexp": text})
)
AMOUNTS = trees(NUMBERS | st.tuples(st.sampled_from(["gt", "ge", "lt", "le"]), NUMBERS).map(lambda p: {p[0]: p[1]}))
ELEMENTS = st.sampled_from(["a", "b", "c"])
LISTS = trees(st.lists(ELEMENTS, min_size=1, max_size=2) | ELEMENTS.map(lambda one: {"contain-element": one}))
PATTERNS = st.lists(
    st.sampled_from(["a", "b", "!a", "!ab", "/^a/", "/b$/", "!/^b/", "!/a$/", "/a|b/"]), min_size=1, max_size=3
)


@given(goss=TEXTS, seen=WORDS)
def test_of_a_text(goss: Any, seen: str) -> None:
    """Of one line."""
    assert agrees(goss, "text", seen, meant(goss, seen))


@given(goss=TEXTS, seen=LINES)
def test_of_a_text_of_many_lines(goss: Any, seen: str) -> None:
    """As a whole: ^ and $ are its own ends."""
    assert agrees(goss, "lines", seen, meant(goss, seen))


@given(goss=PATTERNS, seen=LINES)
def test_of_patterns(goss: list[str], seen: str) -> None:
    """Line by line."""
    assert agrees(goss, "lines", seen, patterns_meant(goss, seen))


@given(goss=AMOUNTS, seen=NUMBERS)
def test_of_a_number(goss: Any, seen: int) -> None:
    """Whole ones."""
    assert agrees(goss, "number", seen, meant(goss, seen))


@given(goss=LISTS, seen=st.lists(ELEMENTS, max_size=3, unique=True))
def test_of_a_list(goss: Any, seen: list[str]) -> None:
    """Of texts."""
    assert agrees(goss, "list", seen, meant(goss, seen))


@given(goss=TEXTS | AMOUNTS | LISTS | PATTERNS)
def test_a_list_of_flags_or_anything_else_never_raises(goss: Any) -> None:
    """Whatever the attribute."""
    for shape in ("text", "number", "flag", "list", "lines", "one"):
        translated(goss, shape)
