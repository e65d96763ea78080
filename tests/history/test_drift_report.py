"""Drift reports of booked sweeps: what is new, open, back or flapping, whose fault it is, and what came before."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from inspector_coord.drift import limits
from inspector_coord.drift.document import ORIGINS, Document, Group, decode
from inspector_coord.drift.period import Period
from inspector_coord.drift.report import Asked, Beside, make_report
from inspector_coord.drift.scope import Wanted
from inspector_coord.errors import ConfigError, ItemError, TargetError
from inspector_coord.groups import Groups
from inspector_coord.history import words
from inspector_coord.history.model import Happening
from inspector_coord.history.origins import DRIFT, FIRST, INTENDED, UNKNOWN
from inspector_coord.history.store import History
from inspector_coord.history.tables import nodes
from inspector_coord.history.writing import Writer
from inspector_coord.plain import json_line
from inspector_coord.watch.conclusions import Action, Kind
from inspector_coord.watch.record import Record
from tests.support.center import item, layer, release_of
from tests.support.history import BEGAN, MINUTE, booked, judged, lost, swept, wrong

SWAP = "sysctl:vm.swappiness"
SOMAX = "sysctl:net.core.somaxconn"
DAY = 24 * 60  # minutes


def asked(
    history: History, since: float, until: float, *, owners: dict[str, str] | None = None, **more: Any
) -> Document:
    """The report of the minutes since … until; targets, exclude, items, by, fail_on as on the command line."""
    wanted = Wanted(**{word: more.pop(word) for word in ("targets", "exclude", "items") if word in more})
    period = Period(BEGAN + since * MINUTE - 1, BEGAN + until * MINUTE + 1)
    beside = Beside(groups=Groups({"odd": "n[1,3]"}), owners=owners or {}, records=more.pop("records", ()))
    with history.reading() as connection:
        return make_report(connection, Asked(period=period, wanted=wanted, **more), beside)


def group(document: Document, **wanted: Any) -> Group:
    """The one group with these fields."""
    (found,) = [one for one in document.groups if all(getattr(one, key) == value for key, value in wanted.items())]
    return found


def fleet(*bad: str, nodes: int = 6, found: Any = None, gone: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """n1 … with a finding on the bad ones; racks of three; `gone`: name -> state of those without a verdict."""
    gone = gone or {}
    names = [f"n{number}" for number in range(1, nodes + 1)]
    return [
        lost(name, gone[name])
        if name in gone
        else judged(name, *([found or wrong(SWAP)] if name in bad else []), tags={"rack": f"b{1 + index // 3}"})
        for index, name in enumerate(names)
    ]


def test_each_class_is_told_apart(either: History) -> None:
    """New, open, back and flapping, of SQLite and PostgreSQL alike; times are those of the sweeps."""
    flaps = [{"n5"}, set(), {"n5"}, set(), {"n5"}, set(), {"n5"}]
    booked(either, swept(fleet("n1", "n2", nodes=5)))
    booked(either, swept(fleet("n1", "n2", nodes=5), minute=5))
    for index, flap in enumerate(flaps):
        bad = {"n1", *(["n2"] if index < 3 else []), *(["n3", "n4"] if index > 4 else []), *flap}
        booked(either, swept(fleet(*bad, nodes=5), minute=10 + 5 * index))
    told = asked(either, 10, 40)
    assert (told.summary.new, told.summary.open, told.summary.back, told.summary.flapping) == (2, 1, 1, 1)
    assert told.summary.unknown == 0
    new = group(told, class_="new")
    assert (new.nodes, new.origin, new.count, new.openings) == ("n[3-4]", "drift", 2, 2)
    assert (new.opened, new.confirmed, new.closed) == ("2026-02-02T03:15:00Z", "2026-02-02T03:20:00Z", None)
    assert group(told, class_="open").nodes == "n1"
    assert group(told, class_="open").origin == "first"
    back = group(told, class_="back")
    assert (back.nodes, back.closed, back.ended) == ("n2", "2026-02-02T03:05:00Z", {"pass": 1})
    flapping = group(told, class_="flapping")
    assert (flapping.nodes, flapping.openings, flapping.first.node) == ("n5", 4, "n5")
    assert [one.class_ for one in told.groups] == ["new", "flapping", "open", "back"]
    assert told.exit_code == 1
    assert decode(json_line(told).encode()) == told


def test_the_end_of_the_period_is_as_it_was_then(history: History) -> None:
    """What was put right after the period was still open at its end."""
    booked(history, swept(fleet("n1")))
    booked(history, swept(fleet("n1", "n2"), minute=10))
    booked(history, swept(fleet(), minute=20))
    then = asked(history, 5, 15)
    assert (then.summary.open, then.summary.new, then.summary.back) == (1, 1, 0)
    assert group(then, class_="new").closed is None
    assert group(then, class_="new").confirmed == "2026-02-02T02:50:00Z"
    later = asked(history, 15, 25)
    assert (later.summary.back, later.exit_code) == (2, 0)


def test_who_cannot_be_judged_is_unknown(either: History) -> None:
    """Neither open nor back: the coverage is incomplete, and the last confirmation is of before."""
    booked(either, swept(fleet("n1", "n2")))
    booked(either, swept(fleet("n1", "n2", "n3"), minute=5))
    booked(either, swept(fleet("n1", "n3", gone={"n2": "down", "n3": "stale"}), minute=10))
    booked(either, swept(fleet("n1", gone={"n2": "down", "n3": "stale"}), minute=15))
    told = asked(either, 4, 15)
    assert (told.summary.new, told.summary.open, told.summary.back, told.summary.unknown) == (0, 1, 0, 2)
    still = group(told, class_="open")
    assert (still.nodes, still.count, still.unknown, still.unknown_count) == ("n[1-2]", 2, "n2", 1)
    assert group(told, class_="new").confirmed == "2026-02-02T02:45:00Z"
    assert told.exit_code == 3
    assert told.coverage.unknown.nodes == "n[2-3]"
    assert {state: nodes.nodes for state, nodes in told.coverage.states.items()} == {"down": "n2", "stale": "n3"}
    assert [told.heat.nodes[index] for index, _, _ in told.heat.unknown] == ["n2", "n3"]
    states = {told.heat.nodes[cell[0]]: told.heat.states[cell[2]] for cell in told.heat.cells}
    assert states == {"n1": "first", "n2": "not judged", "n3": "not judged"}
    point = told.compliance[-1]
    assert (point.nodes, point.nodes_judged, point.nodes_pass) == (6, 4, 3)


BEFORE = release_of(layer("10-all", {"sysctl:a": item(equals=1)}), number=1)
AFTER = release_of(layer("10-all", {"sysctl:a": item(equals=2)}), number=2)


def test_intended_is_told_from_drift(history: History) -> None:
    """The baseline moved and the node did not follow: with the layer line. A node that moved by itself is drift."""
    booked(history, swept(fleet(nodes=4)), BEFORE)
    found = wrong("sysctl:a", "1", expected="2", source="10-all.yml:1")
    booked(history, swept(fleet("n1", "n2", "n3", nodes=4, found=found), minute=5, number=2), BEFORE, AFTER)
    for minute in (10, 15, 20):
        booked(history, swept(fleet("n1", "n2", "n3", nodes=4, found=found), minute=minute, number=2), BEFORE, AFTER)
    drifted = [judged("n4", wrong("sysctl:a", "7", expected="2"), tags={"rack": "b2"})]
    still = [*fleet("n1", "n2", "n3", nodes=3, found=found), *drifted]
    booked(history, swept(still, minute=600, number=2), BEFORE, AFTER)
    assert asked(history, 1, 20).exit_code == 0
    told = asked(history, 1, 600)
    assert group(told, origin="intended").nodes == "n[1-3]"
    first = group(told, origin="intended").before[0]
    assert (first.kind, first.count, first.source.rpartition(":")[0]) == ("release", 3, "layers/10-all.yml")
    assert first.text == "release 2: 1 -> 2"
    own = group(told, origin="drift")
    assert (own.nodes, own.before) == ("n4", [])
    assert (told.origins["intended"].new, told.origins["drift"].new) == (3, 1)


def test_what_had_just_happened_is_told(history: History) -> None:
    """A reboot of these nodes shortly before; not one of another node, nor one of long ago or after."""
    booked(history, swept(fleet(), minute=0))
    booked(history, swept(fleet(), minute=60 * 10))
    booked(history, swept(fleet("n1", "n2", "n3"), minute=60 * 10 + 5))
    reboots = [("n1", 597), ("n2", 598), ("n4", 599), ("n3", 20), ("n1", 606)]
    happened(history, *(Happening(BEGAN + minute * MINUTE, "reboot", ("main", name), "") for name, minute in reboots))
    told = asked(history, 60 * 9, 60 * 11)
    (only,) = group(told, class_="new").before
    assert (only.kind, only.nodes, only.count, only.seconds_before) == ("reboot", "n[1-2]", 2, 420.0)
    assert group(told, class_="new").causes[0].tag == "rack=b1"


def test_a_cause_counts_who_deviated_and_cannot_be_judged_now(history: History) -> None:
    """Two of the three nodes of the rack deviate, one of them is down since: the rack is no surer a cause for that."""
    booked(history, swept(fleet(), minute=0))
    booked(history, swept(fleet("n1", "n2"), minute=10))
    booked(history, swept(fleet("n2", gone={"n1": "down"}), minute=20))
    told = group(asked(history, 5, 30), class_="new")
    assert (told.nodes, told.unknown) == ("n[1-2]", "n1")
    assert [(cause.tag, cause.precision, cause.recall) for cause in told.causes] == [("rack=b1", 0.667, 1.0)]


def happened(history: History, *happenings: Happening) -> None:
    """Book what happened, as `inspector history note` does."""
    with history.writing() as connection:
        ids = {("main", name): number for number, name in connection.execute(sa.select(nodes.c.id, nodes.c.name))}
        for happening in happenings:
            Writer(connection).note(happening, ids)


def test_coming_back_explains_what_is_wrong_since(history: History) -> None:
    """A node that was down comes back with an old value: that it was away is told, and for which nodes."""
    booked(history, swept(fleet()))
    booked(history, swept(fleet(gone={"n2": "down"}), minute=10))
    booked(history, swept(fleet("n2"), minute=60 * 9))
    told = asked(history, 5, 60 * 9)
    kinds = {one.kind: one.nodes for one in group(told, class_="new").before}
    assert kinds == {"down": "n2"}
    assert group(told, class_="new").before[0].seconds_before == 60 * 9 * MINUTE - 600
    assert [(one.kind, one.nodes) for one in told.happenings if one.kind == "down"] == [("down", "n2")]


def test_the_watch_saw_it_between_two_sweeps(history: History) -> None:
    """An incident of the journal counts, though no sweep saw the node away; it is bounded by the period."""
    booked(history, swept(fleet()))
    booked(history, swept(fleet(), minute=85))
    booked(history, swept(fleet(), minute=90))
    booked(history, swept(fleet("n1", "n2"), minute=95))

    def record(incident: int, minute: float, action: Action, *names: str) -> Record:
        at = datetime.fromtimestamp(BEGAN + minute * MINUTE, UTC)
        since = datetime.fromtimestamp(BEGAN + (10 if incident == 1 else 94) * MINUTE, UTC)
        return Record(
            ring="main", incident=incident, action=action, kind=Kind.DOWN, at=at, since=since, domain="rack=b1", of=3,
            nodes=names, evidence="",
        )  # fmt: skip

    records = [
        record(1, 11, Action.OPENED, "n1", "n2"),
        record(1, 80, Action.CLOSED, "n1", "n2"),
        record(2, 94.5, Action.OPENED, "n9"),
    ]
    (before,) = group(asked(history, 0, 95, records=records), class_="new").before
    assert (before.kind, before.nodes, before.text) == ("down", "n[1-2]", "seen by the watch: rack=b1")
    assert before.seconds_before == 85 * MINUTE
    # It began more than an hour before: only that it ended within counts.
    assert group(asked(history, 0, 95, records=records[:1]), class_="new").before == []


def test_what_one_of_many_met_explains_nothing(history: History) -> None:
    """A happening on less than a fifth of the nodes of a group is not told as its reason."""
    booked(history, swept(fleet(nodes=12)))
    booked(history, swept(fleet(*(f"n{number}" for number in range(1, 13)), nodes=12), minute=5))
    happened(history, Happening(BEGAN + 4 * MINUTE, "reboot", ("main", "n1"), ""))
    assert group(asked(history, 5, 5), class_="new").before == []


def test_targets_items_and_dimensions(history: History) -> None:
    """Node sets, tags, groups and patterns as in a sweep; shares by tag, item, layer and owner."""
    booked(history, swept(fleet()))
    found = (wrong(SWAP), wrong(SOMAX, "128", source="layers/00-all.yml:3"))
    both = [judged(f"n{n}", *found, tags={"rack": f"b{1 + n // 4}"}) for n in range(1, 7)]
    booked(history, swept(both, minute=5))
    assert asked(history, 5, 5, targets=("rack=b1",)).summary.new == 6
    assert asked(history, 5, 5, targets=("@odd",), items=("sysctl:vm.*",)).summary.new == 2
    assert asked(history, 5, 5, exclude=("n[1-5]",)).summary.new == 2
    told = asked(history, 5, 5, by=("rack", "item", "layer", "owner"), owners={SWAP: "kernel team"})
    shares = {word: {one.value: one.new for one in told.by[word]} for word in told.by}
    assert shares == {
        "rack": {"b1": 6, "b2": 6}, "item": {SWAP: 6, SOMAX: 6},
        "layer": {"layers/20-zone-b.yml": 6, "layers/00-all.yml": 6}, "owner": {"kernel team": 6, "": 6},
    }  # fmt: skip
    assert group(told, item=SWAP).owner == "kernel team"
    with pytest.raises(TargetError, match="matches nobody of 6 members; values of rack are b1, b2"):
        asked(history, 5, 5, targets=("rack=b7",))
    with pytest.raises(ItemError, match=r"did you mean sysctl:vm[.]swappiness"):
        asked(history, 5, 5, items=("sysctl:vm.swapiness",))
    with pytest.raises(ConfigError, match="no node has such a tag; there are item, layer, owner, rack"):
        asked(history, 5, 5, by=("zone",))


def test_severity_decides_what_a_pipeline_fails_on(history: History) -> None:
    """New drift that is less severe than --fail-on does not fail it."""
    booked(history, swept(fleet()))
    booked(history, swept(fleet("n1", found=wrong(SWAP, severity="minor")), minute=5))
    words = ("critical", "major", "minor", "info")
    assert [asked(history, 5, 5, fail_on=word).exit_code for word in words] == [0, 0, 1, 1]


def test_without_sweeps_it_says_what_to_do(either: History) -> None:
    """Nothing booked, nothing in the period, and only partial sweeps: a sentence each, and exit code 3."""
    (note,) = asked(either, 0, 10).notes
    assert note.startswith("nothing is booked yet: run `inspector sweep`")
    booked(either, swept(fleet("n1")))
    old = asked(either, 60, 70)
    assert "no sweep was booked between 2026-02-02T03:39:59Z and" in old.notes[0]
    assert "the last sweep of all was at 2026-02-02T02:40:00Z" in old.notes[0]
    assert (old.exit_code, old.sweeps.count, old.summary.open) == (3, 0, 1)
    booked(either, swept(fleet("n1", "n2", nodes=2), minute=61, targets=["n[1-2]"]))
    part = asked(either, 60, 70)
    assert "none of the 1 sweeps" in part.notes[0]
    assert (part.exit_code, part.summary.new, part.summary.open) == (3, 1, 1)


def test_values_that_differ_everywhere_are_one_group(history: History) -> None:
    """A message with a number in it is another one on each node: told once, with how many there are."""
    booked(history, swept(fleet(nodes=12)))
    noisy = [judged(f"n{n}", wrong(SWAP, f"took {n} s"), tags={"rack": f"b{1 + (n - 1) // 3}"}) for n in range(1, 13)]
    booked(history, swept(noisy, minute=5))
    told = asked(history, 5, 5)
    only = group(told)
    assert (only.values, only.count, only.nodes) == (12, 12, "n[1-12]")
    assert {cell[3] for cell in told.heat.cells} == {0}


def test_a_wide_group_hides_no_small_one(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told with its true counts and causes, and how many of its nodes are not named; small ones are whole."""
    monkeypatch.setattr(limits, "members_max", 4)
    booked(history, swept(fleet()))
    booked(history, swept(fleet("n1", "n2", "n3", "n6"), minute=5))
    both = fleet("n1", "n2", "n3", "n6")
    both[4] = judged("n5", wrong(SOMAX), tags={"rack": "b2"})
    booked(history, swept(both, minute=10))
    booked(history, swept([both[4], lost("n3", "down"), lost("n6", "down"), *fleet()[:2], both[3]], minute=15))
    told = asked(history, 4, 14)
    wide, small = group(told, item=SWAP), group(told, item=SOMAX)
    assert (small.nodes, small.nodes_left, told.groups_left) == ("n5", 0, 0)
    assert (wide.count, wide.nodes, wide.nodes_left, wide.first.node) == (4, "n[1-3]", 1, "n1")
    assert (wide.causes[0].tag, wide.causes[0].recall) == ("rack=b1", 0.75)
    monkeypatch.setattr(limits, "members_max", 3)
    later = asked(history, 4, 15)
    wide = group(later, item=SWAP, class_="new")
    assert (wide.count, wide.unknown_count, wide.nodes, wide.nodes_left) == (2, 2, "n3", 1)
    back = group(later, class_="back")
    assert (back.count, back.ended, back.closed) == (2, {"pass": 2}, "2026-02-02T02:55:00Z")


