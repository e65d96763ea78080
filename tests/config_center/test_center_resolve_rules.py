"""Resolution with all that layers can say: append, unset, variables, files, waivers; held against the plain rule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config_center import limits
from config_center.match import Match, Term, Terms
from config_center.pattern import Pattern
from config_center.release import Layer, LayerItem, Release, Variable, Waiver, decode
from config_center.release import canonical as bytes_of
from config_center.resolve import Item, Resolver, resolve
from tests.support.center import layer, release_of, terms


def word(line: int = 1, **fields: Any) -> LayerItem:
    """A layer's word on an item."""
    given: dict[str, Any] = {"expect": {"value": {"equals": 1}}, "with_": {}, "severity": "major", "timeout_s": 2.0}
    return LayerItem(line=line, **given | fields)


def appends(line: int = 1, *more: Any, matcher: str = "contains", about: str = "value") -> LayerItem:
    return word(line, action="append", expect={about: {matcher: list(more)}})


UNSET = word(9, action="unset", expect={})


def with_variables(made: Layer, **values: str) -> Layer:
    return msgspec.structs.replace(made, variables={name: Variable(1, value) for name, value in values.items()})


def waiver(line: int, items: tuple[str, ...], expires: str, **match: str) -> Waiver:
    return Waiver(f"waivers.yml:{line}", items, terms(**match), "team", "why", "T-1", expires)


def one(release: Release, name: str = "n1", traits: Mapping[str, str] | None = None) -> Item:
    """The only item of a node."""
    (found,) = resolve(release, name, traits or {}).items
    return found


# ---- append, unset --------------------------------------------------------------------------------------------------


def test_append_adds_to_what_layers_below_left() -> None:
    """The metadata stay those of the layer that said the whole item; every word is named."""
    release = release_of(
        layer("0", {"s:a": word(3, expect={"value": {"contains": ["x"]}, "mode": {"equals": "1"}}, severity="info")}),
        layer("1", {"s:a": appends(4, "y", "z")}),
        layer("2", {"s:a": appends(5, "w", about="more", matcher="one_of")}),
    )
    found = one(release)
    assert found.expect == {"value": {"contains": ["x", "y", "z"]}, "mode": {"equals": "1"}, "more": {"one_of": ["w"]}}
    assert (found.severity, found.source, found.overrides) == (
        "info", "layers/2.yml:5", ("layers/1.yml:4", "layers/0.yml:3"),
    )  # fmt: skip
    assert found.problem == ""
    assert release.layers[0].items["s:a"].expect["value"] == {"contains": ["x"]}


def test_append_with_nothing_below_stands_alone() -> None:
    """Also where what was below is unset."""
    assert one(release_of(layer("0", {"s:a": appends(1, "x")}))).expect == {"value": {"contains": ["x"]}}
    cleared = release_of(layer("0", {"s:a": word()}), layer("1", {"s:a": UNSET}), layer("2", {"s:a": appends(1, "x")}))
    assert one(cleared).expect == {"value": {"contains": ["x"]}}
    assert one(cleared).overrides == ("layers/1.yml:9", "layers/0.yml:1")


def test_unset_takes_an_item_away_until_it_is_said_again() -> None:
    """It is not there, as if no layer had it; the history still tells."""
    release = release_of(
        layer("0", {"s:a": word()}), layer("1", {"s:a": UNSET}, zone="b"), layer("2", {"s:a": word(7)}, role="w")
    )
    assert resolve(release, "n1", {"zone": "b"}).items == ()
    assert one(release, "n1", {"zone": "a"}).source == "layers/0.yml:1"
    assert one(release, "n1", {"zone": "b", "role": "w"}).source == "layers/2.yml:7"
    steps = Resolver(release).history("n1", {"zone": "b"}, "s:a")
    assert [(step.source, step.item.action) for step in steps] == [
        ("layers/0.yml:1", "set"),
        ("layers/1.yml:9", "unset"),
    ]


@pytest.mark.parametrize("matcher", ["contains", "lacks"])
def test_a_single_text_under_contains_or_lacks_is_a_list_of_one(matcher: str) -> None:
    """`contains: x` and `contains: [x]` mean the same."""
    release = release_of(
        layer("0", {"s:a": word(expect={"value": {matcher: "x"}})}),
        layer("1", {"s:a": appends(1, "y", matcher=matcher)}),
    )
    assert one(release).expect == {"value": {matcher: ["x", "y"]}}


