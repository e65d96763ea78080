"""What every face makes of the same reports: nothing lost, nothing forged, worst first."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from inspector_coord.faces import junit, ndjson
from inspector_coord.faces.view import exit_code, view
from tests.support import reports

# ---- the story -------------------------------------------------------------------------------------------------------


def test_the_headline_says_how_many_and_why() -> None:
    """One line for whoever is woken by it."""
    assert view(reports.bad_night()).headline == (
        "11 of 20 nodes pass; 5 fail (rack=b2 explains 3), 1 error, 1 uncovered, 1 stalled, 1 down."
    )


@pytest.mark.parametrize(("count", "headline"), [(1, "The only node passes."), (3, "All 3 nodes pass.")])
def test_a_quiet_night_is_one_sentence(count: int, headline: str) -> None:
    """Nothing to read where nothing is wrong."""
    seen = view(reports.quiet_night(count))
    assert (seen.headline, seen.tone, seen.groups, seen.missing, seen.next) == (headline, "good", (), (), ())
    assert seen.exit == "exit 0: every target passed"


def test_groups_come_worst_first() -> None:
    """Severity, then fails before errors, then the bigger group."""
    assert [(group.severity, group.outcome, group.item) for group in view(reports.bad_night()).groups] == [
        ("critical", "fail", "kernel:release"),
        ("major", "fail", "sysctl:vm.swappiness"),
        ("major", "error", "command:raid"),
        ("minor", "fail", "file:/etc/motd"),
    ]


def test_a_group_tells_all_it_takes_to_act() -> None:
    """What, where, how many, why, written where, and what to do."""
    group = next(each for each in view(reports.bad_night()).groups if each.item == "sysctl:vm.swappiness")
    assert (group.expected, group.observed, group.nodes, group.count) == ("at_most 10", "60", "n[011-013]", 3)
    assert group.causes == ("rack=b2 explains all 3 (precision 1.0, recall 1.0)",)
    assert group.sources == ("layers/20-zone-b.yml:7",)
    assert group.remediation.startswith("sysctl -w")
    assert group.second == "2 confirmed, 1 skipped"


@pytest.mark.parametrize(
    ("precision", "recall", "expected"),
    [
        (1.0, 1.0, "rack=b2 explains all 4 (precision 1.0, recall 1.0)"),
        (0.8, 0.75, "rack=b2 explains 3 of 4 (precision 0.8, recall 0.75; other nodes with it are right)"),
        (0.9999, 0.9999, "rack=b2 explains all 4 (precision 0.99, recall 0.99; other nodes with it are right)"),
    ],
)
def test_a_cause_is_not_rounded_up(precision: float, recall: float, expected: str) -> None:
    """1.0 is said of nothing less."""
    report = reports.bad_night()
    report["groups"][1] |= {"count": 4, "causes": [{"tag": "rack=b2", "precision": precision, "recall": recall}]}
    assert view(report).groups[1].causes == (expected,)


def test_nodes_without_a_verdict_are_named_with_evidence() -> None:
    """State by state, nodes with the same evidence together."""
    assert [(each.state, each.nodes) for each in view(reports.bad_night()).missing] == [
        ("down", "n018"),
        ("stalled", "n015"),
        ("uncovered", "n020"),
    ]
    mute = [reports.node(f"n{index:03}", "silent", evidence="no ack in 2 s") for index in (1, 2, 3, 7)]
    assert [(each.nodes, each.count) for each in view(reports.report(mute, [])).missing] == [("n[001-003,007]", 4)]


@pytest.mark.parametrize(
    ("states", "code"),
    [
        (["pass"], 0),
        (["pass", "left"], 0),
        (["pass", "fail"], 1),
        (["pass", "error"], 1),
        *(((["fail", state]), 3) for state in ("down", "silent", "stalled", "stale", "uncovered")),
    ],
)
def test_the_exit_code_of_a_ledger(states: list[str], code: int) -> None:
    """An incomplete coverage wins over a fail; a node that left takes nothing away."""
    nodes = [reports.node(f"n{index:03}", state) for index, state in enumerate(states, 1)]
    assert exit_code(reports.report(nodes, [])) == code


def test_what_to_type_next_is_safe_to_paste() -> None:
    """Only plain names and items become part of a command."""
    assert view(reports.bad_night()).next == (
        "inspector explain n004",
        "inspector explain n018",
        "inspector sweep --item kernel:release",
    )
    assert view(reports.hostile_night()).next == ("inspector doctor",)


def test_an_interrupted_sweep_says_so_first_and_last() -> None:
    """A partial ledger must not pass for a whole one."""
    seen = view(reports.bad_night() | {"interrupted": True})
    assert seen.headline.startswith("Interrupted. ")
    assert seen.exit.endswith("(interrupted: the ledger was closed early)")


def test_only_counters_that_counted_are_shown() -> None:
    """Dropped answers are never silent, and zeroes are not news."""
    assert view(reports.bad_night()).dropped == "2 duplicate, 1 late"
    assert view(reports.quiet_night()).dropped == ""


def test_a_ring_in_trouble_is_named_even_alone() -> None:
    """Rings in good order are news only where there are several."""
    trouble = [{"name": "main", "targets": 0, "seconds": 0, "error": "no entry could be reached"}]
    assert view(reports.quiet_night() | {"rings": trouble}).rings == ("main: not asked: no entry could be reached",)
    assert view(reports.quiet_night()).rings == ()
    both = {"rings": trouble, "notes": ["no entry could be reached", "another note"]}
    assert view(reports.quiet_night() | both).notes == ("another note",), "said once, in the ring's own line"


def test_evidence_that_differs_in_times_alone_is_one_line() -> None:
    """300 nodes that acked within a second are one finding, not 300."""
    texts = [f"member alive, asked 3 times, acked at {at} s, no verdict by 3.0 s" for at in ("10.1", "0.9", "0.4")]
    nodes = [
        {**reports.quiet_night()["nodes"][0], "name": f"n{number}", "state": "stalled", "evidence": text}
        for number, text in enumerate([*texts, "member alive, asked 2 times, acked at 0.4 s, no verdict by 3.0 s"], 1)
    ]
    seen = view(reports.quiet_night() | {"nodes": nodes})
    assert [(each.nodes, each.count, each.evidence) for each in seen.missing] == [
        ("n[1-3]", 3, "member alive, asked 3 times, acked at 0.4 … 10.1 s, no verdict by 3.0 s"),
        ("n4", 1, "member alive, asked 2 times, acked at 0.4 s, no verdict by 3.0 s"),
    ]


def test_each_of_several_rings_has_a_line() -> None:
    """What became of its nodes, how long that took, through which entries; those in trouble first."""
    east = {"name": "east", "members": 5000, "targets": 5000, "seconds": 1.314, "states": {"pass": 4990, "fail": 10}}
    west = {"name": "west", "members": 3, "targets": 2, "seconds": 2, "through": ["a:1", "b:1"], "states": {"pass": 2}}
    gone = {"name": "gone", "targets": 0, "error": "ring gone: no entry can be used"}
    assert view(reports.quiet_night() | {"rings": [east, west, gone]}).rings == (
        "gone: not asked: no entry can be used",
        "east: 5,000 targets, 4,990 pass, 10 fail, 1.31 s",
        "west: 2 of 3 members, 2 pass, 2.00 s, through a:1, then b:1",
    )


def test_verdicts_from_memory_stand_in_the_first_line() -> None:
    """Nobody shall take for seen now what was seen a while ago."""
    memory = {"max_age_s": 60.0, "verdicts": 9812, "oldest_s": 41.2}
    told = view(reports.quiet_night() | {"memory": memory}).headline
    assert told == "All 3 nodes pass. 9,812 verdicts are from memory, up to 42 s old."
    one = view(reports.quiet_night() | {"memory": memory | {"verdicts": 1}}).headline
    assert one.endswith(" 1 verdict is from memory, up to 42 s old.")


def test_what_asking_again_brought_is_told() -> None:
    """Answers get lost on the way; what it took to have them all the same is worth a line."""
    again = {"questions": 2, "asked": 40, "answered": 37}
    told = "40 nodes were asked again, by 2 questions: 37 answered then"
    assert view(reports.quiet_night() | {"again": again}).again == told
    assert view(reports.quiet_night() | {"again": {"questions": 0, "asked": 0, "answered": 0}}).again == ""


def test_what_was_never_asked_is_never_a_clean_bill() -> None:
    """Named nodes that are no members, and rings in trouble, stand beside the passing ones."""
    ring = {"name": "far", "targets": 0, "seconds": 0, "error": "no entry could be reached"}
    seen = view(reports.quiet_night() | {"absent": "n[098-099]", "rings": [ring]})
    assert seen.headline == "All 3 nodes pass. Not asked: n[098-099] (no member), ring far."
    assert seen.tone == "incomplete"
    assert "not asked: n[098-099] (no member), not asked: ring far" in seen.exit
    assert view(reports.report([], [])).headline == "No node was asked."


def test_the_reports_own_exit_code_counts() -> None:
    """The face explains what the program ends with, and does not compute its own."""
    assert view(reports.quiet_night() | {"exit_code": 1}).exit.startswith("exit 1: ")


# ---- JUnit -----------------------------------------------------------------------------------------------------------


def cases(report: reports.Report) -> dict[str, ET.Element]:
    """The test cases of a report by name."""
    return {case.get("name", ""): case for case in ET.fromstring(junit.render(report)).iter("testcase")}  # noqa: S314


def test_junit_counts_what_the_ledger_counts() -> None:
    """Failing nodes are failures; erring nodes and those without a verdict are errors, none is a skipped success."""
    root = ET.fromstring(junit.render(reports.bad_night()))  # noqa: S314
    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "20",
        "failures": "5",
        "errors": "4",
        "skipped": "0",
    }
    assert [suite.get("name") for suite in root] == ["main"]


def test_junit_tells_a_failure_with_its_place() -> None:
    """What a CI server shows beside the red mark."""
    failure = cases(reports.bad_night())["n011"].find("failure")
    assert failure is not None
    told = "fail sysctl:vm.swappiness: expected at_most 10, observed 60 (layers/20-zone-b.yml:7)"
    assert (failure.get("message"), failure.text) == (told, told)


@pytest.mark.parametrize(
    ("state", "tag"),
    [
        ("pass", None),
        ("fail", "failure"),
        ("error", "error"),
        ("left", "skipped"),
        *((state, "error") for state in ("uncovered", "stale", "stalled", "silent", "down")),
    ],
)
def test_junit_maps_every_state(state: str, tag: str | None) -> None:
    """One element a state; only a pass has none."""
    case = cases(reports.report([reports.node("n001", state)], []))["n001"]
    assert [each.tag for each in case] == ([] if tag is None else [tag])


def test_junit_shows_a_ring_that_could_not_be_asked() -> None:
    """A ring without nodes is not an empty, green suite."""
    trouble = [{"name": "far", "targets": 0, "seconds": 0, "error": "no entry could be reached"}]
    root = ET.fromstring(junit.render(reports.quiet_night() | {"rings": trouble}))  # noqa: S314
    assert [(suite.get("name"), suite.get("errors")) for suite in root] == [("far", "1"), ("main", "0")]


def test_junit_of_hostile_text_is_still_xml() -> None:
    """Control characters are not allowed in XML at all, not even escaped."""
    told = cases(reports.hostile_night())
    assert len(told) == 3
    assert not any(char in name for name in told for char in "\x1b\x00\u202e")


# ---- NDJSON ----------------------------------------------------------------------------------------------------------


def lines(report: reports.Report) -> list[dict[str, Any]]:
    """The objects of all lines."""
    return [json.loads(line) for line in ndjson.lines(report)]


def test_ndjson_puts_the_report_together_again() -> None:
    """Every fact once: the sweep's line and the lists make the report."""
    report = reports.bad_night()
    told = lines(report)
    assert [each["type"] for each in told] == ["sweep"] + ["group"] * 4 + ["node"] * 20
    kinds = {"group": "groups", "node": "nodes"}
    whole = {key: value for key, value in told[0].items() if key != "type"} | {name: [] for name in kinds.values()}
    for each in told[1:]:
        whole[kinds[each.pop("type")]].append(each)
    assert whole == report


def test_ndjson_is_one_line_each() -> None:
    """Also of texts with line ends in them."""
    assert all("\n" not in line and "\r" not in line for line in ndjson.lines(reports.hostile_night()))
    report = reports.report([reports.node("n001", evidence="a\nb\u2028c")], [])
    assert len(list(ndjson.lines(report))) == 2
