"""The report: its stable keys, its sums, its groups with causes, and its exit code."""

from __future__ import annotations

import json

import msgspec
import pytest

from inspector_agent.wire import Answer, Counts, Serving, Vitals, observed_hash
from inspector_coord.ledger import Ledger, Node
from inspector_coord.release_cache import prefix_of
from inspector_coord.report import Facts, Report, RingFacts, add_second_pass, baselines, build
from tests.support.center import item, layer, release_of

ITEMS = {f"sysctl:key{number}": item(number + 1, at_most=10) for number in range(4)}
RELEASE = release_of(
    layer("00-fleet", ITEMS), layer("20-zone-b", {"sysctl:key1": item(7, at_most=5)}, zone="b"), number=12
)
OLD = release_of(layer("00-fleet", {"sysctl:old": item(9, equals=1)}), number=11)
RACKS = ("a1", "a2", "b1", "b2")


def said(failing: tuple[int, ...] = (), observed: str = "60", **fields: object) -> Answer:
    """A node's answer on the release asked for."""
    known: dict[str, object] = {
        "sweep": b"sweep-00",
        "release": prefix_of(RELEASE),
        "number": 12,
        "counts": Counts(4 - len(failing), len(failing)),
        "failing": failing,
        "hashes": tuple(observed_hash(observed) for _ in failing),
        "clear": dict.fromkeys(failing, observed),
        "took_ms": 4,
        "clock": 1_800_000_000_500,
        "vitals": Vitals(disk=40),
    }
    return Answer(**{**known, **fields})  # type: ignore[arg-type]


