"""Rings that share node names: whatever names nodes says of which ring they are."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from inspector_agent.wire import Answer, Counts
from inspector_coord.current import prefix_of
from inspector_coord.errors import ReportError
from inspector_coord.escalate import subjects_of
from inspector_coord.explain import explain
from inspector_coord.faces import html, terminal
from inspector_coord.faces.view import view
from inspector_coord.fold import fold_names, teller, twins_of
from inspector_coord.holdings import folded
from inspector_coord.ledger import Ledger, Node
from inspector_coord.report import Facts, Report, RingFacts, add_second_pass, baselines, build
from inspector_coord.waived import unnamed
from tests.support.center import item, layer, release_of

RELEASE = release_of(layer("00-fleet", {"sysctl:vm.a": item(1, at_most=10)}))


def answer(*, failing: bool, waived: int = 0) -> Answer:
    """A verdict on the only item."""
    wrong = {"failing": (0,), "clear": {0: "60"}} if failing else {}
    counts = Counts(0 if failing else 1, int(failing), waived=waived)
    return Answer(sweep=b"sweep-00", number=1, release=prefix_of(RELEASE), counts=counts, **wrong)  # type: ignore[arg-type]


def swept(second: str) -> Ledger:
    """main: n001 … n003 fail. The `second` letter's ring east: 1 fails, 2 passes with a waiver, 3 says nothing."""
    nodes = [Node("main", f"n00{number}", "10.0.0.1", {}, "alive") for number in (1, 2, 3)]
    nodes += [Node("east", f"{second}00{number}", "10.0.1.1", {}, "alive") for number in (1, 2, 3)]
    ledger = Ledger(nodes, prefix_of(RELEASE))
    for node in nodes:
        if node.ring == "main" or not node.name.endswith("3"):
            east = node.ring == "east" and node.name.endswith("2")
            ledger.answered(node, answer(failing=not east, waived=east), 0.5, 0)
    ledger.close(2.0)
    return ledger


def facts_of(ledger: Ledger) -> Facts:
    """What goes with it."""
    rings = tuple(RingFacts(name, "10.0.0.1:7373", 3, 3, 2.0) for name in ("main", "east"))
    twins = twins_of(ledger.nodes)
    return Facts(sweep=b"sweep-00", started="", epoch=0.0, seconds=2.0, release=RELEASE, rings=rings, twins=twins)


def made(second: str) -> Report:
    """The report of it, with a second pass."""
    ledger = swept(second)
    report = build(facts_of(ledger), ledger, {})
    add_second_pass(report, {key: {"outcome": "confirmed", "message": "60"} for key in (("main", "n001"),)})
    return report


def test_folded_sets_name_the_ring_where_names_are_shared() -> None:
    """In the report, its notes and on the faces; a name is never mixed with the same name of another ring."""
    report = made("n")
    (group,) = report["groups"]
    assert (group["nodes"], group["count"]) == ("east:n001,main:n[001-003]", 4)
    assert report["notes"] == ["1 more items are waived on east:n002, whose answers had no room for them"]
    seen = view(report)
    assert [each.nodes for each in seen.missing] == ["east:n003"]
    assert [each.nodes for each in seen.second] == ["main:n001"]
    assert seen.next[:2] == ("inspector explain east:n001", "inspector explain east:n003")
    out = io.StringIO()
    terminal.render(report, Console(file=out, width=100))
    for text in (out.getvalue(), html.render(report)):
        assert "east:n001,main:n[001-003]" in text
        assert "east:n003" in text


def test_nothing_changes_where_names_differ() -> None:
    """Several rings alone are no reason for longer names."""
    report = made("e")
    (group,) = report["groups"]
    assert group["nodes"] == "e001,n[001-003]"
    assert report["notes"] == ["1 more items are waived on e002, whose answers had no room for them"]
    assert [each.nodes for each in view(report).missing] == ["e003"]


def test_what_nodes_hold_names_the_ring_too() -> None:
    """`inspector releases`."""
    document = folded(swept("n"))
    assert document["releases"][0]["nodes"] == "east:n[001-002],main:n[001-003]"
    assert document["no_answer"] == {"silent": "east:n003"}


def test_waived_items_of_twins_are_both_counted() -> None:
    """They are two nodes."""
    nodes = [Node(ring, "n001", "", {}, "alive") for ring in ("east", "main")]
    ledger = Ledger(nodes, prefix_of(RELEASE))
    for node in nodes:
        ledger.answered(node, answer(failing=False, waived=2), 0.5, 0)
    (note,) = unnamed(nodes, teller(ledger.nodes))
    assert note.startswith("4 more items are waived on east:n001,main:n001,")


def test_a_node_is_explained_by_its_ring_and_name() -> None:
    """The name alone is all of them."""
    report = made("n")
    assert [node["ring"] for node in explain(report, "n001", RELEASE)["nodes"]] == ["east", "main"]
    assert [node["ring"] for node in explain(report, "main:n001", RELEASE)["nodes"]] == ["main"]
    with pytest.raises(ReportError, match="neither a node nor an item"):
        explain(report, "west:n001", RELEASE)


def test_the_second_pass_knows_of_a_twin_that_it_does_not_look_at() -> None:
    """main's n002 fails, east's passes: an inventory that knows one n002 must not be asked which."""
    ledger = swept("n")
    facts = facts_of(ledger)
    subjects = subjects_of(ledger, build(facts, ledger, {}), baselines(facts, ledger), facts.twins)
    assert {each.told for each in subjects} == {"main:n001", "main:n002", "main:n003", "east:n001", "east:n003"}


def test_rings_with_numbers_fold_like_any_name() -> None:
    """A set over rings is still one that ClusterShell reads."""
    keys = [(f"ring{ring}", f"n{node:03}") for ring in (1, 2) for node in range(1, 6)]
    assert fold_names(map(teller(keys), keys)) == "ring[1-2]:n[001-005]"
    assert twins_of([("a", "n1"), ("a", "n1"), ("b", "n2")]) == frozenset()