def test_what_is_older_than_a_week_comes_last(history: History) -> None:
    """Also where nobody swept within the last hours: among what is about as new the widest is first, no further."""
    booked(history, swept(fleet()))
    booked(history, swept(fleet("n1", "n2"), minute=5))
    newer = [judged(f"n{n}", *([wrong(SWAP)] if n < 3 else [wrong(SOMAX)] if n == 3 else [])) for n in range(1, 7)]
    booked(history, swept(newer, minute=9 * DAY))
    told = asked(history, 1, 11 * DAY)
    assert [(one.item, one.count) for one in told.groups] == [(SOMAX, 1), (SWAP, 2)]


def test_a_node_that_was_taken_away_hides_nothing(history: History) -> None:
    """One that left or is listed no more is told as such, and the exit code is that of what is known."""
    booked(history, swept(fleet()))
    booked(history, swept(fleet("n1", gone={"n5": "left"}, nodes=5), minute=5))
    told = asked(history, 4, 6)
    assert {state: nodes.nodes for state, nodes in told.coverage.states.items()} == {"absent": "n6", "left": "n5"}
    assert (told.exit_code, told.coverage.unknown.count) == (1, 2)
    booked(history, swept(fleet("n1", gone={"n4": "silent"}, nodes=4), minute=10))
    assert asked(history, 4, 11).exit_code == 3


