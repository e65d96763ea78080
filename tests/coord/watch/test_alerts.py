"""Which alerts stand: the same for every watcher that sees the same, and no more of them than somebody can read."""

from __future__ import annotations

import msgspec
import pytest

from inspector_coord.watch import limits
from inspector_coord.watch.alerts import Alert, Book, Labels, as_json
from inspector_coord.watch.conclusions import Action, Kind
from tests.support.watched import happening

UNIX = 1_700_000_000.0


def told(book: Book, *nodes: str, unix: float = UNIX, **more: object) -> dict[Labels, Alert | None]:
    return book.told("main", happening(*nodes, **more), unix)  # type: ignore[arg-type]


def labels(changed: dict[Labels, Alert | None]) -> list[dict[str, str]]:
    return [dict(one) for one in changed]


def test_a_domain_is_one_alert_while_its_nodes_come_and_go() -> None:
    """Labels stay; nodes, evidence and counts are annotations."""
    book = Book("w1")
    first = told(book, "n001", "n002", "n003", domain="rack=b2")
    assert labels(first) == [
        {"alertname": "NodeDown", "ring": "main", "domain": "rack=b2", "kind": "down", "severity": "critical"}
    ]
    (alert,) = first.values()
    assert alert is not None
    assert alert.starts == UNIX - 1.0
    assert alert.annotations == {
        "summary": "ring main: rack=b2: 3 of 40 nodes down", "evidence": "no witness reaches it",
        "nodes": "n[001-003]", "nodes_count": "3", "incidents": "1", "watcher": "w1",
    }  # fmt: skip
    more = told(book, "n001", "n004", domain="rack=b2", action=Action.CHANGED, back=("n002", "n003"))
    assert list(more) == list(first)
    (grown,) = more.values()
    assert grown is not None
    assert (grown.annotations["nodes"], grown.annotations["back"]) == ("n[001,004]", "n[002-003]")
    assert told(book, "n001", domain="rack=b2", action=Action.CLOSED) == dict.fromkeys(first)


def test_the_same_again_changes_nothing() -> None:
    """What is told twice is not pushed twice."""
    book = Book("w1")
    assert told(book, "n001")
    assert told(book, "n001") == {}


def test_two_watchers_make_the_same_labels_however_they_gather_and_number() -> None:
    """One has one incident of two nodes, the other two of one."""
    one, two = Book("w1"), Book("w2")
    made = set(told(one, "n001", "n007", number=4))
    assert made == set(told(two, "n007", number=1)) | set(told(two, "n001", number=2, at=11.0))
    assert [dict(each)["node"] for each in sorted(made)] == ["n001", "n007"]


def test_a_line_is_the_same_from_both_sides() -> None:
    """Each takes the other's side for the farther one."""
    here, there = Book("w1"), Book("w2")
    one = told(here, "c1", kind=Kind.CUT_OFF, domain="zone=c", parted=("zone=a", "zone=c"), direction="both ways")
    two = told(there, "a1", kind=Kind.CUT_OFF, domain="zone=a", parted=("zone=c", "zone=a"), direction="both ways")
    assert set(one) == set(two)
    (alert,) = one.values()
    assert alert is not None
    assert alert.annotations["between"] == "zone=a and zone=c"
    assert alert.annotations["direction"] == "both ways"


def test_an_incident_that_gets_a_domain_is_that_domains_alert() -> None:
    """The alerts of its first nodes end with that."""
    book = Book("w1")
    before = told(book, "n001", "n002")
    after = told(book, "n001", "n002", "n003", domain="rack=b2", action=Action.CHANGED)
    assert {one for one, alert in after.items() if alert is None} == set(before)
    assert [dict(one)["domain"] for one, alert in after.items() if alert is not None] == ["rack=b2"]


