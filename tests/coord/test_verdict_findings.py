"""From an answer's numbers to findings: what was expected, by which line, and what to say where that is not known."""

from __future__ import annotations

import msgspec

from config_center.release import LayerItem
from config_center.resolve import resolve
from inspector_agent.wire import ANY_RELEASE, Answer, Counts, Serving, observed_hash
from inspector_coord.fold import SECRET, Texts
from inspector_coord.verdict import Worth, findings_of, worth_of
from tests.support.center import item, layer, release_of

RELEASE = release_of(
    layer("00-fleet", {"sysctl:a": item(3, at_most=10), "sysctl:b": item(4, equals=1, severity="critical")}),
    layer("20-zone-b", {"sysctl:a": item(7, at_most=5)}, zone="b"),
    layer("30-db", {"sysctl:c": item(2, at_least=1)}, role="db"),
)


def answer(**fields: object) -> Answer:
    known: dict[str, object] = {"sweep": b"sweep-00", "release": b"release0", "number": 1}
    return Answer(**{**known, **fields})  # type: ignore[arg-type]


def test_findings_name_what_was_expected_and_where_it_is_written() -> None:
    """The nearest layer's expectation and line for this very node; the worst severity first."""
    baseline = resolve(RELEASE, "n001", {"zone": "b"})
    found = findings_of(
        answer(
            counts=Counts(0, 1, 1),
            failing=(0,),
            erring=(1,),
            hashes=(observed_hash("60"), observed_hash("timeout")),
            clear={0: "60", 1: "timeout"},
        ),
        RELEASE.items,
        baseline,
        {},
    )
    assert [(each.item, each.outcome, each.expected, each.observed, each.source) for each in found] == [
        ("sysctl:b", "error", "1", "timeout", "layers/00-fleet.yml:4"),
        ("sysctl:a", "fail", "at_most 5", "60", "layers/20-zone-b.yml:7"),
    ]
    assert [each.message for each in found] == ["timeout", ""]


def test_an_item_outside_the_baseline_is_said_to_be() -> None:
    """The node's own tags may differ from the roster's; a number beyond the table has no name at all."""
    found = findings_of(
        answer(counts=Counts(0, 2), failing=(2, 900)), RELEASE.items, resolve(RELEASE, "n001", {"zone": "b"}), {}
    )
    assert [(each.item, each.expected, each.source, each.message) for each in found] == [
        ("#900", "", "", "the item is not in the release"),
        ("sysctl:c", "", "", "the item is not in the node's baseline by the roster's tags"),
    ]


def test_a_finding_without_room_has_no_value() -> None:
    """Numbers are the last to be cut: the finding stays, its value unknown."""
    found = findings_of(
        answer(counts=Counts(0, 1), failing=(0,), truncated=True), RELEASE.items, resolve(RELEASE, "n001", {}), {}
    )
    assert [(each.item, each.observed, each.hash) for each in found] == [("sysctl:a", None, None)]


def test_whatever_is_held_answers_the_question_for_it() -> None:
    """Then no release is another one; an excuse stays one."""
    assert worth_of(answer(state=Serving.RELEASE), ANY_RELEASE) is Worth.VERDICT
    assert worth_of(answer(), ANY_RELEASE) is Worth.VERDICT
    assert worth_of(answer(state=Serving.BUSY), ANY_RELEASE) is Worth.EXCUSE
    assert worth_of(answer(), b"release1") is Worth.OTHER_RELEASE


def test_a_secret_that_comes_in_clear_is_not_passed_on() -> None:
    """An agent that tells must not make the coordinator tell; its reason for an error is no value."""
    secret = LayerItem(1, {"value": {"matches": "."}}, {}, "major", 2.0, secret=True)
    release = release_of(layer("00-fleet", {"sysctl:a": secret}))
    baseline = resolve(release, "n001", {})
    (failed,) = findings_of(
        answer(counts=Counts(0, 1), failing=(0,), clear={0: "hunter2"}), release.items, baseline, {}
    )
    assert (failed.observed, failed.message, failed.secret) == (None, "", True)
    errs = answer(counts=Counts(0, 0, 1), erring=(0,), clear={0: "timeout"})
    (erred,) = findings_of(errs, release.items, baseline, {})
    assert (erred.message, Texts([erred]).observed(erred)) == ("timeout", "timeout")
    (shared, again) = (msgspec.structs.replace(failed, hash=b"abc") for _ in range(2))
    assert Texts([shared]).observed(shared) == SECRET
    assert Texts([shared, again]).observed(shared) == f"{SECRET} #616263"