def test_a_sweep_that_missed_a_node_confirms_nothing_of_it(history: History) -> None:
    """Also where a later look at one item judged it again: of the others nobody knows, as the history tells it."""
    both = wrong(SWAP), wrong(SOMAX)
    booked(history, swept([judged("n1"), judged("n2")]))
    for minute in (5, 10):
        booked(history, swept([judged("n1", *both), judged("n2")], minute=minute))
    booked(history, swept([lost("n1", "down"), judged("n2")], minute=15))
    booked(history, swept([judged("n1", wrong(SOMAX)), judged("n2")], minute=20, items=[SOMAX]))
    told = asked(history, 4, 21)
    swap, somax = group(told, item=SWAP), group(told, item=SOMAX)
    assert (swap.confirmed, swap.unknown) == ("2026-02-02T02:50:00Z", "n1")
    assert (somax.confirmed, somax.unknown) == ("2026-02-02T03:00:00Z", "")
    assert (told.coverage.states["missed"].nodes, told.exit_code) == ("n1", 3)
    booked(history, swept([judged("n1", *both), judged("n2")], minute=25, targets=["n1"]))
    again = asked(history, 4, 26)
    assert (group(again, item=SWAP).unknown, again.coverage.states, again.exit_code) == ("", {}, 1)


def test_the_curve_draws_nobody_unknown_as_wrong(history: History) -> None:
    """Neither who was busy (the ledger's `error`) nor who stands in a ring that could not be asked."""
    rings = [{"name": "main", "error": ""}, {"name": "west", "error": "refused"}]
    west = judged("w1", ring="west")
    busy = judged("n2") | {"state": "error", "evidence": "busy", "counts": {"pass": 0, "fail": 0, "error": 0}}
    booked(history, swept([judged("n1"), judged("n2"), judged("n3", wrong(SWAP)), west]))
    booked(history, swept([judged("n1"), busy, judged("n3", wrong(SWAP))], minute=5, rings=rings))
    booked(history, swept([judged("n1"), judged("n2"), lost("n3", "left"), west], minute=10))
    booked(history, swept([judged("n1"), judged("n2", wrong(SWAP, outcome="error")), west], minute=15))
    curve = [(one.nodes, one.nodes_judged, one.nodes_pass) for one in asked(history, 0, 15).compliance]
    assert curve == [(4, 4, 3), (4, 2, 1), (3, 3, 3), (3, 3, 2)]
    assert len(asked(history, 4, 6).compliance) == 1
    assert asked(history, 4, 6).compliance[0].nodes_judged == 2