@pytest.mark.parametrize(
    ("below", "above", "problem"),
    [
        (word(expect={"value": {"equals": "x"}}), appends(4, "y", matcher="equals"),
         "layers/1.yml:4 appends to value equals, which is a single value below, no list"),
        (word(expect={}, from_file={"value": {"contains": "/etc/x"}}), appends(4, "y"),
         "layers/1.yml:4 appends to value contains, which stands in a file of the node"),
        (word(expect={"value": {"contains": ["x"] * limits.list_items_max}}), appends(4, "y"),
         f"layers/1.yml:4 appends beyond {limits.list_items_max} elements of value contains"),
    ],
)  # fmt: skip
def test_what_cannot_be_added_to_is_a_problem(below: LayerItem, above: LayerItem, problem: str) -> None:
    """The item says so, and expects what was below; a later layer that says it whole puts it right."""
    layers = [layer("0", {"s:a": below}), layer("1", {"s:a": above})]
    found = one(release_of(*layers))
    assert found.problem == problem
    assert found.expect == below.expect
    assert one(release_of(*layers, layer("2", {"s:a": word()}))).problem == ""


# ---- variables ------------------------------------------------------------------------------------------------------


def test_names_are_filled_from_variables_then_traits() -> None:
    """Later layers win, a variable wins over a trait; keys of what is expected are left alone."""
    said = word(expect={"value": {"one_of": ["${zone}-${ntp}", 5, "$${zone}"]}}, with_={"argv": ["x", "${node}"]})
    release = release_of(
        with_variables(layer("0", {"s:a": said}), ntp="one"),
        with_variables(layer("1", {}, zone="b"), ntp="two ${zone}"),
        with_variables(layer("2", {}, rack="r"), zone="Z"),
    )
    found = one(release, "n7", {"zone": "a"})
    assert (found.expect, found.with_) == ({"value": {"one_of": ["a-one", 5, "${zone}"]}}, {"argv": ["x", "n7"]})
    assert one(release, "n7", {"zone": "b"}).expect == {"value": {"one_of": ["b-two ${zone}", 5, "${zone}"]}}
    assert one(release, "n7", {"zone": "a", "rack": "r"}).expect["value"]["one_of"] == ["Z-one", 5, "${zone}"]
    assert release.layers[0].items["s:a"].with_ == {"argv": ["x", "${node}"]}


def test_a_name_without_a_value_is_a_problem_of_that_node() -> None:
    """Only there; and an escape alone asks for nothing."""
    release = release_of(layer("0", {"s:a": word(expect={"value": {"equals": "${zone}${fact.model}"}})}))
    assert one(release, "n1", {"zone": "a"}).problem == "${fact.model} has no value for this node"
    assert one(release).problem == "${fact.model}, ${zone} have no value for this node"
    assert one(release, "n1", {"zone": "a", "fact.model": "m"}).problem == ""
    assert one(release_of(layer("0", {"s:a": word(with_={"argv": "$${x}"})}))).with_ == {"argv": "${x}"}


def test_a_small_release_cannot_grow_without_bound() -> None:
    """A value put in a thousand times over is a problem of that item."""
    many = word(expect={"value": {"equals": "${v}" * 1000}})
    release = release_of(with_variables(layer("0", {"s:a": many}), v="x" * limits.variable_chars_max))
    assert one(release).problem == f"its variables come to more than {limits.growth_chars_max} characters"
    assert one(release).expect == many.expect


def test_what_is_asked_of_a_node_is_known_beforehand() -> None:
    """Traits of matches, of waivers and of names; the name itself is always there."""
    release = release_of(
        layer("0", {"s:a": word(with_={"argv": ["${fact.model}", "${node}"]})}, zone="b", node="n*"),
        waivers=[waiver(1, ("s:*",), "2031-01-01", **{"fact.os": "x"})],
    )
    assert Resolver(release).asks == {"zone", "fact.model", "fact.os"}
    assert Resolver(release_of(layer("0", {"s:a": word()}))).asks == frozenset()


# ---- secrets, waivers -----------------------------------------------------------------------------------------------


