"""Sweeps booked one after the other: what opens, what closes, what is unknown, and what had happened."""

from __future__ import annotations

import math
from typing import Any

import pytest

from inspector_coord.errors import ReportError
from inspector_coord.history.asking import about
from inspector_coord.history.booking import Told, book
from inspector_coord.history.reading import read
from inspector_coord.history.store import History
from inspector_coord.history.tables import (
    findings,
    happenings,
    node_releases,
    node_tags,
    nodes,
    observations,
    release_changes,
    releases,
    sweeps,
)
from tests.support.center import item, layer, release_of
from tests.support.history import BEGAN, MINUTE, booked, intervals, judged, lost, rows, states, swept, told_in, wrong

SWAP = "sysctl:vm.swappiness"


def only(history: History) -> dict[str, Any]:
    """The one interval that there is."""
    (found,) = intervals(history)
    return found


def happened(history: History) -> list[tuple[str, str]]:
    """(kind, text) of all that happened."""
    told = rows(history, happenings)
    texts = told_in(history, (row["text_id"] for row in told))
    return [(row["kind"], texts[row["text_id"]]) for row in told]


def test_a_deviation_opens_is_confirmed_and_closes(either: History) -> None:
    """Without a write for the sweeps in which nothing changes; the same in SQLite and PostgreSQL."""
    booked(either, swept([judged("n1"), judged("n2")]))
    booked(either, swept([judged("n1", wrong(SWAP)), judged("n2")], minute=5))
    before = rows(either, findings)
    booked(either, swept([judged("n1", wrong(SWAP)), judged("n2")], minute=10))
    booked(either, swept([judged("n1", wrong(SWAP)), judged("n2")], minute=15))
    assert rows(either, findings) == before
    found = only(either)
    assert (found["opened"], found["confirmed"], found["closed"], found["origin"]) == (2, 4, None, "drift")
    booked(either, swept([judged("n1"), judged("n2")], minute=20))
    found = only(either)
    assert (found["confirmed"], found["closed"], found["how"]) == (4, 5, "pass")
    texts = told_in(either, (found[word] for word in ("expected", "source", "observed")))
    assert {texts[found[word]] for word in ("expected", "source", "observed")} == {
        "at_most 10", "layers/20-zone-b.yml:7", "60",
    }  # fmt: skip


def test_observed_values_are_kept_where_they_change(history: History) -> None:
    """The first and the last stand in the interval, those between beside it."""
    for minute, value in enumerate(["60", "60", "70", "70", "80"]):
        booked(history, swept([judged("n1", wrong(SWAP, value))], minute=minute))
    found = only(history)
    texts = told_in(history, (found["observed"], found["first_observed"]))
    assert (texts[found["first_observed"]], texts[found["observed"]], found["changes"]) == ("60", "80", 2)
    assert [row["sweep_id"] for row in rows(history, observations)] == [3, 5]


