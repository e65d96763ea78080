"""Waivers: a finding that names its waiver, quiet in every face, loud a week before it ends."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from config_center.match import Term
from config_center.release import Release, Waiver, build
from inspector_agent.wire import Answer, Counts
from inspector_coord.current import prefix_of
from inspector_coord.escalate import subjects_of
from inspector_coord.explain import explain, lines
from inspector_coord.faces import html, junit, ndjson, terminal
from inspector_coord.ledger import Ledger, Node
from inspector_coord.report import Facts, Report, baselines
from inspector_coord.report import build as report_of
from tests.support.center import item, layer

TODAY = datetime(2031, 1, 26, 23, 30, tzinfo=UTC).timestamp()
REASON = "the vendor's tool sets it back"


def waiver(**fields: Any) -> Waiver:
    """OPS-12: vm.* of rack b1 until 2031-01-31."""
    known: dict[str, Any] = {
        "source": "waivers.yml:3",
        "items": ("sysctl:vm.*",),
        "match": {"rack": Term(any=("b1",))},
        "owner": "ann",
        "reason": REASON,
        "ticket": "OPS-12",
        "expires": "2031-01-31",
    }
    return Waiver(**(known | fields))


def release(*waivers: Waiver) -> Release:
    items = {
        "sysctl:kernel.x": item(1, at_most=1),
        "sysctl:vm.a": item(2, at_most=2),
        "sysctl:vm.b": item(3, at_most=3),
    }
    return build([layer("00-fleet", items)], [], number=4, created="2031-01-01T00:00:00Z", waivers=waivers)


RELEASE = release(waiver())
OLD = {"sweep": b"sweep-00", "number": 4}


def said(of: Release, passes: int, failing: tuple[int, ...] = (), waived: tuple[int, ...] = ()) -> Answer:
    counts = Counts(passes, len(failing), waived=len(waived))
    return Answer(
        sweep=b"sweep-00", number=4, release=prefix_of(of), counts=counts, failing=failing, waived=waived,
        clear=dict.fromkeys(failing, "60"),
    )  # fmt: skip


def ledger_of(of: Release = RELEASE) -> Ledger:
    """n011-n013 are waived for vm.a, n013 for vm.b too and fails another; n014 passes."""
    answers = {
        "n011": said(of, 2, (), (1,)),
        "n012": said(of, 2, (), (1,)),
        "n013": said(of, 0, (0,), (1, 2)),
        "n014": said(of, 3),
    }
    nodes = [Node("main", name, "10.0.0.1", {"rack": "b1"}, "alive") for name in answers]
    ledger = Ledger(nodes, prefix_of(of))
    for node in nodes:
        ledger.answered(node, answers[node.name], 0.5, 0)
    ledger.close(1.0)
    return ledger


def facts(of: Release = RELEASE, epoch: float = TODAY) -> Facts:
    return Facts(sweep=b"sweep-00", started="2031-01-26T23:30:00Z", epoch=epoch, seconds=1.0, release=of)


def made(of: Release = RELEASE, epoch: float = TODAY) -> Report:
    return report_of(facts(of, epoch), ledger_of(of), {})


def test_a_node_whose_only_wrong_items_are_waived_passes() -> None:
    """The finding names its waiver, what was expected and where that is written; nothing is known of the value."""
    report = made()
    node = report["nodes"][0]
    assert (node["name"], node["state"], node["counts"]["waived"]) == ("n011", "pass", 1)
    assert node["findings"] == [
        {
            "item": "sysctl:vm.a",
            "outcome": "waived",
            "expected": "at_most 2",
            "observed": "",
            "source": "layers/00-fleet.yml:2",
            "message": "",
            "severity": "major",
            "waiver": {
                "source": "waivers.yml:3",
                "owner": "ann",
                "reason": REASON,
                "ticket": "OPS-12",
                "expires": "2031-01-31",
            },
        }
    ]
    assert [node["state"] for node in report["nodes"]] == ["pass", "pass", "fail", "pass"]
    assert [group["item"] for group in report["groups"]] == ["sysctl:kernel.x"]
    assert report["exit_code"] == 1


def test_every_waiver_in_use_is_listed_once() -> None:
    """With its items and nodes; those that end first come first; who is not used is not listed."""
    later = waiver(source="waivers.yml:9", items=("sysctl:vm.b",), ticket="OPS-13", expires="2032-01-01")
    unused = waiver(source="waivers.yml:15", items=("sysctl:kernel.*",), ticket="OPS-14")
    in_use = made(release(waiver(), later, unused))["waivers"]
    assert [(each["ticket"], each["items"], each["nodes"], each["count"]) for each in in_use] == [
        ("OPS-12", ["sysctl:vm.a"], "n[011-013]", 3),
        ("OPS-13", ["sysctl:vm.b"], "n013", 1),
    ]
    assert set(in_use[0]) == {"source", "owner", "reason", "ticket", "expires", "items", "nodes", "count"}


@pytest.mark.parametrize(
    ("expires", "note"),
    [
        ("2031-02-03", ""),
        ("2031-02-02", "waiver OPS-12 ends in 7 days: sysctl:vm.a and 1 more item on n[011-013]"),
        ("2031-01-31", "waiver OPS-12 ends in 5 days: sysctl:vm.a and 1 more item on n[011-013]"),
        ("2031-01-27", "waiver OPS-12 ends tomorrow: sysctl:vm.a and 1 more item on n[011-013]"),
        ("2031-01-26", "waiver OPS-12 ends today: sysctl:vm.a and 1 more item on n[011-013]"),
        ("2031-01-25", "waiver OPS-12 has ended, by the clock here: sysctl:vm.a and 1 more item on n[011-013]"),
    ],
)
def test_a_waiver_that_ends_soon_is_noted(expires: str, note: str) -> None:
    """A week ahead, in days of UTC, its last day counted."""
    assert made(release(waiver(expires=expires)))["notes"] == ([note] if note else [])


def test_a_fail_whose_waiver_has_ended_says_so() -> None:
    """It is a fail like any other, and whoever looks knows why it is back."""
    ended = release(waiver(items=("sysctl:kernel.*",), expires="2031-01-01"))
    (finding,) = [each for each in made(ended)["nodes"][2]["findings"] if each["outcome"] == "fail"]
    assert (finding["message"], finding["waiver"]["ticket"]) == ("waiver OPS-12 ended on 2031-01-01", "OPS-12")


def test_waived_items_that_did_not_fit_are_counted() -> None:
    """Numbers of waived items are the first to be cut: the node passes all the same, and the report says so."""
    ledger = ledger_of()
    (node,) = [each for each in ledger if each.name == "n014"]
    node.answer = Answer(
        sweep=b"sweep-00", number=4, release=prefix_of(RELEASE), counts=Counts(1, waived=2), truncated=True
    )
    notes = report_of(facts(epoch=0.0), ledger, {})["notes"]
    assert notes == ["2 more items are waived on n014, whose answers had no room for them"]


def test_waived_items_are_not_looked_at_again() -> None:
    """The second pass is for what somebody has to act on."""
    ledger = ledger_of()
    (subject,) = subjects_of(ledger, report_of(facts(), ledger, {}), baselines(facts(), ledger))
    assert (subject.name, [each.id for each in subject.items]) == ("n013", ["sysctl:kernel.x"])
    assert subject.fingerprints == (("sysctl:kernel.x", "60"),)


def test_every_face_shows_a_waiver_on_one_line() -> None:
    """Quietly: what, where, until when, by whom and why."""
    report = made()
    screen = io.StringIO()
    terminal.render(report, Console(file=screen, width=160, highlight=False))
    (line,) = [each for each in screen.getvalue().splitlines() if REASON in each]
    for words in ("sysctl:vm.a, sysctl:vm.b", "n[011-013]", "OPS-12 until 2031-01-31 (ann)"):
        assert words in line
    page = html.render(report)
    assert "OPS-12 until 2031-01-31 (ann)" in page
    rows = [json.loads(each) for each in ndjson.lines(report)]
    assert [row["type"] for row in rows] == ["sweep", "group", "waiver", *["node"] * 4]
    assert rows[2]["ticket"] == "OPS-12"
    assert "waivers" not in rows[0]


def test_in_junit_a_node_that_passes_by_a_waiver_passes() -> None:
    """No failure and no skip, which would hide that it was looked at; the waiver stands in its output."""
    cases = {case.get("name"): case for case in ET.fromstring(junit.render(made())).iter("testcase")}  # noqa: S314 -- ours
    passing, failing = cases["n011"], cases["n013"]
    assert [child.tag for child in passing] == ["system-out"]
    told = f"waived sysctl:vm.a: OPS-12 until 2031-01-31 (ann): {REASON}"
    assert passing[0].text == told
    assert [child.tag for child in failing] == ["failure", "system-out"]
    assert "waived" not in (failing[0].text or "")
    assert (failing[1].text or "").count("\n") == 1


def test_explaining_names_the_waiver() -> None:
    """Of a node its own, of an item all that may excuse it."""
    report = made()
    node = "\n".join(lines(explain(report, "n011", RELEASE)))
    assert f"waiver    OPS-12 until 2031-01-31 (ann): {REASON}   waivers.yml:3" in node
    assert "nothing is wrong there but what is waived" in node
    assert "observed" not in node
    of_item = "\n".join(lines(explain(report, "sysctl:vm.a", RELEASE)))
    assert f"waiver    OPS-12 until 2031-01-31 (ann): {REASON}   waivers.yml:3   rack=b1" in of_item
