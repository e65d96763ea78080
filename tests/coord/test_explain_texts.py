"""Explaining: a node's state by its evidence, an item by its layers, with history and metadata of the release."""

from __future__ import annotations

from typing import Any

import pytest

from config_center.release import LayerItem
from inspector_coord.errors import ReportError
from inspector_coord.explain import explain, lines
from tests.support.center import item, layer, release_of
from tests.support.reports import HOSTILE, bad_night, hostile_night

RELEASE = release_of(
    layer(
        "00-fleet",
        {
            "sysctl:vm.swappiness": LayerItem(
                line=4,
                expect={"value": {"at_most": 60}},
                with_={},
                severity="major",
                timeout_s=2.0,
                title="Swap late",
                remediation="sysctl -w vm.swappiness=10",
                references=("CIS 1.2",),
            )
        },
    ),
    layer("20-zone-b", {"sysctl:vm.swappiness": item(7, at_most=10)}, zone="b"),
)


def report() -> dict[str, Any]:
    """The bad night of the faces' tests, with severities as the coordinator writes them."""
    made = bad_night()
    for node in made["nodes"]:
        for finding in node["findings"]:
            finding.setdefault("severity", "major")
    return made


def text(what: str) -> str:
    return "\n".join(lines(explain(report(), what, RELEASE)))


def test_a_failing_node_says_what_where_and_who_else() -> None:
    """Expected and by which line, observed, what that overrode, who is wrong alike, and the cause."""
    said = text("n011")
    for words in (
        "n011 (main, 127.9.0.11)",
        "fail: at least one item is not",
        "expected  at_most 10   layers/20-zone-b.yml:7",
        "observed  60",
        "overrides at_most 60   layers/00-fleet.yml:4",
        "same on   n[011-013] (3 nodes)",
        "cause     rack=b2: 100% of its nodes have it",
        "second pass: confirmed: 60",
    ):
        assert words in said


def test_a_node_without_a_verdict_says_by_what_evidence() -> None:
    """The ledger's sentence, and what the state means."""
    said = text("n015")
    assert "stalled: its Serf agent is there, its inspection agent gave no verdict" in said
    assert "its Serf agent acknowledged at 0.4 s, no verdict came in 2.3 s" in said


def test_an_item_says_what_is_expected_where() -> None:
    """Every layer that has it, with its match; who differs, with what value."""
    said = text("sysctl:vm.swappiness")
    for words in (
        "expected  at_most 60   layers/00-fleet.yml:4   every node",
        "expected  at_most 10   layers/20-zone-b.yml:7   zone=b",
        "fail      n[011-013] (3): 60",
    ):
        assert words in said


def test_without_the_release_the_report_is_enough() -> None:
    """No history and no metadata, but all that the report knows."""
    document = explain(report(), "n011", None)
    (node,) = document["nodes"]
    assert node["findings"][0]["layers"] == []
    assert node["findings"][0]["count"] == 3
    assert "\n".join(lines(document))


def test_an_unknown_name_gets_a_suggestion() -> None:
    """Of the nodes and items of this very report."""
    with pytest.raises(ReportError, match=r"did you mean sysctl:vm\.swappiness\?"):
        explain(report(), "sysctl:vm.swapiness", RELEASE)
    with pytest.raises(ReportError, match="name a node, or an item"):
        explain(report(), "zzzzzz", None)


def test_hostile_texts_are_made_plain() -> None:
    """A member's name, tags and values cannot steer the terminal."""
    made = hostile_night()
    for node in made["nodes"]:
        for finding in node["findings"]:
            finding["severity"] = "major"
    for line in lines(explain(made, HOSTILE, None)):
        assert line.isprintable()