def test_values_within_an_interval_are_bounded(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that is another in every sweep: beyond the bound only the count goes on."""
    monkeypatch.setattr("inspector_coord.history.limits.observations_max", 3)
    for minute in range(8):
        booked(history, swept([judged("n1", wrong(SWAP, str(minute)))], minute=minute))
    assert (only(history)["changes"], len(rows(history, observations))) == (7, 3)


def test_an_unknown_node_neither_closes_nor_extends(history: History) -> None:
    """Down for an hour: what was wrong with it is confirmed by the last sweep before, until it is judged again."""
    booked(history, swept([judged("n1", wrong(SWAP))]))
    booked(history, swept([judged("n1", wrong(SWAP))], minute=5))
    for minute, state in ((10, "down"), (15, "down"), (20, "silent")):
        booked(history, swept([lost("n1", state)], minute=minute))
        found = only(history)
        assert (found["confirmed"], found["closed"]) == (2, None)
    assert states(history) == [("n1", "down", 3, 5), ("n1", "silent", 5, None)]
    booked(history, swept([judged("n1", wrong(SWAP))], minute=25))
    assert (only(history)["opened"], only(history)["confirmed"]) == (1, 6)
    assert states(history)[-1] == ("n1", "silent", 5, 6)


@pytest.mark.parametrize(
    ("entry", "state"),
    [
        (lost("n1", "stalled"), "stalled"),
        (lost("n1", "stale"), "stale"),
        (judged("n1", state="error", evidence="busy"), "error"),
        (judged("n1", state="error", evidence="looked at other items than its tags in the ring ask for: x"), "error"),
        (judged("n1", wrong("b:z"), incomplete=True), "partial"),
        (judged("n1", counts={"pass": 90, "fail": 3, "error": 0, "na": 0, "waived": 0}, state="fail"), "partial"),
    ],
)
def test_what_is_no_whole_verdict_closes_nothing(history: History, entry: dict[str, Any], state: str) -> None:
    """Neither busy nor stale, nor an answer that was cut, says that what it does not name has passed."""
    booked(history, swept([judged("n1", wrong(SWAP))]))
    booked(history, swept([entry], minute=5))
    found = next(one for one in intervals(history) if one["item"] == SWAP)
    assert (found["confirmed"], found["closed"]) == (1, None)
    assert states(history) == [("n1", state, 2, None)]


def test_a_sweep_of_some_confirms_by_writing(history: History) -> None:
    """Who was not asked, and which items were not, stays as it was."""
    both = [judged("n1", wrong(SWAP), wrong("b:z")), judged("n2", wrong(SWAP))]
    booked(history, swept(both))
    booked(history, swept([judged("n1", wrong(SWAP))], minute=5, targets=["n1"], items=["sysctl:*"]))
    assert [(one["node"], one["item"], one["confirmed"]) for one in intervals(history)] == [
        ("n1", SWAP, 2), ("n1", "b:z", 1), ("n2", SWAP, 1),
    ]  # fmt: skip
    booked(history, swept([judged("n1")], minute=10, targets=["n1"], items=["sysctl:*"]))
    assert [(one["closed"], one["confirmed"]) for one in intervals(history)] == [(3, 2), (None, 1), (None, 1)]
    assert not any(row["whole"] for row in rows(history, sweeps)[1:])


def test_who_is_excluded_is_not_asked(history: History) -> None:
    """A sweep of everybody but one is not whole: the one is not absent."""
    booked(history, swept([judged("n1", wrong(SWAP)), judged("n2")]))
    booked(history, swept([judged("n2")], minute=5, exclude=["n1"]))
    assert only(history)["confirmed"] == 1
    assert states(history) == []


def test_an_interrupted_sweep_is_not_whole(history: History) -> None:
    """Aborted half-way: who had answered is judged, who had not is not called silent."""
    booked(history, swept([judged("n1", wrong(SWAP)), judged("n2", wrong(SWAP))]))
    booked(history, swept([judged("n1"), lost("n2", "silent")], minute=5, interrupted=True))
    assert [(one["closed"], one["confirmed"]) for one in intervals(history)] == [(2, 1), (None, 1)]
    assert states(history) == []
    assert rows(history, sweeps)[1]["interrupted"]


def test_a_clock_that_was_set_back_is_visible_and_harmless(history: History) -> None:
    """`at` never goes back, `started` is as told; intervals follow the order of booking."""
    for minute in (0, 60, -600, 61):
        booked(history, swept([judged("n1", wrong(SWAP))], minute=minute))
    told = rows(history, sweeps)
    assert [row["at"] - BEGAN for row in told] == [0, 60 * MINUTE, 60 * MINUTE, 61 * MINUTE]
    assert [row["started"] - BEGAN for row in told] == [0, 60 * MINUTE, -600 * MINUTE, 61 * MINUTE]
    assert (only(history)["opened"], only(history)["confirmed"]) == (1, 4)


def test_a_sweep_is_booked_once(history: History) -> None:
    """By its own id, whoever brings it again."""
    report = swept([judged("n1", wrong(SWAP))])
    assert book(history, read(report), Told(BEGAN, "one"), {}) == 1
    assert book(history, read(report), Told(BEGAN, "other", "import"), {}) is None
    assert len(rows(history, sweeps)) == 1


def test_a_renamed_node_goes_and_a_new_one_comes(history: History) -> None:
    """Nothing says that they are one machine: the old name's deviation is unknown from then on, not closed."""
    booked(history, swept([judged("old", wrong(SWAP))]))
    booked(history, swept([judged("new", wrong(SWAP))], minute=5))
    assert [(one["node"], one["origin"], one["confirmed"], one["closed"]) for one in intervals(history)] == [
        ("old", "first", 1, None), ("new", "first", 2, None),
    ]  # fmt: skip
    assert states(history) == [("old", "absent", 2, None)]
    assert happened(history) == [("joined", "is new"), ("left", "is no member any more")]
    booked(history, swept([judged("old"), judged("new")], minute=10))
    assert ("joined", "is a member again") in happened(history)


def test_a_node_rebuilt_under_its_name_keeps_its_history(history: History) -> None:
    """What the config center knows of it tells: another system, or another machine, answers."""
    facts = {"n1": {"model": "R640", "os": "debian", "kernel": "6.1.1"}}
    booked(history, swept([judged("n1", wrong(SWAP))]), facts=facts)
    booked(history, swept([lost("n1", "down")], minute=5), facts=facts)
    facts = {"n1": {"model": "R650", "os": "debian", "kernel": "6.1.2"}}
    booked(history, swept([judged("n1", wrong(SWAP))], minute=10), facts=facts)
    assert happened(history) == [("kernel", "kernel: 6.1.1 -> 6.1.2"), ("rebuilt", "model: R640 -> R650")]
    assert only(history)["opened"] == 1


def test_a_node_that_moved_takes_its_history_along(history: History) -> None:
    """Other tags are an interval of their own, and a happening that says from where to where."""
    booked(history, swept([judged("n1", wrong(SWAP), tags={"rack": "b1", "zone": "b"})]))
    booked(history, swept([judged("n1", wrong(SWAP), tags={"rack": "c4", "role": "db"})], minute=5))
    assert [(row["opened"], row["closed"]) for row in rows(history, node_tags)] == [(1, 2), (2, None)]
    assert happened(history) == [("moved", "rack: b1 -> c4, role: none -> db, zone: b -> none")]
    assert only(history)["opened"] == 1


def test_a_ring_that_could_not_be_asked_says_nothing_of_its_nodes(history: History) -> None:
    """Unreached is not absent, and closes nothing."""
    rings = [{"name": "east", "error": ""}, {"name": "west", "error": ""}]
    one, other = judged("n1", wrong(SWAP), ring="east"), judged("n1", wrong(SWAP), ring="west")
    booked(history, swept([one, other], rings=rings))
    rings[1]["error"] = "no entry answers"
    booked(history, swept([one], minute=5, rings=rings))
    assert states(history) == [("n1", "unreached", 2, None)]
    assert [found["confirmed"] for found in intervals(history)] == [2, 1]


def test_a_fleet_that_grew_from_10_to_10000(history: History) -> None:
    """The new ones are judged for the first time; of the ten, nothing is written."""
    first = [judged(f"n{number:05}", wrong(SWAP)) for number in range(10)]
    booked(history, swept(first))
    booked(history, swept([judged(f"n{number:05}", wrong(SWAP)) for number in range(10_000)], minute=5))
    found = intervals(history)
    assert len(found) == len(rows(history, nodes)) == 10_000
    assert {one["origin"] for one in found} == {"first"}
    assert [one["seen"] for one in found[:10]] == [1] * 10
    assert {one["confirmed"] for one in found} == {2}


def test_a_reboot_is_seen_by_boot_time(history: History) -> None:
    """A clock that is set, the node's or the coordinator's, moves the boot time, too, and is no reboot."""

    def at(minute: float, booted: float, ahead: float = 0.0) -> None:
        entry = judged("n1", vitals={"booted": round(BEGAN + booted)}, clock_offset_s=ahead)
        booked(history, swept([entry], minute=minute))

    at(0, -3600)
    at(5, -3599)  # the kernel rounds
    at(10, -3600 + 7200, ahead=7200)  # its clock went two hours ahead
    at(15, -3600 + 7200, ahead=7200 - 86_400)  # the coordinator's went a day ahead
    assert happened(history) == []
    at(20, 17 * MINUTE + 7200, ahead=7200 - 86_400)
    assert happened(history) == [("reboot", "")]
    at(25, 17 * MINUTE + 7200, ahead=7200 - 86_400)
    assert len(rows(history, happenings)) == 1


@pytest.mark.parametrize(
    ("booted", "ahead"), [(BEGAN, 2.0**53 / 1000), (2**53, 0.0), (2**53, 2.0**53), (BEGAN, -1e300), (BEGAN, math.nan)]
)
def test_a_clock_that_cannot_be_tells_no_boot(history: History, booted: float, ahead: float) -> None:
    """What is known of the boot before stays, and the node can be looked at."""
    booked(history, swept([judged("n1", vitals={"booted": round(BEGAN)})]))
    booked(history, swept([judged("n1", vitals={"booted": round(booted)}, clock_offset_s=ahead)], minute=5))
    assert happened(history) == []
    with history.reading() as connection:
        assert about(connection, "n1", 10)["booted"] == "2026-02-02T02:40:00Z"


BASE = layer("10-all", {SWAP: item(at_most=10), "sysctl:a": item(equals=1)})
FIRST = release_of(BASE, number=1)
SECOND = release_of(
    layer("10-all", {SWAP: item(at_most=5), "sysctl:a": item(equals=1), "sysctl:b": item(equals=1)}), number=2
)
THIRD = release_of(layer("10-all", {"sysctl:a": item(equals=1)}), number=3)


def origins(history: History) -> dict[str, str]:
    return {one["item"]: one["origin"] for one in intervals(history)}


def test_origins_are_told_apart_by_the_releases(history: History) -> None:
    """The node moved, the baseline moved, or the item is looked at for the first time."""
    booked(history, swept([judged("n1")]), FIRST)
    all_wrong = [wrong(SWAP), wrong("sysctl:a"), wrong("sysctl:b")]
    booked(history, swept([judged("n1", *all_wrong)], minute=5, number=2), FIRST, SECOND)
    assert origins(history) == {SWAP: "intended", "sysctl:a": "drift", "sysctl:b": "first"}
    assert happened(history) == [], "that there is a release is told by the table of them"
    changed = rows(history, release_changes)
    texts = told_in(history, (row[word] for row in changed for word in ("before", "after", "source")))
    assert [(row["number"], texts[row["before"]], texts[row["after"]]) for row in changed] == [
        (2, "", "1"), (2, "at_most 10", "at_most 5"),
    ]  # fmt: skip
    assert [row["number"] for row in rows(history, releases)] == [1, 2]
    assert [(row["release"], row["closed"]) for row in rows(history, node_releases)] == [(1, 2), (2, None)]


def test_without_the_releases_the_origin_is_unknown(history: History) -> None:
    """Which is said, and not guessed; a closing then does not claim that the item passes."""
    booked(history, swept([judged("n1", wrong("sysctl:z"))]))
    booked(history, swept([judged("n1", wrong(SWAP))], minute=5, number=2))
    assert origins(history) == {"sysctl:z": "first", SWAP: "unknown"}
    assert intervals(history)[0]["how"] == "unknown"


def test_a_removed_item_does_not_pass(history: History) -> None:
    """Nor does one that was renamed: the old id is no longer asked for, the new one is looked at for the first time."""
    booked(history, swept([judged("n1", wrong(SWAP), wrong("sysctl:a"))]), FIRST)
    booked(history, swept([judged("n1")], minute=5, number=3), FIRST, THIRD)
    assert {one["item"]: one["how"] for one in intervals(history)} == {SWAP: "item-removed", "sysctl:a": "pass"}


def test_a_waiver_closes_and_its_end_opens(history: History) -> None:
    """A waived failure is no deviation; when the waiver ends, the baseline moved, not the node."""
    waiver = {"source": "w.yml:1", "owner": "o", "reason": "r", "ticket": "T-1", "expires": "2026-03-01"}
    booked(history, swept([judged("n1", wrong(SWAP))]))
    booked(history, swept([judged("n1", wrong(SWAP, "", outcome="waived", waiver=waiver))], minute=5))
    booked(history, swept([judged("n1", wrong(SWAP, waiver=waiver))], minute=10))
    assert [(one["how"], one["origin"]) for one in intervals(history)] == [("waived", "first"), (None, "intended")]
    assert [row["items_waived"] for row in rows(history, sweeps)] == [0, 1, 0]


def test_a_fleet_where_nothing_applies_does_not_pass(history: History) -> None:
    """Uncovered: what was wrong does not apply any more."""
    booked(history, swept([judged("n1", wrong(SWAP))]))
    counts = {"pass": 0, "fail": 0, "error": 0, "na": 100, "waived": 0}
    booked(history, swept([judged("n1", state="uncovered", counts=counts)], minute=5))
    assert only(history)["how"] == "na"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": "inspector.drift/1"}, "schema"),
        ({"sweep": "xyz"}, "sweep"),
        ({"started": "yesterday"}, "started"),
        ({"started": "2026-03-01T00:00:00"}, "time zone"),
        ({"started": "9999-12-31T23:59:59-10:00"}, "no time of our age"),
        ({"started": "0001-01-01T00:00:00+10:00"}, "no time of our age"),
        ({"seconds": -1}, "seconds"),
        ({"nodes": [{"name": "n1"}]}, "nodes"),
        ({"nodes": [judged("n1", state="fine")]}, "nodes"),
        ({"release": {"number": 2**60, "digest": ""}}, "number"),
    ],
)
def test_what_is_no_report_is_refused(change: dict[str, Any], said: str) -> None:
    """With the key that is wrong."""
    with pytest.raises(ReportError, match=said):
        read(swept([judged("n1")]) | change)


def test_hostile_texts_are_cut_and_kept(either: History) -> None:
    """A member chooses its name and tags, a check prints what it likes: a NUL, half a surrogate, a megabyte."""
    evil = "\0\ud800\x1b[31m'; DROP TABLE history_nodes; --" + "x" * 1_000_000
    entry = judged(evil, wrong(evil, evil, expected=evil, source=evil), tags={evil: evil}, ring=evil)
    booked(either, swept([entry, judged("n2")], rings=[]))
    booked(either, swept([entry, judged("n2")], minute=5, rings=[]))
    assert only(either)["confirmed"] == 2
    assert len(rows(either, nodes)) == 2
