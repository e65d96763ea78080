"""Resolution: later wins, provenance is right, order of writing inside a layer does not matter."""

from __future__ import annotations

import time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from config_center.match import Match, Term
from config_center.release import Layer, Release
from config_center.resolve import Baseline, Resolver, resolve
from tests.support.center import item, layer, release_of

FLEET = release_of(
    layer("00-fleet", {"sysctl:a": item(3, equals=1), "sysctl:b": item(4, equals=2), "file:/x": item(6)}),
    layer("10-zone", {"sysctl:b": item(9, at_most=5, severity="minor")}, zone="b"),
    layer("20-rack", {"sysctl:b": item(2, at_most=7), "sysctl:c": item(3)}, rack=("b1", "b2"), zone="b"),
    layer("30-node", {"sysctl:a": item(8, equals=9)}, node="n[006-010]"),
    number=12,
)


def test_later_layers_win_item_by_item_and_say_what_they_overrode() -> None:
    """Every value knows its file and line, and the sources it overrode, nearest first."""
    baseline = resolve(FLEET, "n006", {"zone": "b", "rack": "b2"})
    assert (baseline.release_number, baseline.digest, baseline.node) == (12, FLEET.digest, "n006")
    assert [(one.number, one.id, one.source, one.overrides) for one in baseline.items] == [
        (0, "file:/x", "layers/00-fleet.yml:6", ()),
        (1, "sysctl:a", "layers/30-node.yml:8", ("layers/00-fleet.yml:3",)),
        (2, "sysctl:b", "layers/20-rack.yml:2", ("layers/10-zone.yml:9", "layers/00-fleet.yml:4")),
        (3, "sysctl:c", "layers/20-rack.yml:3", ()),
    ]
    b = baseline.items[2]
    assert (b.check, b.key, b.expect, b.with_, b.severity) == ("sysctl", "b", {"value": {"at_most": 7}}, {}, "major")


def test_an_item_is_replaced_whole() -> None:
    """A later layer's word replaces the earlier one's severity too: nothing is mixed."""
    baseline = resolve(FLEET, "n001", {"zone": "b"})
    assert [(one.id, one.severity) for one in baseline.items if one.id == "sysctl:b"] == [("sysctl:b", "minor")]


def test_a_node_that_no_layer_is_for_has_no_items() -> None:
    """Its baseline is empty: whoever asks calls it uncovered, never passed."""
    release = release_of(layer("a", {"sysctl:a": item()}, zone="b"))
    assert resolve(release, "n1", {"zone": "c"}).items == ()
    assert resolve(release, "n1", {}).items == ()
    assert resolve(release_of(), "n1", {}).items == ()


def test_the_history_of_an_item_is_every_layers_word_in_order() -> None:
    """The last one holds, and is the one of the baseline."""
    resolver, tags = Resolver(FLEET), {"zone": "b", "rack": "b1"}
    steps = resolver.history("n001", tags, "sysctl:b")
    assert [step.source for step in steps] == ["layers/00-fleet.yml:4", "layers/10-zone.yml:9", "layers/20-rack.yml:2"]
    assert steps[-1].item.expect == {"value": {"at_most": 7}}
    assert resolver.history("n001", {"zone": "a"}, "sysctl:c") == ()
    assert resolver.history("n001", tags, "sysctl:nowhere") == ()


patterns = st.sampled_from(["a", "b", "a*", "?", "b[1-2]", "b1", "b2"])
matches = st.fixed_dictionaries(
    {},
    optional={
        key: st.lists(patterns, min_size=1, max_size=2).map(lambda texts: Term(any=tuple(texts)))
        for key in ("zone", "rack", "node")
    },
)
item_maps = st.dictionaries(st.sampled_from(["s:a", "s:b", "s:c"]), st.integers(1, 99), max_size=3)
fleets = st.lists(st.tuples(matches, item_maps), max_size=5)
values = st.sampled_from(["a", "b", "b1", "b2", "ab"])
nodes = st.tuples(values, st.dictionaries(st.sampled_from(["zone", "rack", "other"]), values))


def _release(fleet: list[tuple[dict[str, Any], dict[str, int]]]) -> Release:
    return release_of(
        *(
            Layer(
                f"{index}",
                f"layers/{index}.yml",
                match,
                {name: item(line, equals=line) for name, line in items.items()},
            )
            for index, (match, items) in enumerate(fleet)
        )
    )


def _by_hand(fleet: list[tuple[dict[str, Any], dict[str, int]]], name: str, tags: dict[str, str]) -> list[Any]:
    """The rule of resolution, said in the plainest way."""
    words: dict[str, list[str]] = {}
    for index, (match, items) in enumerate(fleet):
        if Match.of(match).covers(name, tags):
            for one, line in items.items():
                words.setdefault(one, []).insert(0, f"layers/{index}.yml:{line}")
    return [(one, sources[0], tuple(sources[1:])) for one, sources in sorted(words.items())]


def _told(baseline: Baseline) -> list[Any]:
    return [(one.id, one.source, one.overrides) for one in baseline.items]


@given(fleets, st.lists(nodes, min_size=1, max_size=4))
@settings(deadline=None, max_examples=300)
def test_resolution_is_the_plain_rule(fleet: Any, asked: list[tuple[str, dict[str, str]]]) -> None:
    """Bit masks and sharing change nothing: one resolver for all nodes says what the plain rule says of each."""
    release = _release(fleet)
    resolver = Resolver(release)
    for name, tags in asked:
        baseline = resolver.baseline(name, tags)
        assert _told(baseline) == _by_hand(fleet, name, tags)
        assert baseline == resolve(release, name, tags)
        assert [release.items[one.number] for one in baseline.items] == [one.id for one in baseline.items]
        for one in baseline.items:
            steps = resolver.history(name, tags, one.id)
            assert [step.source for step in reversed(steps)] == [one.source, *one.overrides]
            assert steps[-1].item.expect == one.expect


@given(fleets, nodes, st.randoms())
@settings(deadline=None)
def test_the_order_of_items_in_a_layer_does_not_matter(
    fleet: Any, node: tuple[str, dict[str, str]], chance: Any
) -> None:
    """Only the order of layers counts; a digest does not depend on how a map was filled either."""
    shuffled = []
    for match, items in fleet:
        pairs = list(items.items())
        chance.shuffle(pairs)
        shuffled.append((match, dict(pairs)))
    assert _release(shuffled).digest == _release(fleet).digest
    assert resolve(_release(shuffled), *node) == resolve(_release(fleet), *node)


def test_nodes_with_the_same_layers_share_their_items() -> None:
    """Ten thousand nodes cost little more than their different baselines, in time and in memory."""
    items = {f"sysctl:p{index}": item(index + 1) for index in range(500)}
    layers = [layer("000", items)]
    layers += [
        layer(f"{index:03}", dict(list(items.items())[index:][:50]), rack=f"r{index % 50}") for index in range(1, 200)
    ]
    resolver = Resolver(release_of(*layers))
    started = time.process_time()
    baselines = [resolver.baseline(f"n{index}", {"rack": f"r{index % 50}"}) for index in range(10_000)]
    assert time.process_time() - started < 5  # 0.15 s here: what matters is that it is not 5,000,000 items' worth
    assert len({id(one.items) for one in baselines}) == 50
    assert {len(one.items) for one in baselines} == {500}