def test_what_stands_in_a_file_is_secret() -> None:
    """By itself; also an item that says so."""
    release = release_of(
        layer(
            "0",
            {
                "s:a": word(expect={}, from_file={"value": {"equals": "/etc/x"}}),
                "s:b": word(secret=True),
                "s:c": word(),
            },
        )
    )
    a, b, c = resolve(release, "n1", {}).items
    assert (a.from_file, a.expect) == ({"value": {"equals": "/etc/x"}}, {})
    assert (a.secret, b.secret, c.secret) == (True, True, False)


def test_of_several_waivers_the_one_that_lasts_longest_holds() -> None:
    """For the items and nodes it names; to its last day, and no day longer."""
    release = release_of(
        layer("0", {"s:a": word(), "s:b": word(), "t:a": word()}),
        waivers=[
            waiver(2, ("s:*",), "2031-01-31", zone="b"), waiver(9, ("s:a",), "2031-06-01", zone="b"),
            waiver(16, ("*",), "2030-01-01", node="n9"), waiver(20, ("s:a",), "2031-06-01"),
        ],
    )  # fmt: skip
    resolver = Resolver(release)

    def waived(name: str, zone: str) -> list[tuple[str, str]]:
        return [(found.waiver, found.waived_until) for found in resolver.baseline(name, {"zone": zone}).items]

    assert waived("n1", "b") == [("waivers.yml:9", "2031-06-01"), ("waivers.yml:2", "2031-01-31"), ("", "")]
    assert waived("n1", "a") == [("waivers.yml:20", "2031-06-01"), ("", ""), ("", "")]
    assert waived("n9", "a")[1:] == [("waivers.yml:16", "2030-01-01")] * 2
    last = resolver.baseline("n1", {"zone": "b"}).items[1]
    assert [last.is_waived(day) for day in ("2030-12-31", "2031-01-31", "2031-02-01")] == [True, True, False]
    assert not resolver.baseline("n1", {"zone": "b"}).items[2].is_waived("0001-01-01")


def test_nodes_share_what_is_the_same_for_them() -> None:
    """The tuple, where layers, used values and waivers are the same; single items even where it is not."""
    items = {
        "s:a": word(expect={"value": {"equals": "${zone}"}}),
        "s:b": word(),
        "s:c": word(with_={"argv": "${node}"}),
    }
    release = release_of(layer("0", items), waivers=[waiver(1, ("s:b",), "2031-01-01", role="w")])
    one_resolver = Resolver(release)
    first = one_resolver.baseline("n1", {"zone": "a", "rack": "1"}).items
    assert one_resolver.baseline("n1", {"zone": "a", "rack": "2"}).items is first
    other = one_resolver.baseline("n2", {"zone": "a"}).items
    assert [found is known for found, known in zip(other, first, strict=True)] == [True, True, False]
    waived, again = (one_resolver.baseline(name, {"zone": "a", "role": "w"}).items for name in ("n1", "n3"))
    assert waived[1] is again[1]
    assert waived[1] is not first[1]
    assert one_resolver.baseline("n1", {"zone": "a", "role": "w"}).items is waived
    assert [each.waiver for each in one_resolver.baseline("n3", {"zone": "a"}).items] == ["", "", ""]


# ---- the plain rule -------------------------------------------------------------------------------------------------

some_terms = st.builds(
    Term,
    any=st.lists(st.sampled_from(["a", "b*", "?", "6*"]), max_size=2).map(tuple),
    none=st.lists(st.sampled_from(["a", "b1"]), max_size=1).map(tuple),
    below=st.sampled_from(["", "", "6.2"]),
).filter(lambda term: term != Term())
matches = st.dictionaries(st.sampled_from(["zone", "fact.v", "node"]), some_terms, max_size=2)
texts = st.sampled_from(["x", "${zone}", "${p}-${node}", "$${p}", "${fact.v}${zone}"])
operands = st.one_of(texts, st.integers(0, 3), st.lists(texts, min_size=1, max_size=2))
sets = st.builds(
    lambda operand, given, secret: word(expect={"value": {"contains": operand}}, with_=given, secret=secret),
    operands, st.dictionaries(st.just("argv"), texts, max_size=1), st.booleans(),
)  # fmt: skip
appended = st.lists(texts, min_size=1, max_size=2).map(lambda more: appends(1, *more))
words = st.dictionaries(
    st.sampled_from(["s:a", "s:b", "t:c"]), st.one_of(sets, sets, appended, st.just(UNSET)), max_size=3
)
variables = st.dictionaries(st.sampled_from(["p", "zone"]), st.sampled_from(["V", "${zone}"]), max_size=2)
layers = st.lists(st.tuples(matches, words, variables), max_size=5)
waived_items = st.lists(st.sampled_from(["s:*", "s:a", "*"]), min_size=1, max_size=2).map(tuple)
waivers = st.lists(st.tuples(waived_items, matches, st.sampled_from(["2031-01-01", "2032-01-01"])), max_size=3)
nodes = st.tuples(
    st.sampled_from(["a", "b1"]),
    st.dictionaries(st.sampled_from(["zone", "fact.v"]), st.sampled_from(["a", "b1", "6.1", "6.10"])),
)