def test_no_origin_is_told_that_is_never_written() -> None:
    """A node that lags behind is stale, and opens nothing."""
    assert set(ORIGINS) == set(words.ORIGINS) == {DRIFT, FIRST, INTENDED, UNKNOWN}


def test_what_lists_leave_out_is_counted(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values of a dimension, happenings, nodes that were not judged for long; and that more happened than is read."""
    for name, most in (("shares_max", 1), ("happenings_told_max", 1), ("long_max", 1), ("happenings_read_max", 1)):
        monkeypatch.setattr(limits, name, most)
    booked(history, swept(fleet()))
    booked(history, swept(fleet("n1", "n4", gone={"n2": "down", "n3": "silent"}), minute=5))
    told = asked(history, 4, 2 * DAY)
    assert (len(told.by["rack"]), told.by_left) == (1, {"rack": 1})
    assert (len(told.coverage.long), told.coverage.long_left) == (1, 1)
    assert any(note.startswith("more happened than is read") for note in told.notes)
    monkeypatch.setattr(limits, "happenings_read_max", 10)
    again = asked(history, 4, 2 * DAY)
    assert (len(again.happenings), again.happenings_left) == (1, 1)
    assert not any(note.startswith("more happened") for note in again.notes)


def test_how_long_corrections_took(history: History) -> None:
    """Mean, median and the longest, of what passed again in the period; repeat offenders, and what drifts most."""
    booked(history, swept(fleet()))
    booked(history, swept(fleet("n1", "n2", "n3"), minute=10))
    booked(history, swept(fleet("n2", "n3"), minute=20))
    booked(history, swept(fleet("n1", "n3"), minute=30))
    booked(history, swept(fleet(), minute=100))
    told = asked(history, 5, 100)
    assert told.corrections.count == 4
    assert (told.corrections.mean_s, told.corrections.median_s) == (60 * (10 + 20 + 70 + 90) / 4, 20 * 60.0)
    longest = told.corrections.longest
    assert longest is not None
    assert (longest.node, longest.item, longest.seconds) == ("n3", SWAP, 90 * 60.0)
    assert [(one.node, one.openings) for one in told.offenders] == [("n1", 2)]
    assert [(one.item, one.openings, one.nodes) for one in told.drifters] == [(SWAP, 4, 3)]


def test_rings_that_share_names_are_told_apart(history: History) -> None:
    """Two nodes n1 are two nodes."""
    rings: dict[str, Any] = {"rings": [{"name": ring, "error": ""} for ring in ("east", "west")]}
    booked(history, swept([judged("n1", ring="east"), judged("n1", ring="west")], **rings))
    booked(history, swept([judged("n1", ring="east"), judged("n1", wrong(SWAP), ring="west")], minute=5, **rings))
    assert group(asked(history, 5, 5)).nodes == "west:n1"