def made(answers: dict[int, Answer | None], **fields: object) -> Report:
    """A report of twenty nodes in four racks, all passing but for those in `answers`."""
    count = 20
    nodes = []
    for number in range(1, count + 1):
        rack = RACKS[(number - 1) * 4 // count]
        nodes.append(Node("main", f"n{number:03}", f"127.0.0.{number}", {"zone": rack[0], "rack": rack}, "alive"))
    ledger = Ledger(nodes, prefix_of(RELEASE))
    for number, node in enumerate(nodes, 1):
        answer = answers.get(number, said())
        if answer is not None:
            ledger.answered(node, answer, 0.5, 0)
    ledger.close(1.9)
    known: dict[str, object] = {
        "sweep": b"sweep-00",
        "started": "2027-01-15T08:00:00.000Z",
        "epoch": 1_800_000_000.0,
        "seconds": 1.9,
        "release": RELEASE,
        "rings": (RingFacts("main", "127.0.0.1:7373", count, count, 1.9),),
    }
    facts = Facts(**{**known, **fields})  # type: ignore[arg-type]
    return build(facts, ledger, {prefix_of(OLD): OLD})


def test_the_stable_core_is_there() -> None:
    """Every key of the contract, under its name, in JSON that anybody can read."""
    report = json.loads(msgspec.json.encode(made({6: said((0,)), 20: None})))
    assert set(report) >= {"schema", "sweep", "started", "seconds", "release", "ledger", "groups", "nodes", "dropped"}
    assert report["schema"] == "inspector.sweep/1"
    assert report["sweep"] == b"sweep-00".hex()
    assert report["release"] == {"number": 12, "digest": RELEASE.digest}
    states = ("pass", "fail", "error", "uncovered", "stale", "stalled", "silent", "down", "left")
    assert list(report["ledger"]) == ["targets", *states]
    assert sum(report["ledger"][state] for state in states) == report["ledger"]["targets"] == 20
    wanted = {"name", "ring", "address", "tags", "state", "via", "round", "seconds", "findings"}
    assert all(set(node) >= wanted for node in report["nodes"])
    assert set(report["dropped"]) >= {"duplicate", "phantom", "socket", "stranger", "late", "malformed", "forged"}
    bad = report["nodes"][5]
    assert (bad["state"], bad["via"], bad["round"], bad["seconds"]) == ("fail", "query", 1, 0.5)
    assert set(bad["findings"][0]) >= {"item", "outcome", "expected", "observed", "source", "message"}
    assert (bad["clock_offset_s"], bad["vitals"], bad["took_ms"]) == (0.0, {"disk": 40}, 4)


def test_a_rack_that_fails_alike_is_one_group_with_its_cause() -> None:
    """Five nodes, one line, the rack named; expected as the nodes' own layer says it."""
    report = made({number: said((1,)) for number in range(16, 21)})
    assert report["groups"] == [
        {
            "item": "sysctl:key1",
            "outcome": "fail",
            "expected": "at_most 5",
            "observed": "60",
            "severity": "major",
            "nodes": "n[016-020]",
            "count": 5,
            "causes": [{"tag": "rack=b2", "precision": 1.0, "recall": 1.0}],
        }
    ]
    assert report["nodes"][15]["findings"][0]["source"] == "layers/20-zone-b.yml:7"


def test_nodes_that_gave_no_verdict_are_no_evidence() -> None:
    """Precision counts only those who looked at the item: a silent rack mate neither fails nor passes it."""
    report = made({16: None, 17: None, **{number: said((1,)) for number in range(18, 21)}})
    assert report["groups"][0]["causes"] == [{"tag": "rack=b2", "precision": 1.0, "recall": 1.0}]


def test_nodes_that_could_not_look_are_no_evidence_either() -> None:
    """An item that errs on a rack mate was not evaluated there: precision does not suffer from it."""
    erring = said(counts=Counts(3, 0, 1), erring=(1,), hashes=(None,))
    report = made({16: erring, 17: erring, 18: erring, 19: said((1,)), 20: said((1,))})
    failing = next(group for group in report["groups"] if group["outcome"] == "fail")
    assert failing["causes"] == [{"tag": "rack=b2", "precision": 1.0, "recall": 1.0}]


def test_a_stale_answer_is_read_with_its_own_items() -> None:
    """Its findings are named from the old table, and are no group of this release."""
    stale = said((0,), release=prefix_of(OLD), number=11, state=Serving.RELEASE)
    report = made({3: stale})
    node = report["nodes"][2]
    assert (node["state"], node["release"]) == ("stale", {"number": 11, "digest": prefix_of(OLD).hex()})
    assert (node["findings"][0]["item"], node["findings"][0]["source"]) == ("sysctl:old", "layers/00-fleet.yml:9")
    assert report["groups"] == []


def test_a_stale_answer_of_an_unknown_release_has_no_findings() -> None:
    """Numbers without their table say nothing; the node is stale all the same."""
    report = made({3: said((0,), release=b"unknown!", number=3)})
    assert (report["nodes"][2]["state"], report["nodes"][2]["findings"]) == ("stale", [])


@pytest.mark.parametrize(
    ("answers", "fields", "code"),
    [
        ({}, {}, 0),
        ({1: said((0,))}, {}, 1),
        ({1: said(counts=Counts(3, 0, 1), erring=(0,), hashes=(None,))}, {}, 1),
        ({1: None}, {}, 3),
        ({1: None, 2: said((0,))}, {}, 3),
        ({1: said(counts=Counts(na=4))}, {}, 3),
        ({1: said(release=b"release9")}, {}, 3),
        ({}, {"absent": ("n999",)}, 3),
        ({}, {"rings": (RingFacts("other", "", 0, 0, 0.0, "ring other: no entry can be used"),)}, 3),
    ],
)
def test_the_exit_code(answers: dict[int, Answer | None], fields: dict[str, object], code: int) -> None:
    """0 all pass, 1 some fail or err, 3 somebody is not covered, which wins."""
    assert made(answers, **fields)["exit_code"] == code


def test_who_has_left_leaves_the_coverage_complete() -> None:
    """Left in between is no gap: the node said itself that it goes."""
    node = Node("main", "n001", "127.0.0.1", {}, "alive")
    gone = Node("main", "n002", "127.0.0.2", {}, "alive")
    ledger = Ledger([node, gone], prefix_of(RELEASE))
    ledger.answered(node, said(), 0.5, 0)
    ledger.membership(gone, "left", 0.6)
    ledger.close(1.0)
    facts = Facts(sweep=b"sweep-00", started="", epoch=0.0, seconds=1.0, release=RELEASE)
    report = build(facts, ledger, {})
    assert (report["ledger"]["left"], report["exit_code"]) == (1, 0)
    assert report["nodes"][1]["via"] == "membership"


def test_the_second_pass_stands_with_its_node() -> None:
    """Only nodes that were looked at again have the key."""
    report = made({6: said((0,))})
    add_second_pass(report, {("main", "n006"): {"outcome": "confirmed", "message": "60"}})
    assert report["nodes"][5]["second_pass"] == {"outcome": "confirmed", "message": "60"}
    assert sum("second_pass" in node for node in report["nodes"]) == 1


def test_baselines_are_there_for_all_who_do_not_pass() -> None:
    """What the second pass looks at a node by: all its items, as its tags resolve them."""
    ledger = Ledger([Node("main", "n001", "127.0.0.1", {"zone": "b"}, "alive")], prefix_of(RELEASE))
    ledger.close(1.0)
    facts = Facts(sweep=b"sweep-00", started="", epoch=0.0, seconds=1.0, release=RELEASE)
    (baseline,) = baselines(facts, ledger).values()
    assert [item.source for item in baseline.items][:2] == ["layers/00-fleet.yml:1", "layers/20-zone-b.yml:7"]


def test_an_item_pattern_narrows_who_evaluated_what() -> None:
    """A cause is counted over the nodes that were asked for the item."""
    report = made({number: said((1,)) for number in range(16, 21)}, items=("sysctl:key1",))
    assert report["groups"][0]["causes"] == [{"tag": "rack=b2", "precision": 1.0, "recall": 1.0}]
    assert report["items"] == ["sysctl:key1"]


def test_what_is_from_memory_and_what_came_late_is_counted() -> None:
    """Verdicts of another sweep with the age of the oldest; sums of each ring; who answered only when asked again."""
    report = made({3: said(age_ms=41_200), 4: said((0,), age_ms=900), 20: None}, max_age_s=60.0)
    assert report["memory"] == {"max_age_s": 60.0, "verdicts": 2, "oldest_s": 41.2}
    assert [report["nodes"][index]["age_ms"] for index in range(4)] == [0, 0, 41_200, 900]
    assert report["nodes"][2]["evidence"] == "answered at 0.5 s from memory, by a run that had ended 41.2 s before"
    assert (report["rings"][0]["states"]["pass"], report["rings"][0]["states"]["silent"]) == (18, 1)
    assert report["ledger"]["pass"] == 18

    nodes = [Node("main", f"n{number}", "", {}, "alive", asked=number) for number in (1, 2, 3)]
    ledger = Ledger(nodes, prefix_of(RELEASE))
    for node, turn in zip(nodes[:2], (0, 2), strict=True):
        ledger.answered(node, said(), 0.5, turn)
    ledger.close(1.9)
    rings = (RingFacts("main", "127.0.0.1:7373", 3, 3, 1.9, questions=4),)
    facts = Facts(sweep=b"sweep-00", started="", epoch=0.0, seconds=1.9, release=RELEASE, rings=rings)
    assert build(facts, ledger, {})["again"] == {"questions": 3, "asked": 2, "answered": 1}
