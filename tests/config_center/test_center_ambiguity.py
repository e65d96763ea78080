"""Layers of one rank that may be for one node and disagree: a mistake that names both lines; all else is none."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config_center import limits
from config_center.ambiguity import disagreements
from config_center.layers import load_fleet
from config_center.match import Match, Term, Terms
from config_center.mistakes import Spot
from config_center.release import Layer, LayerItem
from config_center.written import Group, Written
from tests.support.center import small_catalogue
from tests.support.layers import write_files

FLEET = "dimensions: [all, role, node]\n"


def found(directory: Path, files: dict[str, str]) -> list[str]:
    """The mistakes of a fleet with these files."""
    fleet = load_fleet(write_files(directory, {"fleet.yml": FLEET, **files}), small_catalogue())
    return [str(mistake) for mistake in fleet.mistakes]


def role(match: str, items: str) -> str:
    """A layer's text."""
    return f"match: {match}\nitems: {{sysctl: {items}}}\n"


HINT = "say it once, make their matches exclude each other, or move one to a later dimension"


def test_two_layers_of_one_rank_that_disagree_are_a_mistake_with_both_places(tmp_path: Path) -> None:
    """At the later of the two; layers of other dimensions may say what they like."""
    assert found(tmp_path, {
        "layers/all/all.yml": role("{zone: '*'}", "{a: 9, b: 9}"),
        "layers/role/db.yml": role("{role: [db, cache]}", "{a: {at_most: 5}, b: 1}"),
        "layers/role/web.yml": "match: {role: [web, cache]}\nitems:\n  sysctl:\n    b: 1\n    a: 2\n",
        "layers/node/x.yml": role("{node: x}", "{a: 4}"),
    }) == [
        ("layers/role/web.yml:5:5: sysctl:a is ambiguous: layers/role/db.yml:2 says at_most 5, "
        f"layers/role/web.yml:5 says 2, and a node may match both (dimension role); {HINT}")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{role: db}", "{role: web}"),
        ("{role: [db, cache]}", "{role: {not: [db, cache]}}"),
        ("{role: 'db*'}", "{role: 'web*'}"),
        ("{role: db, zone: a}", "{role: db, zone: b}"),
        ("{node: 'n[001-010]'}", "{node: 'n[011-020]'}"),
        ("{fact.kernel: {below: 6.1}}", "{fact.kernel: {at_least: 6.1}}"),
    ],
)
def test_matches_that_exclude_each_other_may_disagree(tmp_path: Path, one: str, other: str) -> None:
    """That is how layers of one dimension are meant."""
    files = {"layers/role/a.yml": role(one, "{a: 1}"), "layers/role/b.yml": role(other, "{a: 2}")}
    assert found(tmp_path, files) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{role: db}", "{zone: b}"),
        ("{role: db}", "{role: 'd*'}"),
        ("{role: {not: db}}", "{role: {not: web}}"),
        ("{node: 'n[001-010]'}", "{node: 'n[010-020]'}"),
        ("{fact.kernel: {at_most: 6.1}}", "{fact.kernel: {at_least: 6.1}}"),
    ],
)
def test_matches_that_some_node_may_suit_both_may_not(tmp_path: Path, one: str, other: str) -> None:
    """Whether there is such a node today or not."""
    files = {"layers/role/a.yml": role(one, "{a: 1}"), "layers/role/b.yml": role(other, "{a: 2}")}
    assert len(found(tmp_path, files)) == 1


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("1", "1", True),
        ("{equals: 1}", "1", True),
        ("1", '"1"', False),
        ("1", "{equals: 1, severity: minor}", False),
        ("{append: {contains: [a]}}", "{append: {contains: [b]}}", True),
        ("{append: {contains: [a]}}", "{contains: [b]}", False),
        ("{unset: true}", "{unset: true}", True),
        ("{unset: true}", "1", False),
        ("{unset: true}", "{append: {contains: [a]}}", False),
    ],
)
def test_what_counts_as_the_same(tmp_path: Path, one: str, other: str, agree: bool) -> None:
    """Equal words agree, and so do appends, which all take place; type and metadata count."""
    files = {
        "layers/all/0.yml": role("{x: '*'}", "{a: 7}"),
        "layers/role/a.yml": role("{zone: a}", f"{{a: {one}}}"),
        "layers/role/b.yml": role("{rack: b}", f"{{a: {other}}}"),
    }
    assert bool(found(tmp_path, files)) is not agree


