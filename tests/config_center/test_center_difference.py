"""What differs between two releases, in layers and on the nodes of a roster; and how it is shown."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest

from config_center import limits
from config_center.difference import Delta, ItemChange, compare
from config_center.difference_words import change_text, difference_lines, node_lines
from config_center.folded import fold
from config_center.model import Layer, LayerItem, Release, SiteCheck, Variable, Waiver
from config_center.node_difference import Picture, compare_nodes
from config_center.release import build
from tests.support.center import item, layer, release_of, terms

SWAP = "sysctl:vm.swappiness"
BEFORE = (layer("00", {SWAP: item(3, at_most=60)}), layer("10-b", {SWAP: item(4, at_most=30)}, zone="b"))


def nodes(count: int, **tags: str) -> dict[str, dict[str, str]]:
    """A roster of nodes n001 …, the first half in zone a, the others in zone b."""
    half = (count + 1) // 2
    return {f"n{number:03}": {"zone": "a" if number <= half else "b", **tags} for number in range(1, count + 1)}


def said(before: Release | None, after: Release) -> list[str]:
    """The difference on a screen."""
    return difference_lines(compare(before, after))


def waiver(**changes: str) -> Waiver:
    """A waiver of swapping in rack b1."""
    words = {"owner": "o", "reason": "r", "ticket": "T-1", "expires": "2031-01-31"} | changes
    return Waiver("waivers.yml:2", ("sysctl:vm.*",), terms(rack="b1"), **words)


def test_the_same_content_has_no_difference() -> None:
    """Nor has the same at other lines of its files."""
    moved = [
        msgspec.structs.replace(one, items={SWAP: item(99, at_most=most)})
        for one, most in ((BEFORE[0], 60), (BEFORE[1], 30))
    ]
    assert not compare(release_of(*BEFORE), release_of(*moved, number=2))
    assert said(release_of(*BEFORE), release_of(*moved, number=2)) == ["nothing differs"]


def test_each_kind_of_change_of_an_item() -> None:
    """By layer and match; what changed of it, from what to what."""
    after = (
        layer("00", {SWAP: item(3, at_most=10, severity="minor"), "sysctl:new": item(4, equals=4096)}),
        layer("10-b", {"sysctl:x": item(severity="critical")}, zone="b", rack=("b1", "b2")),
        layer("20", {SWAP: item(at_most=5)}, node="n[001-003]"),
    )
    assert said(release_of(*BEFORE), release_of(*after)) == [
        "~ layers/00.yml  every node",
        "    + sysctl:new  4096",
        "    ~ sysctl:vm.swappiness  at_most 60 -> at_most 10; severity major -> minor",
        "~ layers/10-b.yml  rack=b1,b2  zone=b",
        "    ~ match zone=b -> rack=b1,b2  zone=b",
        "    - sysctl:vm.swappiness  at_most 30",
        "    + sysctl:x  1; severity critical",
        "+ layers/20.yml  node=n[001-003]",
        "    + sysctl:vm.swappiness  at_most 5",
    ]
    assert said(release_of(*after), release_of(*BEFORE))[-2:] == [
        "- layers/20.yml  node=n[001-003]",
        "    - sysctl:vm.swappiness  at_most 5",
    ]


def changed(**fields: Any) -> ItemChange | None:
    """How an item differs from itself with other fields."""
    old, new = ({SWAP: msgspec.structs.replace(item(equals=1), **words)} for words in ({}, fields))
    layers = compare(release_of(layer("a", old)), release_of(layer("a", new))).layers
    return layers[0].items[0] if layers else None


def test_metadata_parameters_and_secrets() -> None:
    """Everything an item says is compared, and texts for people are told from what is checked."""
    change = changed(title="New", references=("u",))
    assert change == ItemChange(SWAP, "changed", (Delta("title", "", "New"), Delta("references", "", '["u"]')))
    assert change.is_words_only
    for fields in ({"with_": {"argv": ["x"]}}, {"timeout_s": 3.0}, {"secret": True}, {"severity": "info"},
                   {"from_file": {"owner": {"equals": "/etc/x"}}}):  # fmt: skip
        change = changed(**fields)
        assert change is not None
        assert not change.is_words_only
    assert changed(with_={"argv": ["x"]}) == ItemChange(SWAP, "changed", (Delta("with", "", '{"argv":["x"]}'),))


@pytest.mark.parametrize("value", [True, 1.0, "1"])
def test_values_that_only_python_takes_for_equal_differ(value: object) -> None:
    """1, 1.0, true and "1" are four expectations."""
    assert changed(expect={"value": {"equals": value}}) is not None


def test_waivers_checks_variables_and_order() -> None:
    """All that a release is made of."""
    first, second = layer("a", {SWAP: item()}), layer("b", {SWAP: item(equals=2)})
    varied = msgspec.structs.replace(first, variables={"ntp": Variable(1, "10.0.0.1")})
    check = SiteCheck("raid", "checks/raid.py", "a" * 64, 1)
    before = build([first, second], [check], number=1, created="c", waivers=[waiver(), waiver(expires="2031-02-01")])
    other = msgspec.structs.replace(check, sha256="b" * 64)
    after = build([second, varied], [other], number=2, created="c", waivers=[waiver(expires="2032-01-01")])
    assert said(before, after) == [
        "~ layers/a.yml  every node",
        "    ~ variable ntp 10.0.0.1",
        "~ order layers/a.yml, layers/b.yml -> layers/b.yml, layers/a.yml",
        "~ waiver sysctl:vm.* of rack=b1  expires 2031-01-31 -> 2032-01-01",
        "- waiver sysctl:vm.* of rack=b1 (again)  expires 2031-02-01; owner o; ticket T-1; reason r",
        f"~ checks/raid.py  content {'a' * 12} -> {'b' * 12}",
    ]


def test_an_included_file_that_stands_twice() -> None:
    """Each occurrence is compared with its own."""
    twice = [layer("ntp", {SWAP: item()}, zone=zone) for zone in "ab"]
    after = [twice[0], msgspec.structs.replace(twice[1], items={SWAP: item(equals=2)})]
    assert said(release_of(*twice), release_of(*after)) == ["~ layers/ntp.yml  zone=b", f"    ~ {SWAP}  1 -> 2"]


def test_the_first_release_differs_from_nothing() -> None:
    """Everything is new."""
    assert said(None, release_of(*BEFORE))[:2] == ["+ layers/00.yml  every node", f"    + {SWAP}  at_most 60"]


def test_nodes_whose_baselines_really_change() -> None:
    """Zone b overrides the layer that changed: its nodes are not touched."""
    after = (layer("00", {SWAP: item(9, at_most=10)}), BEFORE[1])
    found = compare_nodes(Picture(release_of(*BEFORE)), Picture(release_of(*after)), nodes(40))
    assert node_lines(found, fold) == [
        "touches 20 of 40 known nodes:",
        f"  ~ {SWAP}  at_most 60 -> at_most 10  n[001-020] (20)",
    ]


def test_changes_are_grouped_and_words_come_last() -> None:
    """The same change of nodes in different layers is one line; a new title touches nobody."""
    titled = {SWAP: msgspec.structs.replace(item(at_most=60), title="T"), "disk:/": item()}
    after = (layer("00", titled), layer("10-b", {SWAP: item(at_most=60)}, zone="b"))
    found = compare_nodes(Picture(release_of(*BEFORE)), Picture(release_of(*after)), nodes(4))
    assert node_lines(found, fold)[0] == "touches 4 of 4 known nodes:"
    assert [(change_text(one.change), fold(one.nodes)) for one in found.changes] == [
        ("+ disk:/  1", "n[001-004]"),
        (f"~ {SWAP}  at_most 30 -> at_most 60", "n[003-004]"),
        (f"~ {SWAP}  title T", "n[001-002]"),
    ]
    only = compare_nodes(
        Picture(release_of(BEFORE[0])), Picture(release_of(layer("00", {SWAP: titled[SWAP]}))), nodes(4)
    )
    assert (only.touched, only.reworded) == ((), ("n001", "n002", "n003", "n004"))


def test_a_waiver_and_a_new_executable_touch_nodes() -> None:
    """Both change what becomes of an item."""
    layers = [layer("a", {"raid:md0": item(), SWAP: item()}, rack="b1")]
    check = SiteCheck("raid", "checks/raid.py", "a" * 64, 1)
    before = build(layers, [check], number=1, created="c")
    after = build(layers, [msgspec.structs.replace(check, sha256="b" * 64)], number=2, created="c", waivers=[waiver()])
    found = compare_nodes(Picture(before), Picture(after), {"n1": {"rack": "b1"}, "n2": {}})
    assert [change_text(one.change) for one in found.changes] == [
        f"~ raid:*  check {'a' * 12} -> {'b' * 12}",
        f"~ {SWAP}  waived_until 2031-01-31",
    ]
    assert found.touched == ("n1",)


def test_a_canary_touches_only_its_nodes_and_promotion_the_others() -> None:
    """And a rollback of it those that had it."""
    old, new = release_of(layer("a", {SWAP: item()})), release_of(layer("a", {SWAP: item(equals=2)}), number=2)
    roster, match = nodes(4), terms(zone="b")
    assert compare_nodes(Picture(old), Picture(old, new, match), roster).touched == ("n003", "n004")
    assert compare_nodes(Picture(old, new, match), Picture(new), roster).touched == ("n001", "n002")
    assert compare_nodes(Picture(old, new, match), Picture(old), roster).touched == ("n003", "n004")


def test_much_is_counted_not_shown() -> None:
    """A screen has an end; hostile names are made harmless."""
    many = {f"sysctl:k{number:03}": item() for number in range(limits.difference_lines_max + 5)}
    after = release_of(layer("a", many))
    assert said(None, after)[-1] == "… and 6 more lines: --json has all"
    found = compare_nodes(Picture(None), Picture(after), {"n1\x1b[31m": {}, "n[1-9999999]": {}})
    lines = node_lines(found, fold)
    assert lines[1] == "  + sysctl:k000  1  n1·[31m,n[1-9999999] (2)"
    assert lines[-1] == "  … and 5 more changes: --json has all"
    assert len(lines) == limits.difference_lines_max + 2


def test_folding_many_names_with_several_numbers_stays_quick() -> None:
    """Along their last number."""
    names = [f"rack{rack}-n{node}" for rack in range(60) for node in range(60)]
    folded = fold(names)
    assert "rack7-n[0-59]" in folded.split(",")
    assert fold(["alone", *names]).endswith("alone")


def test_no_roster() -> None:
    """It is said, with what to do."""
    found = compare_nodes(Picture(None), Picture(release_of(*BEFORE)), {})
    assert "--roster" in node_lines(found, fold)[0]


def big(value: int, layers: int = 100, items: int = 500) -> Release:
    """A release of many layers; value: what one item of each layer is to be."""
    made: list[Layer] = []
    for number in range(layers):
        own: dict[str, LayerItem] = {
            f"sysctl:k{number * 37 % items + index:03}": item(at_most=value if index == 0 else index)
            for index in range(items // layers)
        }
        made.append(layer(f"{number:03}", own, rack=(f"r{number}", f"r{number + 1}")))
    everything = {f"sysctl:k{index:03}": item(equals=index) for index in range(items)}
    return release_of(layer("00", everything), *made)


def test_ten_thousand_nodes_are_compared_in_seconds() -> None:
    """Nodes with the same layers share the work. The bound is far above what it takes."""
    roster = {f"n{number:05}": {"rack": f"r{number % 100}", "zone": "b"} for number in range(10_000)}
    start = time.perf_counter()
    found = compare_nodes(Picture(big(1)), Picture(big(2)), roster)
    lines = node_lines(found, fold)
    assert time.perf_counter() - start < 30
    assert found.nodes == 10_000
    assert len(found.touched) == 10_000
    assert len(lines) == limits.difference_lines_max + 2


def test_nodes_with_a_baseline_of_their_own_are_compared_too() -> None:
    """An item that names the node makes every baseline another; what is the same for all is still one line."""
    named = LayerItem(line=1, expect={"value": {"equals": "${node}.lan"}}, with_={}, severity="major", timeout_s=2.0)
    old, new = (
        release_of(layer("a", {"sysctl:kernel.hostname": named, SWAP: item(at_most=value)})) for value in (60, 10)
    )
    other = release_of(layer("a", {"sysctl:kernel.hostname": msgspec.structs.replace(named, severity="minor")}))
    found = compare_nodes(Picture(old), Picture(new), nodes(40))
    assert [(one.change.item, fold(one.nodes)) for one in found.changes] == [(SWAP, "n[001-040]")]
    found = compare_nodes(Picture(old), Picture(other), nodes(40))
    assert {(one.change.item, fold(one.nodes)) for one in found.changes} == {
        (SWAP, "n[001-040]"),
        ("sysctl:kernel.hostname", "n[001-040]"),
    }