def test_too_many_nodes_without_a_domain_are_one_alert() -> None:
    """And again theirs when they are fewer."""
    book = Book("w1")
    names = [f"n{number:03}" for number in range(limits.alone_nodes_max + 1)]
    assert len(told(book, *names[:-1])) == limits.alone_nodes_max
    many = told(book, names[-1], number=2)
    assert sum(alert is None for alert in many.values()) == limits.alone_nodes_max
    (one,) = [dict(each) for each, alert in many.items() if alert is not None]
    assert "node" not in one
    assert len(told(book, names[-1], number=2, action=Action.CLOSED)) == limits.alone_nodes_max + 1


def test_of_very_many_nodes_the_first_are_named_and_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folding takes its time, and the watcher waits for it."""
    monkeypatch.setattr(limits, "alert_nodes_max", 3)
    (alert,) = told(Book("w1"), *(f"n{number}" for number in range(8)), domain="rack=b2").values()
    assert alert is not None
    assert (alert.annotations["nodes"], alert.annotations["nodes_count"]) == ("n[0-2] and 5 more", "8")


def test_one_domain_with_two_incidents_is_one_alert_until_both_are_closed() -> None:
    """With the nodes of both."""
    book = Book("w1")
    told(book, "n001", domain="rack=b2", number=1)
    (both,) = told(book, "n002", domain="rack=b2", number=2).values()
    assert both is not None
    assert (both.annotations["nodes"], both.annotations["incidents"]) == ("n[001-002]", "1,2")
    (left,) = told(book, "n001", domain="rack=b2", number=1, action=Action.CLOSED).values()
    assert left is not None
    assert list(told(book, "n002", domain="rack=b2", number=2, action=Action.CLOSED).values()) == [None]


def test_who_left_in_good_order_is_no_alert() -> None:
    """Somebody did that on purpose."""
    assert told(Book("w1"), "n001", kind=Kind.LEFT) == {}


def test_every_other_kind_has_its_name() -> None:
    """And flapping tells how often."""
    names: dict[str, str] = {}
    for kind in Kind:
        changed = told(Book("w1"), "n001", kind=kind, count=30 if kind is Kind.FLAPPING else 0)
        names.update((kind.value, dict(one)["alertname"]) for one in changed)
        for alert in changed.values():
            assert alert is not None
            assert (alert.annotations.get("transitions") == "30") is (kind is Kind.FLAPPING)
    assert names == {
        "down": "NodeDown", "cut off": "NodeCutOff", "stalled": "NodeStalled", "gray": "NodeGray",
        "flapping": "NodeFlapping", "isolated": "WatcherIsolated",
    }  # fmt: skip


def test_a_watcher_knows_where_it_is_isolated() -> None:
    """Until it says that it is not."""
    book = Book("w1")
    told(book, kind=Kind.ISOLATED)
    assert (book.isolated("main"), book.isolated("other")) == (True, False)
    told(book, kind=Kind.ISOLATED, action=Action.CLOSED)
    assert not book.isolated("main")


def test_hostile_names_are_bounded_and_stay_apart() -> None:
    """A member chooses its own name and tags."""
    book = Book("w1")
    long = "x" * 5_000
    changed = told(book, long + "a", long + "b", "\ud800\x1b[2Jodd\n", domain="")
    assert len(changed) == 3
    for alert in changed.values():
        assert alert is not None
        assert all(len(value) <= limits.label_chars_max for _, value in alert.labels)
        assert all(len(value) <= limits.annotation_chars_max for value in alert.annotations.values())
        msgspec.json.encode(as_json(alert, UNIX))
        assert "\x1b" not in str(alert)


def test_the_wire_form_never_ends_before_it_starts() -> None:
    """Alertmanager refuses that; clocks are set."""
    (alert,) = told(Book("w1"), "n001").values()
    assert alert is not None
    found = as_json(alert, UNIX - 50.0)
    assert found["startsAt"] == found["endsAt"] == "2023-11-14T22:13:19.000+00:00"