def _release(said: Any, excused: Any) -> Release:
    made = [
        Layer(str(at), f"{at}.yml", match, items, {name: Variable(1, value) for name, value in given.items()})
        for at, (match, items, given) in enumerate(said)
    ]
    given = [Waiver(f"w:{at}", items, match, "o", "r", "t", until) for at, (items, match, until) in enumerate(excused)]
    return release_of(*made, waivers=given)


def _covers(match: Terms, name: str, traits: Mapping[str, str]) -> bool:
    return Match(match).covers(name, traits)


def _plainly(release: Release, name: str, traits: Mapping[str, str]) -> list[Any]:
    """The rule of resolution for one node, said in the plainest way."""
    mine = [each for each in release.layers if _covers(each.match, name, traits)]
    values = {**traits, "node": name, **{key: one.value for each in mine for key, one in each.variables.items()}}
    found = []
    for item in release.items:
        expect: Any = None
        secret, with_ = False, {}
        sources: list[str] = []
        for each in mine:
            said: Any = each.items.get(item)
            if said is None:
                continue
            sources.insert(0, f"{each.file}:{said.line}")
            if said.action == "append" and expect is not None:
                below = expect["value"]["contains"]
                below = below if isinstance(below, list) else [below]
                expect = {"value": {"contains": below + said.expect["value"]["contains"]}}
            else:
                expect, with_, secret = (None if said.action == "unset" else said.expect), said.with_, said.secret
        if expect is None:
            continue
        asked = set(re.findall(r"(?<!\$)\$\{([^}]*)\}", repr((expect, with_))))
        missing = sorted(asked - values.keys())
        if not missing:
            expect, with_ = _fill(expect, values), _fill(with_, values)
        excused = [
            each for each in release.waivers
            if _covers(each.match, name, traits) and any(Pattern(text).covers(item) for text in each.items)
        ]  # fmt: skip
        best = max(excused, key=lambda each: each.expires, default=None)
        found.append((item, expect, with_, secret, sources, missing, best.source if best else ""))
    return found


def _fill(part: Any, values: Mapping[str, str]) -> Any:
    if isinstance(part, dict):
        return {key: _fill(inner, values) for key, inner in part.items()}
    if isinstance(part, list):
        return [_fill(inner, values) for inner in part]
    if not isinstance(part, str):
        return part
    pieces = re.split(r"(\$\$\{|\$\{[^}]*\})", part)
    return "".join("${" if one == "$${" else values[one[2:-1]] if one.startswith("${") else one for one in pieces)


@given(layers, waivers, st.lists(nodes, min_size=1, max_size=4))
@settings(deadline=None, max_examples=400)
def test_resolution_is_the_plain_rule(said: Any, excused: Any, asked: list[tuple[str, dict[str, str]]]) -> None:
    """One resolver for all nodes, and the release as it comes off the wire, say what the plain rule says of each."""
    release = _release(said, excused)
    resolver = Resolver(decode(bytes_of(release)))
    for name, traits in [*asked, *asked]:
        baseline = resolver.baseline(name, traits)
        assert [
            (
                each.id, each.expect, each.with_, each.secret, [each.source, *each.overrides],
                re.findall(r"\$\{([^}]*)\}", each.problem), each.waiver,
            )
            for each in baseline.items
        ] == _plainly(release, name, traits)  # fmt: skip
        kept = {trait: value for trait, value in traits.items() if trait in resolver.asks}
        assert resolver.baseline(name, kept) == baseline
