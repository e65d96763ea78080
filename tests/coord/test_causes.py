"""Causes: the tags that tell failing nodes from the others, and nothing where no tag does."""

from __future__ import annotations

import itertools
import random

from inspector_coord import limits
from inspector_coord.causes import Cause, causes_of, count_tags

Tags = dict[str, str]


def fleet(count: int = 60) -> list[Tags]:
    """Three zones of two racks each, three roles."""
    racks = ("a1", "a2", "b1", "b2", "c1", "c2")
    return [
        {
            "zone": racks[n * 6 // count][0],
            "rack": racks[n * 6 // count],
            "role": ("web", "db", "lb")[n % 3],
            "site": "x",
        }
        for n in range(count)
    ]


def causes(failing: list[Tags], everybody: list[Tags]) -> list[Cause]:
    return causes_of(count_tags(failing), len(failing), count_tags(everybody), len(everybody))


def test_one_rack_is_the_cause() -> None:
    """Precision and recall 1; its zone, which is true of more, is beaten and not named."""
    nodes = fleet()
    assert causes([tags for tags in nodes if tags["rack"] == "b2"], nodes) == [Cause("rack=b2", 1.0, 1.0)]


def test_a_cause_may_have_exceptions() -> None:
    """Nine of the ten nodes of a rack and one elsewhere: still that rack, with what is true of it."""
    nodes = fleet()
    rack = [tags for tags in nodes if tags["rack"] == "c1"]
    assert causes([*rack[:9], nodes[0]], nodes) == [Cause("rack=c1", 0.9, 0.9)]


def test_scattered_failures_have_no_cause() -> None:
    """No tag separates: none is named, rather than the least bad one."""
    nodes = fleet()
    assert causes(nodes[::7], nodes) == []


def test_a_tag_of_everybody_explains_nothing() -> None:
    """Where all fail, no tag separates; site=x has recall 1 and is still no cause."""
    nodes = fleet()
    assert causes(nodes, nodes) == []
    assert not any(cause.tag == "site=x" for cause in causes(nodes[:10], nodes))


def test_one_node_has_no_cause() -> None:
    """It shares every tag with itself."""
    assert causes([{"rack": "own"}], [{"rack": "own"}, *fleet()]) == []


def test_a_small_part_of_the_failures_is_no_cause() -> None:
    """Both nodes of one rack, and eighteen elsewhere: the rack explains a tenth of it."""
    nodes = [{"rack": f"r{n // 2}", "site": "x"} for n in range(80)]
    assert causes([nodes[0], nodes[1], *nodes[4:76:4]], nodes) == []


def test_two_racks_are_both_named() -> None:
    """Failures in two racks of different zones: each explains its half."""
    nodes = fleet()
    found = causes([tags for tags in nodes if tags["rack"] in ("a1", "c2")], nodes)
    assert found == [Cause("rack=a1", 1.0, 0.5), Cause("rack=c2", 1.0, 0.5)]


def test_the_few_best_in_a_fixed_order() -> None:
    """Never more than causes_max, and the same for the same nodes in any order."""
    nodes = [{**tags, **{f"alias{n}": tags["rack"] for n in range(5)}} for tags in fleet()]
    failing = [tags for tags in nodes if tags["rack"] == "b2"]
    first = causes(failing, nodes)
    assert [cause.tag for cause in first] == ["alias0=b2", "alias1=b2", "alias2=b2"]
    assert len(first) == limits.causes_max
    for seed in range(5):
        random.Random(seed).shuffle(nodes)  # noqa: S311
        assert causes([tags for tags in nodes if tags["rack"] == "b2"], nodes) == first


def test_what_is_named_is_above_every_floor() -> None:
    """Over many random failures: precision, recall and gain hold, and no named cause beats another."""
    nodes = fleet()
    for seed in range(200):
        chance = random.Random(seed)  # noqa: S311
        failing = [tags for tags in nodes if chance.random() < (0.9 if tags["role"] == "db" else 0.1)]
        found = causes(failing, nodes)
        for cause in found:
            key, _, value = cause.tag.partition("=")
            tagged = [tags for tags in nodes if tags[key] == value]
            hits = [tags for tags in failing if tags[key] == value]
            assert cause == Cause(cause.tag, len(hits) / len(tagged), len(hits) / len(failing))
            assert cause.precision >= limits.cause_precision_min
            assert cause.recall >= limits.cause_recall_min
        for one, other in itertools.permutations(found, 2):
            better = one.precision > other.precision and one.recall >= other.recall
            assert not better