def test_an_include_speaks_with_its_includer(tmp_path: Path) -> None:
    """What the includer says over it holds; two layers that include the same agree; variables can disagree too."""
    files = {
        "include/x.yml": "variables: {v: one}\nitems: {sysctl: {a: 1, b: 1, c: '${v}'}}\n",
        "layers/role/a.yml": "match: {zone: a}\ninclude: x.yml\nitems: {sysctl: {b: 2}}\n",
        "layers/role/b.yml": "match: {rack: b}\ninclude: x.yml\nitems: {sysctl: {b: 2}}\n",
    }
    assert found(tmp_path, files) == []
    files["layers/role/b.yml"] = "match: {rack: b}\nvariables: {v: two}\ninclude: x.yml\n"
    assert found(tmp_path, files) == [
        (
            "include/x.yml:2:24: sysctl:b is ambiguous: layers/role/a.yml:3 says 2, include/x.yml:2 says 1, "
            f"and a node may match both (dimension role); {HINT}"
        ),
        (
            "layers/role/b.yml:2:13: ${v} is ambiguous: include/x.yml:1 says 'one', layers/role/b.yml:2 says 'two', "
            f"and a node may match both (dimension role); {HINT}"
        ),
    ]


def test_many_layers_of_one_dimension_are_compared_quickly(tmp_path: Path) -> None:
    """A thousand nodes with a layer each, all of which differ, and one more pair that cannot be told apart."""
    names = [f"n[{index:03}0-{index:03}9]" if index % 2 else f"n{index:03}0" for index in range(limits.layers_max)]
    groups = [_group(index, {"node": Term(any=(name,))}, index) for index, name in enumerate(names)]
    assert list(disagreements(groups, "node")) == []
    assert len(list(disagreements([*groups, _group(7, {"zone": Term(any=("a",))}, 7000)], "node"))) == 1


def test_a_flood_of_patterns_ends_in_one_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than in an hour."""
    monkeypatch.setattr(limits, "ambiguity_steps_max", 1_000)
    many = tuple(f"*{number}*" for number in range(100))
    groups = [_group(index, {"zone": Term(any=many, none=(f"x{index}",))}, index) for index in range(9)]
    assert [mistake.what for mistake in disagreements(groups, "zone")] == [
        "the matches of dimension zone have too many patterns to be compared with each other"
    ]


def _group(index: int, match: Terms, value: int) -> Group:
    item = LayerItem(line=1, expect={"value": {"equals": value}}, with_={}, severity="major", timeout_s=2.0)
    layer = Layer(name=str(index), file=f"layers/{index}.yml", match=match, items={"sysctl:a": item}, dimension="d")
    written = Written(layer, {"sysctl:a": Spot(1, 1)})
    return Group(written, (written,))


WORLD = (
    "a",
    "b",
    "ab",
    "c",
    "cc",
    "cb",
    "ac",
    "abc",
    "",
    "a1",
    "a2",
    "a3",
    "a01",
    "a02",
    "a12b",
    "1",
    "1b",
    "11",
)  # a value for every way in which the patterns below differ
words = st.sampled_from(("a", "b", "ab", "a*", "*b", "?", "*", "a[1-2]", "a[2-3]", "a[01-02]", "a[12]b"))
some = st.lists(words, min_size=1, max_size=2).map(tuple)
terms = st.one_of(
    st.builds(lambda one: Term(any=one), some),
    st.builds(lambda one: Term(none=one), some),
    st.builds(lambda one, other: Term(any=one, none=other), some, some),
)
possible = terms.filter(  # a match that can never hold is a mistake of its own
    lambda term: any(
        Match({"x": term}).covers("n", {"x": value} if value is not None else {}) for value in (*WORLD, None)
    )
)
matches = st.dictionaries(st.sampled_from(("x", "y")), possible, max_size=2)


@given(st.lists(st.tuples(matches, st.integers(1, 2)), min_size=2, max_size=5))
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_exactly_the_ambiguous_are_reported(layers: list[tuple[Terms, int]]) -> None:
    """Brute force over every node of a small world, tags left out too, finds the same layers as the comparison."""
    nodes = [
        {key: value for key, value in (("x", x), ("y", y)) if value is not None}
        for x, y in product((*WORLD, None), repeat=2)
    ]
    compiled = [Match(match) for match, _ in layers]
    expected = set()
    for later in range(len(layers)):
        for node in nodes:
            if any(
                layers[earlier][1] != layers[later][1]
                and compiled[earlier].covers("n", node)
                and compiled[later].covers("n", node)
                for earlier in range(later)
            ):
                expected.add(f"layers/{later}.yml")
    groups = [_group(index, match, value) for index, (match, value) in enumerate(layers)]
    assert {mistake.file for mistake in disagreements(groups, "d")} == expected
